"""The conformance tests themselves: the sample passes all of them, a plugin with one defect fails the one that names it."""
# ruff: noqa: E501 - a defect stands in one row

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from test_scaffold import install

import retinue.testing.conformance

pytestmark = pytest.mark.slow
FOLDER = Path(retinue.testing.conformance.__file__).parent
SERVICE = "service.py"


class Defect(NamedTuple):
    """One thing changed in the sample, and the conformance test that must fail."""

    changes: dict[str, Any]
    test: str


DEFECTS = {
    "question-per-row": Defect(
        {SERVICE: ("    store.insert_many(", "    for one in contact_ids:\n        store.first(select(Card).where(Card.contact_id == one))\n    store.insert_many(")},
        "test_hooks_ask_no_question_per_row[sample]",
    ),
    "job-adds-each-time": Defect(
        {
            SERVICE: (
                "    if found := store.scalars(missing):",
                "    for card in store.scalars(select(Card)):\n        card.points += 1\n    if found := store.scalars(missing):",
            )
        },
        "test_scheduled_job_may_run_twice[sample-sample.open_cards]",
    ),
    "route-in-no-list": Defect(
        {"routes.py": ("ROUTES = [get_sample_card, change_sample_card]", "ROUTES = [get_sample_card]")},
        "test_route_is_closed_to_strangers[sample-change_sample_card]",
    ),
    "thread-at-import": Defect(
        {SERVICE: ("BATCH = 500", "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nBATCH = 500")},
        "test_import_does_nothing_but_define[sample]",
    ),
    "name-in-the-log": Defect(
        {
            "__init__.py": (
                "    service.open_cards(store, [contact.id for contact in contacts])",
                "    import logging\n\n    for one in contacts:\n        logging.getLogger('retinue.sample').info(one.name)\n"
                "    service.open_cards(store, [contact.id for contact in contacts])",
            )
        },
        "test_log_holds_no_personal_data[sample]",
    ),
    "permission-nobody-declares": Defect(
        {SERVICE: ('store.require("sample.read")', 'store.require("sample.look")')},
        "test_permission_that_the_code_asks_for_is_declared[sample-sample.look]",
    ),
    "model-with-more-than-the-migration": Defect(
        {"models.py": ("    remark: Any", '    more: Mapped[int] = field(Integer, label="Points", nullable=True)\n    remark: Any')},
        "test_migrations_make_the_tables_of_the_models[sqlite-sample]",
    ),
}  # fmt: skip


def run(project: Path, site: Path, *words: str) -> tuple[int, set[str], str]:
    """Run the conformance tests of an installed sample; return how many passed, which failed, and what was printed."""
    env = install(project, site)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"]
    command += ["-c", str(project / "pyproject.toml"), f"--confcutdir={FOLDER}"]
    command += ["--retinue-plugin=sample", str(FOLDER), *words]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    failed = set(re.findall(r"^FAILED \S+::(\S+)", done.stdout, re.M))
    return int(passed[1]) if passed else 0, failed, done.stdout + done.stderr


def test_sample_passes_more_than_sixty(sample: Path, tmp_path: Path) -> None:
    """EX-15: `pytest --retinue-plugin=NAME` runs ≥ 60 generated tests."""
    passed, failed, printed = run(sample, tmp_path / "site")
    assert not failed, printed
    assert passed >= 60, printed


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_fails_the_test_that_names_it(
    changed: Callable[[dict[str, Any]], Path], tmp_path: Path, name: str
) -> None:
    """EX-15: a conformance test that cannot fail proves nothing."""
    defect = DEFECTS[name]
    only = defect.test.partition("[")[0]
    _, failed, printed = run(changed(defect.changes), tmp_path / "site", "-k", only)
    assert defect.test in failed, printed
