"""Rate limits by who asks, not from where: one window per token or session, announced in every answer.

Someone who is not signed in is counted by address, because there is nothing else to count by. The counters
live in this process: with several processes each has its own, and the installation's limit is their sum.
"""

from __future__ import annotations

import math
import time
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from retinue.actor import Actor
from retinue.errors import TooMany

WINDOW: Final = 60


class RateLimits:
    """Counts requests and says what is left. Headers follow the IETF draft's structured fields."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._item = RateLimitItemPerMinute(max(per_minute, 1))
        self._storage = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._storage)

    def hit(self, actor: Actor, address: str) -> dict[str, str]:
        """Count one request and return the headers to send; TooMany (429) when the window is used up."""
        if not self._per_minute:
            return {}
        key = _key(actor, address)
        allowed = self._limiter.hit(self._item, key)
        stats = self._limiter.get_window_stats(self._item, key)
        left, wait = stats.remaining, max(1, math.ceil(stats.reset_time - time.time()))
        headers = {
            "RateLimit-Policy": f'"default";q={self._per_minute};w={WINDOW}',
            "RateLimit": f'"default";r={left};t={wait}',
        }
        if not allowed:
            raise TooMany(
                f"More than {self._per_minute} requests in a minute.",
                remedy=f"Wait {wait} seconds.",
                headers={**headers, "Retry-After": str(wait)},
            )
        return headers


def _key(actor: Actor, address: str) -> str:
    if actor.token_id is not None:
        return f"token:{actor.token_id}"
    if actor.session_id is not None:
        return f"session:{actor.session_id}"
    return f"{actor.kind}:{actor.id or address}"
