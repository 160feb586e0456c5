"""The card of a client with plugins on and off."""

from __future__ import annotations

import re

from retinue.actor import Actor
from retinue.testing.house import Crm, User

ROOT = Actor.system("test")


def _page(crm: Crm, reader: User, contact_id: str) -> str:
    answer = crm.client.get(f"/contacts/{contact_id}", headers={"Authorization": f"Bearer {reader.token}"})
    assert answer.status_code == 200, answer.text
    return answer.text


def _join(reader: User, contact_id: str) -> None:
    rules = {"earn": {"points": 1, "per_minor": 100}}
    draft = {"key": "club", "name": "Club", "currency": "EUR", "state": "active", "rules": rules}
    programme = reader.client.post("/loyalty/programmes", draft)
    assert programme.status_code == 201, programme.text
    earning = {"contact_id": contact_id, "points": 10, "key": "welcome"}
    earned = reader.client.post(f"/loyalty/programmes/{programme.json()['id']}/earn", {"earnings": [earning]})
    assert earned.status_code == 201, earned.text


def _headings(html: str) -> list[str]:
    return [
        re.sub(r"<[^>]+>", "", text).strip() for text in re.findall(r"<h[23][^>]*>(.*?)</h[23]>", html, re.S)
    ]


def test_card_keeps_its_four_parts_when_loyalty_is_disabled(crm: Crm) -> None:
    """C-03: with loyalty on its block stands in the analytical part; off, it is gone and the page answers."""
    for name in ("orders", "loyalty", "desk"):
        crm.house.enable(ROOT, name)
    crm.rebuild()
    reader = crm.user("all")
    made = reader.client.post("/contacts", {"given_name": "Jiří", "family_name": "Novák"})
    contact_id = made.json()["id"]
    _join(reader, contact_id)
    parts = ["Business", "Contact", "History", "Analytical"]
    on = _headings(_page(crm, reader, contact_id))
    assert [head for head in on if head in parts] == parts
    assert "Loyalty" in on[on.index("Analytical") :]
    crm.house.disable(ROOT, "loyalty")
    crm.rebuild()
    off = _headings(_page(crm, reader, contact_id))
    assert [head for head in off if head in parts] == parts
    assert "Loyalty" not in off
