"""``/api/v1/gdpr``: purposes, texts, consents, the gate, links, letters; requests and the rest stand in ``duty_routes``."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import get, patch, post
from retinue_gdpr import forms, gate, letters, notices, preferences, purposes, service, suppression
from retinue_gdpr import schemas as s
from retinue_gdpr.duty_routes import DUTIES
from retinue_gdpr.models import ConsentEvent, Form, KeptRefusal, Letter, Purpose, Wording

PURPOSE, PURPOSE_DRAFT, PURPOSE_CHANGE = s.PurposeSchema(), s.PurposeDraftSchema(), s.PurposeChangeSchema()
WORDING, WORDING_DRAFT = s.WordingSchema(), s.WordingDraftSchema()
SAID, EVENT, CONSENT, PROOF = s.SaidBatchSchema(), s.EventSchema(), s.ConsentSchema(), s.ProofSchema()
RECEIPT, RECEIPT_CHECK, VERDICT = s.ReceiptSchema(), s.ReceiptCheckSchema(), s.VerdictSchema()
GATE, JUDGEMENT, REFUSAL = s.GateSchema(), s.JudgementSchema(), s.RefusalSchema()
ADDRESS, RELEASE, COUNT, COUNTS = s.AddressSchema(), s.ReleaseSchema(), s.CountSchema(), s.CountsSchema()
LINK_DRAFT, LINK, LETTER, OVERDUE = s.LinkDraftSchema(), s.LinkSchema(), s.LetterSchema(), s.OverdueSchema()
FORM, FORM_DRAFT, FORM_CHANGE = s.FormSchema(), s.FormDraftSchema(), s.FormChangeSchema()
_TAGS = ["gdpr"]
_ONE = "/contacts/{contact_id:uuid}"


# ---- purposes and texts ----
@get("/purposes", permission="purpose.read", gives=PURPOSE, tags=_TAGS)
def list_purposes(store: Store, retired: bool = False) -> list[Purpose]:
    """List the purposes."""
    return purposes.list_purposes(store, retired=retired)


@post("/purposes", permission="purpose.change", takes=PURPOSE_DRAFT, gives=PURPOSE, tags=_TAGS)
def create_purpose(store: Store, data: dict[str, Any]) -> Purpose:
    """Create a purpose."""
    return purposes.create_purpose(store, data)


@patch(
    "/purposes/{purpose_id:uuid}",
    permission="purpose.change",
    takes=PURPOSE_CHANGE,
    gives=PURPOSE,
    tags=_TAGS,
)
def change_purpose(store: Store, purpose_id: UUID, data: dict[str, Any], version: int | None) -> Purpose:
    """Change a purpose; what it means changed, earlier consents do not cover it any more."""
    return purposes.change_purpose(store, purpose_id, data, version)


@get("/wordings", permission="purpose.read", gives=WORDING, tags=_TAGS)
def list_wordings(store: Store, kind: str = "", purpose_id: UUID | None = None) -> list[Wording]:
    """List the texts of consents and notices, the newest of each language first."""
    return purposes.list_wordings(store, kind=kind, purpose_id=purpose_id)


@post("/wordings", permission="purpose.change", takes=WORDING_DRAFT, gives=WORDING, tags=_TAGS)
def add_wording(store: Store, data: dict[str, Any]) -> Wording:
    """Add a text; none is ever changed."""
    return purposes.add_wording(store, data)


# ---- consents ----
@get(f"{_ONE}/consents", permission="consent.read", gives=CONSENT, tags=_TAGS)
def list_consents(store: Store, contact_id: UUID) -> list[dict[str, Any]]:
    """Return what a contact says now, purpose by purpose."""
    return service.show_consents(store, contact_id)


@post(f"{_ONE}/consents", permission="consent.record", takes=SAID, gives=EVENT, tags=_TAGS)
def record_consents(store: Store, contact_id: UUID, data: dict[str, Any]) -> list[ConsentEvent]:
    """Record what a contact said, with its proof."""
    return service.record_consents(store, contact_id, data["events"])


@get(f"{_ONE}/consent-events", permission="consent.read", gives=EVENT, tags=_TAGS)
def list_consent_events(store: Store, contact_id: UUID) -> list[ConsentEvent]:
    """Return the whole log of a contact, oldest first."""
    return service.list_events(store, contact_id)


@get(f"{_ONE}/consent-proof", permission="consent.read", gives=PROOF, tags=_TAGS)
def prove_consent(
    store: Store, contact_id: UUID, purpose: str = "", at: datetime | None = None, channel: str = ""
) -> dict[str, Any]:
    """Return what a contact said about a purpose by a moment: event, exact text, hash, time, how and who."""
    return service.prove_consent(store, contact_id, purpose, at=at or store.now, channel=channel)


@get("/consent-events/{event_id:uuid}/receipt", permission="consent.read", gives=RECEIPT, tags=_TAGS)
def make_receipt(store: Store, event_id: UUID) -> dict[str, Any]:
    """Return the signed receipt of one event."""
    return {"receipt": service.make_receipt(store, event_id)}


@post(
    "/receipts/check", permission="consent.read", takes=RECEIPT, gives=RECEIPT_CHECK, status=200, tags=_TAGS
)
def check_receipt(store: Store, data: dict[str, Any]) -> dict[str, bool]:
    """Say whether a receipt is ours and unchanged."""
    return {"good": service.check_receipt(store, data["receipt"])}


@post("/verify", permission="consent.read", gives=VERDICT, status=200, tags=_TAGS)
def verify_consents(store: Store, contact_id: UUID | None = None) -> dict[str, Any]:
    """Verify the log of one contact or of all."""
    return service.verify_consents(store, contact_id)


# ---- gate and addresses ----
@post("/gate", permission="consent.read", takes=GATE, gives=JUDGEMENT, status=200, tags=_TAGS)
def judge_contacts(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Say who may be written to for a purpose (``email.marketing``), and why the others not."""
    return gate.judge_contacts(store, data["contact_ids"], data["purpose"], keep=data.get("keep", False))


@get(f"{_ONE}/refusals", permission="consent.read", gives=REFUSAL, tags=_TAGS)
def list_refusals(store: Store, contact_id: UUID) -> list[KeptRefusal]:
    """Return the sendings a contact was left out of, and why."""
    return gate.list_refusals(store, contact_id)


@get("/suppressions", permission="suppression.read", gives=COUNTS, tags=_TAGS)
def count_suppressions(store: Store) -> dict[str, Any]:
    """Return how many addresses must not come back or be written to, by reason."""
    return {"counts": suppression.count_suppressed(store)}


@post("/suppressions", permission="suppression.change", takes=ADDRESS, gives=COUNT, tags=_TAGS)
def suppress_address(store: Store, data: dict[str, Any]) -> dict[str, int]:
    """Put an address on the list; its keyed hash is what stays."""
    return {"count": suppression.suppress_address(store, data["address"], data.get("reason", "manual"))}


@post(
    "/suppressions/release",
    permission="suppression.change",
    takes=RELEASE,
    gives=COUNT,
    status=200,
    tags=_TAGS,
)
def release_address(store: Store, data: dict[str, Any]) -> dict[str, int]:
    """Take an address off the list, since its holder gave a new consent."""
    return {"count": suppression.release_address(store, data["address"], evidence=data["evidence"])}


# ---- links, forms, letters ----
@post("/links", permission="link.create", takes=LINK_DRAFT, gives=LINK, tags=_TAGS)
def create_link(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Make a signed link to preferences, a form, a request or a copy."""
    return preferences.create_link(
        store,
        data["kind"],
        contact_id=data.get("contact_id"),
        form=data.get("form", ""),
        days=data.get("days"),
    )


@get("/forms", permission="consent_form.read", gives=FORM, tags=_TAGS)
def list_forms(store: Store) -> list[Form]:
    """List the consent forms."""
    return forms.list_forms(store)


@post("/forms", permission="consent_form.change", takes=FORM_DRAFT, gives=FORM, tags=_TAGS)
def create_form(store: Store, data: dict[str, Any]) -> Form:
    """Draft a form."""
    return forms.create_form(store, data)


@patch("/forms/{form_id:uuid}", permission="consent_form.change", takes=FORM_CHANGE, gives=FORM, tags=_TAGS)
def change_form(store: Store, form_id: UUID, data: dict[str, Any], version: int | None) -> Form:
    """Change a form that is not published."""
    return forms.change_form(store, form_id, data, version)


@post("/forms/{form_id:uuid}/publish", permission="consent_form.publish", gives=FORM, status=200, tags=_TAGS)
def publish_form(store: Store, form_id: UUID, version: int | None) -> Form:
    """Publish a form, if the profile of law finds nothing missing."""
    return forms.publish_form(store, form_id, version)


@post("/forms/{form_id:uuid}/close", permission="consent_form.publish", gives=FORM, status=200, tags=_TAGS)
def close_form(store: Store, form_id: UUID, version: int | None) -> Form:
    """Close a form."""
    return forms.close_form(store, form_id, version)


@get("/letters", permission="letter.read", gives=LETTER, tags=_TAGS)
def list_letters(store: Store, waiting: bool = True) -> list[Letter]:
    """List letters: those that wait to be sent by hand, or all."""
    return letters.list_letters(store, waiting=waiting)


@post("/letters/{letter_id:uuid}/sent", permission="letter.send", gives=LETTER, status=200, tags=_TAGS)
def mark_letter_sent(store: Store, letter_id: UUID) -> Letter:
    """Say that a letter of the outbox went out."""
    return letters.mark_sent(store, letter_id)


@post(f"{_ONE}/notice", permission="letter.send", gives=COUNT, status=200, tags=_TAGS)
def send_notice(store: Store, contact_id: UUID) -> dict[str, int]:
    """Write a contact's notice now; 0 if it was written before."""
    return {"count": int(notices.send_notice(store, contact_id) is not None)}


@get("/notices/overdue", permission="letter.read", gives=OVERDUE, tags=_TAGS)
def list_overdue(store: Store) -> list[dict[str, Any]]:
    """List the contacts that were not told in time, those from outside first."""
    return notices.list_overdue(store)


ROUTES = [
    list_purposes, create_purpose, change_purpose, list_wordings, add_wording, list_consents, record_consents,
    list_consent_events, prove_consent, make_receipt, check_receipt, verify_consents, judge_contacts, list_refusals,
    count_suppressions, suppress_address, release_address, create_link, list_forms, create_form, change_form,
    publish_form, close_form, list_letters, mark_letter_sent, send_notice, list_overdue, *DUTIES,
]  # fmt: skip
