"""A contact's timeline as its page shows it: by month, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.errors import BadRequest, Denied
from retinue.interactions import Interaction, known_kinds, read_timeline
from retinue_desk.words import Speech

PAGE = 20
COMPOSED = ("note", "call", "meeting", "email", "message", "letter", "visit", "promise")
"""Kinds that people write down by hand, in the order of the composer."""
TONES = {
    "call": "green", "letter": "azure", "email": "azure", "meeting": "indigo", "message": "cyan", "support": "orange",
    "mailing": "blue", "payment": "teal", "order": "yellow", "visit": "lime", "note": "secondary", "promise": "purple",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One interaction, ready to be shown."""

    id: UUID
    kind: str
    label: str
    icon: str
    tone: str
    at: datetime
    when: str
    moment: str
    author: str
    subject: str
    body: str
    length: str
    direction: str
    corrected: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of a timeline; `denied` says that the reader may not see it at all."""

    months: Sequence[tuple[str, Sequence[Entry]]] = ()
    next: str = ""
    kinds: Sequence[tuple[str, str]] = ()
    chosen: str = ""
    denied: bool = False


def read_page(
    store: Store, contact_id: UUID, speech: Speech, *, kind: str = "", before: str = ""
) -> Timeline:
    """Return a page of the timeline; `before` is where the last one ended."""
    if not store.may("interaction.read"):
        return Timeline(denied=True)
    known = known_kinds(store)
    kinds = [(k.name, speech.say(k.label)) for k in known.values()]
    try:
        found = read_timeline(
            store, contact_id, kinds=[kind] if kind else (), before=_position(before), limit=PAGE + 1
        )
    except Denied:
        return Timeline(denied=True)
    shown = [_entry(i, known, speech) for i in found[:PAGE]]
    months = [(month, list(group)) for month, group in groupby(shown, key=lambda e: month_of(e.at, speech))]
    last = shown[-1] if len(found) > PAGE else None
    following = f"{last.at.isoformat()}~{last.id}" if last else ""
    return Timeline(months, following, kinds, kind)


def month_of(at: datetime, speech: Speech) -> str:
    """Return the month of an instant in the reader's language and zone."""
    local = at.astimezone(speech.zone)
    names = speech.locale.months["stand-alone"]["wide"]
    return f"{names[local.month]} {local.year}"


def _position(text: str) -> tuple[datetime, UUID] | None:
    if not text:
        return None
    at, _, last = text.partition("~")
    try:
        return datetime.fromisoformat(at), UUID(last)
    except ValueError:
        raise BadRequest("The place in the timeline cannot be read.") from None


def _entry(row: Interaction, known: Any, speech: Speech) -> Entry:
    kind = known.get(row.kind)
    return Entry(
        id=row.id,
        kind=row.kind,
        label=speech.say(kind.label if kind else row.kind),
        icon=kind.icon if kind else "point",
        tone=TONES.get(row.kind, "blue"),
        at=row.at,
        when=speech.ago(row.at),
        moment=speech.moment(row.at),
        author=row.author_name,
        subject=row.subject or "",
        body=row.body or "",
        length=speech.length(row.duration) if row.duration else "",
        direction=row.direction or "",
        corrected=row.corrects_id is not None,
    )
