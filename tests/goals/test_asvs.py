"""The table of OWASP ASVS 5.0: every requirement answered by a test or a page that exists, or open, and counted (E1)."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from goal_kit import Goal

pytestmark = pytest.mark.goal("asvs")
ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "data" / "asvs.csv"
LEVELS = {"1": 70, "2": 183, "3": 92}
"""How many requirements version 5.0.0 has of each level."""
REACHED = {"1": 60, "2": 100}
"""Share of the applicable ones answered, in per cent of the L1 ones and as a number of L1 and L2; only raised."""


def _rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_table_names_every_requirement_once() -> None:
    rows = _rows()
    assert Counter(row["level"] for row in rows) == LEVELS
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["state"] for row in rows} <= {"test", "document", "n/a", "open"}


def test_evidence_of_each_answer_exists(goal: Goal) -> None:
    """E1: a test that is gone, a page that is not there, a reason that is missing."""
    wrong = []
    for row in _rows():
        path, _, name = row["evidence"].partition("::")
        if row["state"] in ("test", "document"):
            file = ROOT / path
            if not file.is_file():
                wrong.append(f"{row['id']}: there is no {path}")
            elif name and f"def {name}(" not in file.read_text("utf-8"):
                wrong.append(f"{row['id']}: {path} has no {name}")
        elif row["state"] == "n/a" and not row["words"]:
            wrong.append(f"{row['id']}: not applicable without a reason")
    goal.none_of("answers without evidence", wrong)


def test_share_reached_does_not_fall(goal: Goal) -> None:
    """E1: 210 of 210 is the goal; what is open is open, and counted."""
    rows = [row for row in _rows() if row["state"] != "n/a"]
    for level in ("1", "2", "3"):
        mine = [row for row in rows if row["level"] == level]
        done = [row for row in mine if row["state"] != "open"]
        goal.note(f"level {level}: answered of {len(mine)} applicable", len(done), "", f"{len(mine)}")
    first = [row for row in rows if row["level"] == "1"]
    answered = [row for row in rows if row["level"] in "12" and row["state"] != "open"]
    share = 100 * sum(row["state"] != "open" for row in first) / len(first)
    goal.at_least("level 1 answered", share, REACHED["1"], "%")
    goal.at_least("levels 1 and 2 answered", len(answered), REACHED["2"])
