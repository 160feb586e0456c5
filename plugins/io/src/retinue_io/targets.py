"""The fields an import can fill and an export can write: names, kinds of value, parts of the lists."""

from __future__ import annotations

import re

SCALARS: dict[str, str] = {
    # contact fields as `contacts.service.create_contacts` takes them → how their text is read
    "kind": "kind",
    "name": "text",
    "given_name": "text",
    "family_name": "text",
    "middle_name": "text",
    "title_before": "text",
    "title_after": "text",
    "sex": "sex",
    "birth_date": "birth_date",
    "language": "language",
    "country": "country",
    "city": "text",
    "region": "text",
    "postal_code": "text",
    "job_title": "text",
    "business_line": "text",
    "website": "url",
    "preferred_channel": "text",
    "time_zone": "text",
    "status": "text",
    "source": "text",
    "note": "long_text",
    "tags": "tags",
}
LISTS: dict[str, tuple[str, ...]] = {
    "emails": ("value", "label"),
    "phones": ("value", "label"),
    "socials": ("value", "label"),
    "addresses": ("street", "number", "city", "postal_code", "region", "country", "label"),
}
LINKS: dict[str, str] = {
    # not fields of the contact: the import looks them up or keeps them beside it
    "id": "text",
    "external_id": "text",
    "organisation": "text",
    "owner": "text",
    "team": "text",
    "created_at": "datetime",
}
CUSTOM_KINDS = ("text", "long_text", "integer", "decimal", "boolean", "date", "choice", "multi_choice")
CUSTOM_KEY = re.compile(r"[a-z\w][\w]{0,60}")

_NOUNS = {"emails": "E-mail", "phones": "Phone", "addresses": "Address", "socials": "Social"}
_HEADINGS = {
    "name": "Full name",
    "organisation": "Company",
    "external_id": "External ID",
    "id": "Retinue ID",
    "created_at": "Created at",
}


def is_target(target: str) -> bool:
    """Whether a mapping may name this target; empty means: left out."""
    if target.startswith("custom."):
        return CUSTOM_KEY.fullmatch(target[7:]) is not None
    return not target or target in SCALARS or target in LISTS or target in LINKS


def heading_for(target: str, index: int = 0, part: str = "") -> str:
    """The heading our exports use, which the import recognises again: ``E-mail 2``, ``Address 1 street``."""
    if target in LISTS:
        words = f"{_NOUNS[target]} {index + 1}"
        return words if part in ("", "value") else f"{words} {part.replace('_', ' ')}"
    if target.startswith("custom."):
        return f"custom: {target[7:]}"
    return _HEADINGS.get(target) or target.replace("_", " ").capitalize()
