"""Row ids: UUIDv7, made on the client, so that sealing can bind to them before the insert."""

from __future__ import annotations

import os
import struct
import threading
import time
from typing import Final
from uuid import UUID

SYSTEM_SUBJECT: Final = UUID(int=0)
"""The subject whose key seals what belongs to no contact: secrets of settings, seeds, webhooks."""

INDEX_SUBJECT: Final = UUID(int=1)
"""The subject whose key makes blind-index tokens."""

_COUNTER_BITS: Final = 32
_RANDOM_BITS: Final = 42
_LOW_BITS: Final = _COUNTER_BITS - 12
_MARKS: Final = (0x7 << 76) | (0x2 << 62)
_lock = threading.Lock()
_last = [0, 0]
"""The millisecond and the counter of the last id."""


def new_id() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562): unique, and greater than every id this process made before."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[UUID]:
    """Return `count` fresh UUIDv7, each greater than the one before, with one lock and one look at the clock.

    After the 48 bits of the millisecond stands a counter of 32 bits that begins anywhere in its lower half
    (RFC 9562, section 6.2, method 1), then 42 random bits.
    """
    start_bits, *random = struct.unpack(f"{count + 1}Q", os.urandom(8 * (count + 1)))
    with _lock:
        moment, counter = _last
        now = time.time_ns() // 1_000_000
        if now > moment or counter + count >= 1 << _COUNTER_BITS:
            moment, counter = max(now, moment + 1), start_bits >> (64 - _COUNTER_BITS + 1)
        _last[:] = moment, counter + count
    base, low = (moment << 80) | _MARKS, (1 << _LOW_BITS) - 1
    return [
        UUID(int=base | (n >> _LOW_BITS) << 64 | (n & low) << _RANDOM_BITS | bits >> (64 - _RANDOM_BITS))
        for n, bits in zip(range(counter + 1, counter + 1 + count), random, strict=True)
    ]
