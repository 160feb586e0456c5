"""The goals as programs: a short form in every run, the full one with ``--goal NAME``, which prints its table.

``pytest tests/goals --goal acl-paths`` runs what is marked ``goal("acl-paths")`` at full size and fails below the
pass level; each goal has a tox environment of the same name.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.extend(
    str(Path(__file__).parents[up] / folder)
    for up, folder in ((0, ""), (1, "benchmarks"), (2, "core/tests/storage"))
)

from goal_kit import Goal  # found by the line above


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--goal", default=None, help="run this goal at its full size and print its figures")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("goal", None)
    if wanted is None:
        return
    chosen = [i for i in items if wanted in [name for m in i.iter_markers("goal") for name in m.args]]
    if not chosen:
        raise pytest.UsageError(f"no test carries the mark goal({wanted!r})")
    for item in chosen:
        item.add_marker(pytest.mark.timeout(1800))
    config.hook.pytest_deselected(items=[i for i in items if i not in chosen])
    items[:] = chosen


@pytest.fixture(scope="session")
def goal(pytestconfig: pytest.Config) -> Iterator[Goal]:
    """Yield the table of figures; the full size is asked for by ``--goal``."""
    name = pytestconfig.getoption("goal", None)
    table = Goal(full=name is not None)
    yield table
    if name is not None:
        table.show()
