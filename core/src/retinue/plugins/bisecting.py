"""Finding the plugin with which something fails, by trying fewer of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from retinue.plugins.ordering import topological

Try = Callable[[Sequence[str]], bool]
"""Says whether all is well with these plugins on, and no others."""


@dataclass(slots=True)
class Found:
    """What a search found: the plugin with which it fails, those on beside it then, and each try.

    `culprit` is empty if nothing failed with all of them on (`reproduced` is False), or if it fails without any.
    """

    culprit: str = ""
    beside: tuple[str, ...] = ()
    reproduced: bool = True
    runs: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)


def bisect_plugins(
    names: Collection[str], requires: Mapping[str, Sequence[str]], attempt: Try, *, keep: Collection[str] = ()
) -> Found:
    """Return the plugin of `names` with which `attempt` begins to fail; those to `keep` are on in every try.

    The plugins stand in an order in which each comes behind those it requires, and a try is a beginning of it: no
    plugin is ever tried without what it requires. Sixteen plugins need four or five tries. Where two fail only
    together, the later one is found, and `beside` names what was on.
    """
    needed = _with_required(keep, requires)
    order = [name for name in topological(names, requires) if name not in needed]
    base = [name for name in topological({*names, *needed}, requires) if name in needed]
    found = Found()

    def fails(count: int) -> bool:
        tried = (*base, *order[:count])
        well = attempt(tried)
        found.runs.append((tried, well))
        return not well

    low, high = 0, len(order)  # with `high` on it fails, with `low` it does not; the ends are tried last
    proven_low = proven_high = False
    while high - low > 1:
        middle = (low + high) // 2
        if fails(middle):
            high, proven_high = middle, True
        else:
            low, proven_low = middle, True
    if not proven_high and not fails(high):
        found.reproduced = False
    elif high == 0 or (not proven_low and fails(low)):
        found.culprit = ""
    else:
        found.culprit, found.beside = order[high - 1], (*base, *order[: high - 1])
    return found


def _with_required(names: Collection[str], requires: Mapping[str, Sequence[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += requires.get(name, ())
    return reached
