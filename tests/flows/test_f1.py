"""Fixture F1 through the API: who has been silent for more than 120 days."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
REPORT_DAY = date(2026, 6, 30)


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _load(api: Any) -> dict[str, str]:
    """Bring F1 in: contacts by one batch, orders as interactions; return id by code."""
    rows = _rows("f1_contacts.csv")
    drafts = [
        {
            **{n: row[n] for n in ("given_name", "family_name", "city", "country", "language") if row[n]},
            **({"emails": [{"value": row["email"]}]} if row["email"] else {}),
            **({"phones": [{"value": row["phone"]}]} if row["phone"] else {}),
            "source": row["id"],
        }
        for row in rows
    ]
    made = api.post("/contacts/batch", {"create": drafts, "label": "F1"})
    assert made.status_code == 200, made.text
    ids = dict(zip((row["id"] for row in rows), made.json()["created"], strict=True))
    orders = [
        {
            "contact_id": ids[row["contact_id"]],
            "kind": "order",
            "at": f"{row['placed_at']}T12:00:00Z",
            "source_key": row["order_id"],
            "data": {"total": row["total"], "currency": row["currency"]},
        }
        for row in _rows("f1_orders.csv")
    ]
    assert api.post("/interactions/batch", {"interactions": orders}).status_code == 201
    return ids


def _codes(api: Any, **params: Any) -> list[str]:
    answer = api.get("/contacts", params={"fields": "source", "sort": "source", **params})
    assert answer.status_code == 200, answer.text
    return [row["values"]["source"] for row in answer.json()["items"]]


def test_view_of_the_silent_is_right_and_live(crm: Any) -> None:
    """SG-01: on 2026-06-30 C01, C02, C04; C06 at exactly 120 days is out. SG-02: after an interaction for C01
    the view returns C02, C04.
    Today is later than the report day, so the days are counted from it."""
    api = crm.user().client
    ids = _load(api)
    assert len(ids) == 10
    since = (datetime.now(UTC).date() - REPORT_DAY).days
    silent = {"last_interaction_at__more_than_days_ago": str(120 + since)}
    assert _codes(api, **silent) == ["C01", "C02", "C04"]
    assert _codes(api, last_interaction_at__exactly_days_ago=str(120 + since)) == ["C06"]
    assert _codes(api, last_interaction_at__lt="2026-03-02T00:00:00Z") == ["C01", "C02", "C04"]
    or_never = {"last_interaction_at__more_than_days_ago_or_never": str(120 + since)}
    assert _codes(api, **or_never) == ["C01", "C02", "C04", "C09", "C10"]
    rule = {"field": "last_interaction_at", "op": "more_than_days_ago", "value": 120 + since}
    draft = {"name": "Silent", "entity": "contact", "filter": rule, "columns": ["source"], "sort": "source"}
    view = api.post("/views", draft)
    assert view.status_code == 201, view.text
    rows = f"/views/{view.json()['id']}/rows"
    assert [r["values"]["source"] for r in api.get(rows).json()["items"]] == ["C01", "C02", "C04"]
    entry = {"kind": "call", "at": "2026-06-30T09:00:00Z"}
    assert api.post(f"/contacts/{ids['C01']}/interactions", entry).status_code == 201
    assert [r["values"]["source"] for r in api.get(rows).json()["items"]] == ["C02", "C04"]
    assert _codes(api, view=view.json()["id"]) == ["C02", "C04"]
