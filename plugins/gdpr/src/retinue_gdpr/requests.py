"""Requests of people about their data: received, identity checked, carried out or refused, under a clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.contacts import Contact, holders_of
from retinue.errors import Conflict, Invalid
from retinue_gdpr.duty_models import (
    CANCELLED,
    COMPLETED,
    DUPLICATE,
    ERASURE,
    FAILED,
    OPEN,
    PARTIAL,
    PAUSED,
    REFUSED,
    UNVERIFIED,
    Request,
    Step,
)
from retinue_gdpr.erasing import explain_missing
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import refuse_stale
from retinue_gdpr.suppression import address_tokens

NEXT: Final[Mapping[str, frozenset[str]]] = {
    UNVERIFIED: frozenset({OPEN, CANCELLED, REFUSED, DUPLICATE}),
    OPEN: frozenset({PAUSED, COMPLETED, PARTIAL, FAILED, REFUSED, CANCELLED}),
    PAUSED: frozenset({OPEN, REFUSED, CANCELLED}),
    FAILED: frozenset({COMPLETED, PARTIAL, FAILED, REFUSED, CANCELLED}),
    PARTIAL: frozenset({COMPLETED}),
    COMPLETED: frozenset(),
    REFUSED: frozenset(),
    DUPLICATE: frozenset(),
    CANCELLED: frozenset(),
}
"""Which state may follow which; a request that failed stays to be tried again."""
LIVE: Final = (UNVERIFIED, OPEN, PAUSED, FAILED)
NOBODY: Final = UUID(int=0)
"""Under whose key stands what an asker wrote whom we do not know: the system's own."""


def receive_request(store: Store, values: Mapping[str, Any]) -> Request:
    """Take a request in, for a contact or for an address; one that repeats an open one is marked so and has no clock.

    Raises Invalid without either, or for a day in the future; NotFound with the code ``erased`` for who was erased.
    """
    store.require("request.create")
    received: date = values.get("received_on") or store.now.date()
    problems = []
    if not values.get("contact_id") and not values.get("address"):
        problems.append(Problem("/contact_id", "name the contact or the address of the asker", "required"))
    if received > store.now.date():
        problems.append(Problem("/received_on", "lies in the future"))
    problems += _wrong_grounds(values["kind"], values)
    if problems:
        raise Invalid("the request is not valid", problems=problems)
    if values.get("contact_id") and store.legal("requests").find(Contact, values["contact_id"]) is None:
        raise explain_missing(store, values["contact_id"])
    return take_in(store, values)


def _wrong_grounds(kind: str, values: Mapping[str, Any]) -> list[Problem]:
    if kind == ERASURE or not values.get("grounds"):
        return []
    return [Problem("/grounds", "only a request for erasure has grounds")]


def take_in(store: Store, values: Mapping[str, Any]) -> Request:
    """Write a request that was checked; for services that have asked for the right to it, and the public form."""
    own = store.legal("requests")
    received: date = values.get("received_on") or store.now.date()
    token, contact_id = None, values.get("contact_id")
    if values.get("address"):
        token = address_tokens(own, values["address"])[0]
        if contact_id is None:
            holders = holders_of(own, [token]).get(token, [])
            contact_id = holders[0] if len(holders) == 1 else None
    earlier = _open_one(own, values["kind"], contact_id, token)
    verified, grounds = values.get("verified_how") or "", values.get("grounds") or ""
    request = Request(
        contact_id=contact_id, subject_id=contact_id or NOBODY, kind=values["kind"], grounds=grounds, token=token,
        state=DUPLICATE if earlier else OPEN if verified else UNVERIFIED, channel=values.get("channel") or "",
        received_on=received, due_on=profile_of(store).term_of(values["kind"], grounds).due_on(received), verified_how=verified,
        verified_at=store.now if verified else None, duplicate_of_id=earlier, created_at=store.now,
        closed_at=store.now if earlier else None,
    )  # fmt: skip
    request.address, request.message = values.get("address") or "", values.get("message") or ""
    own.add(request)
    own.flush()
    return request


def _open_one(own: Store, kind: str, contact_id: UUID | None, token: bytes | None) -> UUID | None:
    chosen = select(Request.id).where(Request.kind == kind, Request.state.in_(LIVE))
    mine = Request.token == token if contact_id is None else Request.contact_id == contact_id
    chosen = chosen.where(mine)
    found: UUID | None = own.first(chosen.order_by(Request.id))
    return found


# ---- reading ----
def get_request(store: Store, request_id: UUID) -> Request:
    """Return a request; raises NotFound."""
    store.require("request.read")
    return store.legal("requests").get(Request, request_id)


def list_requests(store: Store, *, state: str = "", live: bool = False, limit: int = 200) -> list[Request]:
    """Return requests by their due day, those of restricted persons too."""
    store.require("request.read")
    chosen = select(Request).order_by(Request.due_on, Request.id).limit(limit)
    if state:
        chosen = chosen.where(Request.state == state)
    if live:
        chosen = chosen.where(Request.state.in_(LIVE))
    own = store.legal("requests")
    rows = own.scalars(chosen)
    own.unseal(rows)
    return rows


def list_answered(store: Store, *, limit: int = 20) -> list[Request]:
    """Return the requests that were closed last, the newest first."""
    store.require("request.read")
    chosen = select(Request).where(Request.closed_at.is_not(None))
    own = store.legal("requests")
    rows = own.scalars(chosen.order_by(Request.closed_at.desc(), Request.id.desc()).limit(limit))
    own.unseal(rows)
    return rows


def list_steps(store: Store, request_id: UUID) -> list[Step]:
    """Return what a request meant for each plugin."""
    get_request(store, request_id)
    chosen = select(Step).where(Step.request_id == request_id).order_by(Step.at, Step.plugin)
    return store.legal("requests").scalars(chosen)


def count_live(store: Store) -> int:
    """Return how many requests wait, for the badge of the navigation."""
    return store.legal("requests").count(select(Request.id).where(Request.state.in_(LIVE)), 1000)


# ---- the clock and the states ----
def move(store: Store, request_id: UUID, state: str, version: int | None = None) -> Request:
    """Bring a request into another state; raises Conflict where the one it is in does not allow it."""
    request = store.legal("requests").get(Request, request_id, lock=True)
    refuse_stale(request, version)
    if state not in NEXT[request.state]:
        raise Conflict(
            f"a request that is {request.state} cannot become {state}",
            code="request-state",
            remedy=f"It may become: {', '.join(sorted(NEXT[request.state])) or 'nothing more'}.",
        )
    request.state = state
    if state in (COMPLETED, REFUSED, CANCELLED, PARTIAL):
        request.closed_at = store.now
    return request


def verify_request(store: Store, request_id: UUID, values: Mapping[str, Any]) -> Request:
    """Note that the asker is who they say they are, and how that was checked; the request is open from now on."""
    store.require("request.decide")
    own = store.legal("requests")
    request = own.get(Request, request_id)
    contact_id = values.get("contact_id") or request.contact_id
    if contact_id is None:
        word = "say which contact the asker is; an address that two hold, or nobody, does not tell"
        raise Invalid("the contact is missing", problems=[Problem("/contact_id", word, "required")])
    own.get(Contact, contact_id)
    problems = _wrong_grounds(request.kind, values)
    if problems:
        raise Invalid("the request is not valid", problems=problems)
    request = move(store, request_id, OPEN, values.get("version"))
    if values.get("grounds"):
        _found_on(store, request, values["grounds"])
    request.contact_id = request.subject_id = contact_id
    request.verified_at, request.verified_how = store.now, values["how"]
    own.flush()
    return request


def _found_on(store: Store, request: Request, grounds: str) -> None:
    """Note why data are to be erased; the due day moves by the difference of the terms."""
    profile = profile_of(store)
    before = profile.term_of(request.kind, request.grounds).due_on(request.received_on)
    request.grounds = grounds
    request.due_on += profile.term_of(request.kind, grounds).due_on(request.received_on) - before


def extend_request(store: Store, request_id: UUID, *, reason: str, version: int | None = None) -> Request:
    """Extend the term once, with a reason that is told to the asker; refused after the due day, or where the law gives none."""
    store.require("request.decide")
    own = store.legal("requests")
    request = own.get(Request, request_id, lock=True)
    refuse_stale(request, version)
    if (
        request.state not in (OPEN, PAUSED, UNVERIFIED)
        or request.extended_on
        or store.now.date() > request.due_on
    ):
        why = "it was extended" if request.extended_on else "it is over or its due day has passed"
        raise Conflict(f"the term cannot be extended: {why}", code="request-term")
    if not reason.strip():
        raise Invalid(
            "the reason is missing", problems=[Problem("/reason", "the asker is told it", "required")]
        )
    term = profile_of(store).term_of(request.kind, request.grounds)
    extended = term.extended_due_on(request.received_on)
    if extended is None:
        raise Conflict(
            "the term cannot be extended: the law gives no extension for this", code="request-term"
        )
    request.due_on += extended - term.due_on(request.received_on)
    request.extended_on = store.now.date()
    request.reason = reason
    own.flush()
    return request


def pause_request(store: Store, request_id: UUID, *, reason: str, version: int | None = None) -> Request:
    """Stop the clock while something is awaited from the asker."""
    store.require("request.decide")
    request = move(store, request_id, PAUSED, version)
    request.paused_on, request.reason = store.now.date(), reason
    store.legal("requests").flush()
    return request


def resume_request(store: Store, request_id: UUID, version: int | None = None) -> Request:
    """Let the clock run on: the due day moves by the days it stood."""
    store.require("request.decide")
    request = move(store, request_id, OPEN, version)
    if request.paused_on:
        request.due_on += timedelta(days=(store.now.date() - request.paused_on).days)
    request.paused_on = None
    store.legal("requests").flush()
    return request


def refuse_request(store: Store, request_id: UUID, *, reason: str, version: int | None = None) -> Request:
    """Refuse a request with its reason, which Art. 12(4) says the asker must be told."""
    store.require("request.decide")
    if not reason.strip():
        raise Invalid(
            "the reason is missing", problems=[Problem("/reason", "the asker is told it", "required")]
        )
    request = move(store, request_id, REFUSED, version)
    request.reason = reason
    store.legal("requests").flush()
    return request


def cancel_request(store: Store, request_id: UUID, version: int | None = None) -> Request:
    """Close a request that its asker took back."""
    store.require("request.decide")
    request = move(store, request_id, CANCELLED, version)
    store.legal("requests").flush()
    return request
