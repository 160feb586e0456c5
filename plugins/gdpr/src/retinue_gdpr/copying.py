"""The access copy as a ZIP: JSON for programs, CSV to take elsewhere, HTML to read; the same state gives the same bytes."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from retinue import Store
from retinue.contacts import ContactCopy, copy_contact, get_legally, personal_registry
from retinue.errors import NotFound
from retinue_gdpr.erasing import is_erased

SCHEMA: Final = "retinue-copy/1"
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_README: Final = """This archive is the copy of everything that is kept about one person.

index.html       to read
data.json        all of it, for programs: schema, controller, sections with plugin, labels and records (UTF-8)
portable/*.csv   what you provided yourself or what was observed of you, to take elsewhere (UTF-8, comma)

In the CSV files a value that a spreadsheet would take for a formula has an apostrophe before it.
"""


def build_copy(store: Store, contact_id: UUID) -> bytes:
    """Return the copy of a person's data as a ZIP; the audit remembers it.

    Raises NotFound with the code ``erased`` for somebody who was erased.
    """
    if is_erased(store, contact_id):
        words = "Nothing is kept about this person any more: they were erased."
        raise NotFound(words, code="erased", remedy="The manifest says what went and when.")
    store.require("contact.export", get_legally(store, contact_id, "copy a person"))
    return pack(store, copy_contact(store.legal("copy a person"), contact_id))


def pack(store: Store, copied: ContactCopy) -> bytes:
    """Return the archive of a copy."""
    settings = store.settings("gdpr")
    sections = [
        {"name": s.name, "plugin": s.plugin or "core", "labels": dict(s.labels), "records": list(s.records)}
        for s in copied.sections
    ]
    data = {
        "schema": SCHEMA, "contact_id": str(copied.contact_id),
        "controller": {"name": settings["controller"], "contact": settings["controller_contact"]},
        "sections": sections,
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "README.txt", _README)
        _put(archive, "data.json", msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=1))
        _put(archive, "index.html", _page(data))
        for name, text in _portable(sections):
            _put(archive, f"portable/{name}.csv", text)
    return out.getvalue()


def _put(archive: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _MOMENT), content, zipfile.ZIP_DEFLATED)


def _portable(sections: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield a CSV for each section, without what the company derived itself (Art. 20 covers what was provided)."""
    derived: dict[str, set[str]] = {}
    for held in personal_registry():
        if held.derived:
            derived.setdefault(held.table, set()).add(held.field)
    for section in sections:
        left = derived.get(section["name"], set())
        names = dict.fromkeys(n for record in section["records"] for n in record if n not in left)
        if not names:
            continue
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(names)
        writer.writerows([_cell(record.get(name)) for name in names] for record in section["records"])
        yield section["name"], out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _page(data: Mapping[str, Any]) -> str:
    loader = PackageLoader("retinue_gdpr", "templates")
    pages = Environment(loader=loader, autoescape=select_autoescape(default=True), undefined=StrictUndefined)
    pages.filters["plain"] = _plain
    return pages.get_template("copy.html").render(**data)


def _plain(value: Any) -> str:
    """Return a value as a person reads it."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_plain(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in value)
    return str(value)
