"""Compatibility computed, not promised: what changed between two versions of core, and which plugin uses it.

The public API is kept as data, one file per version of the hooks (``plugins/public/1.json``). A change that no caller can
notice is none: a new name, a new argument with a default, a hook argument that was added.
"""

from __future__ import annotations

import functools
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from retinue.errors import Misconfigured
from retinue.plugins import hookspecs
from retinue.plugins.discovery import Found
from retinue.plugins.faults import Fault
from retinue.plugins.usage import Usage, usage_of

Api = Mapping[str, Any]
_FOLDER = "plugins/public/"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a caller can notice: `name` is a hook or a dotted public name, `what` says it in words."""

    name: str
    what: str


@dataclass(frozen=True, slots=True)
class Affected:
    """A change that a plugin uses, and where; `plugin` is its name."""

    plugin: str
    name: str
    what: str
    place: str = ""


@functools.cache
def shipped_api(number: int) -> Api | None:
    """Return the public API as it was in version `number` of the hooks, None if core does not know it."""
    try:
        text = resources.files("retinue").joinpath(f"{_FOLDER}{number}.json").read_text("utf-8")
    except FileNotFoundError:
        return None
    found: Api = json.loads(text)
    return found


def read_api(file: Path) -> Api:
    """Return the public API in a file: JSON that `retinue upgrade api` wrote, or a wheel of core."""
    try:
        if file.suffix == ".whl":
            with zipfile.ZipFile(file) as wheel:
                numbers = [_number(name) for name in wheel.namelist() if f"retinue/{_FOLDER}" in name]
                api: Api = json.loads(wheel.read(f"retinue/{_FOLDER}{max(numbers)}.json"))
        else:
            api = json.loads(file.read_text("utf-8"))
        if not {"api", "hooks", "names"} <= set(api):
            raise ValueError
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise Misconfigured(
            f"{file.name} holds no public API of core",
            code="api-file",
            remedy="Give a wheel of retinue, or what `retinue upgrade api` prints.",
        ) from None
    return api


def _number(name: str) -> int:
    stem = Path(name).stem
    return int(stem) if stem.isdecimal() else 0


def changes_between(old: Api, new: Api) -> list[Change]:
    """Return what a plugin written for `old` may notice in `new`, by name."""
    found: list[Change] = []
    for name, hook in old["hooks"].items():
        found += [Change(name, what) for what in _hook_changes(hook, new["hooks"].get(name))]
    for name, entry in old["names"].items():
        found += [Change(name, what) for what in _entry_changes(entry, new["names"].get(name))]
    return sorted(found, key=lambda change: (change.name, change.what))


def _hook_changes(old: Api, new: Api | None) -> Iterator[str]:
    if new is None:
        yield "the hook is gone"
        return
    for word in ("mode", "phase", "on_failure", "returns"):
        if old[word] != new[word]:
            yield f"{word.replace('_', ' ')} was {old[word]}, is {new[word]}"
    for argument, kind in old["arguments"].items():
        if argument not in new["arguments"]:
            yield f"argument {argument} is gone"
        elif new["arguments"][argument] != kind:
            yield f"argument {argument} was {kind}, is {new['arguments'][argument]}"


def _entry_changes(old: Api, new: Api | None) -> Iterator[str]:
    if new is None:
        yield "it is gone"
        return
    if old["kind"] != new["kind"]:
        yield f"it was a {old['kind']}, is a {new['kind']}"
        return
    if old.get("value") != new.get("value"):
        yield f"it was {old.get('value')}, is {new.get('value')}"
    if old.get("returns") != new.get("returns"):
        yield f"it returned {old.get('returns')}, returns {new.get('returns')}"
    yield from _parameter_changes(old.get("parameters", []), new.get("parameters", []))


def _parameter_changes(old: list[Any], new: list[Any]) -> Iterator[str]:
    """Yield what a caller with the old parameters may notice; each is [name, kind, required, type]."""
    ahead = {name: (kind, required, annotation) for name, kind, required, annotation in new}
    for name, kind, required, annotation in old:
        if name not in ahead:
            yield f"parameter {name} is gone"
            continue
        now_kind, now_required, now_annotation = ahead[name]
        if kind != now_kind:
            yield f"parameter {name} was {kind}, is {now_kind}"
        if now_required and not required:
            yield f"parameter {name} must be given now"
        if annotation != now_annotation:
            yield f"parameter {name} was {annotation}, is {now_annotation}"
    before = {name for name, *_ in old}
    yield from (
        f"parameter {name} must be given" for name, _, required, _ in new if required and name not in before
    )
    order = [name for name, kind, *_ in old if kind == "positional"]
    if order != [name for name, kind, *_ in new if kind == "positional"][: len(order)] and all(
        name in ahead for name in order
    ):
        yield "the order of the positional parameters changed"


def affected_by(plugin: str, used: Usage, changes: list[Change]) -> list[Affected]:
    """Return the changes that a plugin with this usage may notice; each is named, the others are none of its business."""
    return [
        Affected(plugin, change.name, change.what, place)
        for change in changes
        if (place := _used(used, change)) is not None
    ]


def _used(used: Usage, change: Change) -> str | None:
    """Return where the plugin uses what changed, None if it does not."""
    if "." not in change.name:
        arguments = used.hooks.get(change.name)
        if arguments is None:
            return None
        words = change.what.split()
        about = words[1] if words[0] == "argument" else ""
        return change.name if not about or about in arguments else None
    if change.name in used.names:
        return used.names[change.name]
    owner, _, member = change.name.rpartition(".")
    if owner.count(".") < 1 or member not in used.attributes:
        return None
    named = owner in used.names or (owner == "retinue.Store" and any(used.hooks.values()))
    return used.names.get(owner, "in its hooks") if named else None


def plugin_changes(found: Found, old: Api, new: Api) -> list[Affected]:
    """Return the changes between two APIs that an installed plugin uses."""
    return affected_by(found.name, usage_of(found), changes_between(old, new))


def version_faults(found: Found) -> Iterator[Fault]:
    """Yield why a plugin written for an older version of the hooks cannot load: what it uses that has changed since.

    One that uses nothing of what changed loads, whatever its age.
    """
    number, oldest = found.manifest.api, hookspecs.OLDEST_API_VERSION
    if not found.manifest.complete or number >= oldest:
        return
    old, new = shipped_api(number), shipped_api(hookspecs.API_VERSION)
    if old is None or new is None:
        detail = f"it was written for version {number} of the hooks, this core has {hookspecs.API_VERSION}."
        yield Fault("PLG003", found.name, detail, "Install a newer version of it.")
        return
    for hit in plugin_changes(found, old, new):
        detail = (
            f"it was written for version {number} of the hooks and uses {hit.name} ({hit.place}): {hit.what}."
        )
        hook = hit.name if "." not in hit.name else ""
        yield Fault("PLG003", found.name, detail, "Install a newer version of it.", hook)
