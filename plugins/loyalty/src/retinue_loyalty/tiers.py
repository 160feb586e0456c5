"""Levels by what was gathered in a rolling window, worked out from the entries alone, day by day.

Nothing here depends on when a job ran: the level on a day follows from what happened up to that day. An entry
leaves the window at the start of the day one window after it. A rise is at once. A fall through ageing waits
for the grace; then ``balance_based`` goes to what the window holds, ``one_down`` one level at a time, with
another grace before the next. A refund counts at once and lowers at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from retinue_loyalty.rules import TierSet
from retinue_loyalty.when import Period


@dataclass(frozen=True, slots=True)
class Gathered:
    """An amount that counts: when it happened, and the day its window is counted from (a refund's is its order's)."""

    day: date
    counts_from: date
    amount: int


@dataclass(frozen=True, slots=True)
class Step:
    """A change of level: -1 is no level; `reason` is reached, aged or refunded."""

    day: date
    level: int
    reason: str


@dataclass(slots=True)
class Position:
    """Where a member stands on a day."""

    level: int = -1
    total: int = 0
    since: date | None = None
    falls_on: date | None = None


def reached(tiers: TierSet, total: int) -> int:
    """Return the highest level whose threshold `total` reaches, -1 for none."""
    return sum(total >= level.threshold for level in tiers.levels) - 1


def walk(tiers: TierSet, entries: Iterable[Gathered], until: date) -> tuple[Position, list[Step]]:
    """Return where the entries lead on `until`, and every change of level on the way."""
    changes = _changes(tiers.window, entries, until)
    days = sorted(changes, reverse=True)
    position, steps = Position(), list[Step]()
    while days or (position.falls_on and position.falls_on <= until):
        day = days[-1] if days else until
        if position.falls_on is not None and position.falls_on <= day:
            day = position.falls_on
        refunded = False
        if days and days[-1] == day:
            plus, refunded = changes[days.pop()]
            position.total += plus
        if (step := _judge(tiers, position, day, refunded)) is not None:
            steps.append(step)
    return position, steps


def _changes(window: Period, entries: Iterable[Gathered], until: date) -> dict[date, tuple[int, bool]]:
    """Return what each day adds to the window, and whether a refund is in it."""
    found: dict[date, tuple[int, bool]] = {}
    for entry in entries:
        leaves = window.after(entry.counts_from)
        if entry.day >= leaves or entry.day > until:
            continue
        known = found.get(entry.day, (0, False))
        found[entry.day] = (known[0] + entry.amount, known[1] or entry.amount < 0)
        if leaves <= until:
            known = found.get(leaves, (0, False))
            found[leaves] = (known[0] - entry.amount, known[1])
    return found


def _judge(tiers: TierSet, position: Position, day: date, refunded: bool) -> Step | None:
    """Move the position to where it belongs on `day`; returns the step if the level changes."""
    fits = reached(tiers, position.total)
    if fits == position.level:
        position.falls_on = None
        return None
    if fits > position.level:
        return _move(position, day, fits, "reached")
    if refunded:
        return _move(position, day, fits, "refunded")
    if position.falls_on is None:
        position.falls_on = day + timedelta(days=tiers.grace_days)
    if day < position.falls_on:
        return None
    lower = position.level - 1 if tiers.downgrade == "one_down" else fits
    step = _move(position, day, lower, "aged")
    if fits < lower:
        position.falls_on = day + timedelta(days=max(tiers.grace_days, 1))
    return step


def _move(position: Position, day: date, level: int, reason: str) -> Step:
    position.level, position.since, position.falls_on = level, day, None
    return Step(day, level, reason)


def progress(tiers: TierSet, position: Position) -> tuple[int | None, int]:
    """Return the next level's place and how much is missing for it; (None, 0) on the highest."""
    above: Sequence[int] = [n for n, level in enumerate(tiers.levels) if level.threshold > position.total]
    following = [n for n in above if n > position.level]
    if not following:
        return None, 0
    return following[0], tiers.levels[following[0]].threshold - position.total
