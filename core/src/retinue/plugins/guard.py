"""The skin around each implementation: timed, caught, attributed, with its hook's failure policy."""

from __future__ import annotations

import logging
import operator
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from retinue.errors import RetinueError
from retinue.plugins.faults import HookFailed, trace_of
from retinue.plugins.loading import Implementation

log = logging.getLogger("retinue.plugins")
_clock = time.perf_counter_ns
_SAMPLES = 1024
_FAILURES = 200
_RETRY_STATES = {"40001"}
Guarded = Callable[..., Any]
Call = Callable[[tuple[Any, ...]], Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of one implementation."""

    plugin: str
    version: str
    hook: str
    error: str
    trace: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the last calls of one implementation took, in nanoseconds."""

    plugin: str
    hook: str
    calls: int
    p50: int
    p95: int
    longest: int


@dataclass(slots=True)
class Watch:
    """What one plugin set has seen since it was built: times and failures; `trace` prints every call."""

    trace: bool = False
    failures: deque[Failure] = field(default_factory=lambda: deque(maxlen=_FAILURES))
    samples: dict[tuple[str, str], deque[int]] = field(default_factory=dict)

    def timings(self) -> list[Timing]:
        """Return the times of each implementation that was called, the slowest first."""
        found = []
        for (plugin, hook), kept in self.samples.items():
            times = sorted(kept)
            if times:
                found.append(Timing(plugin, hook, len(times), _at(times, 50), _at(times, 95), times[-1]))
        return sorted(found, key=lambda timing: (-timing.p95, timing.plugin, timing.hook))

    def failing(self, count: int = 5, seconds: float = 60.0) -> list[str]:
        """Return the plugins that failed at least `count` times in the last `seconds`."""
        now = datetime.now(UTC)
        recent = [f.plugin for f in list(self.failures) if (now - f.at).total_seconds() <= seconds]
        return sorted({plugin for plugin in recent if recent.count(plugin) >= count})

    def note(self, implementation: Implementation, version: str, error: BaseException) -> None:
        """Keep and log a failure with plugin, version and hook."""
        plugin, hook = implementation.plugin, implementation.spec.name
        words = f"{type(error).__name__}: {error}"
        self.failures.append(Failure(plugin, version, hook, words, trace_of(error), datetime.now(UTC)))
        log.error("plugin %s %s failed in %s", plugin, version, hook, exc_info=error)


def _at(times: list[int], percent: int) -> int:
    return times[min(len(times) - 1, len(times) * percent // 100)]


def say(text: str) -> None:
    """Write a line of the trace to standard error."""
    sys.stderr.write(f"retinue hooks: {text}\n")


def make_guard(implementation: Implementation, version: str, watch: Watch, *, builtin: bool) -> Guarded:
    """Return the function to register for `implementation`: it takes all arguments of the hook, in order."""
    contract = implementation.spec.contract
    isolate = contract.on_failure == "isolate" and not builtin
    call = _caller(implementation)
    if contract.mode == "ask":
        call = _checked(call, implementation)
    if contract.mode == "tell" or isolate:
        call = _saved(call, implementation.plugin if not builtin else None, implementation.spec.name)
    key = (implementation.plugin, implementation.spec.name)
    if watch.trace:
        call = _traced(call, key)
    keep = watch.samples.setdefault(key, deque(maxlen=_SAMPLES)).append

    def failed(error: Exception, store: Any) -> None:
        watch.note(implementation, version, error)
        if not isolate or _is_fatal(error):
            if isinstance(error, RetinueError):
                error.add_note(f"raised by plugin {key[0]} in {key[1]}")
                raise error
            raise HookFailed(*key, error) from error
        if contract.mode == "tell":
            detail = {"plugin": key[0], "version": version, "hook": key[1], "error": type(error).__name__}
            store.record("plugin.fail", detail=detail)

    def guarded(*arguments: Any) -> Any:
        started = _clock()
        try:
            return call(arguments)
        except Exception as error:  # a stranger's function may raise anything; the hook's policy decides
            failed(error, arguments[0])
            return None
        finally:
            keep(_clock() - started)

    return _named(guarded, implementation)


def _named(guarded: Guarded, implementation: Implementation) -> Guarded:
    """Give the guard the specification's signature, which is what the plugin manager reads."""
    guarded.__name__ = implementation.spec.name
    guarded.__wrapped__ = implementation.spec.function  # type: ignore[attr-defined]  # functions carry attributes
    return guarded


def _caller(implementation: Implementation) -> Call:
    """Return a call of the implementation with the arguments it wants out of all of them."""
    function, positions = implementation.function, implementation.positions
    if positions == tuple(range(len(implementation.spec.arguments))):
        return lambda arguments: function(*arguments)
    if len(positions) > 1:
        pick = operator.itemgetter(*positions)
        return lambda arguments: function(*pick(arguments))
    if positions:
        place = positions[0]
        return lambda arguments: function(arguments[place])
    return lambda _arguments: function()


def _checked(call: Call, implementation: Implementation) -> Call:
    """Return `call` with its answer made a tuple; a wrong answer is the plugin's failure, here and now."""
    item = implementation.spec.item

    def checked(arguments: tuple[Any, ...]) -> tuple[Any, ...] | None:
        answer = call(arguments)
        if not answer:
            return None
        answers = answer if type(answer) is tuple else tuple(answer)
        if item is not None:
            for each in answers:
                if not isinstance(each, item):
                    raise TypeError(f"it answered with {type(each).__name__}, {item.__name__} is wanted")
        return answers

    return checked


def _saved(call: Call, plugin: str | None, hook: str) -> Call:
    """Return `call` in a SAVEPOINT of its own, its writes attributed to the plugin."""

    def saved(arguments: tuple[Any, ...]) -> Any:
        store = arguments[0]
        with store.savepoint(), _attributed(store, plugin, hook):
            return call(arguments)

    return saved


@contextmanager
def _attributed(store: Any, plugin: str | None, hook: str) -> Iterator[None]:
    """Say in the audit that what is written meanwhile is the plugin's."""
    before = store.plugin, store.hook
    store.plugin, store.hook = plugin or before[0], hook
    try:
        yield
        if not store.readonly:
            store.flush()
    finally:
        store.plugin, store.hook = before


def _is_fatal(error: Exception) -> bool:
    """Say whether the transaction itself is lost, so that nothing can be isolated any more."""
    if not isinstance(error, DBAPIError):
        return False
    return bool(error.connection_invalidated) or getattr(error.orig, "sqlstate", None) in _RETRY_STATES


def _traced(call: Call, key: tuple[str, str]) -> Call:
    """Return `call` saying which hook ran, who answered and how long it took."""

    def traced(arguments: tuple[Any, ...]) -> Any:
        started, answer, said = _clock(), None, "failed"
        try:
            answer = call(arguments)
            said = f"answers {len(answer or ())}"
            return answer
        finally:
            say(f"{key[1]} · {key[0]} · {said} · {(_clock() - started) / 1000:.0f} µs")

    return traced
