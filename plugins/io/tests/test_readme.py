"""The README's commands and its example, run in its order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from io_kit import Desk
from test_commands import Call, retinue  # noqa: F401  # a fixture

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PEOPLE = (
    "external id,given name,family name,email,country\n"
    "1,Jiří,Novák,jiri@example.cz,CZ\n2,Eva,Malá,nothing,CZ\n3,Ayşe,Yıldırım,ayse@example.com.tr,TR\n"
)
ORDERS = "order_id,customer_id,date,total,currency\nO1,1,2026-01-05,100.00,EUR\nO2,3,2026-01-06,60,EUR\n"


def test_readme_commands_do_what_they_say(retinue: Call, desk: Desk) -> None:  # noqa: F811  # the fixture
    folder = desk.house.config.folder
    (folder / "people.csv").write_text(PEOPLE, "utf-8")
    (folder / "orders.csv").write_text(ORDERS, "utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[1:]
    seen = []
    for line in [line for block in blocks for line in block.splitlines()]:
        rejected = folder / "rejected.csv"
        if "rejected.csv --yes" in line and "--errors" not in line:
            rejected.write_text(rejected.read_text("utf-8-sig").replace("nothing", "eva@example.cz"), "utf-8")
        said = retinue(*shlex.split(line)[1:])
        assert said.code == 0, (line, said)
        seen.append(desk.contacts())
    assert seen == [0, 2, 3, 3, 3, 3]
    assert (folder / "czech.csv").read_text("utf-8-sig").count("\n") == 3


def test_readme_names_every_option_and_module() -> None:
    from retinue_io import commands

    options = {option for p in commands.import_file.params for option in p.opts if option.startswith("--")}
    assert {option for option in options if option not in README} <= {
        "--config", "--as", "--json", "--plain", "--no-input", "--system"
    }  # fmt: skip


def test_readme_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text(PEOPLE, "utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert "Novák" in capsys.readouterr().out
