"""The counters behind `throttle`: who has to wait is decided before a password or code is looked at."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from retinue.access.addresses import throttle_key
from retinue.access.guard import Caller
from retinue.access.models import TryCounter
from retinue.access.rules import AccessRules
from retinue.access.throttle import Counter, give_back, take_try, wait_of
from retinue.errors import Conflict, TooMany
from retinue.storage import Store


def try_keys(store: Store, what: str, who: str, caller: Caller, *, device: str | None = None) -> list[bytes]:
    """Return the keys a try is counted under: the account and the address, or the known device alone.

    Wrong tries from elsewhere therefore never keep a known device out. What people type is kept as a keyed
    hash: a password typed into the wrong field must not stand in the database.
    """
    names = [f"{what}:device:{device}"] if device else [f"{what}:account:{who}"]
    if caller.address and not device:
        names.append(f"{what}:address:{throttle_key(caller.address)}")
    return sorted(store.blind_token("sign_in_try", name) for name in names)


def take_tries(store: Store, keys: Sequence[bytes], rules: AccessRules) -> int | None:
    """Count one try under every key; return the seconds to wait instead if one of them is closed."""
    rows = [_locked_row(store, key) for key in keys]
    waits = [wait for row in rows if (wait := wait_of(_read(row), store.now)) is not None]
    if waits:
        return max(waits)
    for row in rows:
        after = take_try(_read(row), store.now, rules)
        if after.until is not None:
            store.record("sign_in.close", detail={"seconds": wait_of(after, store.now), "level": after.level})
        _write(row, after)
    store.flush()
    return None


def give_tries_back(store: Store, keys: Sequence[bytes], rules: AccessRules) -> None:
    """Uncount the try that turned out right."""
    for key in keys:
        row = _locked_row(store, key)
        _write(row, give_back(_read(row), rules))
    store.flush()


def too_many(wait: int) -> TooMany:
    """Return the refusal that says when to come back."""
    return TooMany(
        "Too many wrong tries.",
        code="too-many-tries",
        remedy=f"Wait {-(-wait // 60)} minutes, or use a browser you have signed in from before.",
        headers={"Retry-After": str(wait)},
    )


def _locked_row(store: Store, key: bytes) -> TryCounter:
    """Return the counter under `key`, locked until the commit; two that make it at once share one row."""
    mine = select(TryCounter).where(TryCounter.key_hash == key).with_for_update()
    fresh = mine.execution_options(populate_existing=True)
    row: TryCounter | None = store.first(fresh)
    if row is None:
        try:
            with store.savepoint():
                store.add(TryCounter(key_hash=key))
                store.flush()
        except (IntegrityError, Conflict):  # the other one was first; its row is what we need
            pass
        row = store.first(fresh)
    if row is None:
        raise Conflict("The counter of tries vanished.", remedy="Try again.")
    return row


def _read(row: TryCounter) -> Counter:
    return Counter(row.tries, row.since, row.until, row.level)


def _write(row: TryCounter, counter: Counter) -> None:
    row.tries, row.since, row.until, row.level = counter.tries, counter.since, counter.until, counter.level
