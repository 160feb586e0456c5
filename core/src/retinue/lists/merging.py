"""Letters: words in double braces that stand for something of each reader's own.

``{{ given_name }}`` is any field a list can show, ``{{ points.balance }}`` one that a plugin adds. What somebody has
not, or nobody knows any more because its plugin is off, is what the letter says instead (``{{ given_name | friend }}``),
else the fallback of the field, else nothing: a letter never goes out with braces in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from retinue.errors import Invalid, Problem
from retinue.lists.queries import ListRequest, select_page
from retinue.lists.tree import Test
from retinue.lists.values import nearest
from retinue.plugins import MergeField, Owned
from retinue.storage import Store

_WORD: Final = re.compile(r"\{\{\s*([a-z][a-z0-9_.]*)\s*(?:\|\s*([^{}|]*?)\s*)?\}\}")
_ANY: Final = re.compile(r"\{\{[^{}]*\}\}")
_BATCH: Final = 100
_NAMELESS: Final = frozenset({"json", "bytes", "search", "lookup"})


@dataclass(frozen=True, slots=True)
class MergeWord:
    """A field of letters: its name, what it is called, what stands in for it, and the plugin that adds it."""

    name: str
    label: str
    fallback: str = ""
    plugin: str = ""


def list_merge_fields(store: Store) -> list[MergeWord]:
    """Return what letters may name: the fields of a contact that the actor reads, and those of plugins."""
    store.require("contact.read")
    added = _added(store)
    own = [
        MergeWord(field.name, field.label)
        for field in _catalogue(store).visible(store.actor)
        if field.is_column and field.kind not in _NAMELESS and field.name not in added
    ]
    more = [MergeWord(o.item.name, o.item.label, o.item.fallback, o.plugin) for o in added.values()]
    return [*own, *more]


def check_letter(store: Store, text: str) -> None:
    """Raise Invalid (422) for each word of a letter that names nothing, with the nearest name."""
    known = [word.name for word in list_merge_fields(store)]
    problems = []
    for found in _ANY.finditer(text):
        word = _WORD.fullmatch(found[0])
        name = word[1] if word else found[0].strip("{} ")
        if name not in known:
            detail = f'there is no field "{name[:100]}"{nearest(name, known)}'
            problems.append(Problem("/text", detail, "unknown-field"))
    if problems:
        raise Invalid("the letter names what does not exist", code="letter", problems=problems)


def merge_letter(store: Store, text: str, contact_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the letter as each contact reads it; contacts that the actor does not see are left out.

    A field is asked for once in a hundred contacts. Nothing fails: what is not known gives way to its fallback.
    """
    names = list(dict.fromkeys(word[1] for word in _WORD.finditer(text)))
    added = {name: owned for name, owned in _added(store).items() if name in names}
    values = merge_values(store, names, contact_ids)
    return {one: _filled(text, own, added) for one, own in values.items()}


def merge_values(
    store: Store, names: Sequence[str], contact_ids: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Return what the fields of letters in `names` hold for each contact, for whoever writes letters in a way of its own.

    Contacts that the actor does not see are left out, and so is a name that nobody knows or that a contact has nothing
    for. A field is asked for once in a hundred contacts; a plugin that fails knows nothing of anybody.
    """
    store.require("contact.read")
    added = {name: owned for name, owned in _added(store).items() if name in names}
    found: dict[UUID, dict[str, Any]] = {}
    for part in _parts(list(dict.fromkeys(contact_ids))):
        values = _values(store, part, [name for name in names if name not in added])
        for owned in added.values():
            for one, value in _answers(store, owned, list(values)).items():
                values[one][owned.item.name] = value
        found.update(values)
    return found


def _filled(text: str, values: Mapping[str, Any], added: Mapping[str, Owned[MergeField]]) -> str:
    def word(found: re.Match[str]) -> str:
        name, instead = found[1], found[2]
        own = _text(values.get(name))
        if own:
            return own
        if instead is not None:
            return instead
        return added[name].item.fallback if name in added else ""

    return _ANY.sub("", _WORD.sub(word, text)) if "{{" in text else text


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value if not isinstance(part, dict))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _values(store: Store, ids: Sequence[UUID], names: Sequence[str]) -> dict[UUID, dict[str, Any]]:
    """Return the fields of the contacts the actor sees, by contact."""
    wanted = Test("id", "in", tuple(str(one) for one in ids))
    request = ListRequest(tree=wanted, columns=tuple(names) or ("kind",), limit=len(ids))
    found = {row["id"]: row for row in select_page(store, _catalogue(store), request).rows}
    return {one: found[one] for one in ids if one in found}


def _answers(store: Store, owned: Owned[MergeField], ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return a plugin's texts by contact; one that fails knows nothing of anybody."""

    def work(code: Any) -> dict[UUID, str]:
        given = code(store, ids)
        return {one: str(given[one]) for one in ids if given.get(one) is not None}

    return store.declared["plugins"].attempt(store, owned, work).value or {}


def _added(store: Store) -> dict[str, Owned[MergeField]]:
    plugins = store.declared.get("plugins")
    return {owned.item.name: owned for owned in plugins.offered(MergeField, store)} if plugins else {}


def _catalogue(store: Store) -> Any:
    return store.declared["catalogues"].of(store, "contact")


def _parts(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    yield from (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
