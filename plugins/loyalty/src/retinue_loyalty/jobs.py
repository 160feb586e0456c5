"""Jobs that other plugins enqueue: they need not import this one, and while it is off their news waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from retinue import Store
from retinue_loyalty.programmes import read_schemes
from retinue_loyalty.service import record_events as record


def record_events(store: Store, payload: Mapping[str, Any]) -> None:
    """Reward occasions in every active programme: ``{"on": "feedback", "items": [{"contact_id", "key", "at"?}]}``."""
    events = [
        {
            "on": str(payload["on"]),
            "contact_id": UUID(str(item["contact_id"])),
            "key": str(item["key"]),
            "at": datetime.fromisoformat(item["at"]) if item.get("at") else None,
        }
        for item in payload["items"]
    ]
    for scheme in read_schemes(store, active=True):
        record(store, scheme.id, events)
