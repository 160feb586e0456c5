"""What people say for themselves by a signed link: preferences, consents on a form, requests; nothing else can be changed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.contacts import Contact, create_contact, exact_tokens, holders_of
from retinue.errors import Conflict, Denied, Invalid, NotFound
from retinue.web import Link, make_link, read_link
from retinue_gdpr.answering import public_url
from retinue_gdpr.duty_models import KINDS, OPEN, UNVERIFIED, LinkUse, Request
from retinue_gdpr.forms import published_form, questions_of
from retinue_gdpr.letters import find_recipient, hand_over, write_letter
from retinue_gdpr.models import CONSENT, GIVEN, WITHDRAWN, Consent, ConsentEvent, Form, Purpose
from retinue_gdpr.requests import move, take_in
from retinue_gdpr.service import YES, Said, covers, log_events
from retinue_gdpr.suppression import release_tokens
from retinue_gdpr.words import spoken, words_in

PREFERENCES, FORM, ASK, CONFIRM, COPY = "preferences", "form", "request", "confirm", "copy"
COPY_USES: Final = 3
"""How often the copy behind one link can be fetched."""
ANYBODY: Final = UUID(int=0)
_LASTS: Final = {
    PREFERENCES: timedelta(days=365), FORM: timedelta(days=365), ASK: timedelta(days=365),
    CONFIRM: timedelta(days=7), COPY: timedelta(days=14),
}  # fmt: skip
"""How long each kind of link is good unless somebody says otherwise."""
_BY_LETTER: Final = " letter"
"""Marks a link that only the mailbox has seen: who opens it has it."""


def create_link(
    store: Store, kind: str, *, contact_id: UUID | None = None, form: str = "", days: int | None = None
) -> dict[str, Any]:
    """Return a signed link: to a contact's preferences or copy, to a form (of a contact, or open), to ask for a right."""
    store.require("link.create")
    lasts = timedelta(days=days) if days else _LASTS[kind]
    subject, extra = contact_id or ANYBODY, ""
    if kind in (PREFERENCES, COPY) and contact_id is None:
        raise Invalid("the link is not valid", problems=[Problem("/contact_id", "whose?", "required")])
    if contact_id is not None:
        store.get(Contact, contact_id)
    if kind == FORM:
        extra = str(published_form(store, form).id)
    token = make_link(store, kind, subject, lasts=lasts, extra=extra)
    return {"token": token, "url": public_url(store, f"{kind}/{token}"), "until": store.now + lasts}


def open_copy(store: Store, token: str, *, uses: bool = False) -> Link:
    """Return what a link to a copy says, and note a use of it if `uses`.

    The copy can be fetched `COPY_USES` times, so that a broken download is no loss and a link that got into other hands later
    opens nothing. Raises Denied, NotFound for who is erased, Conflict once the link is used up.
    """
    link, own = _open(store, COPY, token)
    mark = hashlib.sha256(link.mark.encode()).hexdigest()
    if uses:
        own.get(Contact, link.subject, lock=True)  # two at once count as two
    if own.count(select(LinkUse.id).where(LinkUse.mark == mark)) >= COPY_USES:
        raise Conflict("This link was used already.", code="link-used", remedy="Ask for a new one.")
    if uses:
        own.add(LinkUse(contact_id=link.subject, mark=mark, used_at=store.now))
        own.flush()
    return link


# ---- preference centre ----
def show_preferences(store: Store, token: str) -> dict[str, Any]:
    """Return the topics and channels of the holder of a link, and what they said; no name, no address."""
    link, own = _open(store, PREFERENCES, token)
    return {"until": link.until, "topics": _topics(own, link.subject)}


def _open(store: Store, kind: str, token: str) -> tuple[Link, Store]:
    """Return what a link says, and a store that may do it; raises Denied, or NotFound once the person is gone."""
    link, own = read_link(store, kind, token), store.system(f"{kind} link")
    if link.subject != ANYBODY and own.find(Contact, link.subject) is None:
        raise NotFound("Nothing is kept for this link any more.", code="link-gone")
    return link, own


def _topics(own: Store, contact_id: UUID) -> list[dict[str, Any]]:
    held = {
        (r.purpose_id, r.channel): r
        for r in own.scalars(select(Consent).where(Consent.contact_id == contact_id))
    }
    chosen = select(Purpose).where(Purpose.topic, Purpose.basis == CONSENT, Purpose.retired_at.is_(None))
    return [
        {
            "key": purpose.key, "name": purpose.name, "description": purpose.description,
            "channels": {
                channel: (row := held.get((purpose.id, channel))) is not None and covers(row, purpose, own.now)
                for channel in purpose.channels
            },
        }
        for purpose in own.scalars(chosen.order_by(Purpose.key))
    ]  # fmt: skip


def save_preferences(
    store: Store, token: str, wanted: Collection[tuple[str, str]], *, address: str = "", agent: str = ""
) -> dict[str, Any]:
    """Set which topics their holder wants in which channel; each change is an event of the log, what is the same is none."""
    link, own = _open(store, PREFERENCES, token)
    purposes = {p.key: p for p in own.scalars(select(Purpose))}
    said = [
        Said(
            purpose=purposes[topic["key"]], channel=channel, method="preferences", evidence=f"link {link.mark[:16]}",
            event=GIVEN if (topic["key"], channel) in wanted else WITHDRAWN, **_origin(store, address, agent),
        )
        for topic in _topics(own, link.subject)
        for channel, on in topic["channels"].items()
        if on != ((topic["key"], channel) in wanted)
    ]  # fmt: skip
    if said:
        log_events(own, link.subject, said)
    return {"until": link.until, "topics": _topics(own, link.subject), "changed": len(said)}


def _origin(store: Store, address: str, agent: str) -> dict[str, Any]:
    kept = store.settings("gdpr")["keep_addresses"]
    return {"address": address[:60], "agent": agent[:300]} if kept else {}


def withdraw_everything(store: Store, token: str) -> int:
    """Withdraw every consent of the holder of a link, in one click; returns how many there were."""
    link, own = _open(store, PREFERENCES, token)
    given = select(Consent).where(Consent.contact_id == link.subject, Consent.state.in_(YES))
    purposes = {p.id: p for p in own.scalars(select(Purpose))}
    said = [
        Said(purpose=purposes[row.purpose_id], channel=row.channel, event=WITHDRAWN, method="preferences")
        for row in own.scalars(given)
    ]
    return len(log_events(own, link.subject, said)) if said else 0


# ---- consent form ----
def show_form(store: Store, token: str) -> dict[str, Any]:
    """Return what a form asks, with the exact texts; `known` says that it is about a contact we have."""
    link, own = _open(store, FORM, token)
    form = own.get(Form, UUID(link.extra.partition(" ")[0]))
    if form.published_at is None:
        raise NotFound("This form is closed.", code="form-closed")
    return {"form": form, "questions": questions_of(own, form), "known": link.subject != ANYBODY}


def submit_form(
    store: Store, token: str, answers: Mapping[str, Any], *, address: str = "", agent: str = ""
) -> dict[str, Any]:
    """Take the answers of a form: ``terms`` must be ticked, ``purposes`` are those agreed to.

    A link of a known contact works once and touches consents alone. An open form makes a new contact; for an address
    that is known it changes nothing and sends its holder a link, so that nobody can speak for somebody else. A form
    that is confirmed does so for a new address too: no consent is there before the form behind that link was sent.
    Raises Invalid without the tick, Conflict for a link that was used.
    """
    link, own = _open(store, FORM, token)
    shown = show_form(store, token)
    form: Form = shown["form"]
    problems = list(_complaints(form, answers, shown["known"]))
    if problems:
        raise Invalid("the form is not complete", problems=problems)
    contact_id, mark = link.subject, f"link {link.mark}"
    if shown["known"]:
        _refuse_used(own, contact_id, mark)
    else:
        found = _contact_for(own, form, answers)
        if found is not None and form.confirm:
            _send_form(own, found, form)
        if found is None or form.confirm:
            return {"recorded": 0, "confirm": True}
        contact_id = found
    method = "double_opt_in" if link.extra.endswith(_BY_LETTER) else "form"
    agreed = set(answers.get("purposes") or ())
    said = [
        Said(
            purpose=q["purpose"], channel=channel, method=method, wording=q["wording"], form_id=form.id, evidence=mark,
            event=GIVEN, **_origin(store, address, agent),
        )
        for q in shown["questions"] if q["purpose"].key in agreed
        for channel in q["purpose"].channels or [""]
    ]  # fmt: skip
    return {"recorded": len(log_events(own, contact_id, said)), "confirm": False}


def _complaints(form: Form, answers: Mapping[str, Any], known: bool) -> Sequence[Problem]:
    problems = []
    if not answers.get("terms"):
        problems.append(Problem("/terms", "tick that you have read how your data are used", "required"))
    if not known and not str(answers.get("email") or "").strip():
        problems.append(Problem("/email", "an e-mail address is missing", "required"))
    for key in answers.get("purposes") or ():
        if key not in form.purposes:
            problems.append(Problem("/purposes", f"this form does not ask for {key}"))
    return problems


def _refuse_used(own: Store, contact_id: UUID, mark: str) -> None:
    chosen = select(ConsentEvent).where(
        ConsentEvent.contact_id == contact_id, ConsentEvent.method.in_(("form", "double_opt_in"))
    )
    rows = own.scalars(chosen)
    own.unseal(rows)
    if any(row.evidence == mark for row in rows):
        raise Conflict("This link was used already.", code="link-used", remedy="Ask for a new one.")


def _contact_for(own: Store, form: Form, answers: Mapping[str, Any]) -> UUID | None:
    """Return a new contact; None for an address that is known, whose holder gets a letter with a link of their own."""
    email = str(answers["email"]).strip()
    draft = {
        "kind": "person", "given_name": str(answers.get("name") or "").strip()[:150] or email.partition("@")[0],
        "emails": [{"value": email}], "source": form.source or f"form {form.key}", "language": form.language,
    }  # fmt: skip
    tokens = exact_tokens(own, {"emails": [{"value": email}]}) if "@" in email else {}
    holders = [one for ids in holders_of(own, tokens).values() for one in ids]
    if holders:
        for contact_id in holders:
            _send_form(own, contact_id, form)
        return None
    release_tokens(own, tokens, ["erased"])  # they come back by their own will, and the log says so
    made: UUID = create_contact(own, draft, on_duplicate="allow").id
    return made


def _send_form(own: Store, contact_id: UUID, form: Form) -> None:
    token = make_link(own, FORM, contact_id, lasts=_LASTS[CONFIRM], extra=f"{form.id}{_BY_LETTER}")
    words = words_in(form.language)
    asked = words("Somebody, perhaps you, filled in our form. If it was you, please confirm it here:")
    body = f"{asked}\n{public_url(own, f'form/{token}')}"
    key = f"form {form.id} {contact_id} {own.now.date()}"  # at most one letter a day, however often it is sent in
    letter = write_letter(
        own,
        contact_id,
        kind="confirm",
        key=key,
        language=spoken(form.language),
        subject=form.title,
        body=body,
    )
    hand_over(own, [letter] if letter else [])


# ---- request form ----
def submit_request(store: Store, token: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Take a request in by a link. The answer is the same whether the address is known or not.

    A request by a link of one's own preferences is about its holder and counts as checked; another one waits until the
    link in a letter to that address is opened.
    """
    link = read_link(store, ASK, token)
    own = store.system("request link")
    if answers.get("kind") not in KINDS:
        raise Invalid(
            "the request is not complete", problems=[Problem("/kind", f"none of: {', '.join(KINDS)}")]
        )
    email = str(answers.get("email") or "").strip()
    if link.subject == ANYBODY and "@" not in email:
        raise Invalid(
            "the request is not complete", problems=[Problem("/email", "your e-mail address", "required")]
        )
    values = {
        "kind": answers["kind"], "channel": "form", "message": str(answers.get("message") or "")[:5000],
        "contact_id": link.subject if link.subject != ANYBODY else None, "address": email if "@" in email else None,
        "verified_how": "link" if link.subject != ANYBODY else "",
    }  # fmt: skip
    request = take_in(own, values)
    if request.state == UNVERIFIED and request.contact_id is not None:
        _send_confirmation(own, request)
    return {"received_on": request.received_on, "due_on": request.due_on}


def _send_confirmation(own: Store, request: Request) -> None:
    assert request.contact_id is not None  # the caller looked
    token = make_link(own, CONFIRM, request.id, lasts=_LASTS[CONFIRM])
    contact = find_recipient(own, request.contact_id)
    words = words_in(contact.language)
    asked = words("Please confirm here that you asked us for this: %(right)s.") % {
        "right": words(request.kind)
    }
    letter = write_letter(
        own, contact.id, kind="confirm", key=f"confirm {request.id}", language=spoken(contact.language),
        subject=words("Please confirm your request"), body=f"{asked}\n{public_url(own, f'confirm/{token}')}",
    )  # fmt: skip
    hand_over(own, [letter] if letter else [])


def confirm_request(store: Store, token: str) -> Request:
    """Note that the holder of the address confirmed a request; raises Conflict for a link that was used."""
    link = read_link(store, CONFIRM, token)
    own = store.legal("confirm a request")
    request = own.find(Request, link.subject)
    if request is None:
        raise Denied("This link is not valid.", code="link-invalid", remedy="Ask for a new one.")
    if request.verified_at is not None or request.state != UNVERIFIED:
        raise Conflict("This link was used already.", code="link-used", remedy="Your request is on its way.")
    request = move(own, request.id, OPEN)
    request.verified_at, request.verified_how = own.now, "link to the address"
    own.flush()
    return request
