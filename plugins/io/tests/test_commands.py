"""`retinue import` and `retinue export`, called as at a terminal."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from io_kit import Desk

from retinue.cli import app
from retinue.cli.errors import run
from retinue_io import commands

PEOPLE = "name,email\nJiří Novák,jiri@example.cz\nEva Malá,nothing\n"


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def retinue(desk: Desk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call `retinue ARGS` on the installation of the desk, in its folder."""
    config = desk.house.config
    (config.folder / "retinue.toml").write_text(f'[database]\nurl = "{config.database.url}"\n', "utf-8")
    for name in [name for name in os.environ if name.startswith("RETINUE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(config.folder)

    def call(*args: Any) -> Said:
        capfd.readouterr()
        code = run(app, [str(arg) for arg in args])
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return call


def test_file_is_checked_imported_corrected_and_exported(retinue: Call, desk: Desk, tmp_path: Path) -> None:
    file, errors, out = (tmp_path / name for name in ("people.csv", "errors.csv", "out.csv"))
    file.write_text(PEOPLE, "utf-8")
    checked = retinue("import", file, "--dry-run", "--json", "--errors", errors)
    assert checked.code == 0, checked.err
    assert json.loads(checked.out)["counts"]["created"] == 1
    assert "nothing" in errors.read_text("utf-8-sig")
    assert desk.contacts() == 0
    with desk.store() as store:
        from retinue_io.service import list_imports

        assert list_imports(store) == []  # a dry run leaves not even the file
    errors.unlink()
    done = retinue("import", file, "--yes", "--json", "--errors", errors)
    assert done.code == 0, done.err
    assert json.loads(done.out)["created"] == 1
    errors.write_text(errors.read_text("utf-8-sig").replace("nothing", "eva@example.cz"), "utf-8")
    again = retinue("import", errors, "--yes", "--json")
    assert (again.code, json.loads(again.out)["created"]) == (0, 1)
    updated = retinue("import", file, "--yes", "--json", "--mode", "upsert", "--key", "email")
    assert json.loads(updated.out)["unchanged"] == 1
    assert retinue("export", "name__contains=novak", "-o", out).code == 0
    with out.open(encoding="utf-8-sig", newline="") as stream:
        assert [row["Family name"] for row in csv.DictReader(stream)] == ["Novák"]
    assert retinue("export", "--format", "jsonl", "-o", "-").out.count("\n") == 2


def test_stopped_at_the_terminal_and_taken_up(
    retinue: Call, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retinue_io.plan.CREATE_BATCH", 10)
    file = tmp_path / "people.csv"
    file.write_text("name\n" + "".join(f"P{n} Q\n" for n in range(35)), "utf-8")
    real, steps = commands.advance, []

    def advance(*args: Any) -> Any:
        steps.append(args)
        if len(steps) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(commands, "advance", advance)
    stopped = retinue("import", file, "--yes", "--duplicates", "ignore")
    assert (stopped.code, desk.contacts()) == (130, 20)
    import_id = stopped.err.partition("--resume ")[2].split()[0]
    done = retinue("import", "--resume", import_id, "--json")
    assert done.code == 0, done.err
    assert (json.loads(done.out)["created"], desk.contacts()) == (35, 35)


BAD = (
    (b"", "people.csv", 65, "empty"),
    (b"name\n" + b"x" * 1_500_000, "people.csv", 65, "longer than"),
    (b"PK\x03\x04...", "people.xlsx", 65, ""),
    (b"%PDF-1.7", "people.csv", 65, "PDF"),
    ("name\nJiří\n".encode("cp1250"), "people.csv", 0, ""),
)


def test_bad_files_end_with_a_code_and_a_sentence(retinue: Call, desk: Desk, tmp_path: Path) -> None:
    for data, name, code, words in BAD:
        file = tmp_path / name
        file.write_bytes(data)
        said = retinue("import", file, "--dry-run")
        assert (said.code, words in said.err) == (code, True), said
    assert retinue("import", tmp_path / "absent.csv").code == 2
    assert retinue("import").code == 2
    good = tmp_path / "good.csv"
    good.write_text(PEOPLE, "utf-8")
    assert retinue("import", good, "--mode", "update", "--yes").code == 65
    assert retinue("import", good, "--encoding", "klingon", "--yes").code == 65
    assert retinue("import", "--resume", "0190a0a0-0000-7000-8000-000000000000").code == 66
    assert retinue("export", "nope=1", "-o", tmp_path / "x.csv").code == 65
    assert not list(tmp_path.glob("x.csv*"))
    assert retinue("export", "--view", "nope", "-o", tmp_path / "x.csv").code == 66
    assert desk.contacts() == 0
