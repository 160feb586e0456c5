"""Hooks are plain functions: what would run later, or never, is refused or attributed (decision 9)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from retinue.plugins import build_plugin_set, discover

if TYPE_CHECKING:
    from conftest import Site

NOTED = """
from retinue.plugins import hookimpl
@hookimpl
def contacts_created(store):
    store.seen.append("zz")
"""


class Desk:
    """The part of a store that a guard touches."""

    plugin = hook = None
    readonly = False

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def savepoint(self) -> Any:
        return contextlib.nullcontext()

    def flush(self) -> None: ...

    def record(self, action: str, *, detail: dict[str, Any]) -> None:
        self.seen.append(action)


LATER = """
import functools
from retinue.plugins import hookimpl

async def slowly(store):
    store.seen.append("ran")

def steps(store):
    store.seen.append("ran")
    yield

def hidden(function):
    @functools.wraps(function)
    def call(store):
        return function(store)
    return call
"""


@pytest.mark.parametrize(
    ("hook", "call"),
    [("contacts_created", "slowly"), ("contact_errors", "slowly"), ("contacts_created", "steps")],
)
def test_answer_that_nobody_would_run_is_a_failure_of_its_plugin(site: Site, hook: str, call: str) -> None:
    """EX-7: a coroutine or generator that comes back from a plain function is closed and attributed, never lost."""
    site.install("later", body=f"{LATER}\n@hookimpl\ndef {hook}(store):\n    return {call}(store)\n")
    site.install("zz", body=NOTED if hook == "contacts_created" else "")
    plugins, desk = build_plugin_set(discover(), ["later", "zz"]), Desk()
    getattr(plugins.hooks, hook)(desk, [])
    assert [(f.plugin, f.error) for f in plugins.watch.failures] == [("later", "TypeError")]
    assert "ran" not in desk.seen
    assert hook == "contact_errors" or desk.seen[-1] == "zz", (
        "the failure of one keeps nobody else from answering"
    )


def test_coroutine_under_a_decorator_is_refused_at_load_time(site: Site) -> None:
    """EX-7."""
    body = f"{LATER}\n@hookimpl\n@hidden\nasync def contacts_created(store): ...\n"
    site.install("later", body=body)
    plugins = build_plugin_set(discover(), ["later"])
    assert [fault.code for fault in plugins.set_aside["later"]] == ["HOOK005"]


def test_generator_that_is_asked_is_run_inside_its_guard(site: Site) -> None:
    """EX-7: its time is measured and its failure is its own, half of its answers taken or not."""
    body = """
    from retinue import Problem, hookimpl
    @hookimpl
    def contact_errors(store):
        yield Problem("/0", "no")
        1 / 0
    """
    site.install("half", body=body)
    plugins = build_plugin_set(discover(), ["half"])
    assert plugins.hooks.contact_errors(Desk(), []) == []  # type: ignore[arg-type]
    assert [f.error for f in plugins.watch.failures] == ["ZeroDivisionError"]
