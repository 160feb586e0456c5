"""Letters as bytes: headers checked and encoded, two parts spliced by hand, signed; ten times a standard builder.

A header never carries what could begin another one: a value with a line end or another control sign is refused,
wherever it came from.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from retinue.errors import Invalid, Problem
from retinue_email.dkim import Signer

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
MAX_HEADER: Final = 2000
_PLAIN: Final = re.compile(r"[ -~]*")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_WORD_BYTES: Final = 42
"""Bytes of UTF-8 in one encoded word: 56 signs of base64 and 12 around them, below the 75 of RFC 2047."""
_WIDTH: Final = 76


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name that stands before it."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """All that one letter is made of."""

    sender: Mailbox
    recipient: Mailbox
    subject: str
    text: str
    html: str
    message_id: str
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


def check_header(name: str, value: str) -> str:
    """Return `value` if it can stand in a header; raises Invalid for control signs, line ends and sheer length."""
    if CONTROL.search(value):
        detail = f"{name} holds a line end or another control sign"
        raise Invalid(
            "the letter cannot be made", code="header", problems=[Problem(f"/{name}", detail, "header")]
        )
    if len(value) > MAX_HEADER:
        detail = f"{name} is longer than {MAX_HEADER} signs"
        raise Invalid(
            "the letter cannot be made", code="header", problems=[Problem(f"/{name}", detail, "header")]
        )
    return value


def encode_words(text: str) -> str:
    """Return text as encoded words of RFC 2047, each of whole characters, folded."""
    words: list[str] = []
    part = b""
    for sign in text:
        raw = sign.encode("utf-8", "replace")
        if len(part) + len(raw) > _WORD_BYTES:
            words.append(base64.b64encode(part).decode())
            part = b""
        part += raw
    words.append(base64.b64encode(part).decode())
    return "\r\n ".join(f"=?utf-8?b?{word}?=" for word in words)


def encode_text(name: str, value: str) -> bytes:
    """Return the value of an unstructured header (a subject), encoded where it must be, folded."""
    check_header(name, value)
    if _PLAIN.fullmatch(value) and "=?" not in value:
        return fold(name, value).encode()
    return encode_words(value).encode()


def encode_mailbox(name: str, mailbox: Mailbox) -> bytes:
    """Return an address with its name for a header; the domain as IDNA, a local part that is no ASCII refused."""
    address = encode_address(check_header(name, mailbox.address))
    shown = check_header(name, mailbox.name).strip()
    if not shown:
        return address.encode()
    if not shown.isascii():
        phrase = encode_words(shown)
    elif _ATOMS.fullmatch(shown) and "=?" not in shown:
        phrase = shown
    else:
        escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
        phrase = f'"{escaped}"'
    joint = "\r\n " if len(phrase.rpartition("\n")[2]) + len(address) > _WIDTH - len(name) - 6 else " "
    return f"{phrase}{joint}<{address}>".encode()


def encode_address(address: str) -> str:
    """Return an address as it travels: the domain in ASCII; raises Invalid for what no server takes."""
    local, at, domain = address.rpartition("@")
    try:
        plain = domain.encode("idna").decode() if not domain.isascii() else domain
    except UnicodeError:
        plain = ""
    if not (at and local and plain) or not local.isascii() or re.search(r"[\s<>]", address):
        problem = Problem("/address", "the address cannot be written to", "address")
        raise Invalid("the letter cannot be made", code="address", problems=[problem])
    return f"{local}@{plain}"


def fold(name: str, value: str) -> str:
    """Return a header's value with line ends between its words where it would be wide."""
    if len(name) + 2 + len(value) <= _WIDTH:
        return value
    lines, width = [""], len(name) + 2
    for place, word in enumerate(value.split(" ")):
        if place and width + 1 + len(word) > _WIDTH and lines[-1].strip():
            lines.append(" " + word)
            width = 1 + len(word)
        else:
            lines[-1] += (" " if place else "") + word
            width += len(word) + (1 if place else 0)
    return "\r\n".join(lines)


def quoted(text: str) -> bytes:
    """Return text as quoted-printable with CRLF, no line wider than 76."""
    raw = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    made = binascii.b2a_qp(raw, quotetabs=False, istext=True)
    return made.replace(b"\n", b"\r\n")


def _base64(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    return base64.encodebytes(raw).replace(b"\n", b"\r\n")


def build_letter(letter: Letter, signers: Sequence[Signer] = ()) -> bytes:
    """Return the letter as it goes over the wire: CRLF throughout, text first, signed by each signer."""
    boundary = b"=_" + binascii.hexlify(letter.message_id.encode()[-24:])
    headers = [
        (b"From", b" " + encode_mailbox("From", letter.sender)),
        (b"To", b" " + encode_mailbox("To", letter.recipient)),
        (b"Subject", b" " + encode_text("Subject", letter.subject)),
        (b"Date", b" " + format_datetime(letter.at).encode()),
        (b"Message-ID", b" <" + check_header("Message-ID", letter.message_id).encode() + b">"),
        (b"MIME-Version", b" 1.0"),
        *((name.encode(), b" " + encode_text(name, value)) for name, value in letter.headers.items()),
        (b"Content-Type", b' multipart/alternative;\r\n boundary="' + boundary + b'"'),
    ]
    body = _body(letter, boundary)
    signatures = [(b"DKIM-Signature", one.sign(headers, body, int(letter.at.timestamp()))) for one in signers]
    lines = [name + b":" + value + b"\r\n" for name, value in (*signatures, *headers)]
    return b"".join((*lines, b"\r\n", body))


def _body(letter: Letter, boundary: bytes) -> bytes:
    return b"".join((
        b"--", boundary, b"\r\nContent-Type: text/plain; charset=utf-8\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", quoted(letter.text), b"\r\n",
        b"--", boundary, b"\r\nContent-Type: text/html; charset=utf-8\r\n",
        b"Content-Transfer-Encoding: base64\r\n\r\n", _base64(letter.html),
        b"--", boundary, b"--\r\n",
    ))  # fmt: skip
