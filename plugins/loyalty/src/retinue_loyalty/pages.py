"""What the staff's pages show of loyalty; what they change goes through the API, as any client's deed does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from marshmallow import Schema, ValidationError, fields
from sqlalchemy import select

from retinue import Store, new_id
from retinue.contacts import Contact
from retinue.errors import BadRequest, Invalid, NotFound
from retinue.money import digits_of, to_text
from retinue_loyalty.catching_up import count_gap
from retinue_loyalty.members import list_history, read_link, show_member
from retinue_loyalty.programmes import list_programmes, list_versions, show_programme
from retinue_loyalty.reports import preview_rules, trial_balance
from retinue_loyalty.schemas import RulesSchema
from retinue_loyalty.when import midnight

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


def _occasions(_: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return the occasions of rewards and what they are called."""
    return [
        ("feedback", _("Feedback")), ("referral", _("Referral")), ("tier_reached", _("A level is reached")),
        ("points_earned", _("Points are earned")), ("membership_started", _("A membership begins")),
        ("birthday", _("Birthday")), ("visit", _("Visit")),
    ]  # fmt: skip


def _perk_kinds(_: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return the kinds of perks and what they are called."""
    return [
        ("discount", _("A discount")), ("free_delivery", _("Free delivery")), ("coupon", _("A coupon")),
        ("service", _("A service")),
    ]  # fmt: skip


def _ends(_: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return what points may end with."""
    return [("day", _("day")), ("month", _("month")), ("year", _("year"))]


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


def show_programmes(store: Store, request: Any) -> dict[str, Any]:
    """Return the programmes, each with what was owed to its members at the end of a day, ``on``, or is owed now."""
    reads = store.may("loyalty_report.read")
    day = _day(request.query.get("on", ""))
    return {
        "programmes": [
            {
                **row,
                "trial": trial_balance(store, row["id"], _end_of(day, row["zone"]) or store.now)
                if reads
                else None,
            }
            for row in list_programmes(store)
        ],
        "on": day,
        "reads": reads,
        "gap": count_gap(store) if store.may("points.earn") else None,
        "states": _states,
        "changes": store.may("programme.change"),
        "starter": _STARTER,
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadRequest(f"{text[:20]!r} is no day.", remedy="Write it as 2026-12-31.") from None


def _end_of(day: date | None, zone: str) -> datetime | None:
    """Return the last moment of a day in the programme's zone, none for none."""
    if day is None or day == date.max:
        return None
    return midnight(day + timedelta(days=1), zone) - timedelta(microseconds=1)


def show_balance(store: Store, request: Any) -> dict[str, Any]:
    """Return a customer's own balance, to whoever holds the signed link; no account is needed."""
    return {"one": read_link(store, request.path["token"])}


def show_editor(store: Store, request: Any) -> dict[str, Any]:
    """Return a programme's rules to edit; with ``rules`` in the query, whose level they would change."""
    try:
        programme = show_programme(store, UUID(request.path["programme_id"]))
    except ValueError:
        raise NotFound("there is no such programme") from None
    text = request.query.get("rules", "")
    shown = text or msgspec.json.format(msgspec.json.encode(programme["rules"]), indent=2).decode()
    preview, wrong = _try(store, programme["id"], text) if text else (None, {})
    return {
        "programme": programme,
        "states": _states,
        "names": _names(store, preview["changes"] if preview else []),
        "versions": list_versions(store, programme["id"]),
        "rules": shown,
        "form": _shape(shown) or _shape(msgspec.json.encode(programme["rules"])),
        "digits": digits_of(programme["currency"]),
        "plain": to_text,
        "occasions": _occasions,
        "perk_kinds": _perk_kinds,
        "ends": _ends,
        "preview": preview,
        "wrong": wrong,
        "changes": store.may("programme.change"),
    }


def _names(store: Store, changes: list[dict[str, Any]]) -> dict[UUID, str]:
    """Return what the members are called whom the reader may see."""
    wanted = [change["contact_id"] for change in changes[:_MOST_NAMES]]
    if not wanted or not store.may("contact.read"):
        return {}
    rows = store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(wanted)))
    return dict(tuple(row) for row in rows)


def _try(store: Store, programme_id: UUID, text: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return the preview of rules written as JSON, or what is wrong with them, by the name of its field."""
    try:
        rules = _RULES.load(msgspec.json.decode(text.encode()))
        return preview_rules(store, programme_id, rules), {}
    except msgspec.DecodeError as wrong:
        return None, {"": f"This is no JSON: {wrong}."}
    except ValidationError as wrong:
        return None, dict(_sentences(wrong.messages, "rules"))
    except Invalid as wrong:
        return None, {p.pointer.lstrip("/").replace("/", "."): p.detail for p in wrong.problems}


def _sentences(messages: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from _sentences(value, f"{place}.{key}")
    else:
        yield place, " ".join(map(str, messages))


def _shape(text: str | bytes) -> dict[str, Any]:
    """Return rules so far as a form can show them: parts that are no objects, and rows that are none, are left out."""
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return _fitting(raw, _RULES) if isinstance(raw, dict) else {}


def _fitting(raw: dict[str, Any], schema: Schema) -> dict[str, Any]:
    shaped: dict[str, Any] = {}
    for name, field in schema.fields.items():
        value = raw.get(name)
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(field, fields.List) and isinstance(value, list) and isinstance(inner, fields.Nested):
            shaped[name] = [_fitting(row, inner.schema) for row in value if isinstance(row, dict)]
        elif isinstance(field, fields.Nested) and isinstance(value, dict):
            shaped[name] = _fitting(value, field.schema)
        elif isinstance(value, dict if isinstance(field, fields.Dict) else str | int | bool):
            shaped[name] = value
    return shaped
