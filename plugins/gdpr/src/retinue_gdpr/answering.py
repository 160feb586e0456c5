"""Carrying a request out: what each right means, plugin by plugin; a plugin that raises leaves the request to be tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact, copy_contact, lift_restriction, restrict_contact
from retinue.errors import Conflict, RetinueError
from retinue.web import make_link
from retinue_gdpr.duty_models import (
    ACCESS,
    COMPLETED,
    ERASURE,
    FAILED,
    OBJECTION,
    OPEN,
    PARTIAL,
    PORTABILITY,
    RECTIFICATION,
    RESTRICTION,
    REVOKED,
    WITHDRAWAL,
    Hold,
    Request,
    Step,
)
from retinue_gdpr.erasing import erase_person, rows_by_plugin
from retinue_gdpr.letters import find_recipient, hand_over, write_letter
from retinue_gdpr.models import CONSENT, INTERESTS, OBJECTED, WITHDRAWN, Consent, Purpose
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.requests import get_request, move, take_in
from retinue_gdpr.service import YES, Said, log_events
from retinue_gdpr.suppression import release_tokens, suppress_tokens, tokens_of_contact
from retinue_gdpr.words import spoken, words_in

log = logging.getLogger("retinue.gdpr")
COPY_DAYS: Final = 14
"""How long the link to a copy is good."""


def carry_out(store: Store, request_id: UUID, values: Mapping[str, Any]) -> Request:
    """Do what a request asks for, all of it or nothing; the state says how it went.

    A plugin that raises undoes everything and leaves the state ``error``, to be tried again; it is never ``completed`` then.
    Raises Conflict while identity is not checked, or naming what stands in the way (a hold, a plugin that is off).
    """
    store.require("request.decide")
    request = get_request(store, request_id)
    if request.state not in (OPEN, FAILED):
        move(store, request_id, COMPLETED)  # raises, naming what may follow
    if request.contact_id is None or request.verified_at is None:
        raise Conflict("the identity of the asker is not checked", code="request-identity")
    kind, contact_id = request.kind, request.contact_id
    try:
        with store.savepoint():
            state, rows = _DEEDS[kind](store, contact_id, request_id, values)
    except Exception as error:
        if isinstance(error, RetinueError) and error.status < 500:
            raise
        return _fail(store, request_id, error)
    request = move(store, request_id, state)
    request.attempts, request.failure = request.attempts + 1, ""
    if values.get("reason"):
        request.reason = values["reason"]
    own = store.legal("requests")
    own.add(
        *(Step(request_id=request_id, plugin=p, state="done", rows=n, at=store.now) for p, n in rows.items())
    )
    own.flush()
    return request


def _fail(store: Store, request_id: UUID, error: Exception) -> Request:
    plugin = str(getattr(error, "extra", {}).get("plugin", ""))
    log.error(
        "a request failed",
        extra={"request": str(request_id), "plugin": plugin, "error": type(error).__name__},
    )
    request = move(store, request_id, FAILED)
    request.attempts += 1
    request.failure = f"{plugin}: {type(error).__name__}" if plugin else type(error).__name__
    own = store.legal("requests")
    own.add(Step(request_id=request_id, plugin=plugin or "core", state="failed", rows=0, at=store.now))
    own.flush()
    return request


Deed = tuple[str, dict[str, int]]


def _copy(store: Store, contact_id: UUID, request_id: UUID, _values: Mapping[str, Any]) -> Deed:
    """Write the letter with the link to the copy; the archive is made when it is fetched, and never stored."""
    copied = copy_contact(store.legal("copy a person"), contact_id)
    rows: dict[str, int] = {}
    for section in copied.sections:
        owner = section.plugin or "core"
        rows[owner] = rows.get(owner, 0) + len(section.records)
    lasts = timedelta(days=COPY_DAYS)
    link = public_url(store, f"copy/{make_link(store, 'copy', contact_id, lasts=lasts)}")
    contact = find_recipient(store, contact_id)
    words = words_in(contact.language)
    body = words("Hello, %(name)s,\n\nhere you can fetch the copy of your data, for %(days)s days:\n%(link)s")
    letter = write_letter(
        store, contact_id, kind="copy", key=f"copy {request_id}", language=spoken(contact.language),
        subject=words("Copy of your data"), body=body % {"name": contact.name, "days": COPY_DAYS, "link": link},
    )  # fmt: skip
    hand_over(store, [letter] if letter else [])
    return COMPLETED, rows


def public_url(store: Store, path: str) -> str:
    """Return the address of a public page of the plugin."""
    return f"{str(store.settings('gdpr')['site_url']).rstrip('/')}/privacy/{path}"


def _erase(store: Store, contact_id: UUID, request_id: UUID, values: Mapping[str, Any]) -> Deed:
    why = get_request(store, request_id).grounds
    manifest = erase_person(
        store,
        contact_id,
        grounds=f"request of the person: {why}" if why else "request of the person",
        request_id=request_id,
        decided=values.get("decided") or (),
    )
    return PARTIAL if manifest.kept else COMPLETED, rows_by_plugin(manifest.tables)


def _restrict(store: Store, contact_id: UUID, _request_id: UUID, _values: Mapping[str, Any]) -> Deed:
    restrict_person(store, contact_id)
    return COMPLETED, {"core": 1}


def restrict_person(store: Store, contact_id: UUID) -> None:
    """Restrict a person, and keep their addresses from being entered a second time meanwhile."""
    restrict_contact(store, contact_id)
    suppress_tokens(store, tokens_of_contact(store, contact_id), "restricted")


def unrestrict_person(store: Store, contact_id: UUID) -> None:
    """Lift the restriction of a person."""
    lift_restriction(store, contact_id)
    release_tokens(store, tokens_of_contact(store, contact_id), ["restricted"])


def list_restricted(store: Store, *, limit: int = 200) -> list[dict[str, Any]]:
    """Return the restricted people whom the caller would see otherwise, the latest first; stand-ins of erased ones not."""
    store.require("contact.restrict")
    own = store.legal("requests")
    stand_ins = select(Hold.contact_id).where(Hold.stands_in)
    chosen = (
        select(Contact.id, Contact.name, Contact.restricted_at, Contact.access_id)
        .where(Contact.restricted_at.is_not(None), Contact.id.not_in(stand_ins))
        .order_by(Contact.restricted_at.desc(), Contact.id)
    )
    return [
        {"id": row[0], "name": row[1], "since": row[2]}
        for row in own.rows(chosen.limit(limit))
        if not store.scope.variant.read_scoped or row[3] in store.scope.readable
    ]


def _object(store: Store, contact_id: UUID, _request_id: UUID, _values: Mapping[str, Any]) -> Deed:
    """Log an objection to everything that rests on legitimate interests, and withdraw consents to be written to."""
    return COMPLETED, {"gdpr": say_no(store, contact_id, (INTERESTS, CONSENT))}


def _withdraw(store: Store, contact_id: UUID, request_id: UUID, _values: Mapping[str, Any]) -> Deed:
    """Withdraw every consent; where the law has the data destroyed then, an erasure is opened under its own clock."""
    said = say_no(store, contact_id, (CONSENT,))
    if profile_of(store).withdrawal_erases:
        asked = get_request(store, request_id)
        follows = {
            "kind": ERASURE, "grounds": REVOKED, "contact_id": contact_id, "channel": asked.channel,
            "received_on": asked.received_on, "verified_how": asked.verified_how,
        }  # fmt: skip
        take_in(store, follows)
    return COMPLETED, {"gdpr": said}


def say_no(store: Store, contact_id: UUID, bases: tuple[str, ...], method: str = "request") -> int:
    """Log that a person wants none of the purposes that rest on `bases`; returns how many events that took."""
    own = store.legal("object")
    given = {
        (row.purpose_id, row.channel)
        for row in own.scalars(
            select(Consent).where(Consent.contact_id == contact_id, Consent.state.in_(YES))
        )
    }
    said = [
        Said(purpose=p, channel=channel, event=OBJECTED if p.basis == INTERESTS else WITHDRAWN, method=method)
        for p in own.scalars(select(Purpose).where(Purpose.basis.in_(bases), Purpose.retired_at.is_(None)))
        for channel in p.channels or [""]
        if p.basis == INTERESTS or (p.id, channel) in given
    ]
    return len(log_events(store, contact_id, said))


def _rectify(_store: Store, _contact_id: UUID, _request_id: UUID, values: Mapping[str, Any]) -> Deed:
    """Close it: the change itself is made on the contact's page, and the reason says what was done."""
    if not str(values.get("reason") or "").strip():
        raise Conflict("say in the reason what was corrected", code="request-reason")
    return COMPLETED, {"core": 1}


_DEEDS: Final[Mapping[str, Callable[[Store, UUID, UUID, Mapping[str, Any]], Deed]]] = {
    ACCESS: _copy,
    PORTABILITY: _copy,
    RECTIFICATION: _rectify,
    ERASURE: _erase,
    RESTRICTION: _restrict,
    OBJECTION: _object,
    WITHDRAWAL: _withdraw,
}
