"""Fixtures of the kit for every test of the workspace: databases, stores, whole installations."""

import gc

import pytest

pytest_plugins = ["retinue.testing.fixtures", "retinue.testing.house"]


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later round of the garbage collector.

    It lives to the end of the run; looking it through again and again was a fifth of the run's time.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave one kind of database to the slow run where a test says so: what it costs there shows nothing new each time."""
    for item in items:
        marker, call = item.get_closest_marker("slow_on"), getattr(item, "callspec", None)
        if marker and call and marker.args[0] in call.id.split("-"):
            item.add_marker(pytest.mark.slow)
