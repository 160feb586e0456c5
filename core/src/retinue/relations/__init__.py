"""Relations: who is what to whom, and who decides in an organisation."""

from retinue.relations.models import ROLES, Relation
from retinue.relations.service import (
    Link,
    Member,
    change_relation,
    known_kinds,
    list_relations,
    read_decision_unit,
    relate_contacts,
    relate_many,
    remove_relation,
)

__all__ = [
    "ROLES",
    "Link",
    "Member",
    "Relation",
    "change_relation",
    "known_kinds",
    "list_relations",
    "read_decision_unit",
    "relate_contacts",
    "relate_many",
    "remove_relation",
]
