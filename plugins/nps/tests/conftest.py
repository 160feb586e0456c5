"""An installation with the plugin on, and orders, after which it asks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """The plugin, and one whose events it hears."""
    return ("orders", "nps")
