"""What the tests of storage share: the world of rows, and the way to import storage_kit."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from storage_kit import World, make_world  # found by the line above


@pytest.fixture
def world(database) -> World:
    return make_world(database)
