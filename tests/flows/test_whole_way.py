"""One person goes the whole way, from an empty folder to an undone change, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from retinue.app import open_house
from retinue.app.serving import make_application
from retinue.cli import app
from retinue.cli.errors import run
from retinue.config import Config
from retinue.testing.postgres import fresh_database

ADMIN, PASSWORD = "ada@example.org", "wisteria umbrella quartz"


@pytest.fixture(params=["sqlite", "postgresql"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Yield an installation that `retinue init` made."""
    monkeypatch.setenv("RETINUE_PASSWORD", PASSWORD)
    made = tmp_path / "crm"
    arguments = ["init", str(made), "--admin", ADMIN, "--name", "Ada Byron", "--no-input", "--json"]
    if request.param == "sqlite":
        assert run(app, arguments) == 0
        yield made
        return
    with fresh_database(request.getfixturevalue("postgres_server")) as url:
        assert run(app, [*arguments, "--database-url", url]) == 0
        yield made


def _browser(application: Any, base: str, login: str, password: str) -> TestClient[Any]:
    client: TestClient[Any] = TestClient(app=application, base_url=base)
    client.headers["Origin"] = base
    signed = client.post("/api/v1/sessions", json={"login": login, "password": password})
    assert signed.status_code == 200, signed.text
    return client


def _ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_from_an_empty_folder_to_an_undone_change(folder: Path) -> None:
    """init → accounts → contact → interaction → search → saved view → change → audit → undo."""
    with open_house(Config.load(folder, env={})) as house:
        application, base = make_application(house), house.config.base_url
        ada = _browser(application, base, ADMIN, PASSWORD)
        manager = _hire(ada, "mert@example.org")
        mert = _browser(application, base, "mert@example.org", "marmalade lantern orbit")
        assert _ok(mert.get("/api/v1/me"))["login"] == "mert@example.org"

        contact = _meet(mert, manager)
        view = _look(mert, contact)
        _change_and_undo(mert, contact)
        _others_see(ada, mert, contact, view)


def _hire(ada: TestClient[Any], login: str) -> str:
    """The administrator makes an account with the built-in role."""
    roles = {role["name"]: role["id"] for role in _ok(ada.get("/api/v1/roles"))}
    draft = {
        "login": login,
        "name": "Mert Yılmaz",
        "role_ids": [roles["Manager"]],
        "password": "marmalade lantern orbit",
        "must_change": False,
    }
    return str(_ok(ada.post("/api/v1/accounts", json=draft), 201)["id"])


def _meet(mert: TestClient[Any], manager: str) -> dict[str, Any]:
    """A contact is created and called; the repeat of the same request creates nothing."""
    draft = {
        "given_name": "Jiří",
        "family_name": "Novák",
        "city": "Praha",
        "emails": [{"value": "jiri@example.cz"}],
        "phones": [{"value": "+420 225 006 555"}],
        "tags": ["vip"],
    }
    once = {"Idempotency-Key": "first-contact"}
    created = mert.post("/api/v1/contacts", json=draft, headers=once)
    contact: dict[str, Any] = _ok(created, 201)
    assert created.headers["location"].endswith(contact["id"])
    assert _ok(mert.post("/api/v1/contacts", json=draft, headers=once), 201)["id"] == contact["id"]
    assert contact["owner_id"] == manager
    call = {"kind": "call", "at": "2026-06-15T10:00:00+02:00", "duration": 125, "body": "wants an offer"}
    _ok(mert.post(f"/api/v1/contacts/{contact['id']}/interactions", json=call), 201)
    return contact


def _look(mert: TestClient[Any], contact: dict[str, Any]) -> str:
    """The contact is found by every means, and by a saved view."""
    for words in ("novak", "jiri@example.cz", "225006555", "@example.cz"):
        found = _ok(mert.get("/api/v1/contacts/search", params={"q": words}))
        assert [c["id"] for c in found] == [contact["id"]], words
    rule = {
        "and": [
            {"field": "tag", "op": "has", "value": "vip"},
            {"field": "city", "op": "eq", "value": "Praha"},
        ]
    }
    draft = {
        "name": "Prague",
        "entity": "contact",
        "filter": rule,
        "columns": ["name", "last_interaction_at"],
    }
    view = _ok(mert.post("/api/v1/views", json=draft), 201)["id"]
    (row,) = _ok(mert.get(f"/api/v1/views/{view}/rows"))["items"]
    assert row["values"]["name"] == "Jiří Novák"
    assert row["values"]["last_interaction_at"].startswith("2026-06-15")
    return str(view)


def _change_and_undo(mert: TestClient[Any], contact: dict[str, Any]) -> None:
    """A change with its version, a late second one, the audit of it, the undo."""
    path = f"/api/v1/contacts/{contact['id']}"
    read = mert.get(path)
    tag = read.headers["etag"]
    changed = mert.patch(path, json={"city": "Brno", "emails": []}, headers={"If-Match": tag})
    assert _ok(changed)["city"] == "Brno"
    late = mert.patch(path, json={"city": "Ostrava"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["current"]["city"]) == (412, "Brno")
    audit = {"contact_id": contact["id"], "action": "contact.change"}
    (entry,) = _ok(mert.get("/api/v1/audit", params=audit))["items"]
    assert entry["values"]["city"] == ["Praha", "Brno"]
    assert entry["values"]["emails"] == [[{"value": "jiri@example.cz"}], []]
    assert _ok(mert.get("/api/v1/contacts/search", params={"q": "jiri@example.cz"})) == []
    undone = _ok(mert.post(f"/api/v1/change-sets/{entry['change_set_id']}/revert"))
    assert (undone["undone"], undone["kept"]) == (1, [])
    now = _ok(mert.get(path))
    assert (now["city"], now["emails"]) == ("Praha", [{"value": "jiri@example.cz"}])
    found = _ok(mert.get("/api/v1/contacts/search", params={"q": "jiri@example.cz"}))
    assert [c["id"] for c in found] == [contact["id"]]


def _others_see(ada: TestClient[Any], mert: TestClient[Any], contact: dict[str, Any], view: str) -> None:
    """The administrator sees the contact but not the private view; after signing out nobody sees anything."""
    assert _ok(ada.get(f"/api/v1/contacts/{contact['id']}"))["name"] == "Jiří Novák"
    assert ada.get(f"/api/v1/views/{view}").status_code == 404
    actions = {entry["action"] for entry in _ok(ada.get("/api/v1/audit", params={"limit": 100}))["items"]}
    assert {"account.create", "contact.create", "contact.change", "interaction.create"} <= actions
    assert mert.delete("/api/v1/sessions/current").status_code == 204
    assert mert.get(f"/api/v1/contacts/{contact['id']}").status_code == 401
