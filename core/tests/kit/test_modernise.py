"""Older plugins become today's: each older scaffold is kept here, and is green after the command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from test_scaffold import install, python

from retinue.cli import app
from retinue.cli.errors import run
from retinue.kit import check_project, grade_project, read_project
from retinue.kit.modernise import STEPS, modernise_plugin, version_of
from retinue.kit.scaffold import VERSION

OLDER = Path(__file__).parent / "scaffolds"


@pytest.fixture
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path / "plugin"
    shutil.copytree(OLDER / str(request.param), folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_every_older_version_is_kept_and_has_a_step() -> None:
    """EX-19: fixtures of each older scaffold are kept."""
    assert {int(folder.name) for folder in OLDER.iterdir()} == set(STEPS) == set(range(VERSION))


@pytest.mark.parametrize("older", sorted(STEPS), indirect=True)
def test_older_scaffold_becomes_green(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """EX-19: `retinue plugins modernise` brings a scaffold of each older version to green."""
    assert check_project(read_project(older)) != []
    assert run(app, ["plugins", "modernise", str(older), "--license", "Apache-2.0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["after"], told["left"]) == (VERSION, [])
    project = read_project(older)
    assert grade_project(project).tier in ("silver", "gold")
    assert version_of(project) == VERSION


@pytest.mark.slow
@pytest.mark.parametrize("older", sorted(STEPS), indirect=True)
def test_modernised_plugin_passes_its_tests(older: Path, tmp_path: Path) -> None:
    """EX-19: green means that it runs."""
    modernise_plugin(older, licence="Apache-2.0")
    printed = python(
        older, install(older, tmp_path / "site"), "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"
    )
    assert " passed" in printed


@pytest.mark.parametrize("older", [0], indirect=True)
def test_what_only_a_person_can_decide_is_left_and_named(
    older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """EX-19: nobody but the author can choose a licence."""
    assert run(app, ["plugins", "modernise", str(older)]) == 1
    assert "PLG022" in capsys.readouterr().out


@pytest.mark.parametrize("older", [0], indirect=True)
def test_second_time_changes_nothing_and_own_files_stay(older: Path) -> None:
    (older / "README.md").write_text("mine, and none of anybody's business\n")
    modernise_plugin(older, licence="MIT")
    texts = {path: path.read_bytes() for path in older.rglob("*") if path.is_file()}
    assert (older / "README.md").read_text().startswith("mine")
    assert modernise_plugin(older, licence="MIT").files == ()
    assert texts == {path: path.read_bytes() for path in older.rglob("*") if path.is_file()}


def test_new_plugin_has_nothing_to_modernise(sample: Path) -> None:
    result = modernise_plugin(sample)
    assert (result.before, result.files, result.left) == (VERSION, (), ())
