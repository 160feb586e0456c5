"""What a hook costs, beside the bare call of the same function in the same run."""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from typing import Any

import pytest
from bench_kit import Figures

from retinue.plugins import Watch, build_plugin_set, hookimpl
from retinue.plugins.guard import make_guard


def answer(store: Any, contact_ids: Any, purpose: Any) -> tuple[()]:
    """Answer the hook that is measured."""
    return ()


def room(number: int) -> types.ModuleType:
    """Return a module that answers the hook."""
    made = types.ModuleType(f"bench_room_{number}")
    made.contact_refusals = hookimpl(types.FunctionType(answer.__code__, {}, "contact_refusals"))  # type: ignore[attr-defined]
    return made


def nanoseconds(call: Callable[[], Any], count: int = 300, rounds: int = 400) -> float:
    """Return the nanoseconds of one call: the best of many short rounds, which a busy machine spoils least."""
    turns, best = range(count), float("inf")
    for _ in range(rounds):
        started = time.perf_counter_ns()
        for _ in turns:
            call()
        best = min(best, (time.perf_counter_ns() - started) / count)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("plugins", [1, 5, 30])
def test_guard_and_unanswered_hooks_are_cheap(figures: Figures, plugins: int) -> None:
    """EX-10: the guard at most 1.5 µs for each implementation, an unimplemented hook at most 0.2 µs."""
    built = build_plugin_set({}, [], builtins={f"retinue.bench{n}": room(n) for n in range(plugins)})
    hooks: Any = built.hooks
    implementation = built.loaded["retinue.bench0"].implementations[0]
    guard = make_guard(implementation, "1.0", Watch(), builtin=False)
    bare = nanoseconds(lambda: implementation.function(None, (), "x"))
    guarded = nanoseconds(lambda: guard(None, (), "x"))
    nobody = nanoseconds(lambda: hooks.erasure_refusals(None, ()))
    whole = nanoseconds(lambda: hooks.contact_refusals(None, (), "x"), count=max(10, 300 // plugins))
    held = [
        figures.add(f"{plugins} answer: guard of one, above the call", guarded - bare, 1500, "ns", raw=bare, most=True),
        figures.add(f"{plugins} answer: a hook nobody answers", nobody, 200, "ns", raw=bare, most=True),
    ]  # fmt: skip
    figures.note(f"{plugins} answer: the whole hook, for each", whole / plugins, "ns", "")
    built.watch.digest()
    slow = max(
        1.0, bare / 60
    )  # a machine on which a plain call takes more than the usual 60 ns gets as much more
    assert all(held) or (guarded - bare <= 1500 * slow and nobody <= 200 * slow)
