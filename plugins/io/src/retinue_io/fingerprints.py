"""What the duplicate detector knows of a contact: normalised texts, and the keys under which it looks for
others.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from retinue import fold

_NOT_LETTER = re.compile(r"[\W\d_]+")
_NOT_WORD = re.compile(r"[\W_]+")
_VOWELS = str.maketrans("", "", "aeiouyhwаеиоуыэюяйьъ")
_ALIKE = str.maketrans("bvfgkqcxzdtlmnr", "pffkkkkssttlmnr")
_DOUBLE = re.compile(r"(.)\1+")
_MARK = re.compile(r"(?=.*\d)[\w/.-]{5,30}")
_SEPARATOR, _INNER = "\x1f", "\x1e"


class Fingerprint(NamedTuple):
    """A contact folded for comparison. `key` is the caller's own name for it; all else may be empty."""

    key: str
    given: str = ""
    family: str = ""
    birth: str = ""
    street: str = ""
    city: str = ""
    postal: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()  # numbers a person carries: field, value


def fingerprint(key: str, contact: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint of a contact draft; an organisation's name counts as its family name."""
    place = (contact.get("addresses") or [{}])[0]
    birth = contact.get("birth_date") or ""
    return Fingerprint(
        key=str(key),
        given=_letters(contact.get("given_name")),
        family=_letters(contact.get("family_name") or contact.get("name")),
        birth=birth.strftime("%Y%m%d") if isinstance(birth, dt.date) else birth.replace("-", ""),
        street=_NOT_WORD.sub(" ", fold(place.get("street") or "")).strip(),
        city=_letters(place.get("city") or contact.get("city")),
        postal=_NOT_WORD.sub("", fold(place.get("postal_code") or contact.get("postal_code") or "")),
        emails=tuple(normal_email(e["value"]) for e in contact.get("emails") or () if e.get("value")),
        phones=tuple(p["value"] for p in contact.get("phones") or () if p.get("value")),
        marks=_marks(contact.get("custom") or {}),
    )


def normal_email(address: str) -> str:
    """An address as one mailbox: lower case, and without what Gmail ignores."""
    local, _, domain = address.strip().lower().rpartition("@")
    if domain in ("gmail.com", "googlemail.com"):
        return f"{local.partition('+')[0].replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def blocks(one: Fingerprint) -> Iterator[tuple[str, str]]:
    """The keys under which this contact meets others, as (kind, text). Two slips in different fields still
    leave a common key; no key is a single common value.
    """
    for email in one.emails:
        yield "email", email
    for phone in one.phones:
        yield "phone", phone
    for field, value in one.marks:
        yield "mark", f"{field}:{value}"
    given, family = one.given, one.family
    if given and family:
        yield "name", " ".join(sorted((given, family)))
        yield "sound", " ".join(sorted((skeleton(given), skeleton(family))))
    if one.birth:
        yield "birth", one.birth
        if family:
            yield "family_born", one.birth[:4] + skeleton(family)
        if given:
            yield "given_born", one.birth[:6] + given[:3]
    if one.postal:
        if family:
            yield "family_post", f"{skeleton(family)} {one.postal[:4]}"
        if given:
            yield "given_post", f"{given[:4]} {one.postal[:4]}"
    if one.street and len(one.street) > 6:
        yield "street", one.street
        if one.city:
            yield "place", f"{one.street[:8]} {one.city[:5]}"


def skeleton(word: str) -> str:
    """A word by its sound, coarsely: first letter and the consonants after it, like ones made equal."""
    flat = word.replace(" ", "")
    body = flat[:1] + flat[1:].translate(_VOWELS)
    return _DOUBLE.sub(r"\1", body.translate(_ALIKE))[:6]


def pack(one: Fingerprint) -> str:
    """The fingerprint as one short text: a hundred thousand of them fit into 20 MB."""
    marks = _INNER.join(f"{field}={value}" for field, value in one.marks)
    return _SEPARATOR.join((*one[:7], _INNER.join(one.emails), _INNER.join(one.phones), marks))


def unpack(text: str) -> Fingerprint:
    """The fingerprint from its packed text."""
    key, given, family, birth, street, city, postal, emails, phones, marks = text.split(_SEPARATOR)
    pairs = (mark.partition("=") for mark in marks.split(_INNER)) if marks else ()
    return Fingerprint(
        key,
        given,
        family,
        birth,
        street,
        city,
        postal,
        tuple(emails.split(_INNER)) if emails else (),
        tuple(phones.split(_INNER)) if phones else (),
        tuple((field, value) for field, _, value in pairs),
    )


def _letters(text: str | None) -> str:
    return _NOT_LETTER.sub(" ", fold(text)).strip() if text else ""


def _marks(custom: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Custom values that look like a number given to one person: five signs or more, digits among them."""
    found = []
    for field, value in custom.items():
        text = "" if isinstance(value, bool | float | list) else str(value).strip()
        if _MARK.fullmatch(text) and not re.fullmatch(r"\d{4}-\d\d-\d\d|\d+\.\d+", text):
            found.append((field, fold(text)))
    return tuple(found)
