"""Letters the company owes: written once, handed to whoever can send them, else kept in the outbox and the timeline.

A letter that a plugin took is under way; it counts as sent when that plugin says it was delivered, and comes back to the
outbox when it was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.errors import Conflict
from retinue.interactions import record_interactions
from retinue_gdpr.hookspecs import LetterFacts, letter_outcomes, letters_handed, letters_taken
from retinue_gdpr.models import OUTBOX, QUEUED, SENT, TAKEN, Letter, Standing

KIND = "privacy_letter"
"""The kind of the entry in the timeline; it does not count as contact with the person."""
PATIENCE: Final = timedelta(days=3)
"""How long after it was written a letter may be under way without an answer."""
_BATCH: Final = 500


def write_letter(
    store: Store, contact_id: UUID, *, kind: str, key: str, subject: str, body: str,
    language: str = "en", wording_id: UUID | None = None,
) -> Letter | None:  # fmt: skip
    """Write a letter; one whose key is known already is not written again, and None is returned."""
    own = store.legal("write a letter")
    if own.first(select(Letter.id).where(Letter.key == key)):
        return None
    letter = Letter(
        contact_id=contact_id, kind=kind, key=key, language=language, state=QUEUED, wording_id=wording_id,
        created_at=store.now,
    )  # fmt: skip
    letter.subject, letter.body = subject, body
    own.add(letter)
    own.flush()
    return letter


def hand_over(store: Store, letters: Sequence[Letter]) -> int:
    """Offer letters to the plugins that send; what nobody takes goes to the outbox and stands in the timeline.

    Returns how many were taken. Those are under way, not sent: `settle_letters` learns how it went.
    """
    own = store.legal("send letters")
    facts = [
        LetterFacts(one.id, one.contact_id, one.kind, one.language, one.subject, one.body) for one in letters
    ]
    taken = set(store.hooks.ask(letters_taken, store=store, letters=facts)) if facts else set()
    for letter in letters:
        if letter.id in taken:
            letter.state = TAKEN
    own.flush()
    handed = [one for one in facts if one.id in taken]
    if handed:
        store.hooks.tell(letters_handed, store=store, letters=handed)
    _put_out(own, [letter for letter in letters if letter.id not in taken])
    return len(taken)


def _put_out(own: Store, letters: Sequence[Letter]) -> None:
    """Put letters into the outbox, to be sent by hand, and into the timeline."""
    for letter in letters:
        letter.state = OUTBOX
    own.flush()
    if letters:
        record_interactions(own, [_entry(letter) for letter in letters])


def settle_letters(store: Store, _payload: dict[str, Any]) -> int:
    """Ask who took letters how it went: delivered is sent, the rest comes to the outbox; returns how many are settled."""
    own = store.legal("settle letters")
    waiting = select(Letter).where(Letter.state == TAKEN, Letter.sent_at.is_(None)).order_by(Letter.id)
    letters: list[Letter] = own.scalars(waiting.limit(_BATCH))
    if not letters:
        return 0
    ids = [letter.id for letter in letters]
    outcomes = dict(store.hooks.ask(letter_outcomes, store=store, letter_ids=ids))
    back = []
    for letter in letters:
        if outcomes.get(letter.id):
            note_sent(own, letter)
        elif letter.id in outcomes or letter.created_at < store.now - PATIENCE:
            back.append(letter)
    own.unseal(back)
    _put_out(own, back)
    return sum(letter.state != TAKEN for letter in letters)


def _entry(letter: Letter) -> dict[str, Any]:
    return {
        "contact_id": letter.contact_id, "kind": KIND, "direction": "out", "subject": letter.subject,
        "body": letter.body, "source_key": f"letter {letter.id}",
    }  # fmt: skip


def note_sent(own: Store, letter: Letter) -> None:
    """Note that a letter went out; a notice takes its contact off the list of those to be told."""
    letter.state, letter.sent_at = SENT, own.now
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
