"""The public API of core as data: hooks with their contract, names of the door and its faces with their signatures."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import json
import re
import typing
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from retinue.plugins import API_VERSION, core_specs
from retinue.plugins.contract import Spec, signature_of
from retinue.plugins.usage import DOOR, FACES

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_POSITIONAL: "all further positional",
    inspect.Parameter.VAR_KEYWORD: "all further keywords",
}


def public_api() -> dict[str, Any]:
    """Return what plugins may use, as data that can be compared with that of another version."""
    names: dict[str, Any] = {}
    for module in (DOOR, *(f"{DOOR}.{face}" for face in FACES)):
        for name, value in _offered(module):
            names |= dict(_entries(f"{module}.{name}", value))
    hooks = {name: _hook(spec) for name, spec in sorted(core_specs().items())}
    return {"api": API_VERSION, "version": version("retinue"), "hooks": hooks, "names": names}


def render(api: Mapping[str, Any]) -> str:
    """Return the data as JSON with one line for each hook and name, so that a comparison of two files reads well."""
    parts = [f'"api": {api["api"]},', f'"version": {json.dumps(api["version"])},']
    for word, end in (("hooks", ","), ("names", "")):
        rows = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(api[word].items())]
        parts.append(f'"{word}": {{\n' + ",\n".join(rows) + f"\n}}{end}")
    return "{\n" + "\n".join(parts) + "\n}\n"


def _offered(module: str) -> Iterator[tuple[str, Any]]:
    """Yield what a public module lists; one without a list offers what it defines."""
    loaded = importlib.import_module(module)
    own = [
        n for n, v in vars(loaded).items() if not n.startswith("_") and getattr(v, "__module__", "") == module
    ]
    for name in sorted(getattr(loaded, "__all__", own)):
        yield name, getattr(loaded, name)


def _hook(spec: Spec) -> dict[str, Any]:
    signature = signature_of(spec.function)
    contract = spec.contract
    return {
        "mode": contract.mode,
        "phase": contract.phase,
        "on_failure": contract.on_failure,
        "arguments": {n: _words(p.annotation) for n, p in signature.parameters.items()},
        "returns": _words(signature.return_annotation),
    }


def _entries(name: str, value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entry of a public name, and one for each public member of a class."""
    if inspect.ismodule(value):
        return
    if not inspect.isclass(value):
        alias = typing.get_origin(value) is not None  # it can be called too, and says nothing by it
        yield name, _function(value) if callable(value) and not alias else _constant(value)
        return
    yield name, {"kind": "class", **_signature(value)}
    for member in sorted(dir(value)):
        if member.startswith("_") or not _is_ours(value, member):
            continue
        held = inspect.getattr_static(value, member)
        plain = held.__func__ if isinstance(held, classmethod | staticmethod) else held
        if inspect.isfunction(plain):
            yield f"{name}.{member}", _function(plain)
        else:
            yield f"{name}.{member}", {"kind": "attribute"}
    for attribute in _given_at_birth(value):
        yield f"{name}.{attribute}", {"kind": "attribute"}
    if dataclasses.is_dataclass(value):
        for item in dataclasses.fields(value):
            yield f"{name}.{item.name}", {"kind": "attribute"}


def _given_at_birth(value: type[Any]) -> list[str]:
    """Return the public attributes that a class's own ``__init__`` gives to its objects."""
    made = vars(value).get("__init__")
    if not inspect.isfunction(made) or dataclasses.is_dataclass(value):
        return []
    found = re.findall(r"\bself\.([a-z]\w*)(?:: [^=\n]+)?(?:, self\.\w+)* = ", inspect.getsource(made))
    several = re.findall(r"^\s*(self\.\w+(?:, self\.\w+)+) =", inspect.getsource(made), flags=re.M)
    for group in several:
        found += re.findall(r"self\.([a-z]\w*)", group)
    return sorted(set(found))


def _is_ours(cls: type[Any], member: str) -> bool:
    owner = next((base for base in cls.__mro__ if member in vars(base)), cls)
    return owner.__module__.split(".")[0] == DOOR


def _function(value: Any) -> dict[str, Any]:
    return {"kind": "function", **_signature(value)}


def _constant(value: Any) -> dict[str, Any]:
    if typing.get_origin(value) is not None or isinstance(value, str | int | enum.Enum):
        return {"kind": "value", "value": _words(value)}
    return {"kind": "value"}


def _signature(value: Any) -> dict[str, Any]:
    try:
        signature = signature_of(value)
    except (TypeError, ValueError):  # a class of another library that hides its signature
        return {}
    if inspect.isclass(value) and hasattr(value, "__table__"):
        return {}  # a mapped class takes its columns, which stand as attributes
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        return {}  # what an enumeration takes is Python's, and another with every version; its members stand below
    parameters = [
        [p.name, _KINDS[p.kind], p.default is p.empty and "all further" not in _KINDS[p.kind], _words(p.annotation)]
        for p in signature.parameters.values()
        if p.name not in ("self", "cls")
    ]  # fmt: skip
    return {"parameters": parameters, "returns": _words(signature.return_annotation)}


def _words(annotation: Any) -> str:
    """Return a type or value as text that is the same on every Python and in every process."""
    if annotation is inspect.Parameter.empty or annotation is inspect.Signature.empty:
        return ""
    if isinstance(annotation, typing.ForwardRef):
        return annotation.__forward_arg__
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return _ADDRESS.sub("", str(annotation)).replace("'", "")
