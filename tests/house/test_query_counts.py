"""Lists ask the database as often for thirty rows as for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

pytestmark = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
"""How often is the same on both databases; one is enough."""

LISTS = (
    "/contacts",
    "/contacts?sort=-created_at&include=count&tag__has=vip",
    "/contacts/search?q=novak",
    "/contacts/{id}/interactions",
    "/contacts/{id}/relations",
    "/audit",
    "/change-sets",
    "/views",
    "/accounts",
    "/tags",
    "/teams",
    "/tokens",
)


def _statements(crm: Any, ask: Callable[[], Any]) -> tuple[int, int]:
    """Return (rows answered, statements sent to data and keys)."""
    sent: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engines = (crm.house.database.engine, crm.house.database.keys.engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        answer = ask()
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return len(body["items"] if isinstance(body, dict) else body), len(sent)


def test_lists_send_the_same_statements_for_many_rows_as_for_one(crm: Any) -> None:
    """A question per row is fast with ten test rows and stands still with a thousand real ones."""
    admin = crm.user()
    api = admin.client

    def grow(start: int, number: int) -> str:
        drafts = [
            {
                "given_name": f"G{n}",
                "family_name": "Novák",
                "tags": ["vip", f"t{n}"],
                "emails": [{"value": f"{n}@x.cz"}],
            }
            for n in range(start, start + number)
        ]
        answer = api.post("/contacts/batch", {"create": drafts})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["created"][0])

    first = grow(0, 1)

    def more(start: int, number: int) -> None:
        others = [row["id"] for row in api.get("/contacts?limit=200").json()["items"] if row["id"] != first]
        for n in range(start, start + number):
            entry = {"kind": "call", "at": f"2026-01-01T{n % 24:02}:00:00Z", "body": f"b{n}"}
            assert api.post(f"/contacts/{first}/interactions", entry).status_code == 201
            link = {"kind": "colleague_of", "to_id": others[n]}
            assert api.post(f"/contacts/{first}/relations", link).status_code == 201
            assert (
                api.post("/views", {"name": f"v{n}", "entity": "contact", "filter": None}).status_code == 201
            )
            crm.user({"contact.read": "own"}, team=f"team{n}")

    def measure() -> dict[str, tuple[int, int]]:
        found = {}
        for path in LISTS:
            url = path.format(id=first)
            for _ in range(2):  # the first opens keys and fills caches
                found[path] = _statements(
                    crm, lambda url=url: api.get(url, params={"limit": 50} if "?" not in url else None)
                )
        return found

    grow(100, 1)
    more(0, 1)
    few = measure()
    grow(200, 20)
    more(1, 15)
    many = measure()
    wrong = {p: (few[p], many[p]) for p in LISTS if few[p][1] != many[p][1]}
    assert not wrong, f"path: ((rows, statements) before, after): {wrong}"
    thin = {p: (few[p][0], many[p][0]) for p in LISTS if p != "/tokens" and many[p][0] < few[p][0] + 10}
    assert not thin, f"the list did not grow, so this proved nothing: {thin}"
