"""The fault boundary around what a plugin shows: one card that fails is one error card, never the page."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from retinue.plugins.faults import trace_of
from retinue.plugins.guard import Failure, Watch

if TYPE_CHECKING:
    from retinue.storage import Store

T = TypeVar("T")
_SAMPLES = 1024
log = logging.getLogger("retinue.plugins")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What came of showing something: its value, or None with `failed`."""

    value: T | None = None
    failed: bool = False


def attempt(store: Store, watch: Watch, place: tuple[str, str, str], work: Callable[[], T]) -> Outcome[T]:
    """Do `work` for the contribution at `place` (plugin, version, name) in a savepoint; a failure is kept and logged.

    What it wrote before it failed is undone. The message of the failure stays out of the log: it may hold data.
    """
    plugin, version, name = place
    started = time.perf_counter_ns()
    before = store.plugin, store.hook
    try:
        store.plugin, store.hook = plugin, name
        with store.savepoint():
            return Outcome(work())
    except Exception as error:  # a stranger's function may raise anything; its place shows that it did
        kept = Failure(plugin, version, name, type(error).__name__, trace_of(error), datetime.now(UTC))
        watch.failures.append(kept)
        log.error("plugin %s %s failed in %s: %s", plugin, version, name, type(error).__name__)
        return Outcome(failed=True)
    finally:
        store.plugin, store.hook = before
        samples: deque[int] = watch.samples.setdefault((plugin, name), deque(maxlen=_SAMPLES))
        samples.append(time.perf_counter_ns() - started)


def is_open(item: Any, permissions: Callable[[str], bool]) -> bool:
    """Say whether a contribution may be shown: its permission is held, or it names none."""
    return not item.permission or permissions(item.permission)
