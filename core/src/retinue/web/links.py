"""Links for people without an account, and signatures of documents: single-purpose, expiring, checked in constant time.

A token says whom it is about and until when, in clear, and is signed with a key that is derived for its purpose, so
that a link made for one page opens no other. Whoever must not use a link twice remembers its `mark`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from retinue.errors import Denied

if TYPE_CHECKING:
    from retinue.storage import Store

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SUBJECT, _UNTIL, _NONCE, _MAC = 16, 5, 8, 20
_HEAD: Final = _SUBJECT + _UNTIL + _NONCE


@dataclass(frozen=True, slots=True)
class Link:
    """What a good link says: about whom, until when, and more words of its maker.

    `mark` is unique to the link: keep it to refuse a second use.
    """

    subject: UUID
    until: datetime
    mark: str
    extra: str = ""


def sign_bytes(store: Store, purpose: str, data: bytes) -> bytes:
    """Return the signature (HMAC-SHA256, 32 bytes) of `data` under the installation's key for `purpose`."""
    derived = HKDF(SHA256(), 32, salt=None, info=b"retinue signature\x00" + purpose.encode())
    return hmac.digest(derived.derive(store.keys.index_key), data, "sha256")


def make_link(store: Store, purpose: str, subject: UUID, *, lasts: timedelta, extra: str = "") -> str:
    """Return the token of a link about `subject` that opens only what asks for `purpose`, for as long as it `lasts`."""
    until = int((store.now + lasts - _EPOCH).total_seconds())
    head = subject.bytes + until.to_bytes(_UNTIL, "big") + os.urandom(_NONCE)
    body = head + extra.encode()
    mac = sign_bytes(store, f"link {purpose}", body)[:_MAC]
    return base64.urlsafe_b64encode(mac + body).rstrip(b"=").decode()


def read_link(store: Store, purpose: str, token: str) -> Link:
    """Return what a token says; raises Denied if it was changed, made for something else, or is over."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == token
    except (binascii.Error, ValueError):
        raw, canonical = b"", False
    mac, body = raw[:_MAC], raw[_MAC:]
    good = hmac.compare_digest(mac, sign_bytes(store, f"link {purpose}", body)[:_MAC])
    if not good or not canonical or len(body) < _HEAD:
        raise Denied("This link is not valid.", code="link-invalid", remedy="Ask for a new one.")
    until = _EPOCH + timedelta(seconds=int.from_bytes(body[_SUBJECT : _SUBJECT + _UNTIL], "big"))
    if until <= store.now:
        raise Denied("This link is no longer valid.", code="link-expired", remedy="Ask for a new one.")
    return Link(UUID(bytes=body[:_SUBJECT]), until, raw[: _MAC + _HEAD].hex(), body[_HEAD:].decode())
