"""Erasing a person over all plugins in one transaction, with a signed manifest; what the law keeps stays nameless."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from retinue import Store, new_id
from retinue.contacts import (
    Contact,
    erase_again,
    erase_contact,
    find_unloaded,
    move_records,
    personal_registry,
)
from retinue.errors import Conflict, NotFound
from retinue.web import sign_bytes
from retinue_gdpr.duty_models import Hold, Manifest
from retinue_gdpr.holds import ended_stand_ins, holds_on


def erase_person(
    store: Store, contact_id: UUID, *, grounds: str, request_id: UUID | None = None, rule_id: UUID | None = None,
    decided: Collection[str] = (),
) -> Manifest:  # fmt: skip
    """Erase a person and return the manifest; its `kept` is not empty where a hold keeps rows of some tables.

    Raises Conflict naming what is in the way: a hold on the whole person, a plugin's refusal, or rows of a plugin that is
    off or missing, unless `decided` names its tables. Nothing was changed then, nor if a plugin raises.
    """
    own = store.legal("erase a person")
    contact = own.find(Contact, contact_id)
    if contact is None:
        raise explain_missing(store, contact_id)
    store.require("contact.erase", contact)
    _refuse_undecided(own, contact_id, decided)
    holds = holds_on(own, contact_id)
    whole = [hold for hold in holds if not hold.tables]
    if whole:
        raise Conflict(
            "the contact is held: " + "; ".join(hold.basis for hold in whole),
            code="erasure-held",
            remedy="Lift the hold, or wait until its end.",
            extra={
                "holds": [{"id": str(h.id), "basis": h.basis, "until": str(h.until or "")} for h in whole]
            },
        )
    kept = _keep(own, contact_id, holds)
    rows = erase_contact(own, contact_id, reason=grounds)
    manifest = Manifest(
        subject_id=contact_id, request_id=request_id, rule_id=rule_id, change_set_id=store.change_set_id,
        at=store.now, grounds=grounds, tables=dict(sorted(rows.items())), kept=kept, signature="",
    )  # fmt: skip
    manifest.signature = _sign(store, manifest)
    own.add(manifest)
    own.flush()
    return manifest


def explain_missing(store: Store, contact_id: UUID) -> NotFound:
    """Return why a contact cannot be erased: it was already, or it never was."""
    if is_erased(store, contact_id):
        words = "This person was erased already."
        return NotFound(words, code="erased", remedy="See the manifest: `retinue gdpr act`.")
    return NotFound(f"contact {contact_id} does not exist")


def is_erased(store: Store, contact_id: UUID) -> bool:
    """Say whether a contact was erased here."""
    found = store.system("look for an erasure").first(
        select(Manifest.id).where(Manifest.subject_id == contact_id)
    )
    return found is not None


def _refuse_undecided(own: Store, contact_id: UUID, decided: Collection[str]) -> None:
    rows = {name: n for name, n in find_unloaded(own, contact_id).items() if name not in decided}
    if rows:
        raise Conflict(
            "plugins that are off or missing hold rows of this person: " + ", ".join(sorted(rows)),
            code="plugins-off",
            remedy="Turn them on, or name these tables as decided: their rows then go as the tables themselves say.",
            extra={"tables": rows},
        )


def _keep(own: Store, contact_id: UUID, holds: list[Hold]) -> list[dict[str, Any]]:
    """Move what holds keep to a nameless stand-in, the holds with it; returns what the manifest says of it."""
    if not holds:
        return []
    tables = sorted({name for hold in holds for name in hold.tables})
    stand_in = move_records(own, contact_id, tables)
    kept = []
    for hold in holds:
        hold.contact_id, hold.stands_in = stand_in, True
        until = hold.until.isoformat() if hold.until else None
        kept.append({"tables": hold.tables, "basis": hold.basis, "until": until, "stand_in": str(stand_in)})
    own.flush()
    return kept


def erase_ended(store: Store) -> int:
    """Erase what was kept for persons long erased, once its hold is over; returns how many stand-ins went."""
    own = store.legal("erase what was held")
    gone = 0
    for contact_id in ended_stand_ins(own):
        if own.find(Contact, contact_id) is not None:
            erase_person(own, contact_id, grounds="the hold is over")
            gone += 1
    return gone


def replay_erasures(store: Store) -> int:
    """Erase again whoever a restored backup brought back; returns how many. A second run changes nothing."""
    store.require("contact.erase")
    return erase_again(store.system("replay erasures"))


# ---- proof ----
def content_of(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as plain data, as it is signed."""
    return {
        "id": str(manifest.id), "subject_id": str(manifest.subject_id), "at": manifest.at.timestamp(),
        "request_id": str(manifest.request_id or ""), "rule_id": str(manifest.rule_id or ""),
        "change_set_id": str(manifest.change_set_id), "grounds": manifest.grounds, "tables": manifest.tables,
        "kept": manifest.kept,
    }  # fmt: skip


def _sign(store: Store, manifest: Manifest) -> str:
    manifest.id = manifest.id or new_id()
    data = msgspec.json.encode(content_of(manifest), order="deterministic")
    return sign_bytes(store, "erasure manifest", data).hex()


def check_manifest(store: Store, manifest: Manifest) -> bool:
    """Say whether a manifest is as it was signed."""
    return manifest.signature == _sign(store, manifest)


def rows_by_plugin(tables: dict[str, int]) -> dict[str, int]:
    """Return how many rows of an erasure belonged to which plugin; core's under ``core``."""
    owners = {held.table: held.plugin or "core" for held in personal_registry()}
    counted: dict[str, int] = {}
    for table, count in tables.items():
        owner = owners.get(table) or next((o for o in owners.values() if table.startswith(f"{o}_")), "core")
        counted[owner] = counted.get(owner, 0) + count
    return counted


def list_manifests(store: Store, *, subject_id: UUID | None = None, limit: int = 200) -> list[Manifest]:
    """Return manifests, the newest first."""
    store.require("request.read")
    chosen = select(Manifest).order_by(Manifest.at.desc(), Manifest.id.desc()).limit(limit)
    return store.scalars(chosen if subject_id is None else chosen.where(Manifest.subject_id == subject_id))
