"""Signing letters (DKIM, RFC 6376; Ed25519 by RFC 8463) straight through `cryptography`, a thousand a second."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from retinue.errors import Invalid, Problem

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values of a letter's headers in their order; values may be folded with CRLF."""

SIGNED: Final = (
    b"from", b"to", b"subject", b"date", b"message-id", b"reply-to", b"mime-version", b"content-type",
    b"list-id", b"list-unsubscribe", b"list-unsubscribe-post", b"auto-submitted",
)  # fmt: skip
"""The headers that are signed where they are there."""
OVER_SIGNED: Final = (b"from", b"to", b"subject", b"date")
"""Signed once more than they stand in the letter, so that nobody can add another."""
LEAST_BITS: Final = 2048
_SPACES: Final = re.compile(rb"[ \t]+")
_FOLD: Final = re.compile(rb"\r\n")
_LINE_END: Final = re.compile(rb"[ \t]+\r\n")


@dataclass(frozen=True, slots=True)
class Canonical:
    """How headers and body are made alike before they are hashed: ``relaxed`` or ``simple``."""

    headers: str = "relaxed"
    body: str = "relaxed"


RELAXED: Final = Canonical()


def canonical_body(body: bytes, way: str = "relaxed") -> bytes:
    """Return the body as it is hashed: without blank lines at its end, and relaxed in its spaces."""
    if way == "relaxed":
        if b" \r\n" in body or b"\t" in body or b"  " in body:
            body = _SPACES.sub(b" ", _LINE_END.sub(b"\r\n", body))
        if body.endswith((b" ", b"\t")):
            body = body.rstrip(b" \t")
    stripped = body
    while stripped.endswith(b"\r\n"):
        stripped = stripped[:-2]
    if not stripped and way == "relaxed":
        return b""
    return stripped + b"\r\n"


def canonical_header(name: bytes, value: bytes, way: str = "relaxed") -> bytes:
    """Return one header as it is hashed, with its line end."""
    if way == "simple":
        return name + b":" + value + b"\r\n"
    plain = _SPACES.sub(b" ", _FOLD.sub(b"", value)).strip(b" \t")
    return name.lower().strip() + b":" + plain + b"\r\n"


def body_hash(body: bytes, way: str = "relaxed") -> bytes:
    """Return the SHA-256 of a body in base64, the ``bh`` of a signature."""
    return base64.b64encode(hashlib.sha256(canonical_body(body, way)).digest())


def _wrapped(text: bytes, width: int = 72) -> bytes:
    return b"\r\n ".join(text[start : start + width] for start in range(0, len(text), width))


def _picked(headers: Headers, names: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Return what the names of ``h=`` stand for: each time one is named, the next occurrence from the bottom."""
    left: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for name, value in headers:
        left.setdefault(name.lower(), []).append((name, value))
    return [left[name].pop() for name in (n.lower() for n in names) if left.get(name)]


class Signer:
    """Signs letters of one domain with one key; the public half stands in DNS below ``selector._domainkey``."""

    def __init__(
        self, domain: str, selector: str, key: RSAPrivateKey | Ed25519PrivateKey, way: Canonical = RELAXED
    ) -> None:
        self.domain, self.selector, self.way, self._key = domain, selector, way, key
        self.algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"

    @classmethod
    def from_pem(cls, domain: str, selector: str, pem: str, way: Canonical = RELAXED) -> Signer:
        """Return a signer of a private key as text (PEM); raises Invalid for what is no fitting key."""
        try:
            key = load_pem_private_key(_unfolded(pem), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise _unfit("the signing key is no private key in PEM without a password") from None
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise _unfit("the signing key is neither RSA nor Ed25519")
        if isinstance(key, RSAPrivateKey) and key.key_size < LEAST_BITS:
            raise _unfit(f"the signing key has {key.key_size} bits, fewer than {LEAST_BITS}")
        return cls(domain, selector, key, way)

    def record(self) -> str:
        """Return the text of the DNS record that lets others verify the signatures."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            raw = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={base64.b64encode(raw).decode()}"
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"

    def sign(
        self,
        headers: Headers,
        body: bytes,
        at: int,
        *,
        names: Sequence[bytes] | None = None,
        extra: bytes = b"",
    ) -> bytes:
        """Return the value of the DKIM-Signature header; `at` is the time in seconds since 1970.

        `names` are the headers to sign in their order, those of `SIGNED` if not given; `extra` are more tags.
        """
        names = self._names(headers) if names is None else names
        ways = f"{self.way.headers}/{self.way.body}"
        start = f"v=1; a={self.algorithm}; c={ways}; d={self.domain};".encode()
        value = b"".join((
            b" ", start, extra, b" s=", self.selector.encode(), b"; t=", str(at).encode(), b";\r\n h=",
            _folded_names(names), b";\r\n bh=", body_hash(body, self.way.body), b";\r\n b=",
        ))  # fmt: skip
        return value + _wrapped(base64.b64encode(self._sign(self._hashed(headers, names, value))))

    def _names(self, headers: Headers) -> list[bytes]:
        there = Counter(name.lower() for name, _ in headers)
        once = [name for name in SIGNED for _ in range(there[name])]
        return once + [name for name in OVER_SIGNED if there[name]]

    def _hashed(self, headers: Headers, names: Sequence[bytes], value: bytes) -> bytes:
        way = self.way.headers
        parts = [canonical_header(name, text, way) for name, text in _picked(headers, names)]
        return b"".join((*parts, canonical_header(b"DKIM-Signature", value, way)[:-2]))

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), SHA256())
        return self._key.sign(hashlib.sha256(data).digest())


def _folded_names(names: Sequence[bytes]) -> bytes:
    lines, width = [b""], 0
    for place, name in enumerate(names):
        word = name + (b":" if place < len(names) - 1 else b"")
        if width + len(word) > 68:
            lines.append(b"")
            width = 0
        lines[-1] += word
        width += len(word)
    return b"\r\n  ".join(lines)


def _unfolded(pem: str) -> bytes:
    """Return a key as text again that a form of one line has made into one."""
    text = pem.strip().replace("\\n", "\n")
    found = re.fullmatch(r"-----BEGIN ([A-Z ]+)-----\s+(.*?)\s+-----END \1-----", text, re.S)
    if found is None:
        return text.encode()
    inner = "\n".join(found[2].split())
    return f"-----BEGIN {found[1]}-----\n{inner}\n-----END {found[1]}-----\n".encode()


def _unfit(detail: str) -> Invalid:
    problem = Problem("/dkim_key", detail, "signing-key")
    return Invalid("the signing key cannot be used", code="signing-key", problems=[problem])
