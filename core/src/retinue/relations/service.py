"""What can be done with relations: link, unlink, read from either end, and the decision-making unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import or_, select

from retinue.contacts.models import Contact
from retinue.errors import Conflict, Invalid, Problem
from retinue.relations.models import ROLES, Influence, Relation, RelationKind
from retinue.storage import among

if TYPE_CHECKING:
    from retinue.storage import Store


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of relation by its name from either end; both equal for a symmetrical one."""

    name: str
    inverse: str
    label: str
    inverse_label: str
    decides: bool = False


CORE_KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("manager_of", "managed_by", "Manager of", "Managed by"),
        Kind("colleague_of", "colleague_of", "Colleague of", "Colleague of"),
        Kind("relative_of", "relative_of", "Relative of", "Relative of"),
        Kind("referred", "referred_by", "Referred", "Referred by"),
        Kind("employs", "works_at", "Employs", "Works at"),
        Kind("headed_by", "head_of", "Headed by", "Head of"),
        Kind("contact_person", "contact_person_of", "Contact person", "Contact person of"),
        Kind("parent_of", "part_of", "Parent of", "Part of"),
        Kind("decided_by", "decides_for", "Decision-making unit", "Decides for", decides=True),
    )
}


@dataclass(frozen=True, slots=True)
class Link:
    """A relation as one end sees it."""

    relation: Relation
    kind: str
    label: str
    other_id: UUID
    other_name: str = ""


@dataclass(slots=True)
class Member:
    """One member of a decision-making unit, with whom it influences and by whom it is influenced."""

    relation: Relation
    contact: Contact
    influences: list[UUID] = field(default_factory=list)
    influenced_by: list[UUID] = field(default_factory=list)


def known_kinds(store: Store) -> dict[str, Kind]:
    """Return all kinds of relation by name, core's and the installation's own."""
    own = store.scalars(select(RelationKind))
    return {
        **CORE_KINDS,
        **{k.name: Kind(k.name, k.inverse, k.label, k.inverse_label, k.decides) for k in own},
    }


def create_relation_kind(store: Store, values: Mapping[str, Any]) -> RelationKind:
    """Add a kind of relation to this installation."""
    store.require("relation_kind.create")
    name, inverse = str(values.get("name") or ""), str(values.get("inverse") or values.get("name") or "")
    taken = {n for kind in known_kinds(store).values() for n in (kind.name, kind.inverse)}
    if not name.isidentifier() or not inverse.isidentifier() or {name, inverse} & taken:
        raise Invalid(
            "the kind is not valid", problems=[Problem("/name", "taken, or not a word of letters and _")]
        )
    label = values.get("label") or name
    made = RelationKind(
        name=name, inverse=inverse, label=label, inverse_label=values.get("inverse_label") or label,
        decides=bool(values.get("decides", False)),
    )  # fmt: skip
    store.add(made)
    store.flush()
    return made


def relate_contacts(store: Store, from_id: UUID, to_id: UUID, values: Mapping[str, Any]) -> Relation:
    """Link two contacts. `values` has the kind (read from either end), and for a decision role, involvement, interest."""
    name = values.get("kind")
    kinds = known_kinds(store)
    inverse = {k.inverse: k.name for k in kinds.values() if k.inverse != k.name}
    if name in inverse:
        from_id, to_id, name = to_id, from_id, inverse[name]
    problems = list(_judge(values))
    if name not in kinds:
        problems.append(Problem("/kind", f"none of: {', '.join(sorted({*kinds, *inverse}))}"))
    if from_id == to_id:
        problems.append(Problem("/to_id", "a contact has no relation to itself"))
    if problems:
        raise Invalid("the relation is not valid", problems=problems)
    ends = [store.get(Contact, from_id), store.get(Contact, to_id)]
    store.require("relation.create", ends[0])
    name = str(name)
    if kinds[name].inverse == name:  # a symmetrical one stands once, in one order
        from_id, to_id = sorted((from_id, to_id))
    if store.first(
        select(Relation).where(Relation.from_id == from_id, Relation.to_id == to_id, Relation.kind == name)
    ):
        raise Conflict("these contacts have this relation already", code="duplicate")
    made = Relation(
        from_id=from_id, to_id=to_id, kind=name, created_at=store.now,
        **{n: values.get(n) for n in ("role", "involvement", "interest", "note")},
    )  # fmt: skip
    store.add(made)
    store.flush()
    return made


def relate_many(store: Store, kind: str, pairs: Sequence[tuple[UUID, UUID]]) -> int:
    """Link many pairs of contacts by one `kind`, as the first of each pair reads it; returns how many are new.

    The right to relate must reach the first of each pair. Pairs linked so already, and a contact with itself, are
    left alone. Raises Invalid for an unknown kind, NotFound for a contact that does not exist.
    """
    kinds = known_kinds(store)
    inverse = {k.inverse: k.name for k in kinds.values() if k.inverse != k.name}
    if kind not in kinds and kind not in inverse:
        raise Invalid("the relation is not valid", problems=[Problem("/kind", "there is no such kind")])
    firsts = store.scalars(select(Contact).where(among(Contact.id, {first for first, _ in pairs})))
    store.require("relation.create", *firsts)
    name = inverse.get(kind, kind)
    if name != kind:
        pairs = [(second, first) for first, second in pairs]
    elif kinds[name].inverse == name:  # a symmetrical one stands once, in one order
        pairs = [(min(pair), max(pair)) for pair in pairs]
    wanted = dict.fromkeys(pair for pair in pairs if pair[0] != pair[1])
    of_kind = (Relation.kind == name) & among(Relation.to_id, {second for _, second in wanted})
    there = {(a, b) for a, b in store.rows(select(Relation.from_id, Relation.to_id).where(of_kind))}
    rows = [
        {"from_id": a, "to_id": b, "kind": name, "created_at": store.now}
        for a, b in wanted
        if (a, b) not in there
    ]
    store.insert_many(Relation, rows)
    return len(rows)


def _judge(values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    if values.get("role") is not None and values["role"] not in ROLES:
        problems.append(Problem("/role", f"none of: {', '.join(ROLES)}"))
    for name in ("involvement", "interest"):
        value = values.get(name)
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100
        ):
            problems.append(Problem(f"/{name}", "not a whole number from 0 to 100"))
    return problems


def change_relation(store: Store, relation_id: UUID, values: Mapping[str, Any]) -> Relation:
    """Change role, involvement, interest or note of a relation."""
    relation = store.get(Relation, relation_id)
    store.require("relation.change", store.get(Contact, relation.from_id))
    problems = _judge(values)
    if problems:
        raise Invalid("the relation is not valid", problems=problems)
    for name in ("role", "involvement", "interest", "note"):
        if name in values:
            setattr(relation, name, values[name])
    store.flush()
    return relation


def remove_relation(store: Store, relation_id: UUID) -> int:
    """Remove a relation; both contacts stay. Returns how many edges of influence went with it."""
    relation = store.get(Relation, relation_id)
    store.require("relation.remove", store.get(Contact, relation.from_id))
    touching = or_(Influence.from_relation_id == relation_id, Influence.to_relation_id == relation_id)
    edges = store.scalars(select(Influence).where(touching))
    for edge in edges:
        store.remove(edge)
    store.flush()
    store.remove(relation)
    store.flush()
    return len(edges)


def list_relations(store: Store, contact_id: UUID) -> list[Link]:
    """Return the relations of a contact as it sees them, each named from its end."""
    store.require("relation.read", store.get(Contact, contact_id))
    kinds = known_kinds(store)
    chosen = select(Relation).where(or_(Relation.from_id == contact_id, Relation.to_id == contact_id))
    relations = store.scalars(chosen.order_by(Relation.kind, Relation.id))
    others = {r.to_id if r.from_id == contact_id else r.from_id for r in relations}
    named = store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(others)))
    names: dict[UUID, str] = dict(named)
    return [_link(relation, contact_id, kinds, names) for relation in relations]


def _link(relation: Relation, contact_id: UUID, kinds: Mapping[str, Kind], names: Mapping[UUID, str]) -> Link:
    kind = kinds.get(relation.kind, Kind(relation.kind, relation.kind, relation.kind, relation.kind))
    outward = relation.from_id == contact_id
    other = relation.to_id if outward else relation.from_id
    name, label = (kind.name, kind.label) if outward else (kind.inverse, kind.inverse_label)
    return Link(relation, name, label, other, names.get(other, ""))


# ---- the decision-making unit ----------------------------------------------------------------------------------------
def add_influence(store: Store, from_relation_id: UUID, to_relation_id: UUID) -> Influence:
    """Note that one member of a decision influences another; both links belong to the same organisation."""
    first, second = store.get(Relation, from_relation_id), store.get(Relation, to_relation_id)
    store.require("relation.change", store.get(Contact, first.from_id))
    if first.from_id != second.from_id or first.kind != second.kind or first.id == second.id:
        raise Invalid(
            "no such influence", problems=[Problem("/to", "must be another member of the same decision")]
        )
    known = select(Influence).where(
        Influence.from_relation_id == from_relation_id, Influence.to_relation_id == to_relation_id
    )
    made = store.first(known)
    if made is None:
        made = Influence(from_relation_id=from_relation_id, to_relation_id=to_relation_id)
        store.add(made)
        store.flush()
    return made  # type: ignore[no-any-return]  # first() gives an Influence


def remove_influence(store: Store, from_relation_id: UUID, to_relation_id: UUID) -> None:
    """Forget that one member influences another."""
    relation = store.get(Relation, from_relation_id)
    store.require("relation.change", store.get(Contact, relation.from_id))
    wanted = Influence.from_relation_id == from_relation_id, Influence.to_relation_id == to_relation_id
    for edge in store.scalars(select(Influence).where(*wanted)):
        store.remove(edge)
    store.flush()


def read_decision_unit(store: Store, organisation_id: UUID) -> list[Member]:
    """Return the members of an organisation's decision, the most involved first, with their influence."""
    store.require("relation.read", store.get(Contact, organisation_id))
    deciding = [name for name, kind in known_kinds(store).items() if kind.decides]
    chosen = (
        select(Relation, Contact)
        .join(Contact, Contact.id == Relation.to_id)
        .where(Relation.from_id == organisation_id, Relation.kind.in_(deciding))
    )
    members = {relation.id: Member(relation, contact) for relation, contact in store.rows(chosen)}
    for edge in store.scalars(select(Influence).where(Influence.from_relation_id.in_(members))):
        if edge.to_relation_id in members:
            members[edge.from_relation_id].influences.append(members[edge.to_relation_id].contact.id)
            members[edge.to_relation_id].influenced_by.append(members[edge.from_relation_id].contact.id)
    return sorted(members.values(), key=lambda m: (-(m.relation.involvement or 0), m.contact.sort_name))


# ---- answers to hooks ------------------------------------------------------------------------------------------------
def move_relations(store: Store, survivor_id: UUID, merged_ids: Sequence[UUID]) -> int:
    """Move the relations of merged contacts to the survivor; doubles and relations to itself fall away."""
    merged = set(merged_ids)
    touching = or_(Relation.from_id.in_(merged), Relation.to_id.in_(merged))
    rows = store.scalars(select(Relation).where(touching).order_by(Relation.id))
    own = store.scalars(
        select(Relation).where(or_(Relation.from_id == survivor_id, Relation.to_id == survivor_id))
    )
    seen = {(r.from_id, r.to_id, r.kind) for r in own if not {r.from_id, r.to_id} & merged}
    moved = 0
    for row in rows:
        ends = [survivor_id if end in merged else end for end in (row.from_id, row.to_id)]
        if CORE_KINDS.get(row.kind) and CORE_KINDS[row.kind].inverse == row.kind:
            ends.sort()
        place = (ends[0], ends[1], row.kind)
        if ends[0] == ends[1] or place in seen:
            store.remove(row)
        else:
            seen.add(place)
            row.from_id, row.to_id = ends
            moved += 1
    store.flush()
    return moved
