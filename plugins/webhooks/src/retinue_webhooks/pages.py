"""What the staff's pages show of webhooks; what they change goes through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.errors import NotFound
from retinue_webhooks.models import ACTIVE, DELIVERED, DROPPED, FAILED, FAILING, OFF, SENDING, WAITING
from retinue_webhooks.service import get_endpoint, list_deliveries, list_endpoints, list_events

_PAGE = 50
TONES = {
    ACTIVE: "green", FAILING: "orange", OFF: "secondary",
    WAITING: "blue", SENDING: "blue", DELIVERED: "green", FAILED: "red", DROPPED: "secondary",
}  # fmt: skip


def _words(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the states of webhooks and of deliveries are called."""
    return {
        "active": _("active"), "failing": _("failing"), "off": _("off"), "waiting": _("waiting"),
        "sending": _("sending"), "delivered": _("delivered"), "failed": _("failed"), "dropped": _("dropped"),
    }  # fmt: skip


def show_webhooks(store: Store, _request: Any) -> dict[str, Any]:
    """Return all webhooks, and the events to subscribe to."""
    return {
        "webhooks": list_endpoints(store),
        "events": list_events(store),
        "states": _words,
        "tones": TONES,
    }


def show_webhook(store: Store, request: Any) -> dict[str, Any]:
    """Return a webhook with a page of its deliveries, newest first."""
    try:
        webhook_id, after = UUID(request.path["webhook_id"]), request.query.get("after", "")
        place = [UUID(after)] if after else None
    except ValueError:
        raise NotFound("there is no such webhook") from None
    deliveries, following = list_deliveries(store, webhook_id, after=place, limit=_PAGE)
    return {
        "webhook": get_endpoint(store, webhook_id),
        "deliveries": deliveries,
        "older": following[0] if following else None,
        "events": list_events(store),
        "states": _words,
        "tones": TONES,
    }
