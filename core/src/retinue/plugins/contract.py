"""What a hook is: the contract on its specification, and the marker of a function that answers it."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, get_args, overload

import pluggy

from retinue.errors import Misconfigured

if sys.version_info >= (3, 14):
    from annotationlib import Format

PROJECT = "retinue"
MAX_ARGUMENTS = 4
Mode = Literal["declare", "ask", "tell"]
Phase = Literal["start", "validate", "read", "in_transaction"]
OnFailure = Literal["abort", "isolate"]
_PHASES: Mapping[Mode, tuple[Phase, ...]] = {
    "declare": ("start",),
    "ask": ("validate", "read"),
    "tell": ("in_transaction",),
}

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

_mark_spec = pluggy.HookspecMarker(PROJECT)
_mark_impl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Contract:
    """The promise of a hook.

    `mode`: declare (at start, no store), ask (read only, the answers are joined), tell (in the transaction,
    each plugin in a SAVEPOINT of its own). `phase`: when. `on_failure`: abort undoes everything, isolate the
    failing plugin's part alone. `since`: the core version that brought it. `deprecated`: what to use instead.
    """

    mode: Mode
    phase: Phase
    on_failure: OnFailure
    since: str
    deprecated: str = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """A hook that is no more: since which version, and what answers its purpose now."""

    since: str
    use: str


@dataclass(frozen=True, slots=True)
class Spec:
    """One hook as data: its name, contract, arguments, one line of meaning, and who publishes it."""

    name: str
    publisher: str
    contract: Contract
    arguments: tuple[str, ...]
    meaning: str
    signature: str
    function: Callable[..., Any]
    item: type[Any] | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the hook for lists and documentation; no field is empty."""
        contract = asdict(self.contract)
        contract["deprecated"] = self.contract.deprecated or "no"
        return {
            "name": self.name,
            "publisher": self.publisher,
            **contract,
            "calling": "sync",
            "answers": "none" if self.contract.mode == "tell" else "joined",
            "arguments": list(self.arguments) or ["none"],
            "signature": self.signature,
            "meaning": self.meaning,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where an implementation wants to stand among the others of its hook, and whose hook it answers.

    `of` names the plugin that publishes the hook: while that one is off, the implementation sleeps.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    of: str = ""


def hook(
    *, mode: Mode, phase: Phase, on_failure: OnFailure, since: str, deprecated: str = ""
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function as the specification of a hook; its body is never run."""
    contract = Contract(mode, phase, on_failure, since, deprecated)

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        function.retinue_contract = contract  # type: ignore[attr-defined]  # an attribute of a function
        return _mark_spec(function)

    return mark


class Marker(Protocol):
    """What ``hookimpl(before=…)`` gives: a decorator that leaves the function's type as it is."""

    def __call__(self, function: F, /) -> F:
        """Mark `function`."""


@overload
def hookimpl(function: F, /) -> F: ...
@overload
def hookimpl(
    *, before: str | tuple[str, ...] = (), after: str | tuple[str, ...] = (), of: str = ""
) -> Marker: ...
def hookimpl(
    function: F | None = None,
    /,
    *,
    before: str | tuple[str, ...] = (),
    after: str | tuple[str, ...] = (),
    of: str = "",
) -> F | Callable[[F], F]:
    """Mark a function as the answer to the hook of its name.

    `before` and `after` name plugins to stand before or behind. `of` names the plugin whose hook this is,
    when the plugin can do without it.
    """
    place = Place(_names(before), _names(after), of)

    def mark(marked: F, /) -> F:
        marked.retinue_place = place  # type: ignore[attr-defined]  # an attribute of a function
        return _mark_impl(marked)

    return mark if function is None else mark(function)


def _names(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature; names that only the type checker imports stay words."""
    if sys.version_info >= (3, 14):
        return inspect.signature(function, annotation_format=Format.STRING)
    return inspect.signature(function)


def read_specs(module: ModuleType, publisher: str) -> dict[str, Spec]:
    """Return the hooks that `module` specifies by name; raises Misconfigured for an incomplete one."""
    found: dict[str, Spec] = {}
    faults: list[str] = []
    for name, function in sorted(vars(module).items()):
        contract = getattr(function, "retinue_contract", None)
        if not isinstance(contract, Contract) or function.__module__ != module.__name__:
            continue
        faults += [f"{name}: {fault}" for fault in _spec_faults(function, contract)]
        signature = signature_of(function)
        found[name] = Spec(
            name=name,
            publisher=publisher,
            contract=contract,
            arguments=tuple(signature.parameters),
            meaning=(inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " "),
            signature=f"{name}{signature}".replace("'", ""),
            function=function,
            item=_item_of(function),
        )
    if faults:
        raise Misconfigured(
            f"hooks of {publisher} are incomplete: {'; '.join(faults)}",
            code="hook-specification",
            remedy="A hook needs typed arguments, a return type, one line of meaning, a fitting contract.",
        )
    return found


def _spec_faults(function: Callable[..., Any], contract: Contract) -> list[str]:
    signature = signature_of(function)
    names = list(signature.parameters)
    untyped = [n for n, p in signature.parameters.items() if p.annotation is inspect.Parameter.empty]
    wrong = {
        "an async hook is not offered": inspect.iscoroutinefunction(function),
        f"more than {MAX_ARGUMENTS} arguments": len(names) > MAX_ARGUMENTS,
        f"arguments without a type: {', '.join(untyped)}": bool(untyped),
        "no return type": signature.return_annotation is inspect.Signature.empty,
        "no line of meaning": not inspect.getdoc(function),
        f"phase {contract.phase} does not go with mode {contract.mode}": contract.phase
        not in _PHASES.get(contract.mode, ()),
        "on_failure must be abort or isolate": contract.on_failure not in get_args(OnFailure),
        "no version in since": not contract.since,
        "the first argument must be store": contract.mode != "declare" and names[:1] != ["store"],
        "a declare hook gets no arguments": contract.mode == "declare" and bool(names),
        "a tell hook returns None": contract.mode == "tell"
        and signature.return_annotation not in (None, "None"),
    }
    return [text for text, true in wrong.items() if true]


class _Anything(dict[str, Any]):
    """Names of types that are imported for the type checker alone stand for any object."""

    def __missing__(self, name: str) -> Any:
        return object


def _item_of(function: Callable[..., Any]) -> type[Any] | None:
    """Return the type of one answer (``Problem`` of ``Sequence[Problem]``), None if it cannot be told."""
    annotation = signature_of(function).return_annotation
    if isinstance(annotation, str):
        module = inspect.getmodule(function)
        names = _Anything({**vars(typing), **(vars(module) if module else {})})
        try:
            annotation = eval(annotation, {"__builtins__": __builtins__}, names)  # noqa: S307 - an annotation of code that was just imported
        except Exception:  # an annotation that cannot be resolved only costs the check of the answers
            return None
    items = [item for item in get_args(annotation) if isinstance(item, type) and item is not object]
    return items[0] if len(items) == 1 else None
