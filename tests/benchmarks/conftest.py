"""Lets the benchmarks import what they share (bench_kit), and prints one table of all figures at the end."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bench_kit import Figures  # the path is set just above


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """Yield the table that every benchmark adds its rows to."""
    table = Figures()
    yield table
    table.show()
