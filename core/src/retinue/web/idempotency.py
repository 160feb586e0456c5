"""Idempotency-Key: a request sent twice is done once, and answered twice with the same answer.

`claim` goes around the transaction, `Claim.replay` and `Claim.keep` into it: the answer is kept by the very
transaction that did the deed, so there is never one without the other. A deed that failed keeps nothing and
can be sent again. While the first is still running a second gets 409; the same key with another request
gets 422.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from retinue.actor import Actor
from retinue.errors import BadRequest, Conflict, Invalid
from retinue.storage import Store
from retinue.web.answers import Made
from retinue.web.models import IdempotencyKey

MAX_KEY: Final = 255
MAX_KEPT: Final = 4 * 1024 * 1024
REPLAYED: Final = "Idempotency-Replayed"
_REASON: Final = "idempotency"
_running: set[bytes] = set()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Claim:
    """One key of one sender, held while its request runs."""

    digest: bytes
    request: bytes

    def replay(self, store: Store) -> Made | None:
        """Return the answer given before, None the first time; 409 while it runs, 422 if it differs."""
        system = store.system(_REASON)
        if store.database_kind == "postgresql":
            number = int.from_bytes(self.digest[:8], "big", signed=True)
            if not system.scalar(select(func.pg_try_advisory_xact_lock(number))):
                raise _still_running()
        row: IdempotencyKey | None = system.first(
            select(IdempotencyKey).where(IdempotencyKey.claim == self.digest)
        )
        if row is None:
            return None
        if row.expires_at <= store.now:
            system.remove(row)
            system.flush()
            return None
        if row.request != self.request:
            raise Invalid(
                "This Idempotency-Key was used for another request.",
                code="idempotency-key-reused",
                remedy="Send a new key for a new request.",
            )
        kept = row.answer
        body = kept["body"].encode() if kept["body"] is not None else None
        return Made(kept["status"], body, {**kept["headers"], REPLAYED: "true"})

    def keep(self, store: Store, made: Made, *, hours: int) -> None:
        """Keep the answer in the transaction of its deed; not one with cookies or a very large one."""
        if made.cookies or len(made.body or b"") > MAX_KEPT:
            return
        system = store.system(_REASON)
        body = made.body.decode() if made.body is not None else None
        row = IdempotencyKey(
            claim=self.digest, request=self.request, expires_at=store.now + timedelta(hours=hours)
        )
        row.answer = {"status": made.status, "headers": made.headers, "body": body}
        system.add(row)
        try:
            system.flush()
        except IntegrityError as taken:
            raise _still_running() from taken


@contextmanager
def claim(key: str, actor: Actor, request: bytes) -> Iterator[Claim]:
    """Hold `key` of `actor` for the time of a request; `request` is what two equal ones have in common."""
    if not key or len(key) > MAX_KEY or not key.isprintable():
        raise BadRequest(
            f"Idempotency-Key must be 1 to {MAX_KEY} printable characters.", remedy="Send a fresh UUID."
        )
    sender = f"{actor.kind}\n{actor.id}\n{actor.token_id}\n"
    digest = hashlib.sha256((sender + key).encode("utf-8", "surrogatepass")).digest()
    with _lock:
        if digest in _running:
            raise _still_running()
        _running.add(digest)
    try:
        yield Claim(digest, hashlib.sha256(request).digest())
    finally:
        with _lock:
            _running.discard(digest)


def purge_idempotency_keys(store: Store, *, everything: bool = False) -> int:
    """Delete the answers whose day is over and return how many. For an hourly job, on a system store.

    `everything` is for an erasure: a kept answer may show the erased person, and nobody knows which.
    """
    statement = delete(IdempotencyKey)
    return store.change(statement if everything else statement.where(IdempotencyKey.expires_at <= store.now))


def _still_running() -> Conflict:
    return Conflict(
        "The first request with this Idempotency-Key is still running.",
        code="idempotency-key-running",
        remedy="Wait a moment and send it again.",
        headers={"Retry-After": "1"},
    )
