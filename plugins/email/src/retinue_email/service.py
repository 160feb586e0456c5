"""Single letters: one template to one contact, once for each key; the gate is asked first, and its answer is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, exists, select, tuple_

from retinue import Problem, Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid
from retinue.lists import merge_values
from retinue_email import merging, recipients
from retinue_email.making import Desk, Press, Reader
from retinue_email.models import QUEUED, REFUSED, Delivery, DeliveryEvent, LetterText, LetterValues, Template
from retinue_email.suppression import is_suppressed
from retinue_email.templates import choose_language, find_template, newest_texts

DELIVER: Final = "email.deliver_due"
MAX_VALUES: Final = 64 * 1024


def send_letter(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Order one letter and return it; what the gate refuses is kept with its reason and not sent.

    A known ``key`` orders nothing again: the letter that was ordered under it is returned. Raises Invalid for values
    that are not the template's words, Conflict for a template that is put away.
    """
    store.require("email.send")
    contact = store.get(Contact, draft["contact_id"])
    store.require("email.send", contact)
    template = find_template(store, draft["template"])
    return order_letter(store, template, contact.id, values=draft.get("values") or {}, key=draft.get("key"))


def order_letter(
    store: Store, template: Template, contact_id: UUID, *, values: Mapping[str, Any], key: str | None
) -> dict[str, Any]:
    """Write a letter's row, sealed values beside it, and have it sent after the commit."""
    own = store.system("order a letter")
    known = own.first(select(Delivery).where(Delivery.key == key)) if key else None
    if known is not None:
        return {**describe_letters(own, [known])[0], "repeated": True}
    if template.retired_at is not None:
        raise Conflict(f"the template {template.key} is put away", code="template-put-away")
    _check_values(template, values)
    person = recipients.read_recipients(own, [contact_id])[contact_id]
    texts = newest_texts(own, template.id)
    text = texts[choose_language(texts, person.language, template.language)]
    tokens = recipients.tokens_for(own, person)
    refused = recipients.refusals_by_gate(own, [contact_id], template.purpose)
    reason = recipients.NO_ADDRESS if tokens is None else refused.get(contact_id, "")
    row = Delivery(
        id=new_id(), key=key, contact_id=contact_id, text_id=text.id, purpose=template.purpose,
        token=tokens[0] if tokens else None, domain=tokens[1] if tokens else None,
        state=REFUSED if reason else QUEUED, reason=reason, attempts=0, code=0, enhanced="", created_at=own.now,
    )  # fmt: skip
    own.add(row)
    own.flush()
    if not reason and own.first(select(Delivery.id).where(Delivery.id == row.id, is_suppressed())):
        row.state, row.reason = REFUSED, "suppressed"
    if values and row.state == QUEUED:
        kept = LetterValues(delivery_id=row.id, contact_id=contact_id)
        kept.values = dict(values)
        own.add(kept)
    own.flush()
    if row.state == QUEUED:
        store.later(DELIVER, {})
    store.record("email.send", contact_id=contact_id, detail={"template": template.key, "state": row.state})
    return {**describe_letters(own, [row])[0], "repeated": False}


def _check_values(template: Template, values: Mapping[str, Any]) -> None:
    """Raise Invalid for values that no text of the template can name, and for too many of them."""
    known = {word.partition(".")[0] for word in template.words}
    problems = [
        Problem(f"/values/{name}", f"the template {template.key} knows no word {name[:60]}", "unknown-field")
        for name in values
        if name not in known
    ]
    if len(msgspec.json.encode(values)) > MAX_VALUES:
        problems.append(Problem("/values", f"they are more than {MAX_VALUES // 1024} KB", "too-long"))
    if problems:
        raise Invalid("the letter cannot be ordered", code="letter", problems=problems)


def preview_letter(
    store: Store, template_id: UUID, contact_id: UUID, *, language: str | None, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a template as one contact would read it; nothing is sent. Raises Invalid for a word that is missing."""
    store.require("email_template.read")
    template = store.get(Template, template_id)
    contact = store.get(Contact, contact_id)
    texts = newest_texts(store, template.id)
    text = texts[choose_language(texts, language or contact.language, template.language)]
    subject, html, plain = fill_text(store, template, text, contact.id, values=values)
    return {"language": text.language, "number": text.number, "subject": subject, "html": html, "text": plain}


def fill_text(
    store: Store, template: Template, text: LetterText, contact_id: UUID, *, values: Mapping[str, Any]
) -> tuple[str, str, str]:
    """Return subject, HTML and text for a contact, with what the actor may see of them."""
    words = {word for part in (text.subject, text.html, text.text) for word in merging.words_of(part)}
    merged = merge_values(store, sorted(words), [contact_id]).get(contact_id, {})
    merged = {**merged, "today": store.now.date(), **values}
    desk = Desk.of(store.system("preview a letter"))
    try:
        return Press(desk, text, template.purpose).fill(Reader(UUID(int=0), "", "", merged))
    except merging.MergeFault as fault:
        detail = f'"{fault.word}" is not known of this contact' if fault.word else "it cannot be filled in"
        problem = Problem("/contact_id", f"{detail}; give it a default", "merge_error")
        raise Invalid("the letter cannot be made", code="merge_error", problems=[problem]) from None


def list_letters(
    store: Store, *, contact_id: UUID | None = None, campaign_id: UUID | None = None, state: str = "",
    reason: str = "", event: str = "", after: Sequence[Any] | None = None, limit: int = 50,
) -> tuple[list[dict[str, Any]], list[Any] | None]:  # fmt: skip
    """Return letters to contacts the actor sees, newest first, and where the next page starts after."""
    store.require("email.read")
    conditions: list[ColumnElement[bool]] = []
    if contact_id is not None:
        store.get(Contact, contact_id)
        conditions.append(Delivery.contact_id == contact_id)
    if campaign_id is not None:
        conditions.append(Delivery.campaign_id == campaign_id)
    if state:
        conditions.append(Delivery.state == state)
    if reason:
        conditions.append(Delivery.reason == reason)
    if event:
        heard = select(DeliveryEvent.id).where(
            DeliveryEvent.delivery_id == Delivery.id, DeliveryEvent.kind == event
        )
        conditions.append(exists(heard.correlate(Delivery)))
    if after is not None:
        conditions.append(tuple_(Delivery.id) < tuple_(UUID(str(after[0]))))
    rows = store.scalars(select(Delivery).where(*conditions).order_by(Delivery.id.desc()).limit(limit + 1))
    more, rows = len(rows) > limit, rows[:limit]
    return describe_letters(store, rows), [str(rows[-1].id)] if more else None


def get_letter(store: Store, letter_id: UUID) -> dict[str, Any]:
    """Return one letter."""
    store.require("email.read")
    return describe_letters(store, [store.get(Delivery, letter_id)])[0]


def describe_letters(store: Store, rows: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Return letters as plain values with the template they were made of."""
    texts = {row.text_id for row in rows}
    chosen = select(LetterText.id, LetterText.language, Template.key, Template.name)
    chosen = chosen.join(Template, Template.id == LetterText.template_id).where(LetterText.id.in_(texts))
    named = {row.id: row for row in store.rows(chosen)} if texts else {}
    names = (
        "id", "campaign_id", "key", "contact_id", "purpose", "state", "reason", "attempts", "code", "enhanced",
        "not_before", "created_at", "sent_at",
    )  # fmt: skip
    return [
        {
            **{name: getattr(row, name) for name in names}, "text_id": row.text_id,
            "template": named[row.text_id].key, "template_name": named[row.text_id].name,
            "language": named[row.text_id].language,
        }
        for row in rows
    ]  # fmt: skip
