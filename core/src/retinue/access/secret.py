"""Random secrets people and programs carry: session ids, device ids, API tokens, recovery codes, form tokens.

Each has at least 112 bits of chance, so what the database keeps is a plain SHA-256: nothing can be guessed
from it, and nothing that was read from a backup opens a door.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TOKEN_PREFIX = "retinue_pat_"  # noqa: S105  # the public beginning of every token, not a secret
RESET_PREFIX = "retinue_rst_"  # as above, of the links that set a new password
_BODY, _CHECK = 43, 6
_RECOVERY_GROUPS, _RECOVERY_GROUP = 6, 4


def new_secret() -> str:
    """Return 256 random bits as URL-safe text: a session id or a device id."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """Return what the database keeps of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def new_token(prefix: str = TOKEN_PREFIX) -> str:
    """Return a new API token: prefix, 256 random bits in base 62, checksum."""
    body = _base62(secrets.randbits(256), _BODY)
    return f"{prefix}{body}{_checksum(body)}"


def is_token(text: str, prefix: str = TOKEN_PREFIX) -> bool:
    """Say whether `text` can be a token at all: a mistyped or invented one is turned away without the
    database.
    """
    body, check = text[len(prefix) : -_CHECK], text[-_CHECK:]
    if not text.startswith(prefix) or len(body) != _BODY or not set(body) <= set(ALPHABET):
        return False
    return check == _checksum(body)


def new_recovery_codes(count: int = 10) -> list[str]:
    """Return `count` recovery codes of 120 bits each, in groups that can be read aloud."""
    return [
        "-".join(_groups(base64.b32encode(secrets.token_bytes(15)).decode().lower())) for _ in range(count)
    ]


def plain_recovery_code(typed: str) -> str:
    """Return a typed recovery code without the spaces, dashes and capitals that do not matter."""
    return "".join(letter for letter in typed.lower() if letter.isalnum())


def derived(secret: str, purpose: str) -> str:
    """Return what follows from a browser's secret for `purpose`: 256 bits that tell nothing about it."""
    value = hmac.new(secret.encode(), b"retinue " + purpose.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def csrf_token(session_secret: str) -> str:
    """Return the form token of a session: nobody can compute it without the session's own cookie."""
    return hmac.new(session_secret.encode(), b"retinue form token 1", hashlib.sha256).hexdigest()


def is_csrf_token(session_secret: str, given: str | None) -> bool:
    """Say whether `given` is the form token of this session."""
    return hmac.compare_digest(csrf_token(session_secret).encode(), (given or "").encode("utf-8", "replace"))


def _base62(number: int, width: int) -> str:
    letters = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        letters.append(ALPHABET[rest])
    return "".join(reversed(letters))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode("ascii")), _CHECK)


def _groups(text: str) -> list[str]:
    return [
        text[start : start + _RECOVERY_GROUP]
        for start in range(0, _RECOVERY_GROUPS * _RECOVERY_GROUP, _RECOVERY_GROUP)
    ]
