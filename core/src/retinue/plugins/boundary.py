"""The fault boundary around what a plugin shows: one card that fails is one error card, never the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from retinue.actor import as_plugin
from retinue.plugins.watch import Watch

if TYPE_CHECKING:
    from retinue.storage import Store

T = TypeVar("T")


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
        with as_plugin(plugin), store.savepoint():
            return Outcome(work())
    except Exception as error:  # a stranger's function may raise anything; its place shows that it did
        watch.note(plugin, version, name, error)
        return Outcome(failed=True)
    finally:
        store.plugin, store.hook = before
        watch.samples_of(plugin, name).append(time.perf_counter_ns() - started)


def is_open(item: Any, permissions: Callable[[str], bool]) -> bool:
    """Say whether a contribution may be shown: its permission is held, or it names none."""
    return not item.permission or permissions(item.permission)
