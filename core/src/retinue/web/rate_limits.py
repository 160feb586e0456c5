"""Rate limits by who asks, not from where: one window per token or session, announced in every answer.

Someone who is not signed in is counted by address, because there is nothing else to count by. The counters
live in this process: with several processes each has its own, and the installation's limit is their sum.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Final

from retinue.actor import Actor
from retinue.errors import TooMany

WINDOW: Final = 60
_MANY: Final = 10_000


class RateLimits:
    """Counts requests in windows of a minute and says what is left.

    The headers follow the IETF draft's structured fields. The counter is our own: that of `limits` starts a
    thread every ten milliseconds to forget, which costs more than the request it counts.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}
        self._forget_at = _MANY

    def hit(self, actor: Actor, address: str) -> dict[str, str]:
        """Count one request and return the headers to send; TooMany (429) when the window is used up."""
        if not self._per_minute:
            return {}
        ends, used = self._count(_key(actor, address))
        left, wait = max(0, self._per_minute - used), max(1, math.ceil(ends - time.monotonic()))
        headers = {
            "RateLimit-Policy": f'"default";q={self._per_minute};w={WINDOW}',
            "RateLimit": f'"default";r={left};t={wait}',
        }
        if used > self._per_minute:
            raise TooMany(
                f"More than {self._per_minute} requests in a minute.",
                remedy=f"Wait {wait} seconds.",
                headers={**headers, "Retry-After": str(wait)},
            )
        return headers

    def _count(self, key: str) -> tuple[float, int]:
        """Return when the window of `key` ends and how many requests it has seen, this one included."""
        now = time.monotonic()
        with self._lock:
            ends, used = self._windows.get(key, (0.0, 0))
            if ends <= now:
                ends, used = now + WINDOW, 0
            self._windows[key] = ends, used + 1
            if len(self._windows) > self._forget_at:
                self._windows = {name: window for name, window in self._windows.items() if window[0] > now}
                self._forget_at = max(_MANY, 2 * len(self._windows))
        return ends, used + 1


def _key(actor: Actor, address: str) -> str:
    if actor.token_id is not None:
        return f"token:{actor.token_id}"
    if actor.session_id is not None:
        return f"session:{actor.session_id}"
    return f"{actor.kind}:{actor.id or address}"
