"""Which contact a row is about: by e-mail, telephone or id, and what earlier rows of the file made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact, holders_of
from retinue_io.models import ExternalId

Mark = bytes
"""One value by which a contact is found: a token of the blind index, or a name another system gave."""
CHUNK = 400


def exact_marks(store: Store, values: Mapping[str, Any]) -> dict[Mark, tuple[str, str]]:
    """Return the marks of e-mails and telephones, each with what it is and the text."""
    marks = {}
    for entry in values.get("emails") or ():
        text = entry["value"].casefold()
        marks[store.blind_token("email", text)] = ("email", text)
    for entry in values.get("phones") or ():
        text = entry.get("e164") or entry["value"]
        marks[store.blind_token("phone", text.lstrip("+"))] = ("phone", text)
    return marks


def key_marks(store: Store, key: str, values: Mapping[str, Any], links: Mapping[str, Any]) -> list[Mark]:
    """Return the marks of the chosen key that a row carries."""
    if key in ("email", "phone"):
        return [mark for mark, (kind, _) in exact_marks(store, values).items() if kind == key]
    text = str(links.get(key) or "").strip()
    return [name_mark(key, text)] if text else []


def name_mark(kind: str, text: str) -> Mark:
    """Return the mark of an external ID or a Retinue ID."""
    return f"{kind}:{text.casefold() if kind == 'id' else text}".encode()


def find_contacts(store: Store, key: str, marks: Iterable[Mark], system: str = "") -> dict[Mark, list[UUID]]:
    """Return the visible contacts by mark."""
    wanted = list(dict.fromkeys(marks))
    if not wanted:
        return {}
    if key in ("email", "phone"):
        return holders_of(store, wanted)
    return _by_id(store, wanted) if key == "id" else find_external(store, wanted, system)


def find_external(store: Store, marks: list[Mark], system: str) -> dict[Mark, list[UUID]]:
    """Return the visible contacts by the names `system` gave them."""
    texts = [mark.decode().partition(":")[2] for mark in marks]
    found: dict[Mark, list[UUID]] = {}
    for start in range(0, len(texts), CHUNK):
        chosen = select(ExternalId.external_id, ExternalId.contact_id).where(
            ExternalId.system == system, ExternalId.external_id.in_(texts[start : start + CHUNK])
        )
        for text, contact_id in store.rows(chosen):
            found.setdefault(name_mark("external_id", text), []).append(contact_id)
    return found


def _by_id(store: Store, marks: list[Mark]) -> dict[Mark, list[UUID]]:
    ids: dict[UUID, Mark] = {}
    for mark in marks:
        try:
            ids[UUID(mark.decode().partition(":")[2])] = mark
        except ValueError:
            continue  # no contact has such an id, and the row is told so
    known = list(ids)
    found: dict[Mark, list[UUID]] = {}
    for start in range(0, len(known), CHUNK):
        chosen = select(Contact.id).where(Contact.id.in_(known[start : start + CHUNK]))
        for contact_id in store.scalars(chosen):
            found[ids[contact_id]] = [contact_id]
    return found


class Overlay:
    """What earlier rows of a file would have made, for a check that writes nothing.

    Contacts are kept as packed values, a few hundred bytes each, and only where a later row can meet them.
    """

    def __init__(self) -> None:
        self._values: dict[UUID, bytes] = {}
        self._marks: dict[Mark, UUID] = {}

    def put(self, contact_id: UUID, values: Mapping[str, Any] | None, marks: Iterable[Mark]) -> None:
        """Note a contact as a row would leave it."""
        if values is not None:
            self._values[contact_id] = msgspec.msgpack.encode(values, enc_hook=str)
        self._marks.update((mark, contact_id) for mark in marks)

    def find(self, mark: Mark) -> UUID | None:
        """Return the contact that an earlier row gave this mark."""
        return self._marks.get(mark)

    def values(self, contact_id: UUID) -> dict[str, Any] | None:
        """Return a contact as earlier rows left it."""
        packed = self._values.get(contact_id)
        return None if packed is None else msgspec.msgpack.decode(packed)
