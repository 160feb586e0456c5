"""From waiting rows to letters on the wire: taken in one transaction, marked before the first byte, settled after the answer.

A letter's row says ``started`` before a server hears of it and ``sent`` after it has answered. What a dead process
leaves behind is told apart by that: reserved rows were never begun and are queued again, a started one may have gone out.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from retinue import Store
from retinue.errors import Invalid
from retinue.lists import merge_values
from retinue_email import merging, recipients, transport
from retinue_email.frequency import defer_frequent
from retinue_email.making import Desk, Press, Reader
from retinue_email.models import (
    AT_LEAST_ONCE,
    BOUNCED,
    DONE,
    DOUBT,
    FAILED,
    HARD_BOUNCE,
    OPEN_STATES,
    QUEUED,
    REFUSED,
    RESERVED,
    SENDING,
    SENT,
    STARTED,
    Campaign,
    Delivery,
    LetterText,
    LetterValues,
    Line,
)
from retinue_email.standing import note_letters
from retinue_email.suppression import add_suppression, is_suppressed
from retinue_email.throttle import Limits, choose_due, closed_domains, read_limits, take_turn
from retinue_email.transport import Answer

BATCH: Final = 100
DEAD_AFTER: Final = timedelta(seconds=60)
TRIES: Final = 15
"""Attempts after which a letter is given up: with their pauses, about five days of a server that says later."""
_FIRST: Final = timedelta(minutes=15)
_MOST: Final = timedelta(hours=12)
_NO_MAILBOX: Final = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One letter that this line has reserved, with all that making it needs."""

    id: UUID
    contact_id: UUID
    text_id: UUID
    purpose: str
    token: bytes
    domain: bytes
    attempts: int
    created_at: datetime
    again: bool
    reader: Reader


class PacedOut(Exception):
    """Something is due, and only to mail domains that take no more at this moment."""


@dataclass(slots=True)
class Presses:
    """The presses of the texts that a line has met; texts never change, the desk is read with each batch."""

    desk: Desk | None = None
    made: dict[tuple[UUID, str], Press] = field(default_factory=dict)
    limits: Limits = field(default_factory=dict)

    def use(self, desk: Desk) -> None:
        """Take the desk of now; another one means new presses."""
        if desk != self.desk:
            self.desk, self.made = desk, {}

    def learn(self, own: Store, keys: set[tuple[UUID, str]]) -> None:
        """Make presses for texts that are new."""
        missing = {text_id for text_id, purpose in keys if (text_id, purpose) not in self.made}
        if not missing or self.desk is None:
            return
        texts = {row.id: row for row in own.scalars(select(LetterText).where(LetterText.id.in_(missing)))}
        for text_id, purpose in keys:
            if text_id in texts:
                self.made[text_id, purpose] = Press(self.desk, texts[text_id], purpose)

    def words(self, own: Store, keys: set[tuple[UUID, str]]) -> list[str]:
        """Return the fields that these texts name."""
        rows = own.rows(
            select(LetterText.subject, LetterText.html, LetterText.text).where(
                LetterText.id.in_({text_id for text_id, _ in keys})
            )
        )
        return sorted({word for row in rows for part in row for word in merging.words_of(part)})


def may_go(now: datetime) -> ColumnElement[bool]:
    """Return the condition of letters that wait and whose time has come."""
    return (Delivery.state == QUEUED) & or_(Delivery.not_before.is_(None), Delivery.not_before <= now)


def _campaign_runs() -> ColumnElement[bool]:
    runs = select(Campaign.id).where(Campaign.id == Delivery.campaign_id, Campaign.state == SENDING)
    return or_(Delivery.campaign_id.is_(None), exists(runs.correlate(Delivery)))


def claim_letters(own: Store, line: UUID, presses: Presses, limit: int = BATCH) -> list[Parcel] | None:
    """Reserve letters that are due, single ones first, and return those that may go; the others say why not.

    None means that nothing is due. Letters to mail domains with a limit come last; raises `PacedOut` if only such are
    due, and other lines carry as many of them as is allowed.
    """
    presses.limits = read_limits(own)
    ids, waiting = _due(own, line, limit, presses.limits)
    if not ids and waiting:
        raise PacedOut
    if not ids:
        return None
    mine = (Delivery.id.in_(ids), Delivery.state == QUEUED)
    own.change(update(Delivery).where(*mine, is_suppressed()).values(state=REFUSED, reason="suppressed"))
    own.change(update(Delivery).where(*mine, ~is_suppressed()).values(state=RESERVED, held_by=line))
    rows = own.rows(
        select(
            Delivery.id, Delivery.contact_id, Delivery.text_id, Delivery.purpose, Delivery.token, Delivery.domain,
            Delivery.attempts, Delivery.created_at, Delivery.campaign_id,
        ).where(Delivery.id.in_(ids), Delivery.held_by == line, Delivery.state == RESERVED).order_by(Delivery.id)
    )  # fmt: skip
    later = defer_frequent(own, rows)
    rows = [row for row in rows if row.id not in later]
    presses.use(Desk.of(own))
    keys = {(row.text_id, row.purpose) for row in rows}
    presses.learn(own, keys)
    parcels = _parcels(own, rows, presses.words(own, keys))
    return sorted(parcels, key=lambda one: one.domain in presses.limits)


def _due(own: Store, line: UUID, limit: int, limits: Limits) -> tuple[list[UUID], bool]:
    """Return what is due, each kind by the index that holds it in order, and whether more would be but for limits."""
    chosen = select(Delivery.id).where(may_go(own.now)).order_by(Delivery.id)
    chosen = chosen.with_for_update(skip_locked=True)
    closed = closed_domains(own, line, limits) if limits else set()
    running = own.scalars(select(Campaign.id).where(Campaign.state == SENDING).order_by(Campaign.started_at))
    found: list[UUID] = []
    shut = False
    for campaign_id in (None, *running):
        if len(found) >= limit:
            break
        if limits:
            part = chosen.where(Delivery.campaign_id == campaign_id)
            more, shut_here = choose_due(own, part, limit - len(found), limits=limits, closed=closed)
            found, shut = found + more, shut or shut_here
        else:
            found += own.scalars(chosen.where(Delivery.campaign_id == campaign_id).limit(limit - len(found)))
    return found, shut and bool(own.first(chosen.limit(1)))


def _parcels(own: Store, rows: Sequence[Any], words: Sequence[str]) -> list[Parcel]:
    """Ask the gate once more, read addresses and values, and settle what cannot go."""
    ids = [row.contact_id for row in rows if row.contact_id is not None]
    people = recipients.read_recipients(own, ids)
    refused: dict[tuple[str, UUID], str] = {}
    for purpose in {row.purpose for row in rows}:
        asked = [row.contact_id for row in rows if row.purpose == purpose and row.contact_id in people]
        found = recipients.refusals_by_gate(own, asked, purpose)
        refused |= {(purpose, contact_id): code for contact_id, code in found.items()}
    values = merge_values(own, words, list(people)) if words else {}
    repeating = set(own.scalars(select(Campaign.id).where(Campaign.policy == AT_LEAST_ONCE)))
    given = _given(own, [row.id for row in rows])
    parcels: list[Parcel] = []
    reasons: dict[UUID, str] = {}
    for row in rows:
        person = people.get(row.contact_id)
        reason = recipients.GONE if person is None else refused.get((row.purpose, row.contact_id), "")
        address = recipients.address_of(own, person, row.token) if person and row.token else ""
        if reason or person is None or not address:
            reasons[row.id] = reason or "address-changed"
            continue
        merged = recipients.filled_values(values, given, row.contact_id, row.id)
        merged.setdefault("today", own.now.date())
        parcels.append(
            Parcel(
                row.id, row.contact_id, row.text_id, row.purpose, row.token, row.domain, row.attempts,
                row.created_at, row.campaign_id in repeating, Reader(row.id, address, person.name, merged),
            )
        )  # fmt: skip
    _refuse(own, reasons)
    return parcels


def _refuse(own: Store, reasons: Mapping[UUID, str]) -> None:
    for reason in set(reasons.values()):
        ids = [one for one, why in reasons.items() if why == reason]
        changed = update(Delivery).where(Delivery.id.in_(ids), Delivery.state == RESERVED)
        own.change(changed.values(state=REFUSED, reason=reason, held_by=None))


def _given(own: Store, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    rows = own.scalars(select(LetterValues).where(LetterValues.delivery_id.in_(ids)))
    own.unseal(rows)
    return {row.delivery_id: row.values for row in rows}


# ---- one letter -----------------------------------------------------------------------------------------------------
def make_letter(presses: Presses, parcel: Parcel, at: datetime) -> tuple[bytes, str]:
    """Return a letter's bytes, or why it cannot be made; no transaction is open."""
    press = presses.made.get((parcel.text_id, parcel.purpose))
    if press is None:
        return b"", "no-text"
    try:
        return press.make(parcel.reader, at), ""
    except merging.MergeFault:
        return b"", "merge_error"
    except Invalid as fault:
        return b"", f"{fault.code}-unfit"


def wait_turn(own: Store, presses: Presses, parcel: Parcel) -> float:
    """Return how many seconds a letter has to wait for its mail domain's next place; 0 takes the place."""
    limit = presses.limits.get(parcel.domain)
    return 0.0 if limit is None else take_turn(own, parcel.domain, limit)


def start_letter(own: Store, line: UUID, delivery_id: UUID) -> bool:
    """Mark a letter as begun, in the statement that asks again whether it may go; False if it may not any more.

    An unsubscription or a pause that was committed before this has stopped the letter.
    """
    mine = (Delivery.id == delivery_id, Delivery.held_by == line, Delivery.state == RESERVED)
    begun = update(Delivery).where(*mine, ~is_suppressed(), _campaign_runs())
    return own.change(begun.values(state=STARTED, attempts=Delivery.attempts + 1)) == 1


def settle_letter(own: Store, line: UUID, parcel: Parcel, answer: Answer) -> None:
    """Write down what became of a letter that was begun."""
    state, reason, again = _outcome(own.now, parcel, answer)
    values: dict[str, Any] = {
        "state": state, "reason": reason, "code": answer.code, "enhanced": answer.enhanced, "not_before": again,
    }  # fmt: skip
    if state == SENT:
        values["sent_at"] = own.now
    elif state != DOUBT:
        values["held_by"] = None
    mine = (Delivery.id == parcel.id, Delivery.held_by == line, Delivery.state == STARTED)
    own.change(update(Delivery).where(*mine).values(**values))
    if state == BOUNCED:
        add_suppression(own, parcel.token, HARD_BOUNCE, source=f"smtp {answer.enhanced or answer.code}")


def _outcome(now: datetime, parcel: Parcel, answer: Answer) -> tuple[str, str, datetime | None]:
    if answer.kind == transport.SENT:
        return SENT, "", None
    if answer.kind == transport.DOUBT and not parcel.again:
        return DOUBT, answer.word, None
    if answer.kind == transport.FAILED:
        if answer.enhanced in _NO_MAILBOX or (not answer.enhanced and answer.code in (550, 551, 553)):
            return BOUNCED, HARD_BOUNCE, None
        return FAILED, "refused-by-server", None
    if parcel.attempts >= TRIES:
        return FAILED, "given-up", None
    return QUEUED, "deferred", now + _pause(parcel.attempts)


def _pause(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: from a quarter of an hour doubling, give or take a tenth."""
    wait: timedelta = min(_FIRST * 2 ** min(attempts, 10), _MOST)
    return wait * random.uniform(0.9, 1.1)  # noqa: S311  # spreads attempts, guards nothing


def fail_letter(own: Store, line: UUID, delivery_id: UUID, reason: str) -> None:
    """Write down that a letter could not be made; the others go on."""
    mine = (Delivery.id == delivery_id, Delivery.held_by == line, Delivery.state == RESERVED)
    own.change(update(Delivery).where(*mine).values(state=FAILED, reason=reason, held_by=None))


def release_letters(own: Store, line: UUID, *, wait: timedelta | None = None) -> int:
    """Give back what a line holds and has not begun; nothing is counted."""
    mine = (Delivery.held_by == line, Delivery.state == RESERVED)
    values = {"state": QUEUED, "held_by": None, "not_before": own.now + wait if wait else None}
    return own.change(update(Delivery).where(*mine).values(**values))


def close_campaigns(own: Store) -> None:
    """Say of campaigns that nothing waits in any more that they are done."""
    left = exists(
        select(Delivery.id).where(Delivery.campaign_id == Campaign.id, Delivery.state.in_(OPEN_STATES))
    )
    for campaign in own.scalars(select(Campaign).where(Campaign.state == SENDING, ~left)):
        campaign.state, campaign.finished_at = DONE, own.now
        campaign.version += 1
    own.flush()


# ---- lines ----------------------------------------------------------------------------------------------------------
def note_lines(own: Store, lines: Sequence[UUID]) -> None:
    """Say that these lines live."""
    known = set(own.scalars(select(Line.id).where(Line.id.in_(lines))))
    if known:
        own.change(update(Line).where(Line.id.in_(known)).values(seen_at=own.now))
    new = [{"id": one, "seen_at": own.now} for one in lines if one not in known]
    if new:
        own.insert_many(Line, new)


def take_over(own: Store, dead_after: timedelta = DEAD_AFTER) -> int:
    """Settle what lines that are gone have left: the reserved is queued, the begun is in doubt or goes once more.

    Returns how many letters are in doubt. Only a campaign that asks for it sends again, under the same Message-ID.
    """
    gone = own.scalars(select(Line.id).where(Line.seen_at < own.now - dead_after))
    if not gone:
        return 0
    held = Delivery.held_by.in_(gone)
    again = select(Campaign.id).where(Campaign.policy == AT_LEAST_ONCE)
    begun = (held, Delivery.state == STARTED)
    own.change(update(Delivery).where(held, Delivery.state == RESERVED).values(state=QUEUED, held_by=None))
    own.change(
        update(Delivery).where(*begun, Delivery.campaign_id.in_(again)).values(state=QUEUED, held_by=None)
    )
    doubt = own.change(
        update(Delivery).where(*begun).values(state=DOUBT, reason="process-died", held_by=None)
    )
    for line in gone:
        note_letters(own, line)
    own.change(delete(Line).where(Line.id.in_(gone)))
    return doubt


def end_line(own: Store, line: UUID) -> None:
    """Say that a line has ended in order; it holds nothing any more."""
    release_letters(own, line)
    note_letters(own, line)
    own.change(delete(Line).where(Line.id == line))
