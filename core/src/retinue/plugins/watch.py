"""What hooks cost and where they fail, as one process sees it: cheap to note, read by whoever has time."""

from __future__ import annotations

import logging
import os
import traceback
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from retinue.errors import describe_error

log = logging.getLogger("retinue.plugins")
TRACE = "RETINUE_TRACE_HOOKS"
_SAMPLES = 4096
_FAILURES = 200
_FINE = 3
"""Bits of a bucket below the leading one: eight buckets per octave, so a percentile is at most 7 % off."""
_PER_OCTAVE = 1 << _FINE
Place = tuple[str, str]
"""A plugin and one of its hooks (or panels)."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of one implementation. `trace` has frames and types, never a message: messages carry values."""

    plugin: str
    version: str
    hook: str
    error: str
    trace: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the calls of one implementation took, in nanoseconds."""

    plugin: str
    hook: str
    calls: int
    p50: int
    p95: int
    longest: int
    total: int


@dataclass(slots=True)
class Digest:
    """Times of many calls as counts in buckets: digests of several processes can be added."""

    calls: int = 0
    total: int = 0
    longest: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def note(self, nanoseconds: int) -> None:
        """Count one call."""
        self.calls += 1
        self.total += nanoseconds
        self.longest = max(self.longest, nanoseconds)
        place = _bucket(nanoseconds)
        self.buckets[place] = self.buckets.get(place, 0) + 1

    def add(self, other: Digest) -> None:
        """Count the calls of another digest as well."""
        self.calls += other.calls
        self.total += other.total
        self.longest = max(self.longest, other.longest)
        for place, count in other.buckets.items():
            self.buckets[place] = self.buckets.get(place, 0) + count

    def at(self, percent: int) -> int:
        """Return the nanoseconds that `percent` of the calls did not exceed, at most 7 % off."""
        wanted, seen = max(1, -(-self.calls * percent // 100)), 0
        for place in sorted(self.buckets):
            seen += self.buckets[place]
            if seen >= wanted:
                return min(_middle(place), self.longest)
        return 0

    def timing(self, place: Place) -> Timing:
        """Return the figures people read."""
        return Timing(*place, self.calls, self.at(50), self.at(95), self.longest, self.total)


def _bucket(nanoseconds: int) -> int:
    octave = max(nanoseconds, 1).bit_length() - 1
    fine = (nanoseconds << _FINE >> octave) & (_PER_OCTAVE - 1)
    return (octave << _FINE) | fine


def _middle(place: int) -> int:
    octave, fine = place >> _FINE, place & (_PER_OCTAVE - 1)
    return ((2 * (_PER_OCTAVE + fine) + 1) << octave) >> (_FINE + 1)


def timing_figures(timing: Timing) -> dict[str, Any]:
    """Return a timing as people read it: microseconds, and milliseconds in all."""
    return {
        "plugin": timing.plugin,
        "hook": timing.hook,
        "calls": timing.calls,
        "p50_us": round(timing.p50 / 1000, 1),
        "p95_us": round(timing.p95 / 1000, 1),
        "longest_us": round(timing.longest / 1000, 1),
        "total_ms": round(timing.total / 1_000_000, 2),
    }


def slowest_first(digests: Mapping[Place, Digest]) -> list[Timing]:
    """Return the timings of `digests`, the highest 95th percentile first."""
    found = [digest.timing(place) for place, digest in digests.items() if digest.calls]
    return sorted(found, key=lambda timing: (-timing.p95, timing.plugin, timing.hook))


@dataclass(slots=True)
class Watch:
    """What a process has seen of its plugins; it outlives the plugin sets. `trace` prints every call."""

    trace: bool = False
    failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=_FAILURES))
    samples: dict[Place, deque[int]] = field(default_factory=dict)
    digests: dict[Place, Digest] = field(default_factory=dict)
    unwritten: deque[Failure] = field(default_factory=lambda: deque(maxlen=_FAILURES))

    @classmethod
    def from_environment(cls) -> Watch:
        """Return a new watch that prints every call if RETINUE_TRACE_HOOKS says so."""
        return cls(trace=os.environ.get(TRACE, "") not in ("", "0"))

    def samples_of(self, plugin: str, hook: str) -> deque[int]:
        """Return where the times of one implementation are kept until somebody digests them."""
        return self.samples.setdefault((plugin, hook), deque(maxlen=_SAMPLES))

    def digest(self) -> dict[Place, Digest]:
        """Count what was sampled since the last look, and return all that was counted since the last `take`."""
        for place, kept in list(self.samples.items()):
            for _ in range(len(kept)):
                self.digests.setdefault(place, Digest()).note(kept.popleft())
        return self.digests

    def take(self) -> tuple[dict[Place, Digest], list[Failure]]:
        """Return what was counted and what failed since the last `take`."""
        found, self.digests = self.digest(), {}
        return found, [self.unwritten.popleft() for _ in range(len(self.unwritten))]

    def give_back(self, digests: Mapping[Place, Digest], failures: Iterable[Failure]) -> None:
        """Take back what could not be written, for the next time."""
        for place, digest in digests.items():
            self.digests.setdefault(place, Digest()).add(digest)
        self.unwritten.extendleft(reversed(list(failures)))

    def timings(self) -> list[Timing]:
        """Return the times of each implementation that was called, the slowest first."""
        return slowest_first(self.digest())

    def note(self, plugin: str, version: str, hook: str, error: BaseException) -> None:
        """Keep and log a failure with plugin, version and hook; what the error says stays out of both."""
        failure = Failure(
            plugin, version, hook, type(error).__name__, describe_error(error), datetime.now(UTC)
        )
        self.failures.append(failure)
        self.unwritten.append(failure)
        log.error("plugin %s %s failed in %s: %s at %s", plugin, version, hook, failure.error, _place(error))


def _place(error: BaseException) -> str:
    """Return where it was raised: file, line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} {frames[-1].name}" if frames else "unknown place"
