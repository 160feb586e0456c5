"""F1 and CDNOW as drafts, and a probe that keeps what the hooks tell."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from retinue.contacts import create_contacts

WORKSPACE_DATA = Path(__file__).parents[3] / "tests" / "data"
OWN_DATA = Path(__file__).parent / "data"


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a file."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def make_people(crm: Any, codes: list[str]) -> dict[str, UUID]:
    """Create a contact per code and return the ids."""
    with crm.store() as store:
        drafts = [{"given_name": code, "family_name": "Buyer"} for code in codes]
        ids = create_contacts(store, drafts, on_duplicate="allow").ids
    return dict(zip(codes, ids, strict=True))


def f1_drafts(people: dict[str, UUID]) -> list[dict[str, Any]]:
    """Return the 19 orders of F1 as the API takes them."""
    return [
        {
            "number": row["order_id"],
            "contact_id": str(people[row["contact_id"]]),
            "placed_at": f"{row['placed_at']}T12:00:00Z",
            "total_minor": round(float(row["total"]) * 100),
            "currency": row["currency"],
            "payment": row["status"],
        }
        for row in rows_of(WORKSPACE_DATA, "f1_orders.csv")
    ]


def order(number: str = "A1", **more: Any) -> dict[str, Any]:
    """Return an order as the API takes it."""
    return {
        "number": number,
        "currency": "EUR",
        "placed_at": "2026-05-01T10:00:00Z",
        "total_minor": 10000,
        **more,
    }


def moment(text: str) -> datetime:
    """Return midnight of a day in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
