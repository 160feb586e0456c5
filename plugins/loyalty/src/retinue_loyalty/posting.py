"""Postings: transactions with their entries, lots and allocations, gathered in memory and written set-wise.

Every transaction balances before it is written; a posting that does not is a defect and raises. Accounts are
locked first, in one order, so that two who move the same member's points wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, or_, select, update

from retinue import Store, new_id
from retinue_loyalty.lots import Take, in_order, is_live
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

_CHUNK = 400


@dataclass(slots=True)
class LotRow:
    """A lot in memory, new or read; changes to it are written with the posting."""

    id: UUID
    account_id: UUID
    earned_at: datetime
    available_at: datetime
    expires_at: datetime | None
    original: int
    remaining: int
    state: str
    transaction_id: UUID
    is_new: bool = False
    is_changed: bool = False

    @property
    def bucket(self) -> str:
        """Return the member's bucket its points stand in."""
        return MEMBER_PENDING if self.state == PENDING else MEMBER_AVAILABLE


@dataclass(slots=True)
class Wallet:
    """The accounts of one member, the main one first, with their open lots and debts."""

    programme_id: UUID
    account_ids: list[UUID]
    owed: dict[UUID, int]
    lots: dict[UUID, LotRow] = field(default_factory=dict)

    @property
    def main(self) -> UUID:
        """Return the account that new points go to."""
        return self.account_ids[0]

    @property
    def debt(self) -> int:
        """Return the points owed."""
        return sum(self.owed.values())

    def live(self, at: datetime) -> list[LotRow]:
        """Return the lots that may be spent from at a moment, in the order they are consumed."""
        return [lot for lot in in_order(self.lots.values()) if is_live(lot, at) and lot.remaining > 0]  # type: ignore[misc]  # in_order gives back what it got

    def available(self, at: datetime) -> int:
        """Return the points that may be spent at a moment, debts taken off: below nothing for a debtor."""
        return sum(lot.remaining for lot in self.live(at)) - self.debt

    def pending(self, at: datetime) -> int:
        """Return the points on hold at a moment."""
        return sum(
            lot.remaining
            for lot in self.lots.values()
            if lot.available_at > at and (lot.expires_at is None or at < lot.expires_at)
        )


@dataclass(frozen=True, slots=True)
class Deed:
    """What a transaction is, before its entries: kind, key, occasion and moment."""

    kind: str
    key: str
    at: datetime
    points: int = 0
    source_ref: str = ""
    reverses_id: UUID | None = None
    fingerprint: str = ""
    detail: Mapping[str, Any] | None = None


class Posting:
    """Gathers transactions of any number of wallets; `write` puts them into the database."""

    def __init__(self, own: Store) -> None:
        self.own = own
        self.transactions: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.allocations: list[dict[str, Any]] = []
        self.lots: dict[UUID, LotRow] = {}
        self.owed: dict[UUID, int] = {}

    def begin(self, wallet: Wallet, deed: Deed) -> Open:
        """Return a new transaction of `wallet` to add sides to."""
        row = {
            "id": new_id(), "programme_id": wallet.programme_id, "account_id": wallet.main, "kind": deed.kind,
            "key": deed.key, "source_ref": deed.source_ref, "points": deed.points, "occurred_at": deed.at,
            "recorded_at": self.own.now, "reverses_id": deed.reverses_id, "fingerprint": deed.fingerprint,
            "detail": dict(deed.detail) if deed.detail else None,
        }  # fmt: skip
        self.transactions.append(row)
        return Open(self, wallet, row, deed.at)

    def write(self) -> None:
        """Write everything: transactions, new lots, entries, allocations; then what changed on lots and accounts."""
        if not self.transactions:
            return
        _check_balance(self.transactions, self.entries)
        own = self.own
        own.insert_many(Transaction, self.transactions)
        fresh = [_lot_values(lot) for lot in self.lots.values() if lot.is_new]
        own.insert_many(Lot, fresh)
        own.insert_many(Entry, self.entries)
        own.insert_many(Allocation, self.allocations)
        self._update_lots()
        for account in own.scalars(select(Account).where(Account.id.in_(self.owed))) if self.owed else ():
            account.owed = self.owed[account.id]
        own.flush()

    def _update_lots(self) -> None:
        changed = [lot for lot in self.lots.values() if lot.is_changed and not lot.is_new]
        for start in range(0, len(changed), _CHUNK):
            part = changed[start : start + _CHUNK]
            if len(part) == 1:
                values: dict[str, Any] = {"remaining": part[0].remaining, "state": part[0].state}
            else:
                values = {
                    "remaining": case({lot.id: lot.remaining for lot in part}, value=Lot.id),
                    "state": case({lot.id: lot.state for lot in part}, value=Lot.id),
                }
            self.own.change(update(Lot).where(Lot.id.in_([lot.id for lot in part])).values(**values))


class Open:
    """A transaction that is being put together."""

    def __init__(self, posting: Posting, wallet: Wallet, row: dict[str, Any], at: datetime) -> None:
        self.posting, self.wallet, self.row, self.at = posting, wallet, row, at

    @property
    def id(self) -> UUID:
        """Return the transaction's id."""
        found: UUID = self.row["id"]
        return found

    def side(self, account_id: UUID, bucket: str, amount: int) -> None:
        """Add one side; sides of nothing are left out."""
        if amount:
            self.posting.entries.append(
                {"transaction_id": self.id, "account_id": account_id, "bucket": bucket, "amount": amount}
            )

    def take(self, lot: LotRow, amount: int, kind: str) -> None:
        """Take points out of a lot, or put them back if `amount` is below nothing."""
        lot.remaining -= amount
        lot.is_changed = True
        self.posting.lots[lot.id] = lot
        self.posting.allocations.append(
            {"transaction_id": self.id, "lot_id": lot.id, "kind": kind, "amount": amount}
        )

    def take_all(self, takes: Sequence[Take], kind: str, against: str) -> None:
        """Take from several lots, each out of its account's bucket, against one bucket of the programme."""
        for taken in takes:
            lot = self.wallet.lots[taken.lot_id]
            self.side(lot.account_id, lot.bucket, -taken.amount)
            self.take(lot, taken.amount, kind)
        self.side(self.wallet.main, against, sum(taken.amount for taken in takes))

    def add_lot(self, points: int, available_at: datetime, expires_at: datetime | None) -> LotRow:
        """Add a new lot to the wallet's main account."""
        state = PENDING if available_at > self.at else AVAILABLE
        lot = LotRow(
            id=new_id(), account_id=self.wallet.main, earned_at=self.at, available_at=available_at,
            expires_at=expires_at, original=points, remaining=points, state=state, transaction_id=self.id,
            is_new=True,
        )  # fmt: skip
        self.wallet.lots[lot.id] = self.posting.lots[lot.id] = lot
        return lot

    def owe(self, amount: int, against: str) -> None:
        """Write down a debt of the member."""
        main = self.wallet.main
        self.wallet.owed[main] += amount
        self.posting.owed[main] = self.wallet.owed[main]
        self.side(main, MEMBER_OWED, -amount)
        self.side(main, against, amount)

    def close(self, lots: Sequence[LotRow], against: str) -> None:
        """Empty lots and let debts go: the member leaves."""
        for lot in lots:
            self.side(lot.account_id, lot.bucket, -lot.remaining)
            self.side(lot.account_id, against, lot.remaining)
            self.take(lot, lot.remaining, "adjust")
        for account_id, owed in self.wallet.owed.items():
            if owed:
                self.side(account_id, MEMBER_OWED, owed)
                self.side(account_id, against, -owed)
                self.wallet.owed[account_id] = self.posting.owed[account_id] = 0

    def repay(self, lot: LotRow) -> None:
        """Pay debts out of a lot that has just become usable."""
        if lot.state != AVAILABLE:
            return
        for account_id, owed in self.wallet.owed.items():
            paid = min(owed, lot.remaining)
            if paid <= 0:
                continue
            self.wallet.owed[account_id] -= paid
            self.posting.owed[account_id] = self.wallet.owed[account_id]
            self.side(lot.account_id, MEMBER_AVAILABLE, -paid)
            self.side(account_id, MEMBER_OWED, paid)
            self.take(lot, paid, "repay")


def _check_balance(transactions: Iterable[Mapping[str, Any]], entries: Iterable[Mapping[str, Any]]) -> None:
    sums: dict[UUID, int] = {row["id"]: 0 for row in transactions}
    for entry in entries:
        sums[entry["transaction_id"]] += entry["amount"]
    if any(sums.values()):
        raise AssertionError("a transaction does not balance: nothing was posted")


def _lot_values(lot: LotRow) -> dict[str, Any]:
    names = (
        "id", "account_id", "earned_at", "available_at", "expires_at", "original", "remaining", "state",
        "transaction_id",
    )  # fmt: skip
    return {name: getattr(lot, name) for name in names}


# ---- reading ----
_IDS: Any = bindparam("ids", expanding=True)
_ACCOUNTS = (
    select(Account.id, Account.programme_id, Account.merged_into_id, Account.owed)
    .where(or_(Account.id.in_(_IDS), Account.merged_into_id.in_(_IDS)))
    .order_by(Account.id)
    .with_for_update()
)
LOT_COLUMNS = (
    Lot.id, Lot.account_id, Lot.earned_at, Lot.available_at, Lot.expires_at, Lot.original, Lot.remaining,
    Lot.state, Lot.transaction_id,
)  # fmt: skip
"""What a LotRow is read from, in its order."""
_OPEN_LOTS = select(*LOT_COLUMNS).where(Lot.account_id.in_(_IDS), Lot.state != OVER, Lot.remaining > 0)


def lock_wallets(own: Store, account_ids: Sequence[UUID]) -> dict[UUID, Wallet]:
    """Return the wallets of these main accounts, locked until the end of the transaction, with their open lots."""
    wallets: dict[UUID, Wallet] = {}
    home: dict[UUID, Wallet] = {}
    for start in range(0, len(account_ids), _CHUNK):
        found = own.rows(_ACCOUNTS.params(ids=account_ids[start : start + _CHUNK]))
        for row in sorted(found, key=lambda row: row.merged_into_id is not None):
            wallet = wallets.get(row.merged_into_id) if row.merged_into_id else None
            if wallet is None:
                wallet = wallets[row.id] = Wallet(row.programme_id, [], {})
            wallet.account_ids.append(row.id)
            wallet.owed[row.id] = row.owed
            home[row.id] = wallet
    ids = list(home)
    for start in range(0, len(ids), _CHUNK):
        for row in own.rows(_OPEN_LOTS.params(ids=ids[start : start + _CHUNK])):
            home[row.account_id].lots[row.id] = LotRow(*row)
    return wallets
