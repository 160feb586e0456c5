"""What the plugin answers core: when people are merged, erased, or ask for their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from retinue import ContactExport, Refusal, Store
from retinue_gdpr.duty_models import Hold, Request, Review
from retinue_gdpr.models import Consent, ConsentEvent, KeptRefusal, Letter, Purpose, Standing, Wording
from retinue_gdpr.service import YES, Said, log_events, read_events, standing_of
from retinue_gdpr.suppression import suppress_tokens, tokens_of_contact


def join_people(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Combine consents by the stricter; requests, holds, letters and reviews follow to the contact that stays."""
    own, ids = store.legal("merge consents"), [contact.id for contact in merged]
    mine = {
        (r.purpose_id, r.channel): r
        for r in own.scalars(select(Consent).where(Consent.contact_id == survivor.id))
    }
    purposes = {p.id: p for p in own.scalars(select(Purpose))}
    said: dict[tuple[UUID, str], Said] = {}
    for contact_id in ids:
        events = {event.id: event for event in read_events(own, contact_id)}
        for row in own.scalars(select(Consent).where(Consent.contact_id == contact_id)):
            place = (row.purpose_id, row.channel)
            if _is_stricter(row, said.get(place) or mine.get(place)):
                said[place] = _repeat(own, events[row.event_id], purposes[row.purpose_id], place in mine)
    if said:
        log_events(store, survivor.id, list(said.values()))
    for model in (Hold, Letter, Review, KeptRefusal):
        for moved in own.scalars(select(model).where(model.contact_id.in_(ids))):
            moved.contact_id = survivor.id
    for request in own.scalars(select(Request).where(Request.contact_id.in_(ids))):
        request.contact_id = request.subject_id = survivor.id
    _join_standing(own, survivor.id, ids)
    own.flush()


def _is_stricter(row: Consent, other: Any) -> bool:
    if other is None:
        return True
    other_state = other.event if isinstance(other, Said) else other.state
    return row.state not in YES and other_state in YES


def _repeat(own: Store, event: ConsentEvent, purpose: Purpose, known: bool) -> Said:
    """Return an event of a merged contact as one of the survivor's; one that overrules is said now."""
    wording = own.find(Wording, event.wording_id) if event.wording_id else None
    return Said(
        purpose=purpose, channel=event.channel, event=event.event, method="merge", wording=wording,
        occurred_at=None if known else event.occurred_at, expires_at=event.expires_at, form_id=event.form_id,
        evidence=f"event {event.id} of contact {event.contact_id}: {event.evidence}"[:2000],
    )  # fmt: skip


def _join_standing(own: Store, survivor_id: UUID, ids: Sequence[UUID]) -> None:
    standing = standing_of(own, survivor_id)
    others = own.scalars(select(Standing).where(Standing.contact_id.in_(ids)))
    told = [s.notified_at for s in (standing, *others) if s.notified_at]
    if told:
        standing.notified_at = min(told)


def forget_people(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Keep the hashes of the addresses, so that the persons do not come back, and let the rest go."""
    own = store.system("forget consents")
    for contact_id in contact_ids:
        suppress_tokens(own, tokens_of_contact(own, contact_id), "erased")
    for request in own.scalars(select(Request).where(Request.contact_id.in_(contact_ids))):
        request.address = request.message = request.reason = ""
        request.contact_id, request.subject_id, request.token = None, UUID(int=0), None
    own.flush()
    for model in (Consent, Standing, KeptRefusal):
        own.change(delete(model).where(model.contact_id.in_(contact_ids)))


def refuse_erasures(store: Store, contact_ids: Sequence[UUID]) -> list[Refusal]:
    """Name the contacts that a hold keeps, with its basis and end."""
    today = store.now.date()
    chosen = select(Hold).where(Hold.contact_id.in_(contact_ids), Hold.lifted_at.is_(None))
    return [
        Refusal(hold.contact_id, hold.basis, "hold")
        for hold in store.legal("look for holds").scalars(chosen)
        if hold.until is None or hold.until > today
    ]


def export_people(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Give the log of consents with the names of purposes, for the copy of the person's data."""
    own = store.system("copy consents")
    names = {p.id: p.key for p in own.scalars(select(Purpose))}
    exports = []
    for contact_id in contact_ids:
        events = read_events(own, contact_id)
        records = [
            {
                "purpose": names[e.purpose_id], "channel": e.channel, "event": e.event, "method": e.method,
                "language": e.language, "text_sha256": e.digest, "occurred_at": e.occurred_at.isoformat(),
                "evidence": e.evidence, "address": e.address, "agent": e.agent,
            }
            for e in events
        ]  # fmt: skip
        if records:
            exports.append(ContactExport(contact_id, ConsentEvent.__tablename__, records))
    return exports
