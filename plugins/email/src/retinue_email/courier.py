"""Who carries: a few lines of this process that send, so that no transaction is open while a server thinks.

A job only wakes the courier. Each line is a thread with a connection of its own; it takes letters in batches, and each
letter costs one transaction, which settles the letter before and marks the next one.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from retinue import Store, new_id
from retinue_email import sending
from retinue_email.campaigns import hold_missed
from retinue_email.mime import encode_address
from retinue_email.resets import send_links
from retinue_email.sending import Parcel, Presses
from retinue_email.standing import note_letters
from retinue_email.transport import Answer, Carrier, SmtpPlace, SmtpTransport, Transport

OpenStore = Callable[[], AbstractContextManager[Store]]
HEARTBEAT: Final = 10.0
RUN_SECONDS: Final = 30.0
"""After so long a line goes on by another job, which knows the plugins and settings of then."""
DELIVER: Final = "email.deliver_due"
_STOP_SECONDS: Final = 10.0
_UNREACHED_PAUSE: Final = timedelta(seconds=30)
_PACED_PAUSE: Final = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """Where letters leave, and on how many lines at a time."""

    transport: Transport
    lines: int = 4


def read_post(store: Store) -> Post | None:
    """Return how this installation sends; None while nobody has said which server takes its letters."""
    said = store.settings("email")
    if not said["host"] or not said["from_address"]:
        return None
    place = SmtpPlace(
        said["host"], said["port"], said["security"], said["username"], said["password"] or "",
        said["from_address"].rpartition("@")[2],
    )  # fmt: skip
    return Post(_transports.get(place) or _remember(place), said["lines"])


_transports: dict[SmtpPlace, SmtpTransport] = {}


def _remember(place: SmtpPlace) -> SmtpTransport:
    _transports.clear()
    return _transports.setdefault(place, SmtpTransport(place))


class SendingLine:
    """One line: takes letters, makes them, sends them, until nothing is due."""

    def __init__(self, open_store: OpenStore, carrier: Carrier, going: Callable[[], bool]) -> None:
        self.id: UUID = new_id()
        self._open, self._carrier, self._going = open_store, carrier, going
        self._presses = Presses()
        self.sent = 0
        self.alive = True

    def run(self) -> int:
        """Send what is due; returns how many letters were begun."""
        with self._open() as own:
            sending.note_lines(own, [self.id])
        try:
            until = time.monotonic() + RUN_SECONDS
            while self._going():
                with self._open() as own:
                    note_letters(own, self.id)
                    if time.monotonic() > until:
                        own.later(DELIVER, {})
                        break
                    try:
                        parcels = sending.claim_letters(own, self.id, self._presses)
                    except sending.PacedOut:
                        parcels = []
                        paced = True
                    else:
                        paced = False
                if paced:
                    time.sleep(_PACED_PAUSE)
                elif parcels is None or not self._send_all(parcels):
                    break
        finally:
            self._carrier.close()
            with self._open() as own:
                sending.end_line(own, self.id)
                sending.close_campaigns(own)
        return self.sent

    def _send_all(self, parcels: list[Parcel]) -> bool:
        """Send a batch; False if the server is not reached, and everything goes back."""
        before: tuple[Parcel, Answer] | None = None
        for parcel in parcels:
            if parcel.domain in self._presses.limits:
                self._await_turn(parcel, before)
                before = None
            if not self._going():
                break
            if (answer := self._carrier.open()) is not None:
                self._give_back(before, answer)
                return False
            message, fault = sending.make_letter(self._presses, parcel, datetime.now(UTC))
            if not self._begin(parcel, before, fault):
                before = None
                continue
            desk, address = self._presses.desk, encode_address(parcel.reader.address)
            assert desk is not None  # a claim has read it
            before = (parcel, self._carrier.send(desk.envelope(parcel.id), address, message))
            self.sent += 1
        with self._open() as own:
            self._settle(own, before)
        return True

    def _await_turn(self, parcel: Parcel, before: tuple[Parcel, Answer] | None) -> None:
        """Settle the letter before, and wait until the mail domain takes another one."""
        while self._going():
            with self._open() as own:
                self._settle(own, before)
                wait = sending.wait_turn(own, self._presses, parcel)
            before = None
            if not wait:
                return
            time.sleep(min(wait, _PACED_PAUSE))

    def _begin(self, parcel: Parcel, before: tuple[Parcel, Answer] | None, fault: str) -> bool:
        """Settle the letter before and mark this one, in one transaction."""
        with self._open() as own:
            self._settle(own, before)
            if fault:
                sending.fail_letter(own, self.id, parcel.id, fault)
                return False
            return sending.start_letter(own, self.id, parcel.id)

    def _settle(self, own: Store, before: tuple[Parcel, Answer] | None) -> None:
        if before is not None:
            sending.settle_letter(own, self.id, *before)

    def _give_back(self, before: tuple[Parcel, Answer] | None, answer: Answer) -> None:
        _log.warning("letters wait: the mail server is not reached (%s %s)", answer.word, answer.code or "")
        with self._open() as own:
            self._settle(own, before)
            sending.release_letters(own, self.id, wait=_UNREACHED_PAUSE)


class Courier:
    """Sends on several lines at a time while anything is due."""

    def __init__(self, post: Post | None = None) -> None:
        self._post = post
        self._lock = threading.Lock()
        self._busy = self._again = False
        self._newest: OpenStore | None = None
        self._closed = threading.Event()

    def wake(self, open_store: OpenStore) -> None:
        """Have what is due sent soon; returns at once."""
        with self._lock:
            if self._closed.is_set():
                return
            self._again, started = self._busy, not self._busy
            self._busy, self._newest = True, open_store
        if started:
            threading.Thread(target=self._carry, args=(open_store,), name="email", daemon=True).start()

    def _carry(self, open_store: OpenStore) -> None:
        again = True
        while again:
            try:
                self.deliver(self._newest or open_store)
            except (
                Exception
            ) as error:  # whatever happened, the rows stand and the clock's job comes back to them
                _log.error("sending stopped: %s", type(error).__name__)
            with self._lock:
                again = self._busy = self._again and self._going()
                self._again = False

    def deliver(self, open_store: OpenStore) -> int:
        """Send what is due and return how many letters were begun; returns when nothing is due any more."""
        with open_store() as own:
            sending.take_over(own)
            post = self._post or read_post(own)
        if post is None:
            return 0
        send_links(open_store, post.transport)
        lines = [SendingLine(open_store, post.transport.carrier(), self._going) for _ in range(post.lines)]
        threads = [threading.Thread(target=_guarded, args=(line,), daemon=True) for line in lines]
        for thread in threads:
            thread.start()
        last = time.monotonic()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
                if time.monotonic() - last > HEARTBEAT:
                    last = time.monotonic()
                    with open_store() as own:
                        sending.note_lines(own, [line.id for line in lines if line.alive])
        return sum(line.sent for line in lines)

    def _going(self) -> bool:
        return not self._closed.is_set()

    def idle(self, seconds: float) -> bool:
        """Wait until nothing is under way; False if that took longer than `seconds`."""
        end = time.monotonic() + seconds
        while self._busy and time.monotonic() < end:
            time.sleep(0.01)
        return not self._busy

    def close(self) -> None:
        """Take nothing new, and wait a little for the letters under way."""
        self._closed.set()
        self.idle(_STOP_SECONDS)


def _guarded(line: SendingLine) -> None:
    try:
        line.run()
    except Exception as error:  # the row of the line is no longer renewed, and what it held is taken over
        _log.error("a line of sending broke: %s", type(error).__name__)
    finally:
        line.alive = False


_ours: list[Courier] = []
_making = threading.Lock()


def courier() -> Courier:
    """Return this process's courier, made at the first need."""
    with _making:
        if not _ours:
            use_courier(Courier())
    return _ours[0]


def use_courier(other: Courier | None) -> None:
    """Put another courier in place (tests, shutdown); the one before finishes its work."""
    for one in _ours:
        one.close()
    _ours[:] = [] if other is None else [other]


atexit.register(use_courier, None)


def deliver_soon(store: Store, _payload: Mapping[str, Any]) -> None:
    """Job: hold planned campaigns that were missed, and wake the courier."""
    hold_missed(store)
    courier().wake(store.opener("email"))
