"""Opening sealed values for an actor: many rows with one question to the key store, hidden fields taken out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from retinue.storage.declare import Sealed
from retinue.storage.sealing import open_row, subject_of

if TYPE_CHECKING:
    from retinue.storage.store import Store


def unseal_rows(store: Store, rows: Iterable[Any]) -> None:
    """Open the sealed values of many rows at once, with one question to the key store."""
    closed: list[Any] = [r for r in rows if isinstance(r, Sealed) and "_sealed_values" not in r.__dict__]
    subjects = {id(row): subject_of(row) for row in closed if row.sealed_data is not None}
    ciphers = store.keys.ciphers(subjects.values())
    for row in closed:
        values: dict[str, Any] = {}
        if row.sealed_data is not None:
            subject = subjects[id(row)]
            if subject in ciphers:  # a shredded subject opens as empty
                values = open_row(ciphers[subject], row.sealed_data, row.__table__.name, (row.id, subject))
        row.__dict__["_sealed_hidden"] = take_hidden(store, row.__table__.name, values)
        row.__dict__["_sealed_values"] = values


def open_blobs(
    store: Store, table: str, rows: Iterable[tuple[UUID, UUID, bytes | None]]
) -> list[dict[str, Any]]:
    """Return the sealed values of (row id, subject id, blob) triples read as bare columns."""
    triples = list(rows)
    ciphers = store.keys.ciphers({subject for _, subject, blob in triples if blob is not None})
    opened = []
    for row_id, subject, blob in triples:
        cipher = ciphers.get(subject) if blob is not None else None
        values = open_row(cipher, cast(bytes, blob), table, (row_id, subject)) if cipher else {}
        take_hidden(store, table, values)
        opened.append(values)
    return opened


def take_hidden(store: Store, table: str, values: dict[str, Any]) -> dict[str, Any]:
    """Take what the actor may not read out of opened values, and return it: it goes back in when resealed."""
    if not store.actor.hidden_fields or not values:
        return {}
    hidden = store.scope.variant.hidden_columns(table)
    taken = {name: values.pop(name) for name in hidden.intersection(values)}
    custom = values.get("custom_sealed")
    if custom:
        secret = {key: custom[key] for key in custom if f"custom.{key}" in hidden}
        if secret:
            taken["custom_sealed"] = secret
            values["custom_sealed"] = {key: value for key, value in custom.items() if key not in secret}
    return taken
