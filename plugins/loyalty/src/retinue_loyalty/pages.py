"""What the staff's pages show of loyalty."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue_loyalty.members import list_history, show_member
from retinue_loyalty.programmes import list_programmes
from retinue_loyalty.reports import trial_balance


def show_member_panel(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return points, level, progress, what expires and the last deeds; None for who is no member."""
    found = show_member(store, contact_id)
    if not found:
        return None
    rows, _ = list_history(store, contact_id, limit=8)
    return {"programmes": found, "history": rows, "contact_id": contact_id}


def show_programmes(store: Store, _request: Any) -> dict[str, Any]:
    """Return the programmes, each with what is owed to its members now."""
    reads = store.may("loyalty_report.read")
    return {
        "programmes": [
            {**row, "trial": trial_balance(store, row["id"], store.now) if reads else None}
            for row in list_programmes(store)
        ]
    }
