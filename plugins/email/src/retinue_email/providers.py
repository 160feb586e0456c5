"""What sending services tell by HTTP: each in its own words, brought to the events of the ledger.

A service is one class: it checks that a call is genuine, and reads it. Letters are named by our Message-ID, which these
services keep.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from retinue import Problem, Store
from retinue.errors import Invalid, NotFound, Unauthenticated
from retinue_email.hearing import find_letter, hear_all
from retinue_email.models import BOUNCE, COMPLAINT, SOFT_BOUNCE, UNSUBSCRIBE
from retinue_email.returned import Returned, is_soft

MAX_EVENTS: Final = 5000
TOLERANCE: Final = 3600
"""Seconds that a signed call of a service may be old."""


def take_call(store: Store, provider: str, headers: Mapping[str, str], raw: bytes) -> dict[str, int]:
    """Take a call of a sending service; raises Unauthenticated unless it carries the secret, or is signed with it."""
    if provider not in PROVIDERS:
        raise NotFound(
            f"there is no sending service {provider[:40]}", remedy=f"There are: {', '.join(PROVIDERS)}."
        )
    own = store.system("hear a sending service")
    secret = own.settings("email")["provider_secret"] or ""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    if not secret or not (_has_secret(headers, secret) or _is_signed(body, secret, own.now.timestamp())):
        raise Unauthenticated(
            "the call does not carry the secret", code="provider-secret",
            remedy="Set provider_secret, and give it as the password of the address (Basic), or sign with it.",
        )  # fmt: skip
    if not isinstance(body, dict | list):
        raise Invalid(
            "the call cannot be read", problems=[Problem("", "it is no JSON object or list", "invalid")]
        )
    events = body if isinstance(body, list) else [body]
    if len(events) > MAX_EVENTS:
        raise Invalid(
            "the call cannot be read", problems=[Problem("", f"more than {MAX_EVENTS} events", "too-many")]
        )
    read = PROVIDERS[provider]
    found = [one for one in (read(event) for event in events if isinstance(event, dict)) if one is not None]
    return hear_all(own, found, provider)


def _has_secret(headers: Mapping[str, str], secret: str) -> bool:
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    return hmac.compare_digest(given.encode(), secret.encode())


def _is_signed(body: Any, secret: str, now: float) -> bool:
    """Say whether a body carries a fresh signature of its own: HMAC-SHA256 of moment and token."""
    signed = body.get("signature") if isinstance(body, dict) else None
    if not isinstance(signed, dict):
        return False
    stamp, token, given = (str(signed.get(name, "")) for name in ("timestamp", "token", "signature"))
    if not (stamp.isascii() and stamp.isdigit() and abs(now - int(stamp[:12])) <= TOLERANCE):
        return False
    wanted = hmac.digest(secret.encode(), (stamp + token).encode(), "sha256").hex()
    return hmac.compare_digest(wanted.encode(), given.encode())


def _read_plain(event: Mapping[str, Any]) -> Returned | None:
    """Read our own shape: ``{"message_id": …, "kind": "bounce", "enhanced": "5.1.1"}``."""
    kind = str(event.get("kind", ""))
    if kind not in (BOUNCE, SOFT_BOUNCE, COMPLAINT, UNSUBSCRIBE):
        return None
    return Returned(kind, find_letter(str(event.get("message_id", ""))), _code(event.get("enhanced")))


def _read_mailgun(event: Mapping[str, Any]) -> Returned | None:
    data = event.get("event-data")
    if not isinstance(data, dict):
        return None
    status = _inner(data, "delivery-status")
    enhanced = _code(status.get("enhanced-code"))
    kind = {"complained": COMPLAINT, "unsubscribed": UNSUBSCRIBE}.get(str(data.get("event")), "")
    if data.get("event") == "failed" and data.get("severity") == "permanent":
        kind = SOFT_BOUNCE if is_soft(enhanced) else BOUNCE
    name = _inner(_inner(data, "message"), "headers").get("message-id", "")
    return Returned(kind, find_letter(str(name)), enhanced) if kind else None


def _read_sendgrid(event: Mapping[str, Any]) -> Returned | None:
    enhanced = _code(event.get("status"))
    kind = {"spamreport": COMPLAINT, "unsubscribe": UNSUBSCRIBE, "group_unsubscribe": UNSUBSCRIBE}.get(
        str(event.get("event")), ""
    )
    if event.get("event") == "bounce":
        kind = SOFT_BOUNCE if event.get("type") == "blocked" or is_soft(enhanced) else BOUNCE
    return Returned(kind, find_letter(str(event.get("smtp-id", ""))), enhanced) if kind else None


def _inner(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _code(value: Any) -> str:
    text = str(value or "")[:12]
    return text if text.count(".") == 2 and text.replace(".", "").isdigit() else ""


PROVIDERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Returned | None]]] = {
    "plain": _read_plain, "mailgun": _read_mailgun, "sendgrid": _read_sendgrid,
}  # fmt: skip
