"""The log of consents: what people said, chained, folded into what they say now, verified and proven."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from retinue import Problem, Store, new_id
from retinue.contacts import Contact
from retinue.errors import Invalid, NotFound
from retinue.web import sign_bytes
from retinue_gdpr.clock import add_months
from retinue_gdpr.models import (
    EVENTS,
    EXPIRED,
    GIVEN,
    METHODS,
    RENEWED,
    Consent,
    ConsentEvent,
    Purpose,
    Standing,
    Wording,
)
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import current_wording, digest_of, find_purpose

YES: Final = (GIVEN, RENEWED)
SCHEMA: Final = 1
"""The version of the form of events and receipts."""
_HASHED: Final = (
    "id", "contact_id", "place", "purpose_id", "number", "channel", "event", "method", "wording_id", "digest", "language",
    "form_id", "jurisdiction", "occurred_at", "recorded_at", "expires_at", "prior_id", "actor_kind", "actor_id", "previous",
    "evidence", "address", "agent",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing a person said, before it is written into the log."""

    purpose: Purpose
    event: str
    method: str
    channel: str = ""
    wording: Wording | None = None
    occurred_at: datetime | None = None
    expires_at: datetime | None = None
    form_id: UUID | None = None
    evidence: str = ""
    address: str = ""
    agent: str = ""


# ---- saying ----
def record_consents(store: Store, contact_id: UUID, drafts: Sequence[dict[str, Any]]) -> list[ConsentEvent]:
    """Record what a person said, as the staff know it: by purpose, channels, event and method, with its proof.

    Raises Invalid naming each place: an unknown purpose, channel or text, a moment in the future, a consent without proof.
    """
    store.require("consent.record")
    contact = store.get(Contact, contact_id)
    said: list[Said] = []
    problems: list[Problem] = []
    for place, draft in enumerate(drafts):
        try:
            said += _read(store, draft, contact)
        except (Invalid, NotFound) as wrong:
            inner = getattr(wrong, "problems", ()) or (Problem("/purpose", wrong.detail),)
            problems += [Problem(f"/events/{place}{p.pointer}", p.detail, p.code) for p in inner]
    if problems:
        raise Invalid("a consent is not valid", problems=problems)
    return log_events(store, contact_id, said)


def _read(store: Store, draft: dict[str, Any], contact: Contact) -> Iterator[Said]:
    purpose = find_purpose(store, draft["purpose"])
    language = draft.get("language") or contact.language or "en"
    wording = None
    if draft.get("wording_id"):
        wording = store.get(Wording, draft["wording_id"])
    elif draft["event"] in YES:
        wording = current_wording(store, "consent", purpose.id, language)
    problems = list(_faults(store, draft, purpose, wording))
    if problems:
        raise Invalid("not valid", problems=problems)
    for channel in draft.get("channels") or purpose.channels or [""]:
        yield Said(
            purpose=purpose, channel=channel, event=draft["event"], method=draft["method"], wording=wording,
            occurred_at=draft.get("occurred_at"), expires_at=draft.get("expires_at"),
            form_id=draft.get("form_id"), evidence=draft.get("evidence") or "",
        )  # fmt: skip


def _faults(
    store: Store, draft: dict[str, Any], purpose: Purpose, wording: Wording | None
) -> Iterator[Problem]:
    for channel in draft.get("channels") or ():
        if channel not in purpose.channels:
            yield Problem("/channels", f"{purpose.key} has no channel {channel}")
    if draft["event"] not in EVENTS or draft["event"] == EXPIRED:
        yield Problem("/event", f"none of: {', '.join(e for e in EVENTS if e != EXPIRED)}")
    if draft["method"] not in METHODS:
        yield Problem("/method", f"none of: {', '.join(METHODS)}")
    if draft.get("occurred_at") and draft["occurred_at"] > store.now + timedelta(minutes=5):
        yield Problem("/occurred_at", "lies in the future")
    if wording is not None and wording.purpose_id != purpose.id:
        yield Problem("/wording_id", "is the text of another purpose: one consent, one purpose")
    if draft["event"] in YES and wording is None and not draft.get("evidence"):
        yield Problem("/evidence", "without a text that was shown, a consent needs its evidence", "required")


def log_events(store: Store, contact_id: UUID, said: Sequence[Said]) -> list[ConsentEvent]:
    """Write events into a person's log and fold them; the caller has asked for the right to it."""
    own = store.legal("consent log")
    own.get(Contact, contact_id, lock=True)  # one writer at a time keeps the chain whole
    standing = standing_of(own, contact_id)
    jurisdiction = profile_of(store).key
    folded = {
        (row.purpose_id, row.channel): row
        for row in own.scalars(select(Consent).where(Consent.contact_id == contact_id))
    }
    made = []
    for one in said:
        event = _event(store, standing, one, folded.get((one.purpose.id, one.channel)))
        event.jurisdiction = jurisdiction
        event.hash = standing.head = hash_of(event)
        own.add(event)
        made.append(event)
        _fold(own, folded, event)
    own.flush()
    return made


def standing_of(own: Store, contact_id: UUID) -> Standing:
    """Return the row that says how a person stands, made if there is none."""
    found: Standing | None = own.first(select(Standing).where(Standing.contact_id == contact_id))
    if found is None:
        found = Standing(contact_id=contact_id, source="", outside=False, events=0, head="")
        own.add(found)
        own.flush()
    return found


def _event(store: Store, standing: Standing, one: Said, prior: Consent | None) -> ConsentEvent:
    occurred = one.occurred_at or store.now
    expires = one.expires_at
    if expires is None and one.event in YES and one.purpose.valid_months:
        expires = datetime.combine(
            add_months(occurred.date(), one.purpose.valid_months), time(), occurred.tzinfo
        )
    standing.events += 1
    author = store.author
    event = ConsentEvent(
        id=new_id(), contact_id=standing.contact_id, place=standing.events, purpose_id=one.purpose.id,
        number=one.purpose.number, channel=one.channel, event=one.event, method=one.method,
        wording_id=one.wording.id if one.wording else None, digest=one.wording.digest if one.wording else "",
        language=one.wording.language if one.wording else "", form_id=one.form_id, jurisdiction="",
        occurred_at=occurred, recorded_at=store.now, expires_at=expires,
        prior_id=prior.event_id if prior else None, actor_kind=author.kind, actor_id=author.id,
        previous=standing.head, hash="",
    )  # fmt: skip
    event.evidence, event.address, event.agent = one.evidence, one.address, one.agent
    return event


def _fold(own: Store, folded: dict[tuple[UUID, str], Consent], event: ConsentEvent) -> None:
    """Let an event change what stands, unless something said later stands already."""
    row = folded.get((event.purpose_id, event.channel))
    if row is None:
        row = folded[event.purpose_id, event.channel] = Consent(
            contact_id=event.contact_id, purpose_id=event.purpose_id, channel=event.channel
        )
        own.add(row)
    elif event.occurred_at < row.since:
        return
    row.state, row.number, row.since = event.event, event.number, event.occurred_at
    row.expires_at, row.event_id = event.expires_at, event.id


def hash_of(event: ConsentEvent) -> str:
    """Return the hash of an event: over every value it has, sealed ones too, and the hash before it."""
    values = {name: getattr(event, name) for name in _HASHED}
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = value.timestamp()
    return hashlib.sha256(msgspec.json.encode(values, enc_hook=str, order="deterministic")).hexdigest()


# ---- reading ----
def list_events(store: Store, contact_id: UUID) -> list[ConsentEvent]:
    """Return a person's log, oldest first."""
    store.require("consent.read")
    store.get(Contact, contact_id)
    return read_events(store, contact_id)


def read_events(store: Store, contact_id: UUID) -> list[ConsentEvent]:
    """Return a person's log with its sealed values opened, oldest first, for other services."""
    chosen = select(ConsentEvent).where(ConsentEvent.contact_id == contact_id).order_by(ConsentEvent.place)
    events: list[ConsentEvent] = store.scalars(chosen)
    store.unseal(events)
    return events


def show_consents(store: Store, contact_id: UUID) -> list[dict[str, Any]]:
    """Return what a person says now, purpose by purpose and channel by channel, and whether it still covers."""
    store.require("consent.read")
    store.get(Contact, contact_id)
    chosen = (
        select(Consent, Purpose)
        .join(Purpose, Purpose.id == Consent.purpose_id)
        .where(Consent.contact_id == contact_id)
    )
    found = store.rows(chosen.order_by(Purpose.key, Consent.channel))
    return [
        {
            "purpose": purpose.key, "name": purpose.name, "channel": row.channel, "state": row.state,
            "since": row.since, "expires_at": row.expires_at, "event_id": row.event_id,
            "covers": covers(row, purpose, store.now),
        }
        for row, purpose in found
    ]  # fmt: skip


def covers(row: Any, purpose: Purpose, now: datetime) -> bool:
    """Say whether a folded consent allows its purpose now: given, to this version of it, and not over."""
    return (
        row.state in YES and row.number == purpose.number and (row.expires_at is None or row.expires_at > now)
    )


def prove_consent(
    store: Store, contact_id: UUID, purpose: str, *, at: datetime, channel: str = ""
) -> dict[str, Any]:
    """Return what a person said about a purpose on a day: the event in force, the exact text, its hash, time, how and who.

    Raises NotFound if nothing had been said by then.
    """
    store.require("consent.read")
    store.get(Contact, contact_id)
    wanted = find_purpose(store, purpose)
    events = [
        e for e in read_events(store, contact_id)
        if e.purpose_id == wanted.id and e.occurred_at <= at and (not channel or e.channel == channel)
    ]  # fmt: skip
    if not events:
        raise NotFound(f"Nothing was said about {purpose} by then.", code="no-consent")
    event = max(events, key=lambda e: (e.occurred_at, e.place))
    wording = store.find(Wording, event.wording_id) if event.wording_id else None
    return {
        "event": event, "text": wording.body if wording else None, "digest": event.digest,
        "digest_holds": wording is None or digest_of(wording.body) == event.digest,
        "chain_holds": not list(chain_faults(store, contact_id)),
    }  # fmt: skip


def make_receipt(store: Store, event_id: UUID) -> dict[str, Any]:
    """Return the receipt of one event as plain data, signed by the installation."""
    store.require("consent.read")
    event = store.get(ConsentEvent, event_id)
    purpose = store.get(Purpose, event.purpose_id)
    settings = store.settings("gdpr")
    receipt = {
        "schema": SCHEMA, "id": str(event.id), "subject": str(event.contact_id), "controller": settings["controller"],
        "contact": settings["controller_contact"], "purpose": purpose.key, "purpose_version": event.number,
        "basis": purpose.basis, "channel": event.channel, "event": event.event, "method": event.method,
        "language": event.language, "text_sha256": event.digest, "occurred_at": event.occurred_at.isoformat(),
        "recorded_at": event.recorded_at.isoformat(), "jurisdiction": event.jurisdiction, "hash": event.hash,
    }  # fmt: skip
    return {**receipt, "signature": sign_bytes(store, "consent receipt", _canonical(receipt)).hex()}


def check_receipt(store: Store, receipt: dict[str, Any]) -> bool:
    """Say whether a receipt is ours and unchanged."""
    store.require("consent.read")
    bare = {name: value for name, value in receipt.items() if name != "signature"}
    return bool(receipt.get("signature") == sign_bytes(store, "consent receipt", _canonical(bare)).hex())


def _canonical(values: dict[str, Any]) -> bytes:
    return msgspec.json.encode(values, enc_hook=str, order="deterministic")


# ---- proving ----
def chain_faults(store: Store, contact_id: UUID) -> Iterator[str]:
    """Yield what is wrong with a person's log, as sentences: a changed byte, a gap, a text that is not the one shown."""
    previous, events = "", read_events(store, contact_id)
    texts: dict[UUID, str] = {}
    for place, event in enumerate(events, start=1):
        if event.place != place or event.previous != previous or hash_of(event) != event.hash:
            yield f"event {event.id} is not what was written"
        if event.wording_id and event.wording_id not in texts:
            texts[event.wording_id] = store.get(Wording, event.wording_id).body
        if event.wording_id and digest_of(texts[event.wording_id]) != event.digest:
            yield f"the text of event {event.id} is not the one that was shown"
        previous = event.hash
    standing = store.first(select(Standing).where(Standing.contact_id == contact_id))
    if (standing.events if standing else 0, standing.head if standing else "") != (len(events), previous):
        yield f"the log of {contact_id} is not as long as it was"
    folded: dict[tuple[UUID, str], Any] = {}
    for event in sorted(events, key=lambda e: (e.occurred_at, e.place)):
        folded[event.purpose_id, event.channel] = event.id
    for row in store.scalars(select(Consent).where(Consent.contact_id == contact_id)):
        if folded.pop((row.purpose_id, row.channel), None) != row.event_id:
            yield f"what {contact_id} says now does not follow from the log"
    if folded:
        yield f"what {contact_id} says now lacks {len(folded)} of the log"


def verify_consents(store: Store, contact_id: UUID | None = None) -> dict[str, Any]:
    """Verify the logs of one person or of all; returns how many were looked at and every fault."""
    store.require("consent.read")
    own = store.legal("verify consents")
    ids = [contact_id] if contact_id else own.scalars(select(Standing.contact_id).where(Standing.events > 0))
    orphans = select(ConsentEvent.contact_id).where(
        ConsentEvent.contact_id.not_in(select(Standing.contact_id))
    )
    ids = [*ids, *({*own.scalars(orphans)} - {*ids})]
    faults = [fault for one in ids for fault in chain_faults(own, one)]
    return {"people": len(ids), "good": not faults, "faults": faults[:100]}


def expire_consents(store: Store, _payload: dict[str, Any]) -> int:
    """Write an event for every consent whose time is over; the gate does not wait for it. Returns how many."""
    due = store.scalars(
        select(Consent).where(Consent.expires_at <= store.now, Consent.state.in_(YES)).limit(500)
    )
    purposes = {p.id: p for p in store.scalars(select(Purpose))} if due else {}
    for row in due:
        said = Said(
            purpose=purposes[row.purpose_id], channel=row.channel, event=EXPIRED, method="clock",
            occurred_at=row.expires_at,
        )  # fmt: skip
        log_events(store, row.contact_id, [said])
    if len(due) == 500:
        store.later("gdpr.expire_consents", {})
    return len(due)
