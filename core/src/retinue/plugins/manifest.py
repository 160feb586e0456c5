"""What a plugin says about itself, readable without running a line of its code.

A grown plugin carries `plugin.toml` beside its ``__init__.py``::

    name = "points"                     # the entry point's name
    title = "Points"
    summary = "Customers collect points."
    api = 1                             # version of core's hooks it was written for
    requires = ["orders"]               # plugins that must be on
    requires_schema = { core = 1 }      # schema levels of other distributions
    tables = ["points_account"]         # named points or points_…
    publishes = "retinue_points.hookspecs"
    hooks = ["contacts_created"]        # the hooks it answers
    grants = ["interaction.create"]     # what of core its code may do, beside its own deeds

    [[jobs]]
    name = "points.expire_balances"
    run = "retinue_points.service:expire_balances"

and a list of tables for each kind of contribution. A plugin of one module needs no file: its name comes from
the entry point, its summary and version from the distribution. It answers hooks and declares contributions
through ``register_…``; it cannot have tables, migrations, requirements or hooks of its own: those must be
known before its code runs.
"""

from __future__ import annotations

import re
import tomllib
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from retinue.plugins.contributions import KINDS, code_fields
from retinue.plugins.faults import did_you_mean
from retinue.ui import Code

FILE_NAME = "plugin.toml"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_NOT_IN_FILE = {"version", "distribution", "module", "complete", "contributions"}


class ManifestError(ValueError):
    """The file cannot be understood; the message names the place and the nearest known word."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The facts of a plugin; `contributions` holds what it adds, by kind."""

    name: str
    title: str = ""
    summary: str = ""
    version: str = ""
    distribution: str = ""
    module: str = ""
    api: int = 0
    requires: tuple[str, ...] = ()
    requires_schema: Mapping[str, int] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    publishes: str = ""
    hooks: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    settings_version: int = 1
    """The version of the declared settings; it grows when stored values need `settings_migration` to fit."""
    settings_migration: Code = ""
    """The function that brings stored settings along: (values, the version they have) → values."""
    contributions: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    complete: bool = False
    """True when it comes from `plugin.toml`: then the code may add nothing the file does not name."""

    def as_data(self) -> dict[str, Any]:
        """Return the manifest as plain data, for the row that survives the plugin's code."""
        data = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "contributions"}
        data["requires_schema"] = dict(self.requires_schema)
        for name in ("requires", "tables", "hooks", "grants"):
            data[name] = list(data[name])
        data["contributions"] = {
            kind: [_plain(item) for item in items]
            for kind, items in sorted(self.contributions.items())
            if items
        }
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Manifest:
        """Return the manifest kept in a row; words of a newer version are left out."""
        known = {item.name for item in fields(cls)} - {"contributions"}
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in data.items() if key in known
        }
        held = {
            kind: tuple(_restored(KINDS[kind], item) for item in items)
            for kind, items in data.get("contributions", {}).items()
            if kind in KINDS
        }
        return cls(**values, contributions=held)


def _restored(cls: type[Any], data: Mapping[str, Any]) -> Any:
    """Return one contribution of a row, which was checked when it was written."""
    known = {item.name for item in fields(cls)}
    return cls(**{word: tuple(v) if isinstance(v, list) else v for word, v in data.items() if word in known})


def _plain(item: Any) -> dict[str, Any]:
    """Return a contribution as plain data; an object becomes its reference."""
    data = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(item).items()}
    for name in code_fields(item):
        data[name] = reference_of(getattr(item, name))
    return data


def reference_of(code: Code) -> str:
    """Return ``module:attribute`` of code that was given as an object."""
    if isinstance(code, str):
        return code
    named = code if hasattr(code, "__qualname__") else type(code)
    return f"{named.__module__}:{named.__qualname__}"


@lru_cache(maxsize=64)
def parse_manifest(text: str) -> Manifest:
    """Return the manifest written in `text`; raises ManifestError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"it is not TOML: {error}") from None
    words = {item.name for item in fields(Manifest)} - _NOT_IN_FILE
    for word in data:
        if word not in words and word not in KINDS:
            raise ManifestError(f"unknown word {word}. {did_you_mean(word, words | set(KINDS))}".strip())
    missing = [word for word in ("name", "api") if word not in data]
    if missing:
        raise ManifestError(f"{' and '.join(missing)} must be given")
    values = {word: _value(Manifest, word, data[word], word) for word in data if word in words}
    held = {kind: _items(kind, data[kind]) for kind in KINDS if kind in data}
    if not NAME.fullmatch(values["name"]):
        raise ManifestError(f"name {values['name']} must be 2 to 40 of a-z, 0-9, _ and begin with a letter")
    return Manifest(**values, contributions=held, complete=True)


def _items(kind: str, given: Any) -> tuple[Any, ...]:
    if not isinstance(given, list):
        raise ManifestError(f"{kind} must be a list of tables: [[{kind}]]")
    return tuple(_read(KINDS[kind], item, f"{kind}[{place}]") for place, item in enumerate(given))


def _read(cls: type[Any], given: Any, place: str) -> Any:
    """Return one contribution made from a table."""
    if not isinstance(given, Mapping):
        raise ManifestError(f"{place} must be a table: [[{place.split('[')[0]}]]")
    known = {item.name: item for item in fields(cls)}
    for word in given:
        if word not in known:
            raise ManifestError(f"{place}: unknown word {word}. {did_you_mean(word, known)}".strip())
    missing = [
        name
        for name, item in known.items()
        if item.default is MISSING and item.default_factory is MISSING and name not in given
    ]
    if missing:
        raise ManifestError(f"{place}: {' and '.join(missing)} must be given")
    return cls(**{word: _value(cls, word, value, f"{place}.{word}") for word, value in given.items()})


@lru_cache(maxsize=64)
def _hints(cls: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _value(cls: type[Any], word: str, value: Any, place: str) -> Any:
    """Return `value` as the type that field `word` of `cls` has; raises ManifestError naming `place`."""
    wanted = _hints(cls)[word]  # type: ignore[arg-type]  # a class is hashable
    if get_origin(wanted) is Literal:
        good, words = value in get_args(wanted), f"one of {', '.join(get_args(wanted))}"
    else:
        test, words = _TYPES[wanted]
        good = test(value)
    if not good:
        raise ManifestError(f"{place} must be {words}, not {value!r}")
    return tuple(value) if isinstance(value, list) and wanted is not Any else value


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


_TYPES: dict[Any, tuple[Callable[[Any], bool], str]] = {
    str: (_is_text, "text"),
    int: (_is_whole, "a whole number"),
    int | None: (_is_whole, "a whole number"),
    float: (lambda value: type(value) in (int, float), "a number"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    object: (_is_reference, "a reference to code, package.module:attribute"),
    tuple[str, ...]: (lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list of text"),
    Mapping[str, int]: (
        lambda value: isinstance(value, dict) and all(map(_is_whole, value.values())),
        "a table of whole numbers",
    ),
    Mapping[str, str]: (
        lambda value: isinstance(value, dict) and all(map(_is_text, value.values())),
        "a table of text",
    ),
    float | None: (lambda value: type(value) in (int, float), "a number"),
    Mapping[str, Any]: (lambda value: isinstance(value, dict), "a table"),
    Any: (lambda _: True, "anything"),
}
"""For each type a field of a manifest can have: the test of a value, and how the type is called."""
