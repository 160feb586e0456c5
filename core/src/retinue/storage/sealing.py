"""Sealing: AES-256-GCM over all sealed values of a row, bound to that row, under its subject's data key.

Format of a blob: one version byte (1), a random 96-bit nonce, ciphertext with its 128-bit tag (NIST SP 800-38D).
The additional data are the table's name, the row's id and the subject's id, so that a blob moved to another row,
table or person does not open.
"""

from __future__ import annotations

import hashlib
import os
from copy import deepcopy
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import event
from sqlalchemy.orm import object_session
from sqlalchemy.orm.attributes import flag_modified

from retinue.errors import Misconfigured, Unavailable
from retinue.storage.declare import NOT_PERSONAL, Field, Privacy, Protection, Sealed

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_BLOCK: Final = 64
TOKEN_BYTES: Final = 12
"""Bytes kept of a blind-index token: 96 bits, too many to collide, short enough to index."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def _bound(table: str, row: UUID, subject: UUID) -> bytes:
    return table.encode() + b"\x00" + row.bytes + subject.bytes


def seal_bytes(key: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    """Return `plain` sealed under `key`, bound to `bound_to`."""
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + key.encrypt(nonce, plain, bound_to)


def open_bytes(key: AESGCM, blob: bytes, bound_to: bytes) -> bytes:
    """Return what `blob` holds; raises InvalidTag if it was changed or moved, ValueError for an unknown format."""
    if blob[:1] != _VERSION:
        raise ValueError(f"unknown sealing format {blob[:1]!r}")
    return key.decrypt(blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :], bound_to)


def seal_row(key: AESGCM, values: dict[str, Any], table: str, ids: tuple[UUID, UUID]) -> bytes:
    """Return the blob of a row's sealed `values`; `ids` are the row's and its subject's."""
    return seal_bytes(key, _encode(values), _bound(table, *ids))


def open_row(key: AESGCM, blob: bytes, table: str, ids: tuple[UUID, UUID]) -> dict[str, Any]:
    """Return the sealed values of a row; raises Unavailable naming the row if the blob does not belong there."""
    try:
        opened: dict[str, Any] = _decode(open_bytes(key, blob, _bound(table, *ids)))
    except (InvalidTag, ValueError) as fault:
        raise Unavailable(
            f"the sealed values of {table} {ids[0]} do not open: changed, moved, or sealed under another key",
            code="sealed-damaged",
            remedy="Nothing was changed. Restore the row from a backup, or run `retinue audit verify`.",
        ) from fault
    return opened


@lru_cache(maxsize=8)
def _begun(index_key: bytes) -> tuple[Any, Any]:
    """Return the inner and outer hash of HMAC-SHA256 (RFC 2104) with the key already in: half the work of a token."""
    block = (index_key if len(index_key) <= _BLOCK else hashlib.sha256(index_key).digest()).ljust(
        _BLOCK, b"\x00"
    )
    return hashlib.sha256(bytes(b ^ 0x36 for b in block)), hashlib.sha256(bytes(b ^ 0x5C for b in block))


def make_token(index_key: bytes, kind: str, text: str) -> bytes:
    """Return the blind-index token of an already normalised `text`: HMAC-SHA256, truncated."""
    inner, outer = _begun(index_key)
    inside, around = inner.copy(), outer.copy()
    inside.update(f"{kind}\x00{text}".encode())
    around.update(inside.digest())
    token: bytes = around.digest()[:TOKEN_BYTES]
    return token


class SealedField:
    """Descriptor of one sealed value: opened at the first read, sealed again at the flush."""

    def __init__(self, field: Field, default: Any) -> None:
        self.field = field
        self.default = default
        self.name = ""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name
        declared = self.field
        self.field = Field(
            name, declared.label, declared.kind, declared.privacy, declared.protection, declared.filterable
        )
        if "__sealed__" not in owner.__dict__:
            owner.__sealed__ = {}
        owner.__sealed__[name] = self

    def __get__(self, row: Any, owner: type[Any] | None = None) -> Any:
        if row is None:
            return self
        values = opened_values(row)
        return values[self.name] if self.name in values else deepcopy(self.default)

    def __set__(self, row: Any, value: Any) -> None:
        values = opened_values(row)
        state = row.__dict__
        state.setdefault("_sealed_before", {}).setdefault(
            self.name, deepcopy(values.get(self.name, self.default))
        )
        values[self.name] = value
        flag_sealed(row)


def sealed(
    *,
    label: str,
    kind: str,
    privacy: Privacy = NOT_PERSONAL,
    protection: Protection = "sealed",
    default: Any = None,
) -> Any:
    """Declare a JSON-able value kept inside the row's blob; assign a new value to change it, never mutate it.

    `protection` is ``lookup`` where a blind index makes it findable by an exact match.
    """
    return SealedField(Field("", label, kind, privacy, protection, filterable=False), default)


def subject_of(row: Any) -> UUID:
    """Return the id of the subject under whose key the row is sealed."""
    column = type(row).__subject__
    subject: UUID | None = getattr(row, column) if column else UUID(int=0)
    if subject is None:
        raise Misconfigured(f"{type(row).__name__} is sealed under {column}, which is empty: set it first")
    return subject


def opened_values(row: Any) -> dict[str, Any]:
    """Return the row's opened values, opening the blob at the first call."""
    state = row.__dict__
    if "_sealed_values" not in state:
        session = object_session(row)
        if row.sealed_data is None:
            state["_sealed_values"] = {}
        elif session is None:
            raise Unavailable(
                f"{type(row).__name__} {row.id} left its store before its sealed values were read"
            )
        else:
            session.info["store"].unseal([row])
    values: dict[str, Any] = state["_sealed_values"]
    return values


def flag_sealed(row: Any) -> None:
    """Mark the row's blob as due to be sealed at the next flush."""
    row.__dict__["_sealed_dirty"] = True
    if "sealed_data" not in row.__dict__:
        row.sealed_data = None
    flag_modified(row, "sealed_data")


def _forget_opened(row: Any, *_: Any) -> None:
    if row is None:  # the session still knows the row, nobody else does
        return
    for name in ("_sealed_values", "_sealed_before", "_sealed_dirty", "_sealed_hidden"):
        row.__dict__.pop(name, None)


def _forget_if_blob(row: Any, _context: Any, names: Any = None) -> None:
    if names is None or "sealed_data" in names:
        _forget_opened(row)


event.listen(Sealed, "expire", lambda row, names: _forget_if_blob(row, None, names), propagate=True)
event.listen(Sealed, "refresh", _forget_if_blob, propagate=True)
