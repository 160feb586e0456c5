"""The check: the sample keeps every rule, and each deliberately faulty plugin breaks exactly its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faulty import FAULTY, INIT, SERVICE, Faulty

from retinue.cli import app
from retinue.cli.errors import run
from retinue.errors import NotFound
from retinue.kit import RULES, TIERS, check_project, find_project, grade_project, read_project, run_plugin
from retinue.plugins import Fault, Removed, hookspecs

Change = Callable[[dict[str, Any]], Path]


@pytest.fixture(autouse=True)
def removed_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hookspecs.REMOVED, "contacts_saved", Removed("2.0", "contacts_changed"))


def test_sample_keeps_every_rule(sample: Path) -> None:
    """EX-19: what `retinue plugins new` makes is at least silver."""
    project = read_project(sample)
    assert check_project(project, TIERS) == []
    assert grade_project(project).tier == "gold"


@pytest.mark.parametrize("faulty", FAULTY, ids=[f"{n}-{one.code}" for n, one in enumerate(FAULTY)])
def test_faulty_plugin_breaks_exactly_its_rule(changed: Change, faulty: Faulty) -> None:
    """EX-15: a deliberately broken sample per rule fails exactly that rule, at its file and line."""
    folder = changed(faulty.changes)
    findings = check_project(read_project(folder), TIERS)
    assert {finding.code for finding in findings} == {faulty.code}, "\n".join(map(str, findings))
    finding = next(f for f in findings if faulty.words in f"{f.detail} {f.remedy}")
    assert finding.remedy
    path = folder / finding.path
    if path.is_file() and faulty.line:
        lines = path.read_text("utf-8").split("\n")
        assert faulty.line in "\n".join(lines[finding.line - 1 : finding.line + 1]), finding


def test_every_rule_has_a_faulty_plugin() -> None:
    """EX-15: a rule that nothing trips proves nothing."""
    assert {faulty.code for faulty in FAULTY} == set(RULES)


def test_rule_can_be_allowed_on_a_line_with_a_reason(changed: Change) -> None:
    text = "from sqlalchemy import exists, select"
    why = "  # retinue: allow PLG028 because the operator installs it"
    assert check_project(read_project(changed({SERVICE: (text, f"import rich{why}\n{text}")}))) == []


def test_code_of_the_plugin_is_never_run(changed: Change) -> None:
    """EX-5: the check reads what an import would end."""
    folder = changed(
        {
            INIT: (
                "from retinue import Store, hookimpl",
                "import os\nos._exit(3)\nfrom retinue import Store, hookimpl",
            )
        }
    )
    assert check_project(read_project(folder)) == []


def test_command_names_file_line_and_remedy_and_leaves_with_one(
    changed: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """EX-5: `retinue plugins check ./plug` exits 1 with HOOK001 did you mean …?"""
    (first, *_) = FAULTY
    folder = changed(first.changes)
    assert run(app, ["plugins", "check", str(folder)]) == 1
    line = capsys.readouterr().out.strip()
    assert line.startswith("src/retinue_sample/__init__.py:")
    assert "HOOK001 there is no hook contact_created. Did you mean contacts_created?" in line
    assert run(app, ["plugins", "check", str(folder), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["code"], found["line"] > 1) == ("HOOK001", True)


def test_check_runs_a_plugin_only_when_told_to(
    sample: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX-5: nothing that is not enabled is imported unless --run says so."""
    fault = Fault("PLG014", "webhooks", "importing it starts a thread: miner.", "Start nothing at import.")
    monkeypatch.setattr("retinue.kit.checking.probe_import", lambda _found: [fault])
    assert run(app, ["plugins", "check", "webhooks"]) == 0
    assert run(app, ["plugins", "check", "webhooks", "--run"]) == 1
    assert "PLG014 importing it starts a thread" in capsys.readouterr().out
    assert run(app, ["plugins", "check", str(sample), "--run"]) != 0
    assert "No plugin sample is installed" in capsys.readouterr().err


def test_plugin_that_loads_has_no_fault() -> None:
    assert run_plugin("webhooks") == []


def test_command_finds_nothing_in_the_sample(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["plugins", "check", str(sample)]) == 0
    assert run(app, ["plugins", "grade", str(sample)]) == 0
    assert capsys.readouterr().out.strip() == "gold"


@pytest.mark.parametrize(("code", "tier"), [("PLG033", "silver"), ("I18N001", "bronze"), ("SEC002", "none")])
def test_grade_is_the_last_tier_whose_rules_are_all_kept(
    changed: Change, capsys: pytest.CaptureFixture[str], code: str, tier: str
) -> None:
    """EX-15: the grade is computed by rules alone, and says what stands before the next tier."""
    folder = changed(next(one.changes for one in FAULTY if one.code == code))
    assert run(app, ["plugins", "grade", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["grade"] == tier
    assert [f["code"] for found in told["findings"].values() for f in found] == [code]


def test_folder_without_plugin_and_unknown_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no readable"):
        read_project(tmp_path)
    with pytest.raises(NotFound, match="Did you mean webhooks"):
        find_project("webhook")


@pytest.mark.parametrize("name", ["io", "webhooks"])
def test_bundled_plugin_keeps_the_rules_of_its_tier(name: str) -> None:
    """EX-15: what we ship passes what we ask of others."""
    assert check_project(find_project(name), ("bronze",)) == []
