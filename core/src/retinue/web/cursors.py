"""Opaque keyset cursors: sealed, so that no name in a sort key stands in a URL or a log, and bound to a list.

A cursor holds the position of the last row and a digest of what was listed (route, view, filter, sort,
search). Given to another list it is refused with 400.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from retinue.errors import BadRequest, Problem

Position = Sequence[Any]
_NONCE: Final = 12
_DIGEST: Final = 8
_PURPOSE: Final = b"retinue cursor 1"
_REMEDY: Final = "Start from the first page: leave the cursor out."


class CursorCodec:
    """Seals positions into cursors and opens them again, under one secret of the installation."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("the secret of cursors needs 32 bytes or more")
        self._cipher = AESGCM(hashlib.blake2b(_PURPOSE, key=secret[:64], digest_size=32).digest())

    def seal(self, position: Position, binding: bytes) -> str:
        """Return the cursor for the row at `position` of the list that `binding` describes."""
        nonce = os.urandom(_NONCE)
        plain = digest(binding) + msgspec.json.encode([_pack(value) for value in position])
        return (
            base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, plain, _PURPOSE))
            .rstrip(b"=")
            .decode()
        )

    def open(self, cursor: str, binding: bytes) -> list[Any]:
        """Return the position in `cursor`; BadRequest if it was changed or belongs to another list."""
        try:
            raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            plain = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _PURPOSE)
        except (InvalidTag, binascii.Error, ValueError) as wrong:
            raise _refused("The cursor is not one of ours, or was changed.", "cursor-unknown") from wrong
        if plain[:_DIGEST] != digest(binding):
            raise _refused(
                "The cursor belongs to another list: its view, filter, sort or search is different.",
                "cursor-foreign",
            )
        return [_unpack(value) for value in msgspec.json.decode(plain[_DIGEST:])]


def digest(binding: bytes) -> bytes:
    """Return the short digest by which a cursor knows its list."""
    return hashlib.blake2b(binding, digest_size=_DIGEST).digest()


def _refused(detail: str, code: str) -> BadRequest:
    return BadRequest(detail, code=code, remedy=_REMEDY, problems=[Problem("?cursor", detail, code)])


def _pack(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return {"t": value.isoformat()}
        case date():
            return {"d": value.isoformat()}
        case UUID():
            return {"u": value.hex}
        case Decimal():
            return {"n": str(value)}
    raise TypeError(f"a cursor cannot hold a {type(value).__name__}")


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "u": UUID,
    "n": Decimal,
}


def _unpack(value: Any) -> Any:
    if isinstance(value, dict):
        ((tag, text),) = value.items()
        return _READERS[tag](text)
    return value
