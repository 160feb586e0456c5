"""Who carries: a few threads of this process that send, so that no transaction is open while a peer thinks.

A job only wakes the courier. It opens its own transactions, one before and one after each attempt. Its
threads do not keep the process alive: what a stop leaves behind is claimed again by whoever comes next.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from retinue import Actor, Store
from retinue.web import shared
from retinue_webhooks.delivery import OpenStore, deliver_endpoint, due_endpoints
from retinue_webhooks.transport import Transport, WebTransport

THREADS = 8
_STOP_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Courier:
    """Delivers for each endpoint on one thread at a time; `threads` endpoints do not wait for each other."""

    def __init__(self, transport: Transport, threads: int = THREADS) -> None:
        self._transport = transport
        self._slots = threading.BoundedSemaphore(threads)
        self._lock = threading.Lock()
        self._woken: dict[UUID, bool] = {}  # endpoints at work, and whether they were woken again meanwhile
        self._timers: dict[UUID, threading.Timer] = {}
        self._closed = threading.Event()

    def wake(self, open_store: OpenStore, endpoint_id: UUID) -> None:
        """Have the endpoint's due deliveries sent soon; returns at once."""
        with self._lock:
            if self._closed.is_set():
                return
            at_work = endpoint_id in self._woken
            self._woken[endpoint_id] = at_work
        if not at_work:
            name = f"webhook-{endpoint_id}"
            threading.Thread(
                target=self._carry, args=(open_store, endpoint_id), name=name, daemon=True
            ).start()

    def _carry(self, open_store: OpenStore, endpoint_id: UUID) -> None:
        again = True
        while again:
            with self._slots:
                wait = self._deliver(open_store, endpoint_id)
            with self._lock:
                again = self._woken[endpoint_id] and self._going()
                self._woken[endpoint_id] = False
                if not again:
                    del self._woken[endpoint_id]
                    self._set_timer(open_store, endpoint_id, wait)

    def _deliver(self, open_store: OpenStore, endpoint_id: UUID) -> float | None:
        try:
            return deliver_endpoint(open_store, endpoint_id, self._transport, self._going)
        except Exception as error:  # whatever happened, the rows stand and the clock's job comes back to them
            _log.error("deliveries to webhook %s stopped: %s", endpoint_id, type(error).__name__)
            return None

    def _going(self) -> bool:
        return not self._closed.is_set()

    def _set_timer(self, open_store: OpenStore, endpoint_id: UUID, wait: float | None) -> None:
        """Come back for a retry that is due sooner than the clock's job."""
        if (timer := self._timers.pop(endpoint_id, None)) is not None:
            timer.cancel()
        if wait is not None and self._going():
            timer = threading.Timer(wait, self.wake, (open_store, endpoint_id))
            timer.daemon = True
            self._timers[endpoint_id] = timer
            timer.start()

    def idle(self, seconds: float) -> bool:
        """Wait until nothing is under way; False if that took longer than `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with self._lock:
                if not self._woken:
                    return True
            time.sleep(0.01)
        return False

    def close(self) -> None:
        """Take nothing new and wait a little for the attempts under way."""
        with self._lock:
            self._closed.set()
            for timer in self._timers.values():
                timer.cancel()
        self.idle(_STOP_SECONDS)


_ours: list[Courier] = []
_making = threading.Lock()


def courier() -> Courier:
    """Return this process's courier, made at the first need with the guarded client of core."""
    with _making:
        if not _ours:
            use_courier(Courier(WebTransport(shared())))
    return _ours[0]


def use_courier(other: Courier | None) -> None:
    """Put another courier in place (tests, shutdown); the one before finishes its work."""
    for one in _ours:
        one.close()
    _ours[:] = [] if other is None else [other]


atexit.register(use_courier, None)


def deliver_endpoint_soon(store: Store, payload: Mapping[str, Any]) -> None:
    """Job: wake the courier for one endpoint."""
    courier().wake(_opener(store), UUID(payload["endpoint"]))


def deliver_due_soon(store: Store, _payload: Mapping[str, Any]) -> None:
    """Job by the clock: wake the courier for every endpoint that something is due for."""
    for endpoint_id in due_endpoints(store.system("webhooks")):
        courier().wake(_opener(store), endpoint_id)


def _opener(store: Store) -> OpenStore:
    """Return how to open transactions of the system's own, after the one of `store` is over."""
    database = store.database
    return lambda: database.store(Actor.system("webhooks"), plugin="webhooks")
