"""What can be done with interactions: record, correct, withdraw, read the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import func, select, update

from retinue.contacts.models import Contact
from retinue.errors import Conflict, Invalid, Problem
from retinue.interactions.models import Interaction, InteractionKind
from retinue.storage import among, new_id

if TYPE_CHECKING:
    from retinue.storage import Store

MAX_TEXT: Final = 100_000
_FUTURE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of interaction: its name in data, its label, its icon, and whether it counts as contact."""

    name: str
    label: str
    icon: str = "point"
    counts: bool = True
    plugin: str | None = None


CORE_KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("call", "Call", "phone"),
        Kind("letter", "Letter", "mail"),
        Kind("email", "E-mail", "at"),
        Kind("meeting", "Meeting", "users"),
        Kind("message", "Message", "message"),
        Kind("support", "Support request", "lifebuoy"),
        Kind("mailing", "Mailing", "send", counts=False),
        Kind("payment", "Payment", "credit-card"),
        Kind("order", "Order", "shopping-cart"),
        Kind("visit", "Visit", "map-pin"),
        Kind("note", "Internal note", "note", counts=False),
        Kind("promise", "Promise", "checkbox", counts=False),
    )
}


def known_kinds(store: Store) -> dict[str, Kind]:
    """Return all kinds by name: core's, the enabled plugins', the installation's own."""
    own = {
        k.name: Kind(k.name, k.label, k.icon or "point", k.counts)
        for k in store.scalars(select(InteractionKind))
    }
    return {**CORE_KINDS, **store.declared.get("interaction_kinds", {}), **own}


def create_kind(store: Store, values: Mapping[str, Any]) -> InteractionKind:
    """Add a kind of interaction to this installation."""
    store.require("interaction_kind.create")
    name = str(values.get("name") or "")
    if not name.isidentifier() or name in known_kinds(store):
        raise Invalid(
            "the kind is not valid", problems=[Problem("/name", "taken, or not a word of letters and _")]
        )
    made = InteractionKind(
        name=name,
        label=values.get("label") or name,
        icon=values.get("icon"),
        counts=values.get("counts", True),
    )
    store.add(made)
    store.flush()
    return made


# ---- record ------------------------------------------------------------------------------------------------------
def record_interaction(store: Store, contact_id: UUID, values: Mapping[str, Any]) -> Interaction:
    """Record one interaction with a contact; raises Invalid naming each field."""
    return record_interactions(store, [{**values, "contact_id": contact_id}], single=True)[0]


def record_interactions(
    store: Store, drafts: Sequence[Mapping[str, Any]], *, single: bool = False
) -> list[Interaction]:
    """Record many interactions, all or none; one with a known ``source_key`` is left out, so a repeat is safe."""
    _require_reach(store, {d["contact_id"] for d in drafts})
    kinds = known_kinds(store)
    problems: list[Problem] = []
    for place, draft in enumerate(drafts):
        problems += _judge(store, draft, kinds, "" if single else f"/{place}")
    asked = store.hooks.interaction_errors(store=store, interactions=list(drafts))
    problems += [
        Problem(p.pointer.removeprefix("/0") if single else p.pointer, p.detail, p.code) for p in asked
    ]
    if problems:
        raise Invalid("the interaction is not valid", problems=problems)
    rows = [_new_row(store, draft, kinds[draft["kind"]]) for draft in drafts]
    fresh = _without_known(store, rows)
    store.insert_many(Interaction, [dict(row) for row in fresh])
    refresh_contacts(store, {row["contact_id"] for row in fresh if row["counts"]})
    recorded = _load(store, [row["id"] for row in rows])
    told = {row["id"] for row in fresh}
    store.hooks.interactions_recorded(store=store, interactions=[i for i in recorded if i.id in told])
    return recorded


def _require_reach(store: Store, contact_ids: set[UUID]) -> None:
    if store.require("interaction.create").word == "all" and store.actor.reach("contact.read").word == "all":
        store.check_visible("contact", contact_ids)
        return
    contacts = [store.get(Contact, contact_id) for contact_id in contact_ids]
    store.require("interaction.create", *contacts)


def _judge(store: Store, draft: Mapping[str, Any], kinds: Mapping[str, Kind], base: str) -> Iterable[Problem]:
    if draft.get("kind") not in kinds:
        yield Problem(f"{base}/kind", f"none of: {', '.join(sorted(kinds))}")
    at = draft.get("at")
    if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
        yield Problem(f"{base}/at", "not an instant with its offset, as 2026-06-30T10:00:00+02:00")
    elif at is not None and at > store.now + _FUTURE:
        yield Problem(f"{base}/at", "lies in the future; plan it as a task instead")
    duration = draft.get("duration")
    if duration is not None and (not isinstance(duration, int) or not 0 <= duration <= 31 * 86400):
        yield Problem(f"{base}/duration", "not a number of seconds from 0 to 31 days")
    if draft.get("direction") not in (None, "in", "out"):
        yield Problem(f"{base}/direction", "neither in nor out")
    for name, limit in (("subject", 500), ("body", MAX_TEXT), ("channel", 20), ("source_key", 120)):
        value = draft.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > limit):
            yield Problem(f"{base}/{name}", f"not text of at most {limit} characters")


def _new_row(store: Store, draft: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    names = (
        "contact_id",
        "kind",
        "duration",
        "direction",
        "channel",
        "source_key",
        "subject",
        "body",
        "data",
    )
    row: dict[str, Any] = {name: draft.get(name) for name in names}
    row.update(
        id=draft.get("id") or new_id(), at=draft.get("at") or store.now, counts=kind.counts,
        author_id=store.author.id, author_name=store.author.name, plugin=store.plugin, hidden=False,
        corrects_id=draft.get("corrects_id"), withdraws_id=draft.get("withdraws_id"), created_at=store.now,
    )  # fmt: skip
    return row


def _without_known(store: Store, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out rows whose source key is known, giving them the known row's id."""
    keyed = [row for row in rows if row["source_key"]]
    if not keyed:
        return rows
    known: dict[tuple[UUID, str, str], UUID] = {}
    chosen = select(Interaction.contact_id, Interaction.kind, Interaction.source_key, Interaction.id)
    wanted = (
        among(Interaction.contact_id, {row["contact_id"] for row in keyed}),
        among(Interaction.source_key, {row["source_key"] for row in keyed}),
    )
    known.update(((c, k, s), i) for c, k, s, i in store.rows(chosen.where(*wanted)))
    fresh = []
    for row in rows:
        place = (row["contact_id"], row["kind"], row["source_key"])
        if row["source_key"] and place in known:
            row["id"] = known[place]
        else:
            fresh.append(row)
            known[place] = row["id"]
    return fresh


def _load(store: Store, ids: Sequence[UUID]) -> list[Interaction]:
    chosen = select(Interaction).where(among(Interaction.id, ids))
    found = {interaction.id: interaction for interaction in store.scalars(chosen)}
    return [found[i] for i in ids]


def refresh_contacts(store: Store, contact_ids: set[UUID]) -> None:
    """Derive the date of the last interaction again, from what counts and is not hidden."""
    newest = (
        select(func.max(Interaction.at))
        .where(Interaction.contact_id == Contact.id, Interaction.counts, Interaction.hidden.is_(False))
        .scalar_subquery()
    )
    mine = update(Contact.__table__).where(among(Contact.id, contact_ids))  # type: ignore[arg-type]  # a mapped class's table
    store.raw_connection().execute(mine.values(last_interaction_at=newest))
    for contact in list(store.session.identity_map.values()):
        if isinstance(contact, Contact) and contact.id in contact_ids:
            store.session.expire(contact, ["last_interaction_at"])


# ---- correct, withdraw, read ---------------------------------------------------------------------------------------
def correct_interaction(store: Store, interaction_id: UUID, values: Mapping[str, Any]) -> Interaction:
    """Record a correction: a new entry that takes the old one's place in the timeline and links to it."""
    old = _open_for_change(store, interaction_id, "interaction.correct")
    names = ("kind", "at", "duration", "direction", "channel", "subject", "body", "data")
    draft = {
        **{n: getattr(old, n) for n in names},
        **values,
        "corrects_id": old.id,
        "contact_id": old.contact_id,
    }
    store.deed("interaction.correct")
    _hide(store, old)
    made = record_interactions(store, [draft], single=True)[0]
    refresh_contacts(store, {old.contact_id})
    return made


def withdraw_interaction(store: Store, interaction_id: UUID, *, reason: str = "") -> None:
    """Hide an interaction that should not stand in the timeline; it and its audit stay."""
    old = _open_for_change(store, interaction_id, "interaction.withdraw")
    store.deed("interaction.withdraw")
    _hide(store, old)
    row = _new_row(
        store,
        {"contact_id": old.contact_id, "kind": old.kind, "body": reason or None, "withdraws_id": old.id},
        CORE_KINDS["note"],
    )
    store.insert_many(Interaction, [{**row, "hidden": True}])
    refresh_contacts(store, {old.contact_id})
    store.hooks.interactions_recorded(store=store, interactions=_load(store, [row["id"]]))


def _open_for_change(store: Store, interaction_id: UUID, permission: str) -> Interaction:
    old = store.get(Interaction, interaction_id)
    store.require(permission, store.get(Contact, old.contact_id))
    if old.hidden:
        raise Conflict("this interaction was corrected or withdrawn already", code="hidden")
    return old


def _hide(store: Store, old: Interaction) -> None:
    old.hidden = True
    store.flush()


def read_timeline(
    store: Store,
    contact_id: UUID,
    *,
    kinds: Sequence[str] = (),
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
    withdrawn: bool = False,
) -> list[Interaction]:
    """Return the interactions of a contact, newest first; `before` is the (at, id) that a page ended with."""
    store.require("interaction.read", store.get(Contact, contact_id))
    chosen = select(Interaction).where(Interaction.contact_id == contact_id)
    if not withdrawn:
        chosen = chosen.where(Interaction.hidden.is_(False))
    if kinds:
        chosen = chosen.where(Interaction.kind.in_(kinds))
    if before is not None:
        at, last = before
        chosen = chosen.where((Interaction.at < at) | ((Interaction.at == at) & (Interaction.id < last)))
    found: list[Interaction] = store.scalars(
        chosen.order_by(Interaction.at.desc(), Interaction.id.desc()).limit(limit)
    )
    store.unseal(found)
    return found


# ---- answers to hooks ----------------------------------------------------------------------------------------------
def move_interactions(store: Store, survivor_id: UUID, merged_ids: Sequence[UUID]) -> int:
    """Move the timelines of merged contacts to the survivor, resealed under its key; returns how many."""
    rows = store.scalars(select(Interaction).where(Interaction.contact_id.in_(merged_ids)))
    for row in rows:
        row.contact_id = survivor_id  # the flush seals it again, under the survivor's key
    store.flush()
    if rows:
        refresh_contacts(store, {survivor_id, *merged_ids})
    return len(rows)
