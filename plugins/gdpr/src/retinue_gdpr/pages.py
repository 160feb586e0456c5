"""What the staff's pages show of requests and of a person's consents; what they change goes through the API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact, find_unloaded
from retinue.errors import NotFound
from retinue_gdpr.duty_models import (
    ACCESS,
    CANCELLED,
    ERASURE,
    FAILED,
    KINDS,
    OPEN,
    PAUSED,
    PORTABILITY,
    REFUSED,
    UNVERIFIED,
    Manifest,
    Request,
)
from retinue_gdpr.erasing import check_manifest
from retinue_gdpr.gate import explain_purposes
from retinue_gdpr.holds import holdable_tables, list_holds
from retinue_gdpr.models import Wording
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.records import build_act
from retinue_gdpr.requests import LIVE, NEXT, NOBODY, get_request, list_answered, list_requests, list_steps
from retinue_gdpr.service import chain_faults, list_events

_COLUMNS: Final = (UNVERIFIED, OPEN, PAUSED, FAILED)
_BY_STAFF: Final = ("verbal", "written", "form", "import")
"""The methods that staff can name; the others are for what the plugin records itself."""


def id_of(text: str, what: str) -> UUID:
    """Return an id of an address; raises NotFound for what is none."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"there is no such {what}") from None


def names_of(store: Store, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return what people are called who asked for something, restricted ones too."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    rows = store.legal("requests").rows(select(Contact.id, Contact.name).where(Contact.id.in_(wanted)))
    return dict(tuple(row) for row in rows)


# ---- requests ----
def show_requests(store: Store, _request: Any) -> dict[str, Any]:
    """Return the board: a column for each state in which something is to be done, and what was answered lately."""
    live, answered = list_requests(store, live=True), list_answered(store)
    columns = [(state, [r for r in live if r.state == state]) for state in _COLUMNS]
    shown = [column for column in columns if column[1] or column[0] in (UNVERIFIED, OPEN)]
    return {
        "columns": [*shown, ("closed", answered)],
        "total": len(live) + len(answered),
        "names": names_of(store, (r.contact_id for r in (*live, *answered))),
        "today": store.now.date(),
        "kinds": KINDS,
        "creates": store.may("request.create"),
    }


def show_request(store: Store, request: Any) -> dict[str, Any]:
    """Return one request with its clock, what stands in its way, what was done, and what can be done now."""
    found = get_request(store, id_of(request.path["request_id"], "request"))
    store.legal("requests").unseal([found])
    contact_id = found.contact_id
    erases = found.kind == ERASURE and found.state in LIVE and contact_id is not None
    off = (
        find_unloaded(store.legal("requests"), contact_id)
        if contact_id and erases and store.may("contact.erase")
        else {}
    )
    holds = list_holds(store, contact_id=contact_id) if erases and store.may("hold.read") else []
    return {
        "r": found,
        "name": names_of(store, [contact_id]).get(contact_id or NOBODY),
        "visible": contact_id is not None and store.find(Contact, contact_id) is not None,
        "steps": list_steps(store, found.id),
        "manifests": [_proof(store, m) for m in _manifests(store, found)],
        "off": sorted(off),
        "holds": holds,
        "live": found.state in LIVE,
        "today": store.now.date(),
        "deeds": _deeds(store, found),
    }


def _manifests(store: Store, request: Request) -> list[Manifest]:
    return store.scalars(select(Manifest).where(Manifest.request_id == request.id).order_by(Manifest.at))


def _proof(store: Store, manifest: Manifest) -> dict[str, Any]:
    return {
        "id": manifest.id, "good": check_manifest(store, manifest), "rows": sum(manifest.tables.values()),
        "tables": sorted(manifest.tables), "kept": manifest.kept,
    }  # fmt: skip


def _deeds(store: Store, request: Request) -> set[str]:
    """Return what the reader can do with a request as it stands."""
    following, deeds = NEXT[request.state], set()
    if request.kind in (ACCESS, PORTABILITY) and request.contact_id and request.verified_at:
        deeds |= {"copy"} if store.may("contact.export") else set()
    if not store.may("request.decide"):
        return deeds
    for deed, state in (("pause", PAUSED), ("refuse", REFUSED), ("cancel", CANCELLED)):
        if state in following:
            deeds.add(deed)
    if request.state == UNVERIFIED:
        deeds.add("verify")
    if request.state == PAUSED:
        deeds.add("resume")
    if request.state in (OPEN, FAILED):
        deeds.add("carry-out")
    in_time = request.extended_on is None and store.now.date() <= request.due_on
    term = profile_of(store).term_of(request.kind, request.grounds)
    if request.state in (OPEN, PAUSED) and in_time and term.extended_due_on(request.received_on):
        deeds.add("extend")
    return deeds


def show_act(store: Store, request: Any) -> dict[str, Any]:
    """Return the act of destruction of one erasure, to read and to print."""
    act = build_act(store, id_of(request.path["manifest_id"], "manifest"))
    until = date.fromisoformat(act["keep_until"]) if act["keep_until"] else None
    return {"act": act, "at": datetime.fromisoformat(act["destroyed_at"]), "until": until}


# ---- a person ----
def show_consent_panel(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return what may be done with a person's data and why, who holds it, and what they asked for."""
    purposes = explain_purposes(store, contact_id)
    asks = store.may("request.read")
    mine = select(Request).where(Request.contact_id == contact_id).order_by(Request.due_on)
    return {
        "contact_id": contact_id,
        "purposes": purposes,
        "methods": _BY_STAFF,
        "kinds": KINDS,
        "requests": store.scalars(mine.where(Request.state.in_(LIVE))) if asks else [],
        "holds": list_holds(store, contact_id=contact_id) if store.may("hold.read") else [],
        "tables": holdable_tables() if store.may("hold.change") else [],
        "today": store.now.date(),
    }


def show_log(store: Store, request: Any) -> dict[str, Any]:
    """Return everything a person said, with the texts they were shown, and whether a byte was changed."""
    contact_id = id_of(request.path["contact_id"], "contact")
    contact = store.get(Contact, contact_id)
    events = list_events(store, contact_id)
    wanted = {event.wording_id for event in events if event.wording_id}
    texts = {w.id: w for w in store.scalars(select(Wording).where(Wording.id.in_(wanted)))} if wanted else {}
    return {
        "contact": contact,
        "events": list(reversed(events)),
        "texts": texts,
        "purposes": {row["id"]: row["name"] for row in explain_purposes(store, contact_id, retired=True)},
        "faults": list(chain_faults(store, contact_id)),
    }
