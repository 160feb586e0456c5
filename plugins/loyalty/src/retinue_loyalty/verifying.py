"""Proof of the ledger: what the caches say is what a replay of everything from the first transaction gives.

Each check is a set question to the database, so that a million entries are replayed in seconds. Everything is
read, members in the bin and merged ones as well; nothing is written unless the caches are to be rebuilt.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, case, func, or_, select, update

from retinue import Store
from retinue_loyalty.models import (
    AVAILABLE,
    MEMBER_AVAILABLE,
    MEMBER_OWED,
    MEMBER_PENDING,
    OVER,
    PENDING,
    Account,
    Allocation,
    Entry,
    Lot,
    Transaction,
)

_SHOWN = 20


@dataclass(slots=True)
class Proof:
    """What a verification found: counts, seconds, and each breach with the invariant it breaks."""

    transactions: int = 0
    entries: int = 0
    lots: int = 0
    seconds: float = 0.0
    breaches: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Say whether everything holds."""
        return not self.breaches


def verify_ledger(store: Store) -> Proof:
    """Replay the whole ledger and compare; returns the proof with every breach, at most 20 of each kind."""
    store.require("ledger.verify")
    raw, started = store.raw("verify the ledger"), time.monotonic()
    proof = Proof(
        transactions=raw.count(select(Transaction.id)),
        entries=raw.count(select(Entry.id)),
        lots=raw.count(select(Lot.id)),
    )
    for check in (_unbalanced, _wrong_buckets, _wrong_lots, _wrong_debts, _over_reversed, _late):
        proof.breaches += list(check(raw))
    proof.seconds = time.monotonic() - started
    return proof


def _unbalanced(raw: Store) -> Iterator[str]:
    """I1: the entries of each transaction add up to nothing."""
    total = func.sum(Entry.amount)
    chosen = select(Entry.transaction_id, total).group_by(Entry.transaction_id).having(total != 0)
    for transaction_id, off in raw.rows(chosen.limit(_SHOWN)):
        yield f"I1: transaction {transaction_id} is off by {off}"


def _wrong_buckets(raw: Store) -> Iterator[str]:
    """I2: what stands in a member's buckets is what their lots of that state hold."""
    for bucket, state in ((MEMBER_AVAILABLE, AVAILABLE), (MEMBER_PENDING, PENDING)):
        posted = select(Entry.account_id, Entry.amount.label("amount")).where(Entry.bucket == bucket)
        held = select(Lot.account_id, (-Lot.remaining).label("amount")).where(
            Lot.state == state, Lot.remaining > 0
        )
        both = posted.union_all(held).subquery()
        off = func.sum(both.c.amount)
        chosen = select(both.c.account_id, off).group_by(both.c.account_id).having(off != 0)
        for account_id, amount in raw.rows(chosen.limit(_SHOWN)):
            yield f"I2: account {account_id}: {bucket} is off by {amount} from its lots"


def _wrong_lots(raw: Store) -> Iterator[str]:
    """I3 and I4: 0 ≤ remaining ≤ original, and what was taken and what remains is what was earned."""
    taken = select(Allocation.lot_id, func.sum(Allocation.amount).label("taken")).group_by(Allocation.lot_id)
    used = taken.subquery()
    rest = Lot.original - func.coalesce(used.c.taken, 0)
    chosen = select(Lot.id, Lot.original, Lot.remaining, rest).join(
        used, used.c.lot_id == Lot.id, isouter=True
    )
    wrong = or_(Lot.remaining < 0, Lot.remaining > Lot.original, Lot.remaining != rest)
    for lot_id, original, remaining, left in raw.rows(chosen.where(wrong).limit(_SHOWN)):
        yield f"I4: lot {lot_id} of {original} says {remaining}, its allocations leave {left}"
    over = select(Lot.id).where(Lot.state == OVER, Lot.remaining != 0).limit(_SHOWN)
    for lot_id in raw.scalars(over):
        yield f"I3: lot {lot_id} is over and not empty"


def _wrong_debts(raw: Store) -> Iterator[str]:
    """I2: what an account owes is what its entries say."""
    posted = select(Entry.account_id, Entry.amount.label("amount")).where(Entry.bucket == MEMBER_OWED)
    cached = select(Account.id.label("account_id"), Account.owed.label("amount")).where(Account.owed != 0)
    both = posted.union_all(cached).subquery()
    off = func.sum(both.c.amount)
    chosen = select(both.c.account_id, off).group_by(both.c.account_id).having(off != 0)
    for account_id, amount in raw.rows(chosen.limit(_SHOWN)):
        yield f"I2: account {account_id}: the debt is off by {amount}"


def _over_reversed(raw: Store) -> Iterator[str]:
    """I6: nothing is taken back beyond its own amount."""
    back = select(Transaction.reverses_id, func.sum(Transaction.points).label("points"))
    back = back.where(Transaction.reverses_id.is_not(None)).group_by(Transaction.reverses_id)
    summed = back.subquery()
    chosen = select(Transaction.id, Transaction.points, summed.c.points).join(
        summed, summed.c.reverses_id == Transaction.id
    )
    wrong = func.abs(summed.c.points) > func.abs(Transaction.points)
    for transaction_id, points, reversed_points in raw.rows(chosen.where(wrong).limit(_SHOWN)):
        yield f"I6: transaction {transaction_id} of {points} was taken back by {reversed_points}"


def _late(raw: Store) -> Iterator[str]:
    """I7: what time brought about bears the moment it happened, not the moment a job came by."""
    chosen = select(Transaction.id).join(Allocation, Allocation.transaction_id == Transaction.id)
    chosen = chosen.join(Lot, Lot.id == Allocation.lot_id)
    wrong = and_(Transaction.kind == "expire", Transaction.occurred_at != Lot.expires_at)
    for transaction_id in raw.scalars(chosen.where(wrong).limit(_SHOWN)):
        yield f"I7: expiry {transaction_id} does not bear the moment of its lot"


def rebuild_caches(store: Store) -> int:
    """Write what a replay gives into the caches of lots; returns how many were wrong."""
    store.require("ledger.verify")
    raw = store.raw("rebuild the ledger's caches")
    taken = select(Allocation.lot_id, func.sum(Allocation.amount).label("taken")).group_by(Allocation.lot_id)
    used = taken.subquery()
    rest = Lot.original - func.coalesce(used.c.taken, 0)
    chosen = select(Lot.id, rest).join(used, used.c.lot_id == Lot.id, isouter=True)
    wrong: Mapping[Any, int] = dict(raw.rows(chosen.where(Lot.remaining != rest)))
    for start in range(0, len(wrong), 400):
        part = dict(list(wrong.items())[start : start + 400])
        raw.change(update(Lot).where(Lot.id.in_(part)).values(remaining=case(part, value=Lot.id)))
    store.record("ledger.rebuild", detail={"lots": len(wrong)})
    return len(wrong)
