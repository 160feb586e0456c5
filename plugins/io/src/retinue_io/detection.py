"""Looking for duplicates after the rows are in: those of the file among each other and against the base.

Works in small portions, so that nobody waits for it: first it reads the base page by page and keeps only
contacts that share a block with a row of the file, then it compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue_io.batches import Outcome
from retinue_io.detect import Finder, Match
from retinue_io.fingerprints import Fingerprint, blocks, fingerprint, pack, unpack

PAGE = 2000
_BITS = 1 << 26
_COLUMNS = (
    Contact.id,
    Contact.kind,
    Contact.name,
    Contact.given_name,
    Contact.family_name,
    Contact.birth_date,
    Contact.city,
    Contact.postal_code,
    Contact.custom,
)


class Suspects(NamedTuple):
    """Two contacts that are probably one; `second_row` is None for a contact that was there before."""

    first_id: UUID
    second_id: UUID
    first_row: int
    second_row: int | None
    score: float
    reasons: tuple[str, ...]


class Detection:
    """The search of one import: `add` its rows, call `read_base` until it says no, then take `suspects`."""

    def __init__(self) -> None:
        self._finder = Finder()
        self._rows: dict[str, tuple[int, bool, UUID]] = {}
        self._known: set[UUID] = set()
        self._hits: dict[str, set[tuple[str, str]]] = {}
        self._bits = bytearray(_BITS // 8)
        self._last: UUID | None = None
        self._found: Iterator[Match | None] | None = None

    def add(self, note: dict[str, Any] | Outcome) -> None:
        """Take the fingerprints and hits of a batch."""
        prints = note.prints if isinstance(note, Outcome) else note["prints"]
        hits = note.hits if isinstance(note, Outcome) else note["hits"]
        for row, new, contact_id, packed in prints:
            self._known.add(UUID(contact_id))
            self._rows[str(row)] = (row, new, UUID(contact_id))
            keys = list(blocks(unpack(packed)))
            self._finder.add(packed, keys)
            for key in keys if new else ():
                place = hash(key) % _BITS
                self._bits[place >> 3] |= 1 << (place & 7)
        for contact_id, kind, text in hits:
            self._hits.setdefault(contact_id, set()).add((kind, text))

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to look for."""
        return not any(new for _, new, _ in self._rows.values())

    def read_base(self, store: Store) -> bool:
        """Read the next page of the base; returns whether there may be more."""
        chosen = select(*_COLUMNS).order_by(Contact.id).limit(PAGE)
        if self._last is not None:
            chosen = chosen.where(Contact.id > self._last)
        rows = store.rows(chosen)
        for row in rows:
            self._last = row.id
            if row.id not in self._known:
                self._keep(self._print(row))
        return len(rows) == PAGE

    def _print(self, row: Any) -> Fingerprint:
        made = fingerprint(f"b{row.id}", {**row._mapping, "custom": row.custom})
        hits = self._hits.get(str(row.id))
        if not hits:
            return made
        texts = {kind: tuple(sorted(text for k, text in hits if k == kind)) for kind in ("email", "phone")}
        return made._replace(emails=texts["email"], phones=texts["phone"])

    def _keep(self, made: Fingerprint) -> None:
        keys = list(blocks(made))
        places = (hash(key) % _BITS for key in keys)
        if any(self._bits[place >> 3] & 1 << (place & 7) for place in places):
            self._finder.add(pack(made), keys)

    def suspects(self, size: int) -> list[Suspects] | None:
        """Return some of the next probable duplicates, perhaps none yet; None at the end."""
        if self._found is None:
            self._found = self._finder.search()
        found: list[Suspects] = []
        for match in self._found:
            if match is None:
                return found
            first, second = (self._rows.get(key) for key in (match.first, match.second))
            if (first and first[1]) or (second and second[1]):
                found.append(self._pair(match))
                if len(found) >= size:
                    return found
        return found or None

    def _pair(self, match: Match) -> Suspects:
        """Return a match with the newer contact first: the one that a merge would take in."""
        keys = sorted((match.first, match.second), key=self._age)
        row, _, first_id = self._rows[keys[0]]
        other = self._rows.get(keys[1])
        second_id, second_row = (other[2], other[0]) if other else (UUID(keys[1][1:]), None)
        return Suspects(first_id, second_id, row, second_row, match.score, match.reasons)

    def _age(self, key: str) -> tuple[int, int]:
        """Sort new rows first, later rows before earlier ones, the base last."""
        row = self._rows.get(key)
        return (2, 0) if row is None else (0 if row[1] else 1, -row[0])
