"""Mail that comes back, read without a database: which letter it is about, and what it says of it.

Nobody is believed who cannot name the letter: by the signed address of its envelope, or by its Message-ID, which holds
74 random bits and is known to whoever got the letter. So nobody has an address kept out by making a bounce up.
"""

from __future__ import annotations

import email
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final
from uuid import UUID

from flufl.bounce import all_failures

from retinue_email.making import read_bounce_token
from retinue_email.models import BOUNCE, COMPLAINT, SOFT_BOUNCE, UNSUBSCRIBE

MAX_BYTES: Final = 4 * 1024 * 1024
SOFT_CODES: Final = ("5.2.2", "5.2.3", "5.3.4", "5.4.7")
"""Permanent by their class, and yet no word against the mailbox: it is full, the letter too large, the time over."""
SOFT_SUBJECTS: Final = ("5.7.", "5.6.")
"""What a server refuses for its policy or the letter's content says nothing of the mailbox either."""
_ADDRESS: Final = re.compile(r"\b([bu])\+([a-z2-7]{36})@", re.I)
_NAME: Final = re.compile(r"<([0-9a-f]{32})@[^>\s]+>", re.I)
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ENVELOPE: Final = ("X-Original-To", "Delivered-To", "X-Envelope-To", "Envelope-To", "To")
_BOUNDARY: Final = re.compile(rb"boundary\s*=", re.I)
_MAX_PARTS: Final = 50
_FAULTS: Final = (RecursionError, LookupError, ValueError, TypeError, AttributeError)

logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # what it logs quotes the mail of people


@dataclass(frozen=True, slots=True)
class Returned:
    """What a message says: `kind` is an event of the ledger, or empty for one that says nothing of a letter."""

    kind: str = ""
    letter_id: UUID | None = None
    enhanced: str = ""


def read_returned(secret: bytes, raw: bytes, to: Sequence[str] = ()) -> Returned:
    """Read a message that arrived at the address of bounces; `to` are the addresses of its envelope, if they are known."""
    if len(_BOUNDARY.findall(raw)) > _MAX_PARTS:  # nested a thousand deep it would take minutes to read
        return Returned()
    try:
        message = email.message_from_bytes(raw[:MAX_BYTES])
        use, letter_id = _named(secret, message, to)
        if use == "u":
            return Returned(UNSUBSCRIBE, letter_id)
        kind, enhanced = _said(message)
    except _FAULTS:  # mail is whatever anybody makes of it
        return Returned()
    return Returned(kind, letter_id, enhanced)


def find_failures(message: Message) -> tuple[set[bytes], set[bytes]]:
    """Return who is said not to be reached for now, and for good, in any of the shapes that servers write."""
    if not message.get("From"):  # a detector of the library takes it for granted
        del message["From"]
        message["From"] = "nobody@invalid"
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # whatever one of forty detectors stumbles over, the report's own fields remain
        return set(), set()
    return set(temporary), set(permanent)


def _named(secret: bytes, message: Message, to: Sequence[str]) -> tuple[str, UUID | None]:
    """Return what the signed address is for, ``b`` or ``u``, and the letter; else the letter by its Message-ID."""
    named = [*to, *(str(value) for header in _ENVELOPE for value in message.get_all(header, ()))]
    for value in named:
        for use, token in _ADDRESS.findall(value):
            letter_id = read_bounce_token(secret, token.lower())
            if letter_id is not None:
                return use.lower(), letter_id
    for part in _parts(message):
        if part.get_content_type() in ("text/rfc822-headers", "message/rfc822", "message/global-headers"):
            found = _NAME.search(_head_of(part))
            if found is not None:
                return "", UUID(found[1])
    found = _NAME.search(
        f"{message.get('In-Reply-To', '')} {message.get('References', '')} {message.get('X-Failed-Message-Id', '')}"
    )
    return "", UUID(found[1]) if found else None


def _head_of(part: Message) -> str:
    inner = _inner(part)
    if inner:
        return f"Message-ID: {inner[0].get('Message-ID', '')}"
    plain = part.get_payload(decode=True)
    text = plain.decode("utf-8", "replace")[:65536] if isinstance(plain, bytes) else ""
    return "\n".join(line for line in text.splitlines() if line.lower().startswith("message-id:"))


def _inner(part: Message) -> list[Message]:
    """Return the messages that a part is made of."""
    payload: object = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _parts(message: Message) -> Iterator[Message]:
    for number, part in enumerate(message.walk()):
        if number >= _MAX_PARTS:
            return
        yield part


def _said(message: Message) -> tuple[str, str]:
    """Return the kind of event and the enhanced code."""
    report = str(message.get_param("report-type", "")).lower() if message.is_multipart() else ""
    if report == "feedback-report" or any(
        p.get_content_type() == "message/feedback-report" for p in _parts(message)
    ):
        return _complaint(message), ""
    status, action = _status_of(message)
    if action and action not in ("failed", "delayed"):
        return "", status  # delivered, relayed, expanded: good news
    temporary, permanent = find_failures(message)
    if action == "delayed" or (temporary and not permanent):
        return "", status  # it is tried on; the end of it is told by another message
    if permanent or action == "failed":
        return (SOFT_BOUNCE if is_soft(status) else BOUNCE), status
    return "", status


def _complaint(message: Message) -> str:
    """Return what a feedback report (RFC 5965) is: a complaint, a wish to leave, or, for "not spam", nothing."""
    for part in _parts(message):
        if part.get_content_type() == "message/feedback-report":
            inner = _inner(part)
            text = str(inner[0] if inner else part.get_payload())
            kind = re.search(r"^feedback-type:\s*([\w-]+)", text, re.I | re.M)
            word = kind[1].lower() if kind else "abuse"
            return {"opt-out": UNSUBSCRIBE, "opt-out-list": UNSUBSCRIBE, "not-spam": "", "virus": ""}.get(
                word, COMPLAINT
            )
    return COMPLAINT


def _status_of(message: Message) -> tuple[str, str]:
    """Return status and action of a delivery report (RFC 3464); of several recipients the one that failed."""
    found = ("", "")
    for part in _parts(message):
        if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
            continue
        for block in _inner(part):
            action = str(block.get("Action", "")).split(";")[0].strip().lower()
            status = _STATUS.search(str(block.get("Status", "")))
            if action and (not found[1] or action == "failed"):
                found = (_finer(block, status[1] if status else ""), action)
    return found


def _finer(block: Message, status: str) -> str:
    """Return the code of the other server's own words where the report's is a blank one, such as 5.0.0."""
    said = _STATUS.search(str(block.get("Diagnostic-Code", "")))
    return said[1] if said and (not status or status.endswith(".0.0")) else status


def is_soft(status: str) -> bool:
    """Say whether a failure says nothing against the mailbox."""
    return status.startswith("4.") or status in SOFT_CODES or status.startswith(SOFT_SUBJECTS)
