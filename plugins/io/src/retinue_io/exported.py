"""What stands in an export: every field of a contact as our import reads it, or the columns of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact, describe_contacts, list_custom_fields
from retinue.lists import Catalogue, ListRequest, select_ids, select_page
from retinue_io.targets import LISTS, SCALARS
from retinue_io.writers import OutColumn, flatten, out_column

PAGE: Final = 1000
_FULL: Final = (
    "id", "kind", "title_before", "given_name", "middle_name", "family_name", "title_after", "name", "sex",
    "birth_date", "language", "job_title", "business_line", "emails", "phones", "addresses", "socials",
    "country", "region", "city", "postal_code", "website", "status", "source", "preferred_channel",
    "time_zone", "tags", "note", "created_at",
)  # fmt: skip
_PARTS: Final = {"addresses": ("street", "city", "postal_code", "region", "country", "label")}
_OF_LIST: Final = {"tag": "tags"}


class Whole:
    """Every field of the contacts, in the form that our own import reads back."""

    def __init__(self, store: Store, catalogue: Catalogue, request: ListRequest) -> None:
        self._store, self._catalogue, self._request = store, catalogue, request
        self._columns: list[OutColumn] | None = None

    def _described(self) -> Iterator[list[dict[str, Any]]]:
        for ids in select_ids(self._store, self._catalogue, self._request, size=PAGE):
            found: dict[UUID, dict[str, Any]] = {}
            for start in range(0, len(ids), 400):
                part = self._store.scalars(select(Contact).where(Contact.id.in_(ids[start : start + 400])))
                found.update((row["id"], row) for row in describe_contacts(self._store, part))
            yield [_importable(found[contact_id]) for contact_id in ids if contact_id in found]

    def columns(self) -> list[OutColumn]:
        """Return the columns that at least one contact fills, as far as the reader may see them."""
        if self._columns is None:
            widths: dict[str, int] = {}
            filled: set[str] = set()
            for rows in self._described():
                for row in rows:
                    for name in _FULL:
                        if row.get(name) not in (None, "", []):
                            filled.add(name)
                    for name in LISTS:
                        widths[name] = max(widths.get(name, 0), len(row.get(name) or ()))
                    filled.update(
                        f"custom.{key}" for key, value in row["custom"].items() if value is not None
                    )
            self._columns = list(
                _out_columns(filled, widths, [f"custom.{f.key}" for f in list_custom_fields(self._store)])
            )
        return self._columns

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        for described in self._described():
            for row in described:
                yield flatten(row, self.columns())


def _importable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a contact without a name that only follows from its parts, its e-mail or its telephone."""
    entries = [*(row.get("emails") or ()), *(row.get("phones") or ())]
    derived = (
        row.get("given_name") or row.get("family_name") or row.get("name") in [e["value"] for e in entries]
    )
    return {**row, "name": None} if derived and row.get("kind") != "organisation" else row


def _out_columns(filled: set[str], widths: dict[str, int], custom: Sequence[str]) -> Iterator[OutColumn]:
    for name in _FULL:
        if name in LISTS:
            for index in range(widths.get(name, 0)):
                for part in _PARTS.get(name, ("value", "label")):
                    yield out_column(name, index, part)
        elif name in filled:
            yield out_column(name)
    for name in custom:
        if name in filled:
            yield out_column(name)


class Listed:
    """The columns of a list, as a view shows them."""

    def __init__(
        self, store: Store, catalogue: Catalogue, request: ListRequest, names: Sequence[str]
    ) -> None:
        self._store, self._catalogue, self._names = store, catalogue, tuple(names)
        self._request = replace(request, columns=self._names)
        self._columns: list[OutColumn] | None = None

    def _pages(self) -> Iterator[list[dict[str, Any]]]:
        request = self._request
        while True:
            page = select_page(self._store, self._catalogue, request)
            yield page.rows
            if page.next is None:
                return
            request = replace(request, after=page.next)

    def columns(self) -> list[OutColumn]:
        """Return the columns; one that does not exist for the reader is not among them."""
        if self._columns is None:
            widths = dict.fromkeys([n for n in self._names if n in LISTS], 1)
            if widths:
                for rows in self._pages():
                    for name in widths:
                        widths[name] = max([widths[name], *(len(row.get(name) or ()) for row in rows)])
            found = {n: self._catalogue.find(n, self._store.actor) for n in self._names}
            self._columns = [
                c for n, field in found.items() if field for c in _view_columns(n, field.label, widths)
            ]
        return self._columns

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        for rows in self._pages():
            for row in rows:
                custom = {
                    name.removeprefix("custom."): v for name, v in row.items() if name.startswith("custom.")
                }
                known = {_OF_LIST.get(name, name): value for name, value in row.items()}
                yield {**flatten({**known, "custom": custom}, self.columns()), **_others(row)}


def _view_columns(name: str, label: str, widths: dict[str, int]) -> Iterator[OutColumn]:
    target = _OF_LIST.get(name, name)
    if target in LISTS:
        for index in range(widths[target]):
            for part in _PARTS.get(target, ("value",)):
                yield out_column(target, index, part)
    elif target in SCALARS or target == "id" or target.startswith("custom."):
        yield out_column(target)
    else:
        yield OutColumn(key=name, heading=label)


def _others(row: dict[str, Any]) -> dict[str, Any]:
    known = {*SCALARS, *LISTS, *_OF_LIST, "id", "custom"}
    return {
        name: value for name, value in row.items() if name not in known and not name.startswith("custom.")
    }
