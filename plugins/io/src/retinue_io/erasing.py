"""When a person is erased: no file of a finished import or export may outlive them, nor their name in a file's name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update

from retinue import Store
from retinue.contacts import Contact
from retinue_io.models import PENDING, RUNNING, STANDBY, Export, Import, Piece, Rejection

_OPEN: Final = (STANDBY, PENDING, RUNNING)
_SHORT: Final = 3
"""Parts of names with fewer letters say nothing of a person."""


def forget_people(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Remove what may hold the persons: all files and rejected rows of finished imports, all files of finished exports.

    Which of them a person is in cannot be told without opening every one, so all go; the records of the imports and exports
    stay. A file's name that has a part of a person's name or address becomes a bare one.
    """
    system = store.system("forget files")
    for model in (Import, Export):
        finished = select(model.id).where(model.status.not_in(_OPEN))
        system.change(delete(Piece).where(Piece.file_id.in_(finished)))
    finished = select(Import.id).where(Import.status.not_in(_OPEN))
    system.change(delete(Rejection).where(Rejection.import_id.in_(finished)))
    words = {word for contact_id in contact_ids for word in _words_of(store, contact_id)}
    for import_id, name in system.rows(select(Import.id, Import.file_name)) if words else ():
        if words.intersection(_parts(name)):
            bare = f"file{PurePath(name).suffix.lower()}"
            system.change(update(Import).where(Import.id == import_id).values(file_name=bare))


def _words_of(store: Store, contact_id: UUID) -> Iterator[str]:
    contact = store.raw("forget files").find(Contact, contact_id)
    if contact is None:
        return
    for text in (contact.given_name, contact.middle_name, contact.family_name, contact.name):
        yield from _parts(text or "")
    for email in contact.emails or ():
        yield from _parts(str(email["value"]).partition("@")[0])


def _parts(text: str) -> set[str]:
    """Return the words of a text that say something, for comparison."""
    return {part for part in re.split(r"[\W_]+", text.casefold()) if len(part) >= _SHORT}
