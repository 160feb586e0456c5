"""What can be done on a page can be done through the API: C-25."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest

from retinue.app.serving import make_application
from retinue.web import API_PREFIX, PUBLIC

pytestmark = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
"""Which pages there are does not depend on the database."""
BUNDLED = ("desk", "email", "gdpr", "io", "loyalty", "nps", "orders", "webhooks")
ADDRESS = re.compile(
    r"(?:\b(GET|POST|PUT|PATCH|DELETE)\b[\"'`,\s]+)?" + API_PREFIX + r"((?:/[^\s\"'`?<>,;)]*)?)"
)
"""An address of the API in a template or script, with the method before it where one stands there."""
COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
FILLED = re.compile(r"\{\{.*?\}\}|\$\{[^}]*\}")


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """Every bundled plugin."""
    return BUNDLED


@pytest.fixture
def operations(crm: Any) -> set[tuple[str, tuple[str, ...]]]:
    """Method and parts of the path of every operation of the document."""
    paths = make_application(crm.house).document()["paths"]
    return {
        (method.upper(), tuple(path.removeprefix(API_PREFIX).strip("/").split("/")))
        for path, item in paths.items()
        for method in item
    }


def _fits(operations: set[tuple[str, tuple[str, ...]]], method: str | None, path: str) -> bool:
    """Say whether an operation has this address; a part that is filled in later fits any, none fits a shorter one."""
    asked = tuple("*" if "*" in part else part for part in FILLED.sub("*", path).strip("/").split("/"))
    return any(
        (method is None or method == known)
        and len(parts) == len(asked)
        and all(a == p or "*" in (a, p[0].replace("{", "*")) for a, p in zip(asked, parts, strict=True))
        for known, parts in operations
    )


def _addresses() -> list[tuple[str, str | None, str]]:
    """Return where, method and path of every address of the API in the pages and scripts of the plugins."""
    found = []
    for name in BUNDLED:
        for folder in ("templates", "static"):
            root = files(f"retinue_{name}") / folder
            for file in sorted(root.rglob("*")) if root.is_dir() else ():  # type: ignore[attr-defined]  # a Path
                if file.suffix not in (".html", ".js") or "vendor" in file.parts:
                    continue
                for match in ADDRESS.finditer(FILLED.sub("*", COMMENT.sub("", file.read_text("utf-8")))):
                    found.append((f"{name}: {file.name}", match[1], match[2]))
    return found


def test_pages_change_nothing_past_the_api(crm: Any) -> None:
    """C-25: outside the API only pages for people without an account take anything, each by its own signed link."""
    policies = make_application(crm.house).policies
    past = {
        f"{method} {path}": permission
        for (method, path), permission in policies.items()
        if not path.startswith(API_PREFIX)
        and method not in ("GET", "HEAD", "OPTIONS")
        and permission != PUBLIC
    }
    assert not past, "give it an operation of the API, and let the page call that"
    assert sum(path.startswith("/privacy/") for _, path in policies) > 4, "pages are looked at"


def test_every_address_that_pages_call_is_an_operation_of_the_api(operations: Any) -> None:
    """C-25: the set of actions of the pages minus the set of operations of the API is empty."""
    called = _addresses()
    assert len(called) > 50
    assert not [
        f"{where}: {method or 'any'} {path}"
        for where, method, path in called
        if not _fits(operations, method, path)
    ]
    assert not _fits(operations, "POST", "/contacts/*/applause"), "this check can fail"
    assert not _fits(operations, "DELETE", "/contacts")
