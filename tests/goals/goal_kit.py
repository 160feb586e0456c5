"""What the goals share: their table, and their two sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench_kit import Figures

TIMES = ("s", "ms", "µs")


@dataclass
class Goal(Figures):
    """The table of a goal: figure, measured, limit, verdict; `full` says at which size it is run."""

    full: bool = False

    def size(self, short: int, full: int) -> int:
        """Return how much to do: `short` in the default run, `full` in the goal's own environment."""
        return full if self.full else short

    def at_most(self, name: str, measured: float, limit: float, unit: str = "") -> None:
        """Add a figure and fail if it is above its limit; times count at full size only, where nothing runs beside."""
        holds = self.add(name, measured, limit, unit, most=True)
        assert holds or (unit in TIMES and not self.full), f"{name}: {measured} {unit}, at most {limit}"

    def none_of(self, name: str, found: Sequence[object]) -> None:
        """Add the number of `found` faults, of which there must be none, and fail naming the first of them."""
        holds = self.add(name, len(found), 0, "", most=True)
        assert holds, f"{name}: {len(found)}\n" + "\n".join(map(str, found[:20]))

    def at_least(self, name: str, measured: float, limit: float, unit: str = "") -> None:
        """Add a figure and fail if it is below its limit."""
        assert self.add(name, measured, limit, unit), f"{name}: {measured} {unit}, at least {limit}"
