"""How wrong tries slow a guesser down. Arithmetic only: `sessions` keeps the counters.

A try is counted before the password is looked at and given back when it was right, so any number of parallel
tries has the same allowance as tries one after the other. Counters fade, waits are bounded, nothing is
forever.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from retinue.access.rules import AccessRules


@dataclass(frozen=True, slots=True)
class Counter:
    """Tries under one key: how many since `since`, closed until when, and how often it was closed in a
    row.
    """

    tries: int = 0
    since: datetime | None = None
    until: datetime | None = None
    level: int = 0


def wait_of(counter: Counter, now: datetime) -> int | None:
    """Return the seconds a further try has to wait, None if it may go on."""
    if counter.until is None or counter.until <= now:
        return None
    return ceil((counter.until - now).total_seconds())


def take_try(counter: Counter, now: datetime, rules: AccessRules) -> Counter:
    """Return the counter after one more try; the last one allowed closes it, longer each time in a row."""
    fresh = _faded(counter, now, rules)
    taken = replace(fresh, tries=fresh.tries + 1, since=fresh.since or now)
    if taken.tries < rules.tries:
        return taken
    return replace(taken, until=now + block_length(taken.level, rules), level=taken.level + 1)


def give_back(counter: Counter, rules: AccessRules) -> Counter:
    """Return the counter without the try that turned out right; it reopens if that one had closed it."""
    left = replace(counter, tries=max(counter.tries - 1, 0))
    if counter.until is None or left.tries >= rules.tries:
        return left
    return replace(left, until=None, level=max(counter.level - 1, 0))


def block_length(level: int, rules: AccessRules) -> timedelta:
    """Return how long the next closing lasts: twice as long each time in a row, up to the limit."""
    return min(rules.block * (1 << min(level, 20)), max(rules.block_limit, rules.block))


def _faded(counter: Counter, now: datetime, rules: AccessRules) -> Counter:
    """Forget old tries: after a closing has ended, after a window without one, and the level after a
    quiet time.
    """
    last = counter.until or counter.since
    if last is None or now - last >= rules.quiet:
        return Counter()
    if counter.until is not None or (counter.since is not None and now - counter.since >= rules.block):
        return Counter(level=counter.level, until=None)
    return counter
