"""Drafts: the one check of a contact before it is written, the same for hand entry, API, web form and import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from retinue.contacts.models import CHANNELS, KINDS, SEXES, Contact, CustomField, FieldRule
from retinue.contacts.values import (
    MAX_LIST,
    MAX_NOTE,
    BadValue,
    clean_custom,
    clean_date,
    clean_email,
    clean_instant,
    clean_phone,
    time_zones,
)
from retinue.errors import Problem
from retinue.storage import fold

if TYPE_CHECKING:
    from retinue.storage import Store

_TEXTS: Final = {
    column.name: getattr(column.type, "length", 0)
    for column in Contact.__table__.columns
    if getattr(column.type, "length", None)
    and column.name not in ("sort_name", "kind", "sex", "preferred_channel", "country")
}
_CHOICES: Final = {"kind": KINDS, "sex": SEXES, "preferred_channel": CHANNELS}
_NAME_PARTS: Final = ("title_before", "given_name", "middle_name", "family_name", "title_after")
_LISTS: Final = ("emails", "phones", "addresses", "socials")
_ADDRESS: Final = ("street", "city", "region", "postal_code", "country", "label")
_OTHERS: Final = (
    "birth_date", "country", "time_zone", "opening_hours", "contact_windows", "occasions", "note", "custom",
    "owner_id", "team_id", "shares", "tags", "created_at",
)  # fmt: skip
KNOWN: Final = frozenset((*_TEXTS, *_CHOICES, *_LISTS, *_OTHERS))
LABEL_LENGTH: Final = 40


@dataclass(slots=True)
class Rules:
    """What this installation demands of drafts: custom fields by key, mandatory names, the default region."""

    custom: dict[str, CustomField] = field(default_factory=dict)
    required: dict[str, str | None] = field(default_factory=dict)
    region: str | None = None

    @classmethod
    def load(cls, store: Store) -> Rules:
        """Read the rules once per transaction; they are remembered on it."""
        known: Rules | None = store.session.info.get("contact_rules")
        if known is None:
            fields = store.scalars(select(CustomField))
            required = store.scalars(select(FieldRule).where(FieldRule.required))
            config = store.declared.get("config")
            region = config.defaults.country or None if config else None
            known = cls({f.key: f for f in fields}, {r.name: r.kind for r in required}, region)
            store.session.info["contact_rules"] = known
        return known


class Draft:
    """A draft being checked: collects clean values and complaints."""

    def __init__(self, raw: Mapping[str, Any], rules: Rules, base: str = "") -> None:
        self.raw, self.rules, self.base = raw, rules, base
        self.values: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def complain(self, pointer: str, detail: str, code: str = "invalid") -> None:
        """Add a complaint about the place `pointer` below this draft."""
        self.problems.append(Problem(f"{self.base}{pointer}", detail, code))


def clean_draft(raw: Mapping[str, Any], rules: Rules, *, base: str = "", partial: bool = False) -> Draft:
    """Check and normalise one draft; `partial` is a change, where absent means untouched.

    The result's `problems` name every fault at once, each with a JSON pointer below `base`.
    """
    draft = Draft(raw, rules, base)
    values = draft.values
    for name, value in raw.items():
        clean = _CLEANERS.get(name)
        if clean is None:
            _take_structured(draft, name)
        elif value is None:
            values[name] = None
        else:
            try:
                values[name] = clean(value)
            except BadValue as fault:
                draft.complain(f"/{name}", str(fault))
    if partial and "created_at" in values:
        draft.complain("/created_at", "stands since the contact was made", "read-only")
    if not partial:
        draft.values.setdefault("kind", "person")
        _name_draft(draft)
    _check_required(draft, partial)
    return draft


def _take_structured(draft: Draft, name: str) -> None:
    take = _TAKERS.get(name)
    if take is None:
        near = get_close_matches(name, KNOWN, 1)
        draft.complain(
            f"/{name}", "no such field" + (f"; did you mean {near[0]}?" if near else ""), "unknown"
        )
    else:
        take(draft, name)


def _name_draft(draft: Draft) -> None:
    values = draft.values
    values["name"] = values.get("name") or display_name(values)
    if values["name"]:
        return
    if not any("name" in p.pointer or "/emails" in p.pointer for p in draft.problems):
        draft.complain(
            "/name", "a name is missing: give name, or given_name and family_name, or an e-mail", "required"
        )


def display_name(values: Mapping[str, Any]) -> str:
    """Return the name to show: titles, given, middle and family name, else the first address or number."""
    parts = " ".join([value for part in _NAME_PARTS[:4] if (value := values.get(part))])
    if parts and values.get("title_after"):
        parts = f"{parts}, {values['title_after']}"
    lists: tuple[Any, ...] = (values.get("emails") or [], values.get("phones") or [])
    return (parts or next((entries[0]["value"] for entries in lists if entries), ""))[:300]


def sort_name(values: Mapping[str, Any]) -> str:
    """Return what lists sort by: family name first, folded."""
    parts = [
        fold(value) for part in ("family_name", "given_name", "middle_name") if (value := values.get(part))
    ]
    return (" ".join([part for part in parts if part]) or fold(values.get("name") or ""))[:300]


def search_text(values: Mapping[str, Any]) -> str:
    """Return what search reads: all open names and the city, folded."""
    names = ("given_name", "middle_name", "family_name", "job_title", "city")
    texts = [fold(value) for name in names if (value := values.get(name))]
    name = values.get("name")
    if name and name != " ".join([value for part in names[:3] if (value := values.get(part))]):
        texts.insert(0, fold(name))  # else its words stand there already, in this order
    return " ".join(dict.fromkeys(" ".join(texts).split()))


def _check_required(draft: Draft, partial: bool) -> None:
    for name, kind in draft.rules.required.items():
        if kind and draft.values.get("kind", kind) != kind:
            continue
        custom = name.startswith("custom.")
        holder = (draft.values.get("custom") or {}) if custom else draft.values
        short = name.removeprefix("custom.")
        asked = (short in holder) if partial else True
        if asked and holder.get(short) in (None, "", []):
            draft.complain("/" + name.replace(".", "/"), "mandatory here", "required")


# ---- cleaners by field -----------------------------------------------------------------------------------------
def _text_of(limit: int) -> Callable[[Any], str | None]:
    def clean(value: Any) -> str | None:
        if not isinstance(value, str):
            raise BadValue("not text")
        if len(value) > limit:
            raise BadValue(f"longer than {limit} characters")
        if "\x00" in value:
            raise BadValue("holds a zero character")
        return value.strip() or None

    return clean


def _choice_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def clean(value: Any) -> str:
        if value not in choices:
            raise BadValue(f"none of: {', '.join(choices)}")
        return str(value)

    return clean


def _country(value: Any) -> str:
    if not isinstance(value, str) or len(value.strip()) != 2 or not value.strip().isascii():
        raise BadValue("not a country code of two letters, as CZ")
    return value.strip().upper()


def _zone(value: Any) -> str:
    if value not in time_zones():
        raise BadValue("not a time zone, as Europe/Prague")
    return str(value)


def _note(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_NOTE:
        raise BadValue(f"not text of at most {MAX_NOTE} characters")
    return value


def _take_entries(draft: Draft, name: str) -> None:
    entries = draft.raw[name] or []
    if not isinstance(entries, list) or len(entries) > MAX_LIST:
        draft.complain(f"/{name}", f"not a list of at most {MAX_LIST}")
        return
    cleaned = []
    for place, entry in enumerate(entries):
        entry = {"value": entry} if isinstance(entry, str) else entry
        try:
            cleaned.append(_ENTRY[name](draft, entry))
        except BadValue as fault:
            draft.complain(
                f"/{name}/{place}/value" if name != "addresses" else f"/{name}/{place}", str(fault)
            )
    draft.values[name] = cleaned


def _labelled(entry: Any, value: str, **more: str) -> dict[str, str]:
    label = entry.get("label")
    if not label:
        return {"value": value, **more}
    if not isinstance(label, str) or len(label) > LABEL_LENGTH:
        raise BadValue(f"a label has at most {LABEL_LENGTH} characters")
    return {"value": value, **more, "label": label}


def _value_of(entry: Any) -> Any:
    if not isinstance(entry, dict):
        raise BadValue('not an entry, as {"value": "…", "label": "work"}')
    return entry.get("value")


def _email(_draft: Draft, entry: Any) -> dict[str, str]:
    return _labelled(entry, clean_email(_value_of(entry)))


def _phone(draft: Draft, entry: Any) -> dict[str, str]:
    region = draft.raw.get("country") or draft.rules.region
    value, e164 = clean_phone(_value_of(entry), region.upper() if isinstance(region, str) else None)
    return _labelled(entry, value, e164=e164)


def _social(_draft: Draft, entry: Any) -> dict[str, str]:
    value = _value_of(entry)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 300:
        raise BadValue("an account or link of 1 to 300 characters is missing")
    return _labelled(entry, value.strip())


def _address(_draft: Draft, entry: Any) -> dict[str, str]:
    if not isinstance(entry, dict):
        raise BadValue("not an address")
    if unknown := sorted(set(entry) - set(_ADDRESS)):
        raise BadValue(f"no such part: {unknown[0]}; an address has {', '.join(_ADDRESS)}")
    parts = {p: v.strip() for p in _ADDRESS if isinstance(v := entry.get(p), str) and v.strip()}
    if any(len(v) > 300 for v in parts.values()):
        raise BadValue("a part is longer than 300 characters")
    return parts


def _take_custom(draft: Draft, name: str) -> None:
    given = draft.raw[name] or {}
    if not isinstance(given, dict):
        draft.complain(f"/{name}", "not an object of custom fields")
        return
    cleaned: dict[str, Any] = {}
    for key, value in given.items():
        declared = draft.rules.custom.get(key)
        if declared is None:
            near = get_close_matches(key, draft.rules.custom, 1)
            hint = f"; did you mean {near[0]}?" if near else ": declare it first"
            draft.complain(f"/custom/{key}", f"no such custom field{hint}", "unknown")
            continue
        try:
            cleaned[key] = clean_custom(declared.kind, value, declared.choices)
        except BadValue as fault:
            draft.complain(f"/custom/{key}", str(fault))
    draft.values["custom"] = cleaned


def _take_as_is(draft: Draft, name: str) -> None:
    draft.values[name] = draft.raw[name]


def _take_tags(draft: Draft, name: str) -> None:
    names = draft.raw[name] or []
    if not isinstance(names, list) or any(
        not isinstance(n, str) or not 0 < len(n.strip()) <= 80 for n in names
    ):
        draft.complain("/tags", "not a list of words of 1 to 80 characters")
        return
    draft.values[name] = list(dict.fromkeys(n.strip() for n in names))


_ENTRY: Final = {"emails": _email, "phones": _phone, "addresses": _address, "socials": _social}
_CLEANERS: Final[dict[str, Callable[[Any], Any]]] = {
    **{name: _text_of(length) for name, length in _TEXTS.items()},
    **{name: _choice_of(choices) for name, choices in _CHOICES.items()},
    "birth_date": clean_date,
    "created_at": clean_instant,
    "country": _country,
    "time_zone": _zone,
    "note": _note,
}
"""Fields of one value; None empties them."""
_TAKERS: Final[dict[str, Callable[[Draft, str], None]]] = {
    **dict.fromkeys(_LISTS, _take_entries),
    **dict.fromkeys(
        ("opening_hours", "contact_windows", "occasions", "owner_id", "team_id", "shares"), _take_as_is
    ),
    "custom": _take_custom,
    "tags": _take_tags,
}
