"""Fixtures of the kit for every test of the workspace: databases, stores, whole installations."""

import gc

pytest_plugins = ["retinue.testing.fixtures", "retinue.testing.house"]


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later round of the garbage collector.

    It lives to the end of the run; looking it through again and again was a fifth of the run's time.
    """
    gc.collect()
    gc.freeze()
