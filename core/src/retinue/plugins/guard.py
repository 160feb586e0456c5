"""The skin around each implementation: timed, caught, attributed, with its hook's failure policy."""

from __future__ import annotations

import inspect
import operator
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError

from retinue.actor import ACTING
from retinue.errors import Problem, RetinueError
from retinue.plugins.answers import Refusal
from retinue.plugins.faults import HookFailed
from retinue.plugins.loading import Implementation
from retinue.plugins.watch import Watch

_clock = time.perf_counter_ns
_RETRY_STATES = {"40001"}
Guarded = Callable[..., Any]
Call = Callable[[tuple[Any, ...]], Any]


def say(text: str) -> None:
    """Write a line of the trace to standard error."""
    sys.stderr.write(f"retinue hooks: {text}\n")


def make_guard(implementation: Implementation, version: str, watch: Watch, *, builtin: bool) -> Guarded:
    """Return the function to register for `implementation`: it takes all arguments of the hook, in order."""
    contract, key = implementation.spec.contract, (implementation.plugin, implementation.spec.name)
    isolate = contract.on_failure == "isolate" and not builtin
    call = _caller(implementation)
    if contract.mode == "ask":
        call = _checked(call, implementation)
        if implementation.spec.item in (Problem, Refusal) and not builtin:
            call = _heeded(call, key, version)
    else:
        call = _silent(call)
    if not builtin:
        call = _as_itself(call, implementation.plugin)
    if contract.mode == "tell" or isolate:
        call = _saved(call, implementation.plugin if not builtin else None, implementation.spec.name)
    if watch.trace:
        call = _traced(call, key)
    keep = watch.samples_of(*key).append
    failed = _policy(implementation, version, watch, isolate=isolate, builtin=builtin)

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


def _as_itself(call: Call, plugin: str) -> Call:
    """Return a call during which the plugin acts: what it may reach without a store is asked of its own grants."""
    begin, end = ACTING.set, ACTING.reset

    def acting(arguments: tuple[Any, ...]) -> Any:
        token = begin(plugin)
        try:
            return call(arguments)
        finally:
            end(token)

    return acting


def _policy(
    implementation: Implementation, version: str, watch: Watch, *, isolate: bool, builtin: bool
) -> Callable[[Exception, Any], None]:
    """Return what to do with an error: to isolate it, to let it undo the deed, or to take it for a veto."""
    plugin, hook = implementation.plugin, implementation.spec.name

    def failed(error: Exception, store: Any) -> None:
        refuses = isinstance(error, RetinueError) and error.status < 500
        if _is_fatal(error):  # a conflict of transactions or a lost connection is not the plugin's fault
            raise HookFailed(plugin, hook, error) from error
        if refuses and not isolate:
            error.add_note(f"raised by plugin {plugin} in {hook}")
            if not builtin:
                object_to(store, (plugin, hook), version, [{"code": getattr(error, "code", "")}])
            raise error
        watch.note(plugin, version, hook, error)
        if not isolate:
            raise HookFailed(plugin, hook, error) from error
        if implementation.spec.contract.mode == "tell":
            detail = {"plugin": plugin, "version": version, "hook": hook, "error": type(error).__name__}
            store.record("plugin.fail", detail=detail)

    return failed


def object_to(store: Any, key: tuple[str, str], version: str, reasons: list[dict[str, Any]]) -> None:
    """Note that a plugin objects to the deed; if the deed is refused, the audit says who did.

    Reasons are codes and places, never sentences: those may hold what was refused.
    """
    auditor = getattr(store, "auditor", None)
    if auditor is not None:
        auditor.objections.append(
            {"plugin": key[0], "version": version, "hook": key[1], "reasons": reasons[:20]}
        )


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
        if inspect.isawaitable(answer) or inspect.isasyncgen(answer):
            _refuse_unrun(answer)
        answers = answer if type(answer) is tuple else tuple(answer)
        if item is not None:
            for each in answers:
                if not isinstance(each, item):
                    raise TypeError(f"it answered with {type(each).__name__}, {item.__name__} is wanted")
        return answers

    return checked


def _heeded(call: Call, key: tuple[str, str], version: str) -> Call:
    """Return `call` that notes an objection when the plugin answers with one."""

    def heeded(arguments: tuple[Any, ...]) -> Any:
        answers = call(arguments)
        if answers:
            object_to(arguments[0], key, version, [_reason(answer) for answer in answers])
        return answers

    return heeded


def _reason(answer: Any) -> dict[str, str]:
    if isinstance(answer, Refusal):
        return {"code": answer.code, "contact_id": str(answer.contact_id)}
    return {"code": answer.code, "pointer": answer.pointer}


def _silent(call: Call) -> Call:
    """Return `call` of a hook that answers nothing; what would only run later, or never, is a failure."""

    def silent(arguments: tuple[Any, ...]) -> None:
        answer = call(arguments)
        if answer is not None:
            _refuse_unrun(answer)

    return silent


def _refuse_unrun(answer: Any) -> None:
    """Raise TypeError for a coroutine or generator: nobody would await or step through it."""
    if inspect.iscoroutine(answer) or inspect.isgenerator(answer):
        answer.close()
    elif not (inspect.isawaitable(answer) or inspect.isasyncgen(answer)):
        return
    raise TypeError(f"it returned a {type(answer).__name__}, which nobody runs: hooks are plain functions")


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
        started, said = _clock(), "failed"
        try:
            answer = call(arguments)
            said = f"answers {len(answer or ())}"
            return answer
        except Exception as error:
            said = f"failed with {type(error).__name__}: {error}"
            raise
        finally:
            say(f"{key[1]} · {key[0]} · {said} · {(_clock() - started) / 1000:.0f} µs")

    return traced
