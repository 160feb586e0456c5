"""An installation with the plugin and orders on, whose ledger is watched: what is posted stays as it is."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

sys.path.insert(0, str(Path(__file__).parent))
_POSTED = re.compile(
    r"\b(UPDATE|DELETE FROM)\s+loyalty_(transaction|entry|allocation|qualifying)\b(?: SET (.*?)(?: WHERE|$))?",
    re.DOTALL,
)
_MAY_GO = re.compile(r"detail ?= ?[^ ,]+")
"""What a person wrote as a reason goes with the person; nothing else of a posted row ever changes."""


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """The plugin and orders."""
    return ("orders", "loyalty")


@pytest.fixture(autouse=True)
def changed_rows() -> Iterator[list[str]]:
    """I5: no statement of any test changes or deletes a posted row; one that does so on purpose empties the list."""
    found: list[str] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        for deed in _POSTED.finditer(statement.replace('"', "")):
            if not _MAY_GO.fullmatch((deed[3] or "").strip()):
                found.append(deed[0])

    event.listen(Engine, "before_cursor_execute", look)
    yield found
    event.remove(Engine, "before_cursor_execute", look)
    assert not found, f"the ledger is only added to, and this changes it: {found[:3]}"
