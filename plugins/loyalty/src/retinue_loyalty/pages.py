"""What the staff's pages show of loyalty; what they change goes through the API, as any client's deed does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from marshmallow import ValidationError
from sqlalchemy import select

from retinue import Store, new_id
from retinue.contacts import Contact
from retinue.errors import Invalid, NotFound
from retinue_loyalty.catching_up import count_gap
from retinue_loyalty.members import list_history, read_link, show_member
from retinue_loyalty.programmes import list_programmes, list_versions, show_programme
from retinue_loyalty.reports import preview_rules, trial_balance
from retinue_loyalty.schemas import RulesSchema

_RULES = RulesSchema()
_MOST_NAMES = 200
_STARTER = {
    "rules": {"earn": {"points": 1, "per_minor": 100}, "redeem": {"point_minor": 1}},
    "state": "draft",
}


def _states(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the states of a programme are called."""
    return {"draft": _("draft"), "active": _("active"), "closed": _("closed")}


def _kinds(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the deeds of the ledger are called."""
    return {
        "earn": _("Earned"), "confirm": _("Confirmed"), "redeem": _("Redeemed"), "expire": _("Expired"),
        "clawback": _("Taken back"), "restore": _("Given back"), "adjust": _("Adjusted"), "close": _("Closed"),
    }  # fmt: skip


def show_member_panel(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return points, level, progress, what expires and the last deeds; None for who is no member.

    The key of a redemption is made with the card: pressing twice takes the points once.
    """
    found = show_member(store, contact_id)
    if not found:
        return None
    rows, _ = list_history(store, contact_id, limit=8)
    extra = {"contact_id": str(contact_id), "key": f"counter-{new_id().hex}"}
    return {
        "programmes": found,
        "history": rows,
        "redeems": store.may("points.redeem"),
        "kinds": _kinds,
        "extra": extra,
    }


def show_programmes(store: Store, _request: Any) -> dict[str, Any]:
    """Return the programmes, each with what is owed to its members now."""
    reads = store.may("loyalty_report.read")
    return {
        "programmes": [
            {**row, "trial": trial_balance(store, row["id"], store.now) if reads else None}
            for row in list_programmes(store)
        ],
        "gap": count_gap(store) if store.may("points.earn") else None,
        "states": _states,
        "changes": store.may("programme.change"),
        "starter": _STARTER,
    }


def show_balance(store: Store, request: Any) -> dict[str, Any]:
    """Return a customer's own balance, to whoever holds the signed link; no account is needed."""
    return {"one": read_link(store, request.path["token"])}


def show_editor(store: Store, request: Any) -> dict[str, Any]:
    """Return a programme's rules as text to edit; with ``rules`` in the query, whose level they would change."""
    try:
        programme = show_programme(store, UUID(request.path["programme_id"]))
    except ValueError:
        raise NotFound("there is no such programme") from None
    text = request.query.get("rules", "")
    shown = text or msgspec.json.format(msgspec.json.encode(programme["rules"]), indent=2).decode()
    preview, faults = _try(store, programme["id"], text) if text else (None, [])
    return {
        "programme": programme,
        "states": _states,
        "names": _names(store, preview["changes"] if preview else []),
        "versions": list_versions(store, programme["id"]),
        "rules": shown,
        "preview": preview,
        "faults": faults,
        "changes": store.may("programme.change"),
    }


def _names(store: Store, changes: list[dict[str, Any]]) -> dict[UUID, str]:
    """Return what the members are called whom the reader may see."""
    wanted = [change["contact_id"] for change in changes[:_MOST_NAMES]]
    if not wanted or not store.may("contact.read"):
        return {}
    rows = store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(wanted)))
    return dict(tuple(row) for row in rows)


def _try(store: Store, programme_id: UUID, text: str) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the preview of rules written as JSON, or what is wrong with them."""
    try:
        rules = _RULES.load(msgspec.json.decode(text.encode()))
        return preview_rules(store, programme_id, rules), []
    except msgspec.DecodeError as wrong:
        return None, [f"This is no JSON: {wrong}."]
    except ValidationError as wrong:
        return None, list(_sentences(wrong.messages))
    except Invalid as wrong:
        return None, [f"{problem.pointer} {problem.detail}" for problem in wrong.problems]


def _sentences(messages: Any, place: str = "") -> list[str]:
    if isinstance(messages, dict):
        return [line for key, value in messages.items() for line in _sentences(value, f"{place}/{key}")]
    return [f"{place} {message}" for message in messages]
