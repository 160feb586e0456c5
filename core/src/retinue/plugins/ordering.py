"""Who comes first: by requirement, then by name; for one hook also by what its implementations ask for."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Edges = Mapping[str, Iterable[str]]
"""For each name, the names that must come before it."""


class Cycle(Exception):
    """No order exists; `names` is the circle, the first name repeated at the end."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(" → ".join(names))
        self.names = names


@dataclass(frozen=True, slots=True)
class Position:
    """One place in the order of a hook, with the reason for it."""

    plugin: str
    reason: str


def topological(names: Iterable[str], earlier: Edges, *, rank: Callable[[str], object] = str) -> list[str]:
    """Return `names` so that each stands behind its `earlier` ones, ties by `rank`; raises Cycle."""
    wanted = set(names)
    waits = {name: {other for other in earlier.get(name, ()) if other in wanted} for name in wanted}
    behind: dict[str, list[str]] = {name: [] for name in wanted}
    for name, others in waits.items():
        for other in others:
            behind[other].append(name)
    ready = [(rank(name), name) for name in wanted if not waits[name]]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        _, name = heapq.heappop(ready)
        order.append(name)
        for other in behind[name]:
            waits[other].discard(name)
            if not waits[other]:
                heapq.heappush(ready, (rank(other), other))
    if len(order) < len(wanted):
        raise Cycle(_circle({name: others for name, others in waits.items() if others}))
    return order


def _circle(waits: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return one circle among names that wait for each other, beginning with its smallest name."""
    path = [min(waits)]
    while True:
        following = min(name for name in waits[path[-1]] if name in waits)
        if following in path:
            circle = path[path.index(following) :]
            start = circle.index(min(circle))
            circle = circle[start:] + circle[:start]
            return (*circle, circle[0])
        path.append(following)


def hook_order(base: list[str], requires: Edges, explicit: Edges) -> list[str]:
    """Return the order of one hook's plugins: explicit wishes bind, then requirements, then the order `base`.

    A wish may turn a requirement round for this hook; wishes that contradict each other raise Cycle.
    """
    rank = {name: place for place, name in enumerate(base)}
    both = {name: {*requires.get(name, ()), *explicit.get(name, ())} for name in base}
    try:
        return topological(base, both, rank=rank.__getitem__)
    except Cycle:
        return topological(base, explicit, rank=rank.__getitem__)


def explain(
    order: list[str], requires: Edges, explicit: Edges, builtin: Iterable[str] = ()
) -> list[Position]:
    """Return each place of `order` with its reason."""
    core, present = set(builtin), set(order)
    positions: list[Position] = []
    for name in order:
        wishes = sorted(set(explicit.get(name, ())) & present)
        needs = sorted(set(requires.get(name, ())) & present - set(wishes))
        reasons = ["part of core"] if name in core else []
        reasons += [f"asked to stand after {other}" for other in wishes]
        reasons += [f"requires {other}" for other in needs if other not in core]
        positions.append(Position(name, "; ".join(reasons) or "by name"))
    return positions
