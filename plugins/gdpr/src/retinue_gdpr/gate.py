"""The one gate before every sending: who may not be written to for a purpose, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select

from retinue import Refusal, Store
from retinue.contacts import Contact, exact_tokens, holders_of
from retinue_gdpr.models import (
    CHANNELS,
    CONSENT,
    CONTRACT,
    INTERESTS,
    LEGAL,
    OBJECTED,
    REFUSED,
    VITAL,
    WITHDRAWN,
    Consent,
    ConsentEvent,
    KeptRefusal,
    Purpose,
    Suppression,
    Wording,
)
from retinue_gdpr.service import covers

_CHUNK: Final = 1000
_MANY: Final = 20_000
"""Above this many contacts the whole list of a purpose is read instead of asking for each part."""
SERVICE: Final = "service"
OWED: Final = (CONTRACT, LEGAL, VITAL)
"""Bases that a refusal of marketing does not touch."""


def split_purpose(text: str) -> tuple[str, str]:
    """Return channel and purpose of ``email.marketing``; the channel is empty where there is none."""
    channel, _, key = text.partition(".")
    return (channel, key) if key and channel in CHANNELS else ("", text)


def refuse_contacts(store: Store, contact_ids: Sequence[UUID], purpose: str) -> list[Refusal]:
    """Return a refusal for each contact that may not be used for `purpose` now, each with its reason.

    A purpose that is in no register is refused for everybody: what nobody described nobody may do.
    """
    own = store.system("consent gate")
    channel, name = split_purpose(purpose)
    found: Purpose | None = own.first(select(Purpose).where(Purpose.key == name))
    if found is None and name != SERVICE:
        words = f"the purpose {name} is not in the register"
        return [Refusal(i, words, "purpose-unknown") for i in contact_ids]
    if found is not None and (
        found.retired_at or (channel and found.channels and channel not in found.channels)
    ):
        words = f"the purpose {name} is not used in this channel"
        return [Refusal(i, words, "purpose-closed") for i in contact_ids]
    refusals: dict[UUID, Refusal] = {}
    basis = found.basis if found is not None else CONTRACT
    for refusal in (
        *_gone(own, contact_ids, basis),
        *(_unwilling(own, contact_ids, found, channel) if found is not None else ()),
        *(_suppressed(own, contact_ids) if basis not in OWED else ()),
    ):
        refusals.setdefault(refusal.contact_id, refusal)
    return list(refusals.values())


def _gone(own: Store, ids: Sequence[UUID], basis: str) -> Iterator[Refusal]:
    """Refuse who is restricted or not there: a restriction leaves only what a law demands."""
    seen: set[UUID] = set()
    source = own.legal("consent gate") if basis == LEGAL else own
    for part in _parts(ids):
        seen.update(source.scalars(select(Contact.id).where(Contact.id.in_(part))))
    for contact_id in ids:
        if contact_id not in seen:
            yield Refusal(contact_id, "the contact is restricted or not there", "restricted")


def _parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _unwilling(own: Store, ids: Sequence[UUID], purpose: Purpose, channel: str) -> Iterator[Refusal]:
    """Refuse by what people said: a consent is needed, or an objection is enough, as the basis says."""
    if purpose.basis not in (CONSENT, INTERESTS):
        return
    said = {row.contact_id: row for row in _said(own, ids, purpose, channel)}
    for contact_id in ids:
        if (why := why_not(said.get(contact_id), purpose, own.now)) is not None:
            yield Refusal(contact_id, *why)


def why_not(row: Any, purpose: Purpose, now: datetime) -> tuple[str, str] | None:
    """Return why what somebody said, `row`, or that they said nothing, forbids a purpose, with a code; None if it does not."""
    if purpose.basis == INTERESTS:
        if row is not None and row.state in (REFUSED, WITHDRAWN, OBJECTED):
            return f"{purpose.name}: the contact objected", "objected"
    elif purpose.basis == CONSENT:
        if row is None:
            return f"{purpose.name}: no consent", "no-consent"
        if not covers(row, purpose, now):
            return _why(row, purpose)
    return None


def _why(row: Any, purpose: Purpose) -> tuple[str, str]:
    if row.state in (REFUSED, WITHDRAWN, OBJECTED):
        return f"{purpose.name}: {row.state} on {row.since.date()}", row.state
    if row.number != purpose.number:
        return f"{purpose.name}: the consent is to version {row.number} of {purpose.number}", "consent-old"
    return f"{purpose.name}: the consent has expired", "consent-expired"


def _said(own: Store, ids: Sequence[UUID], purpose: Purpose, channel: str) -> Iterator[Any]:
    columns = (Consent.contact_id, Consent.state, Consent.number, Consent.since, Consent.expires_at)
    mine: ColumnElement[bool] = (Consent.purpose_id == purpose.id) & (Consent.channel == channel)
    chosen = select(*columns).where(mine)
    if len(ids) > _MANY:
        yield from own.rows(chosen)
        return
    for part in _parts(ids):
        yield from own.rows(chosen.where(Consent.contact_id.in_(part)))


def _suppressed(own: Store, ids: Sequence[UUID]) -> Iterator[Refusal]:
    tokens = own.scalars(select(Suppression.token).distinct())
    wanted = set(ids)
    for start in range(0, len(tokens), _CHUNK):
        for holders in holders_of(own, tokens[start : start + _CHUNK]).values():
            for contact_id in wanted.intersection(holders):
                yield Refusal(
                    contact_id, "the address is on the list of those not to be written to", "suppressed"
                )


def judge_contacts(store: Store, contact_ids: Sequence[UUID], purpose: str, *, keep: bool) -> dict[str, Any]:
    """Ask every plugin's gate for these contacts, and keep the refusals if wished; returns who may and who may not."""
    store.require("consent.read")
    seen = set(store.scalars(select(Contact.id).where(Contact.id.in_(contact_ids))))
    refusals = store.hooks.contact_refusals(store=store, contact_ids=list(contact_ids), purpose=purpose)
    if keep:
        keep_refusals(
            store, {"purpose": purpose, "items": [_item(r) for r in refusals if r.contact_id in seen]}
        )
    refused = {refusal.contact_id for refusal in refusals}
    return {
        "allowed": [i for i in contact_ids if i in seen and i not in refused],
        "refused": [
            {"contact_id": r.contact_id, "code": r.code, "reason": r.reason, "until": r.until}
            for r in refusals
        ],
    }


def _item(refusal: Refusal) -> dict[str, str]:
    return {"contact_id": str(refusal.contact_id), "code": refusal.code, "reason": refusal.reason}


def keep_refusals(store: Store, payload: dict[str, Any]) -> int:
    """Keep why contacts were left out of a sending; a sender hands them over with ``store.later``."""
    own = store.system("keep refusals")
    rows = [
        {
            "contact_id": UUID(str(item["contact_id"])), "purpose": payload["purpose"], "at": store.now,
            "code": item["code"][:40], "reason": item["reason"][:300],
        }
        for item in payload["items"]
    ]  # fmt: skip
    own.insert_many(KeptRefusal, rows)
    return len(rows)


def list_refusals(store: Store, contact_id: UUID) -> list[KeptRefusal]:
    """Return why a contact was left out, the newest first."""
    store.require("consent.read")
    store.get(Contact, contact_id)
    chosen = select(KeptRefusal).where(KeptRefusal.contact_id == contact_id)
    return store.scalars(chosen.order_by(KeptRefusal.at.desc(), KeptRefusal.id.desc()).limit(200))


def explain_purposes(store: Store, contact_id: UUID, *, retired: bool = False) -> list[dict[str, Any]]:
    """Return, purpose by purpose and channel by channel, whether a contact may be used for it, and the last thing they said.

    It says what this plugin knows; before a sending the gate asks every plugin.
    """
    store.require("consent.read")
    contact = store.get(Contact, contact_id)
    chosen = (
        select(Consent, ConsentEvent.method, Wording.number, Wording.language)
        .join(ConsentEvent, ConsentEvent.id == Consent.event_id)
        .outerjoin(Wording, Wording.id == ConsentEvent.wording_id)
        .where(Consent.contact_id == contact_id)
    )
    said = {(row[0].purpose_id, row[0].channel): row for row in store.rows(chosen)}
    blocked = _is_suppressed(store, contact)
    purposes = store.scalars(select(Purpose).order_by(Purpose.key))
    return [
        {
            "id": purpose.id, "key": purpose.key, "name": purpose.name, "basis": purpose.basis,
            "channels": [
                _explain(purpose, channel, said.get((purpose.id, channel)), blocked=blocked, now=store.now)
                for channel in purpose.channels or [""]
            ],
        }
        for purpose in purposes
        if retired or purpose.retired_at is None
    ]  # fmt: skip


def _explain(purpose: Purpose, channel: str, row: Any, *, blocked: bool, now: datetime) -> dict[str, Any]:
    consent, method, number, language = row or (None, "", None, "")
    why = why_not(consent, purpose, now)
    code = why[1] if why else "suppressed" if blocked and purpose.basis not in OWED else ""
    return {
        "channel": channel, "allowed": not code, "code": code, "state": consent.state if consent else "",
        "since": consent.since if consent else None, "expires_at": consent.expires_at if consent else None,
        "method": method, "text_number": number, "text_language": language or "",
    }  # fmt: skip


def _is_suppressed(store: Store, contact: Contact) -> bool:
    tokens = list(exact_tokens(store, {"emails": contact.emails, "phones": contact.phones}))
    chosen = select(Suppression.id).where(Suppression.token.in_(tokens)).limit(1)
    return bool(tokens) and store.system("consent gate").first(chosen) is not None
