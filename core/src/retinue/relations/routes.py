"""The API of relations: links of a contact, and an organisation's decision-making unit."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from retinue.relations import schemas, service
from retinue.relations.models import Influence, Relation
from retinue.storage import Store
from retinue.web import SIGNED_IN, delete, get, patch, post

_RELATION: Final = schemas.RelationSchema()
_KIND: Final = schemas.RelationKindSchema()
_INFLUENCE: Final = schemas.InfluenceSchema()


@get("/contacts/{contact_id:uuid}/relations", permission="relation.read", gives=schemas.LinkSchema())
def list_relations(store: Store, contact_id: UUID) -> list[service.Link]:
    """List a contact's relations, each named from its end."""
    return service.list_relations(store, contact_id)


@post(
    "/contacts/{contact_id:uuid}/relations",
    permission="relation.create",
    takes=schemas.RelationDraftSchema(),
    gives=_RELATION,
)
def relate_contacts(store: Store, contact_id: UUID, data: dict[str, Any]) -> Relation:
    """Link a contact with another."""
    return service.relate_contacts(store, contact_id, data.pop("to_id"), data)


@patch(
    "/relations/{relation_id:uuid}",
    permission="relation.change",
    takes=schemas.RelationValuesSchema(partial=True),
    gives=_RELATION,
)
def change_relation(store: Store, relation_id: UUID, data: dict[str, Any]) -> Relation:
    """Change role, involvement, interest or note."""
    return service.change_relation(store, relation_id, data)


@post(
    "/relations/{relation_id:uuid}/remove",
    permission="relation.remove",
    gives=schemas.RemovedSchema(),
    status=200,
)
def remove_relation(store: Store, relation_id: UUID) -> dict[str, int]:
    """Remove a relation; both contacts stay, the edges of influence at it go."""
    return {"edges": service.remove_relation(store, relation_id)}


@get("/contacts/{contact_id:uuid}/decision-unit", permission="relation.read", gives=schemas.MemberSchema())
def get_decision_unit(store: Store, contact_id: UUID) -> list[service.Member]:
    """List who decides in an organisation, the most involved first, and who influences whom."""
    return service.read_decision_unit(store, contact_id)


@post("/relation-influences", permission="relation.change", takes=_INFLUENCE, gives=_INFLUENCE)
def add_influence(store: Store, data: dict[str, Any]) -> Influence:
    """Note that one member of a decision influences another."""
    return service.add_influence(store, data["from_relation_id"], data["to_relation_id"])


@delete("/relation-influences/{from_relation_id:uuid}/{to_relation_id:uuid}", permission="relation.change")
def remove_influence(store: Store, from_relation_id: UUID, to_relation_id: UUID) -> None:
    """Forget an influence."""
    service.remove_influence(store, from_relation_id, to_relation_id)


@get("/relation-kinds", permission=SIGNED_IN, gives=_KIND)
def list_relation_kinds(store: Store) -> list[service.Kind]:
    """List the kinds of relation."""
    return list(service.known_kinds(store).values())


@post("/relation-kinds", permission="relation_kind.create", takes=_KIND, gives=_KIND)
def create_relation_kind(store: Store, data: dict[str, Any]) -> Any:
    """Add a kind of relation."""
    return service.create_relation_kind(store, data)


ROUTES: Final = [
    list_relations, relate_contacts, change_relation, remove_relation, get_decision_unit, add_influence,
    remove_influence, list_relation_kinds, create_relation_kind,
]  # fmt: skip
