"""E-mail addresses: forgiving about what stands around them, exact about the address itself."""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from retinue_io.faults import BadValue
from retinue_io.text import short

_PLAIN = re.compile(
    r"[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
)
_ANGLE = re.compile(r".*<\s*([^<>\s]+)\s*>\s*\.?")
_SEPARATOR = re.compile(r"\s*(?::::|[;,\n|])\s*|\s+(?=\S+@)")
_AROUND = " \t\r\n\u00a0\u200b\ufeff<>()[]\"'“”„.,;:"
_SPECIAL_ENDS = (".local", ".localhost", ".invalid", ".test")


def parse_email(text: str) -> str:
    """One address, trimmed; the domain in lower case and international names in their readable form."""
    if len(text) < 250 and _PLAIN.fullmatch(text) and "xn--" not in text:
        local, _, domain = text.rpartition("@")
        if len(local) <= 64 and not domain.lower().endswith(_SPECIAL_ENDS):
            return f"{local}@{domain.lower()}"
    angle = _ANGLE.fullmatch(text)
    address = (angle[1] if angle else text).strip(_AROUND).removeprefix("mailto:").removeprefix("MAILTO:")
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadValue(
            "email", f"{short(text)} is not an e-mail address.", _remedy(address, str(error))
        ) from error
    return found.normalized


def split_emails(text: str) -> list[str]:
    """The addresses of a cell that may hold several."""
    if text.count("@") < 2:
        return [text]
    return [piece for piece in _SEPARATOR.split(text) if piece and piece.strip(_AROUND)]


def _remedy(address: str, reason: str) -> str:
    if "@" not in address:
        return "It needs an @."
    return "Correct it, or leave the cell empty." if not reason else f"{reason.rstrip('.')}."
