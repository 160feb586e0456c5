"""A decision-making unit as a drawing: the more involved, the nearer to the middle; arrows for influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin
from uuid import UUID

from retinue import Store
from retinue.errors import Denied
from retinue.relations import Member, read_decision_unit
from retinue_desk.card import Card
from retinue_desk.people import initials

WIDTH, HEIGHT = 320, 240
_NODE = 17


@dataclass(frozen=True, slots=True)
class Node:
    """One member with its place in the drawing."""

    id: UUID
    relation_id: UUID
    name: str
    initials: str
    role: str
    involvement: int | None
    interest: int | None
    influences: Sequence[str]
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Unit:
    """The whole unit: members, and the arrows between them as four coordinates each."""

    members: Sequence[Node] = ()
    arrows: Sequence[tuple[float, float, float, float]] = ()


def read_unit(store: Store, card: Card) -> Unit:
    """Return the decision-making unit of an organisation; an empty one for a person or without the permission."""
    if card.values.get("kind") != "organisation" or not store.may("relation.read"):
        return Unit()
    try:
        members = read_decision_unit(store, card.contact.id)
    except Denied:
        return Unit()
    return draw_unit(members)


def draw_unit(members: Sequence[Member]) -> Unit:
    """Return the drawing of `members`."""
    names = {m.contact.id: m.contact.name for m in members}
    nodes = {m.contact.id: _node(m, place, len(members), names) for place, m in enumerate(members)}
    arrows = [
        _arrow(nodes[m.contact.id], nodes[other]) for m in members for other in m.influences if other in nodes
    ]
    return Unit(list(nodes.values()), arrows)


def _node(member: Member, place: int, count: int, names: dict[UUID, str]) -> Node:
    relation, contact = member.relation, member.contact
    away = 1 - (relation.involvement or 0) / 100
    angle = 2 * pi * place / max(count, 1) - pi / 2
    x = WIDTH / 2 + (0.34 + 0.5 * away) * (WIDTH / 2 - 2 * _NODE) * cos(angle) * 1.15
    y = HEIGHT / 2 + (0.34 + 0.5 * away) * (HEIGHT / 2 - 2 * _NODE) * sin(angle) * 1.25
    return Node(
        id=contact.id,
        relation_id=relation.id,
        name=contact.name,
        initials=initials(contact.name),
        role=relation.role or "",
        involvement=relation.involvement,
        interest=relation.interest,
        influences=[names[other] for other in member.influences if other in names],
        x=round(x, 1),
        y=round(y, 1),
    )


def _arrow(start: Node, end: Node) -> tuple[float, float, float, float]:
    dx, dy = end.x - start.x, end.y - start.y
    far = max((dx * dx + dy * dy) ** 0.5, 1.0)
    ux, uy = dx / far, dy / far
    gap = _NODE + 4
    return (
        round(start.x + ux * gap, 1), round(start.y + uy * gap, 1),
        round(end.x - ux * gap, 1), round(end.y - uy * gap, 1),
    )  # fmt: skip
