"""The message of Standard Webhooks: secret, signature, body and the times of the attempts. No I/O here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

PREFIX = "whsec_"
BODY_LIMIT = 20_000
TIMEOUT = 20.0
OVERLAP = timedelta(hours=24)
GIVE_UP = timedelta(days=5)
_MINUTE, _HOUR = 60.0, 3600.0
DELAYS = (5.0, 5 * _MINUTE, 30 * _MINUTE, *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)))
ATTEMPTS = len(DELAYS) + 1
_JITTER = 0.2
_LONGEST = 24 * _HOUR


def new_secret() -> str:
    """Return a fresh signing secret of 256 bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``v1`` signature of one message under one secret."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    digest = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def message_headers(event_id: str, at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """Return the headers of one attempt; every secret in `keys` signs, separated by spaces."""
    timestamp = int(at.timestamp())
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, event_id, timestamp, body) for key in keys),
    }


def bodies(event: str, at: datetime, items: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the JSON bodies that carry all `items`, each shorter than BODY_LIMIT.

    An item that is too large alone keeps only its ids and says ``"cut": true``: the consumer fetches by API.
    """
    head = f'{{"type":{_json(event)},"timestamp":{_json(at.astimezone(UTC).isoformat())},"data":{{"items":['
    room = BODY_LIMIT - len(head.encode()) - len("]}}")
    batch: list[str] = []
    size = 0
    for item in items:
        text = _json(item)
        if len(text.encode()) > room:
            text = _json({**{key: value for key, value in item.items() if key.endswith("id")}, "cut": True})
        length = len(text.encode()) + 1
        if batch and size + length > room:
            yield head + ",".join(batch) + "]}}"
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield head + ",".join(batch) + "]}}"


def next_attempt(attempts: int, seed: str, now: datetime, wish: float = 0.0) -> datetime | None:
    """Return when to try again after `attempts` failures, None when that was the last.

    The wait grows by the table, plus up to a fifth so that many deliveries do not come back together; `seed`
    makes it the same each time. `wish` are the seconds of the peer's Retry-After, honoured up to a day.
    """
    if attempts >= ATTEMPTS:
        return None
    delay = DELAYS[max(attempts, 1) - 1]
    draw = int.from_bytes(hashlib.sha256(f"{seed}:{attempts}".encode()).digest()[:4]) / 2**32
    return now + timedelta(seconds=max(delay * (1 + _JITTER * draw), min(wish, _LONGEST)))


def retry_after(value: str | None, now: datetime) -> float:
    """Return the seconds that a Retry-After header (number or date) asks for, 0 when it asks for nothing."""
    if not value:
        return 0.0
    if value.strip().isascii() and value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def wants(events: Sequence[str], event: str) -> bool:
    """Say whether an endpoint with `events` gets `event`: by its name, its noun (``contact.*``) or ``*``."""
    return "*" in events or event in events or event.partition(".")[0] + ".*" in events


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
