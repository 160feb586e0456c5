"""Letters the company owes: written once, handed to whoever can send them, else kept in the outbox and the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.errors import Conflict
from retinue.interactions import record_interactions
from retinue_gdpr.hookspecs import LetterFacts, letters_taken
from retinue_gdpr.models import Letter, Standing

KIND = "privacy_letter"
"""The kind of the entry in the timeline; it does not count as contact with the person."""


def write_letter(
    store: Store, contact_id: UUID, *, kind: str, key: str, subject: str, body: str,
    language: str = "en", wording_id: UUID | None = None,
) -> Letter | None:  # fmt: skip
    """Write a letter; one whose key is known already is not written again, and None is returned."""
    own = store.legal("write a letter")
    if own.first(select(Letter.id).where(Letter.key == key)):
        return None
    letter = Letter(
        contact_id=contact_id, kind=kind, key=key, language=language, state="queued", wording_id=wording_id,
        created_at=store.now,
    )  # fmt: skip
    letter.subject, letter.body = subject, body
    own.add(letter)
    own.flush()
    return letter


def hand_over(store: Store, letters: Sequence[Letter]) -> int:
    """Offer letters to the plugins that send; what nobody takes goes to the outbox and stands in the timeline."""
    own = store.legal("send letters")
    facts = [
        LetterFacts(one.id, one.contact_id, one.kind, one.language, one.subject, one.body) for one in letters
    ]
    taken = set(store.hooks.ask(letters_taken, store=store, letters=facts)) if facts else set()
    for letter in letters:
        letter.state = "taken" if letter.id in taken else "outbox"
        if letter.id in taken:
            note_sent(own, letter)
    own.flush()
    left = [letter for letter in letters if letter.id not in taken]
    if left:
        record_interactions(own, [_entry(letter) for letter in left])
    return len(taken)


def _entry(letter: Letter) -> dict[str, Any]:
    return {
        "contact_id": letter.contact_id, "kind": KIND, "direction": "out", "subject": letter.subject,
        "body": letter.body, "source_key": f"letter {letter.id}",
    }  # fmt: skip


def note_sent(own: Store, letter: Letter) -> None:
    """Note that a letter went out; a notice takes its contact off the list of those to be told."""
    letter.sent_at = own.now
    if letter.kind == "notice":
        for standing in own.scalars(select(Standing).where(Standing.contact_id == letter.contact_id)):
            standing.notified_at = own.now


def mark_sent(store: Store, letter_id: UUID) -> Letter:
    """Say that a letter of the outbox was sent by hand; raises Conflict for one that went out already."""
    store.require("letter.send")
    letter = store.get(Letter, letter_id)
    if letter.sent_at is not None:
        raise Conflict("this letter was sent already", code="letter-sent")
    own = store.legal("note a letter")
    letter = own.get(Letter, letter_id)
    note_sent(own, letter)
    own.flush()
    return letter


def list_letters(store: Store, *, waiting: bool = True, limit: int = 200) -> list[Letter]:
    """Return letters, the oldest first: those still to be sent, or all."""
    store.require("letter.read")
    chosen = select(Letter).order_by(Letter.created_at, Letter.id).limit(limit)
    rows = store.scalars(chosen.where(Letter.sent_at.is_(None)) if waiting else chosen)
    store.unseal(rows)
    return rows


def find_recipient(store: Store, contact_id: UUID) -> Contact:
    """Return the person a letter goes to, restricted or not."""
    return store.legal("write a letter").get(Contact, contact_id)
