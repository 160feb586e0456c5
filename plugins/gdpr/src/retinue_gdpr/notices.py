"""Telling new contacts what is kept about them, why, and where it came from; and the red list of those not told in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import or_, select

from retinue import Store
from retinue.contacts import Contact
from retinue_gdpr.letters import hand_over, write_letter
from retinue_gdpr.models import Letter, Purpose, Standing, Wording
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import current_wording

_BATCH: Final = 200
SUBJECT: Final = "What we keep about you"
BODY: Final = (
    "Dear {name},\n\n{controller} keeps data about you. They came from: {source}.\nWe use them for: {purposes}.\n"
    "You may ask for a copy, for correction, erasure or restriction, and object: {contact}.\n"
    "You may also complain to the supervisory authority."
)
"""The text until the installation has one of its own. The words in braces are filled in."""
NOBODY_SAID: Final = "you, or somebody on your behalf"


def note_new(store: Store, contacts: Sequence[Contact]) -> None:
    """Note that new contacts have to be told, and by when; the letters are written after the commit."""
    own, settings, profile = store.system("note new contacts"), store.settings("gdpr"), profile_of(store)
    outside = {word.strip().casefold() for word in settings["outside_sources"].split(",") if word.strip()}
    due = store.now + timedelta(days=profile.notice_days)
    rows = [
        {
            "contact_id": contact.id, "source": contact.source or "", "notice_due_at": due, "head": "",
            "outside": (contact.source or "").casefold() in outside, "events": 0, "notified_at": None,
        }
        for contact in contacts
    ]  # fmt: skip
    own.insert_many(Standing, rows)
    if settings["notices"] == "automatic":
        store.later("gdpr.send_notices", {})


def send_notices(store: Store, _payload: dict[str, Any]) -> int:
    """Write and hand over the notice of everybody who waits for one, a batch at a time; returns how many were written."""
    if store.settings("gdpr")["notices"] != "automatic":
        return 0
    written = select(Letter.contact_id).where(Letter.kind == "notice")
    waiting = store.scalars(
        select(Standing).where(
            Standing.notified_at.is_(None), Standing.notice_due_at.is_not(None), Standing.contact_id.not_in(written)
        ).order_by(Standing.id).limit(_BATCH)
    )  # fmt: skip
    letters = [letter for standing in waiting if (letter := write_notice(store, standing)) is not None]
    hand_over(store, letters)
    if len(waiting) == _BATCH:
        store.later("gdpr.send_notices", {})
    return len(letters)


def write_notice(store: Store, standing: Standing) -> Letter | None:
    """Write the notice of one contact in its language, with source and purposes; None if it was written before."""
    own = store.legal("write a notice")
    contact = own.get(Contact, standing.contact_id)
    language = contact.language or "en"
    wording = current_wording(own, "notice", None, language) or current_wording(own, "notice", None, "en")
    settings = store.settings("gdpr")
    purposes = own.scalars(select(Purpose).where(Purpose.retired_at.is_(None)).order_by(Purpose.key))
    body = fill(
        wording.body if wording else BODY,
        name=contact.name, controller=settings["controller"], source=standing.source or NOBODY_SAID,
        purposes="; ".join(f"{p.name} ({p.basis.replace('_', ' ')})" for p in purposes) or "—",
        contact=settings["controller_contact"],
    )  # fmt: skip
    return write_letter(
        store, contact.id, kind="notice", key=f"notice {contact.id}", body=body, language=language,
        subject=wording.subject if wording and wording.subject else SUBJECT,
        wording_id=wording.id if isinstance(wording, Wording) else None,
    )  # fmt: skip


def fill(text: str, **values: str) -> str:
    """Return `text` with words in braces replaced; unknown ones stay as they are."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def send_notice(store: Store, contact_id: Any) -> Letter | None:
    """Write one contact's notice now, by hand; None if it was written before."""
    store.require("letter.send")
    store.get(Contact, contact_id)
    own = store.legal("write a notice")
    standing = own.first(select(Standing).where(Standing.contact_id == contact_id))
    if standing is None:
        standing = Standing(contact_id=contact_id, source="", outside=False, events=0, head="")
        own.add(standing)
        own.flush()
    letter = write_notice(store, standing)
    if letter is not None:
        hand_over(store, [letter])
    return letter


def list_overdue(store: Store, *, limit: int = 500) -> list[dict[str, Any]]:
    """Return the red list: contacts that were not told in time, those taken from outside first."""
    store.require("letter.read")
    chosen = (
        select(Standing, Contact.name)
        .join(Contact, Contact.id == Standing.contact_id)
        .where(Standing.notified_at.is_(None), Standing.notice_due_at <= store.now)
        .order_by(Standing.outside.desc(), Standing.notice_due_at)
    )
    return [
        {
            "contact_id": row.contact_id, "name": name, "source": row.source, "outside": row.outside,
            "due_at": row.notice_due_at,
        }
        for row, name in store.rows(chosen.limit(limit))
    ]  # fmt: skip


def count_overdue(store: Store) -> int:
    """Return how many contacts are on the red list, for the badge of the navigation."""
    late = select(Standing.id).where(Standing.notified_at.is_(None), Standing.notice_due_at <= store.now)
    return store.count(late.where(or_(Standing.outside, Standing.outside.is_(False))), 1000)
