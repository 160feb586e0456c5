"""From a text and a reader to the bytes of a letter: what letters share is made once, the rest for each."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Final
from uuid import UUID

from retinue import Store
from retinue.web import sign_bytes
from retinue_email import merging
from retinue_email.dkim import Signer
from retinue_email.mime import Letter, Mailbox, build_letter
from retinue_email.models import LetterText
from retinue_email.templates import SERVICE

_MAC: Final = 12
_SHORT_MAC: Final = 6


@dataclass(frozen=True, slots=True)
class Desk:
    """What all letters of an installation have in common, read from its settings."""

    sender: Mailbox
    reply_to: str
    site_url: str
    company: str
    bounce_domain: str
    signers: tuple[Signer, ...]
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, store: Store) -> Desk:
        """Return the desk of an installation; raises Invalid if its signing key is none."""
        said = store.settings("email")
        signers: tuple[Signer, ...] = ()
        if said["dkim_key"]:
            domain = said["dkim_domain"] or said["from_address"].rpartition("@")[2]
            signers = (Signer.from_pem(domain, said["dkim_selector"], said["dkim_key"]),)
        return cls(
            Mailbox(said["from_address"], said["from_name"]), said["reply_to"], said["site_url"].rstrip("/"),
            said["company"] or said["from_name"], said["bounce_domain"], signers, sign_bytes(store, "email links", b"key"),
        )  # fmt: skip

    @property
    def domain(self) -> str:
        """Return the domain that letters come from."""
        return self.sender.address.rpartition("@")[2]

    def link(self, delivery_id: UUID) -> str:
        """Return the address by which a reader unsubscribes; it holds nobody's data and opens nothing else."""
        return f"{self.site_url}/letters/unsubscribe/{link_token(self.secret, delivery_id)}"

    def envelope(self, delivery_id: UUID) -> str:
        """Return whom a server tells that a letter could not be delivered: an address that names the letter."""
        if not self.bounce_domain:
            return self.sender.address
        return f"b+{bounce_token(self.secret, delivery_id)}@{self.bounce_domain}"

    def message_id(self, delivery_id: UUID) -> str:
        """Return the letter's Message-ID: the same for every attempt."""
        return f"{delivery_id.hex}@{self.domain}"


def _mac(secret: bytes, use: bytes, data: bytes, size: int) -> bytes:
    return hmac.digest(secret, use + data, "sha256")[:size]


def link_token(secret: bytes, delivery_id: UUID) -> str:
    """Return the signed name of a letter in a link; it is good for as long as the letter is known."""
    raw = delivery_id.bytes
    return base64.urlsafe_b64encode(raw + _mac(secret, b"link", raw, _MAC)).rstrip(b"=").decode()


def read_link_token(secret: bytes, token: str) -> UUID | None:
    """Return which letter a link is about; None for one that was changed or made up."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == token
    return _verified(secret, b"link", raw, _MAC) if canonical else None


def bounce_token(secret: bytes, delivery_id: UUID) -> str:
    """Return the signed name of a letter in an address: letters and digits of one case, as some servers want."""
    raw = delivery_id.bytes
    return base64.b32encode(raw + _mac(secret, b"bounce", raw, _SHORT_MAC)).rstrip(b"=").decode().lower()


def read_bounce_token(secret: bytes, token: str) -> UUID | None:
    """Return which letter an address is about; None for one that was made up."""
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except (binascii.Error, ValueError):
        return None
    return _verified(secret, b"bounce", raw, _SHORT_MAC)


def _verified(secret: bytes, use: bytes, raw: bytes, size: int) -> UUID | None:
    name, mac = raw[:16], raw[16:]
    good = len(name) == 16 and hmac.compare_digest(mac, _mac(secret, use, name, size))
    return UUID(bytes=name) if good else None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who a letter is for, and what it is filled in with."""

    delivery_id: UUID
    address: str
    name: str
    values: Mapping[str, Any]


class Press:
    """Makes letters of one text: its three parts are prepared once."""

    def __init__(self, desk: Desk, text: LetterText, purpose: str, *, automatic: bool = False) -> None:
        words = merging.Words(text.language)
        self._desk, self._service, self._automatic = desk, purpose == SERVICE, automatic
        self._list_id = f"<{purpose}.{desk.domain}>"
        self._subject = words.prepare(text.subject, html=False)
        self._html = words.prepare(text.html, html=True)
        self._text = words.prepare(text.text, html=False)

    @property
    def signers(self) -> Sequence[Signer]:
        """Return who signs the letters."""
        return self._desk.signers

    def fill(self, reader: Reader) -> tuple[str, str, str]:
        """Return subject, HTML and text for a reader; raises MergeFault if a word is missing."""
        own = {"unsubscribe_url": self._desk.link(reader.delivery_id), "company": self._desk.company}
        values = merging.nest({**reader.values, **own})
        return tuple(merging.fill(part, values) for part in (self._subject, self._html, self._text))  # type: ignore[return-value]  # three parts

    def make(self, reader: Reader, at: datetime) -> bytes:
        """Return the letter; raises MergeFault for a missing word, Invalid for what cannot stand in a header."""
        subject, html, text = self.fill(reader)
        letter = Letter(
            self._desk.sender, Mailbox(reader.address, reader.name), subject, text, html,
            self._desk.message_id(reader.delivery_id), at, self._headers(reader.delivery_id),
        )  # fmt: skip
        return build_letter(letter, self._desk.signers)

    def _headers(self, delivery_id: UUID) -> dict[str, str]:
        headers = {"Reply-To": self._desk.reply_to} if self._desk.reply_to else {}
        if not self._service:
            link = f"<{self._desk.link(delivery_id)}>"
            if self._desk.bounce_domain:
                token = bounce_token(self._desk.secret, delivery_id)
                link += f", <mailto:u+{token}@{self._desk.bounce_domain}?subject=unsubscribe>"
            headers |= {
                "List-Id": self._list_id, "List-Unsubscribe": link,
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }  # fmt: skip
        if self._automatic:
            headers["Auto-Submitted"] = "auto-replied"
        return headers


def check_sender(address: str) -> bool:
    """Say whether letters can come from an address."""
    return "@" in parseaddr(address)[1] and not address.startswith("@")
