"""Purposes and their texts as data, and the purposes a new installation begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from retinue import Problem, Store
from retinue.contacts import list_held
from retinue.errors import Conflict, Invalid, NotFound, Stale
from retinue_gdpr.models import CHANNELS, CONSENT, CONTRACT, Purpose, Wording

CHANGEABLE: Final = ("name", "description", "basis", "channels", "topic", "valid_months", "record")
_MEANING: Final = ("description", "basis", "record")
BEGIN: Final = (
    {
        "key": "service",
        "name": "Service",
        "description": "To deliver what was ordered and to answer questions about it.",
        "basis": CONTRACT,
        "channels": ["email", "sms", "phone"],
    },
    {
        "key": "marketing",
        "name": "Offers",
        "description": "To tell you about our products and offers.",
        "basis": CONSENT,
        "channels": ["email", "sms"],
        "topic": True,
    },
    {
        "key": "newsletter",
        "name": "Newsletter",
        "description": "To send you our newsletter.",
        "basis": CONSENT,
        "channels": ["email", "sms"],
        "topic": True,
    },
)
RECORD_FIELDS: Final = ("data", "subjects", "categories", "recipients", "transfers", "retention", "security")
"""What a record of processing says beside the purpose itself, Art. 30(1)(c) to (g). ``data`` names the plugins or tables
whose data the purpose uses; categories and terms are made from what those declare."""


def list_purposes(store: Store, *, retired: bool = False) -> list[Purpose]:
    """Return the purposes by key; retired ones only if asked for."""
    store.require("purpose.read")
    return read_purposes(store, retired=retired)


def read_purposes(store: Store, *, retired: bool = False) -> list[Purpose]:
    """Return the purposes by key, for other services."""
    chosen = select(Purpose).order_by(Purpose.key)
    return store.scalars(chosen if retired else chosen.where(Purpose.retired_at.is_(None)))


def find_purpose(store: Store, key: str) -> Purpose:
    """Return a purpose by its key; raises NotFound."""
    found: Purpose | None = store.first(select(Purpose).where(Purpose.key == key))
    if found is None:
        raise NotFound(f"There is no purpose {key}.", remedy="See `retinue gdpr purposes`.")
    return found


def create_purpose(store: Store, values: Mapping[str, Any]) -> Purpose:
    """Create a purpose; raises Conflict for a key that is taken, Invalid for an unknown channel."""
    store.require("purpose.change")
    if store.first(select(Purpose.id).where(Purpose.key == values["key"])):
        raise Conflict(f"there is a purpose {values['key']} already", code="purpose-exists")
    return _add(store, values)


def _add(store: Store, values: Mapping[str, Any]) -> Purpose:
    _check(store, values)
    given = {name: values[name] for name in CHANGEABLE if values.get(name) is not None}
    made = Purpose(
        key=values["key"], created_at=store.now, **{"channels": [], "record": {}, "description": "", **given}
    )
    store.add(made)
    store.flush()
    return made


def _check(store: Store, values: Mapping[str, Any], before: Collection[str] = ()) -> None:
    """Raise Invalid for a channel or a part of the record that does not exist; `before` are data named already."""
    problems = [
        Problem(f"/channels/{place}", f"none of: {', '.join(CHANNELS)}")
        for place, channel in enumerate(values.get("channels") or ())
        if channel not in CHANNELS
    ]
    problems += [
        Problem(f"/record/{name}", f"none of: {', '.join(RECORD_FIELDS)}")
        for name in values.get("record") or ()
        if name not in RECORD_FIELDS
    ]
    named = (values.get("record") or {}).get("data") or ()
    known = named_data(store) if named else ()
    problems += [
        Problem(f"/record/data/{place}", f"no plugin and no table with personal data is called {name}")
        for place, name in enumerate(named)
        if name not in known and name not in before
    ]
    if problems:
        raise Invalid("the purpose is not valid", problems=problems)


def named_data(store: Store) -> list[str]:
    """Return the plugins and tables that hold personal data, as a record of processing may name them."""
    registry = list_held(store)
    plugins = sorted({held.plugin or "core" for held in registry})
    return plugins + sorted({str(held.table) for held in registry})


def change_purpose(
    store: Store, purpose_id: UUID, values: Mapping[str, Any], version: int | None = None
) -> Purpose:
    """Change a purpose. What it means (description, basis, record) grows its number: consents before do not cover it."""
    store.require("purpose.change")
    purpose = store.get(Purpose, purpose_id, lock=True)
    refuse_stale(purpose, version)
    _check(store, values, purpose.record.get("data") or ())
    changed = [name for name in CHANGEABLE if name in values and getattr(purpose, name) != values[name]]
    for name in changed:
        setattr(purpose, name, values[name])
    if any(name in _MEANING and name != "record" for name in changed):
        purpose.number += 1
    if "retired" in values:
        purpose.retired_at = store.now if values["retired"] else None
    purpose.version += 1
    store.flush()
    return purpose


def refuse_stale(row: Any, version: int | None) -> None:
    """Raise Stale with the current values if the caller read another version of `row`."""
    if version is not None and row.version != version:
        raise Stale(
            "somebody else changed this since you read it",
            remedy="Look at the current values and repeat your change.",
            extra={"current": row, "current_version": row.version},
        )


# ---- texts ----
def digest_of(body: str) -> str:
    """Return the SHA-256 of a text as it was shown, in hexadecimal digits."""
    return hashlib.sha256(body.encode()).hexdigest()


def list_wordings(store: Store, *, kind: str = "", purpose_id: UUID | None = None) -> list[Wording]:
    """Return texts, the newest of each language first."""
    store.require("purpose.read")
    chosen = select(Wording).order_by(Wording.kind, Wording.language, Wording.number.desc())
    if kind:
        chosen = chosen.where(Wording.kind == kind)
    if purpose_id is not None:
        chosen = chosen.where(Wording.purpose_id == purpose_id)
    return store.scalars(chosen)


def add_wording(store: Store, values: Mapping[str, Any]) -> Wording:
    """Add a text. It is never changed; the next one of its kind, purpose and language takes its place.

    A new text of a consent is a new number of the same purpose: consents to the one before stay good unless the purpose changed.
    """
    store.require("purpose.change")
    purpose_id, kind = values.get("purpose_id"), values["kind"]
    if (kind == "consent") != (purpose_id is not None):
        word = "a consent names its purpose, a notice names none"
        raise Invalid("the text is not valid", problems=[Problem("/purpose_id", word)])
    if purpose_id is not None:
        store.get(Purpose, purpose_id)
    same = (Wording.kind == kind, Wording.purpose_id == purpose_id, Wording.language == values["language"])
    last = store.scalar(select(func.max(Wording.number)).where(*same)) or 0
    made = Wording(
        kind=kind, purpose_id=purpose_id, number=last + 1, language=values["language"], body=values["body"],
        subject=values.get("subject") or "", digest=digest_of(values["body"]), created_at=store.now,
    )  # fmt: skip
    store.add(made)
    store.flush()
    return made


def current_wording(store: Store, kind: str, purpose_id: UUID | None, language: str) -> Wording | None:
    """Return the newest text in `language`, None if there is none."""
    chosen = select(Wording).where(
        Wording.kind == kind, Wording.purpose_id == purpose_id, Wording.language == language
    )
    found: Wording | None = store.first(chosen.order_by(Wording.number.desc()).limit(1))
    return found


def ensure_beginnings(store: Store) -> list[str]:
    """Create the purposes an installation begins with, where there are none at all; returns their keys."""
    store.require("purpose.change")
    if store.first(select(Purpose.id)):
        return []
    return [_add(store, values).key for values in BEGIN]
