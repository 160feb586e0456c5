"""The deeds of the ledger: earn, redeem, give back, claw back, adjust; and settling what time brings about.

Each first settles the member up to its own moment, so that a lot that has expired by then is not spent whether
or not the job of the night has run. Nothing here reads the clock: moments are given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import bindparam, func, select

from retinue import Store
from retinue.errors import Conflict
from retinue_loyalty.lots import Take, choose, is_live
from retinue_loyalty.models import (
    ADJUSTED,
    AVAILABLE,
    EXPIRED,
    ISSUED,
    MEMBER_AVAILABLE,
    OVER,
    PENDING,
    REDEEMED,
    Allocation,
    Lot,
    Transaction,
)
from retinue_loyalty.posting import LOT_COLUMNS, Deed, LotRow, Open, Posting, Wallet
from retinue_loyalty.rules import RefundPolicy


@dataclass(frozen=True, slots=True)
class Validity:
    """When points may be used, and until when."""

    available_at: datetime
    expires_at: datetime | None


def fingerprint(*parts: Any) -> str:
    """Return a digest of what came in, to tell a repeat from another deed under the same key."""
    return hashlib.sha256(msgspec.json.encode(parts, enc_hook=str)).hexdigest()


_KNOWN = select(Transaction).where(
    Transaction.programme_id == bindparam("programme"), Transaction.key.in_(bindparam("keys", expanding=True))
)


def known_transactions(own: Store, programme_id: UUID, keys: Sequence[str]) -> dict[str, Transaction]:
    """Return the transactions that have these keys."""
    found: dict[str, Transaction] = {}
    for start in range(0, len(keys), 500):
        asked = _KNOWN.params(programme=programme_id, keys=keys[start : start + 500])
        found |= {row.key: row for row in own.scalars(asked)}
    return found


def refuse_other(known: Transaction, given: str) -> None:
    """Raise Conflict if a key comes again with something else than before."""
    if known.fingerprint != given:
        raise Conflict(
            f"The key {known.key} was used for something else.", code="key-used", remedy="Take a new key."
        )


# ---- what time brings about ----
def settle(posting: Posting, wallet: Wallet, at: datetime) -> None:
    """Post the confirmations and expiries that are due by `at`, each with the moment it happened."""
    due: list[tuple[datetime, int, LotRow]] = []
    for lot in wallet.lots.values():
        if lot.state == PENDING and lot.available_at <= at:
            due.append((lot.available_at, 0, lot))
        if lot.expires_at is not None and lot.expires_at <= at:
            due.append((lot.expires_at, 1, lot))
    for moment, what, lot in sorted(due, key=lambda item: (item[0], item[1], item[2].id)):
        if lot.remaining > 0:
            (_expire if what else _confirm)(posting, wallet, lot, moment)


def _confirm(posting: Posting, wallet: Wallet, lot: LotRow, at: datetime) -> None:
    deed = posting.begin(wallet, Deed("confirm", f"confirm:{lot.id}", at, lot.remaining))
    deed.side(lot.account_id, lot.bucket, -lot.remaining)
    lot.state, lot.is_changed = AVAILABLE, True
    posting.lots[lot.id] = lot
    deed.side(lot.account_id, MEMBER_AVAILABLE, lot.remaining)
    deed.repay(lot)


def _expire(posting: Posting, wallet: Wallet, lot: LotRow, at: datetime) -> None:
    deed = posting.begin(wallet, Deed("expire", f"expire:{lot.id}", at, -lot.remaining))
    deed.side(lot.account_id, lot.bucket, -lot.remaining)
    deed.side(lot.account_id, EXPIRED, lot.remaining)
    deed.take(lot, lot.remaining, "expire")
    lot.state = OVER


# ---- deeds ----
def earn(posting: Posting, wallet: Wallet, deed: Deed, validity: Validity) -> Open:
    """Post points that were earned; debts are paid out of them as soon as they are usable."""
    settle(posting, wallet, deed.at)
    opened = posting.begin(wallet, deed)
    if deed.points:
        lot = opened.add_lot(deed.points, validity.available_at, validity.expires_at)
        opened.side(wallet.main, lot.bucket, deed.points)
        opened.side(wallet.main, ISSUED, -deed.points)
        opened.repay(lot)
    return opened


def redeem(posting: Posting, wallet: Wallet, deed: Deed) -> Open:
    """Post points that are spent, out of the lots that expire first; raises Conflict if there are not as many."""
    settle(posting, wallet, deed.at)
    wanted = -deed.points
    available = wallet.available(deed.at)
    if wanted > available:
        raise Conflict(
            f"{wanted} points are wanted, {max(available, 0)} are available.",
            code="not-enough-points",
            remedy="Redeem no more than are available.",
            extra={"available": max(available, 0)},
        )
    opened = posting.begin(wallet, deed)
    opened.take_all(choose(wallet.live(deed.at), wanted, deed.at), "spend", REDEEMED)
    return opened


def adjust(posting: Posting, wallet: Wallet, deed: Deed, validity: Validity) -> Open:
    """Post points that a person gives or takes, with the reason in the detail; takes no more than there are."""
    settle(posting, wallet, deed.at)
    if deed.points < 0 and -deed.points > wallet.available(deed.at):
        raise Conflict(
            f"Only {max(wallet.available(deed.at), 0)} points are available.",
            code="not-enough-points",
            remedy="Take no more than are available.",
        )
    opened = posting.begin(wallet, deed)
    if deed.points > 0:
        lot = opened.add_lot(deed.points, validity.available_at, validity.expires_at)
        opened.side(wallet.main, lot.bucket, deed.points)
        opened.side(wallet.main, ADJUSTED, -deed.points)
        opened.repay(lot)
    else:
        opened.take_all(choose(wallet.live(deed.at), -deed.points, deed.at), "adjust", ADJUSTED)
    return opened


def claw_back(posting: Posting, wallet: Wallet, deed: Deed, policy: RefundPolicy) -> Open | None:
    """Take points back that a refunded purchase had earned; `deed.reverses_id` names the earning.

    First out of its own lot, on hold or not, then out of the others. What is spent already becomes a debt
    (``negative``) or is let go and told in the detail (``clamp``). Points of the lot that have expired are gone
    already; those that live on for some days of grace are not. No more is ever taken back than was earned.
    """
    settle(posting, wallet, deed.at)
    own_lot = next((lot for lot in wallet.lots.values() if lot.transaction_id == deed.reverses_id), None)
    wanted = min(-deed.points, _still_taken_back(posting, deed.reverses_id))
    takes: list[Take] = []
    if own_lot is not None and own_lot.remaining:
        takes.append(Take(own_lot.id, min(own_lot.remaining, wanted)))
    rest = wanted - sum(taken.amount for taken in takes)
    others = [lot for lot in wallet.live(deed.at) if lot is not own_lot]
    takes += choose(others, rest, deed.at)
    short = wanted - sum(taken.amount for taken in takes)
    detail = {**(deed.detail or {}), "shortfall": short} if short and policy.spent == "clamp" else deed.detail
    taken_back = wanted - short if policy.spent == "clamp" else wanted
    opened = posting.begin(
        wallet,
        Deed(
            deed.kind, deed.key, deed.at, -taken_back, deed.source_ref, deed.reverses_id, deed.fingerprint, detail
        ),
    )  # fmt: skip
    opened.take_all(takes, "clawback", ISSUED)
    if short and policy.spent == "negative":
        opened.owe(short, ISSUED)
    return opened


def _still_taken_back(posting: Posting, earning_id: UUID | None) -> int:
    """Return what of an earning neither was taken back before nor has expired, by this very posting or earlier."""
    own = posting.own
    earned = own.scalar(select(Transaction.points).where(Transaction.id == earning_id)) or 0
    back = select(func.coalesce(func.sum(Transaction.points), 0)).where(Transaction.reverses_id == earning_id)
    expired = select(func.coalesce(func.sum(Allocation.amount), 0)).join(Lot, Lot.id == Allocation.lot_id)
    expired = expired.where(Lot.transaction_id == earning_id, Allocation.kind == "expire")
    now_back = sum(row["points"] for row in posting.transactions if row["reverses_id"] == earning_id)
    lots = {lot.id for lot in posting.lots.values() if lot.transaction_id == earning_id}
    now_expired = sum(
        row["amount"] for row in posting.allocations if row["kind"] == "expire" and row["lot_id"] in lots
    )
    left: int = int(earned) + int(own.scalar(back)) + now_back - int(own.scalar(expired)) - now_expired
    return max(left, 0)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a redemption took out of one lot and has not been given back."""

    lot: LotRow
    amount: int


def give_back(posting: Posting, wallet: Wallet, deed: Deed, policy: RefundPolicy) -> Open:
    """Undo a redemption, or a part of it: the same lots get their points back, with their own expiry.

    A lot that has expired meanwhile gets nothing (``expire``), or the points live on for `grace_days` as a lot of
    their own (``grace``). Raises Conflict for more than the redemption took and has not been given back.
    """
    settle(posting, wallet, deed.at)
    spent = _spent(posting.own, wallet, deed.reverses_id)
    whole = sum(one.amount for one in spent)
    if deed.points > whole:
        raise Conflict(
            f"{whole} points of this redemption can be given back, not {deed.points}.",
            code="too-much-back",
            remedy="Give no more back than is left.",
            extra={"left": whole},
        )
    opened, left = posting.begin(wallet, deed), deed.points
    for one in reversed(spent):
        amount = min(one.amount, left)
        if amount:
            _put_back(opened, one.lot, amount, policy)
        left -= amount
    return opened


def _put_back(opened: Open, lot: LotRow, amount: int, policy: RefundPolicy) -> None:
    wallet, at = opened.wallet, opened.at
    opened.side(wallet.main, REDEEMED, -amount)
    if is_live(lot, at) or lot.available_at > at:
        wallet.lots.setdefault(lot.id, lot)
        opened.take(lot, -amount, "restore")
        opened.side(lot.account_id, lot.bucket, amount)
        opened.repay(lot)
    elif policy.restore == "grace":
        opened.take(lot, -amount, "restore")
        opened.take(lot, amount, "grace")
        again = opened.add_lot(amount, at, at + timedelta(days=policy.grace_days))
        opened.side(again.account_id, again.bucket, amount)
        opened.repay(again)
    else:
        opened.take(lot, -amount, "restore")
        opened.take(lot, amount, "expire")
        opened.side(lot.account_id, EXPIRED, amount)


def _spent(own: Store, wallet: Wallet, redemption_id: UUID | None) -> list[Spent]:
    """Return what a redemption took, lot by lot, less what earlier deeds have given back, in its own order."""
    ours = select(Transaction.id).where(Transaction.reverses_id == redemption_id)
    chosen = select(Allocation.lot_id, Allocation.kind, Allocation.amount).where(
        (Allocation.transaction_id == redemption_id) | Allocation.transaction_id.in_(ours)
    )
    left: dict[UUID, int] = {}
    for lot_id, kind, amount in own.rows(chosen.order_by(Allocation.id)):
        if kind in ("spend", "restore"):
            left[lot_id] = left.get(lot_id, 0) + amount
    lots = {lot.id: lot for lot in wallet.lots.values() if lot.id in left}
    missing = [lot_id for lot_id in left if lot_id not in lots]
    lots |= {row.id: LotRow(*row) for row in own.rows(select(*LOT_COLUMNS).where(Lot.id.in_(missing)))}
    return [Spent(lots[lot_id], amount) for lot_id, amount in left.items() if amount > 0]


def key_of(payload: Mapping[str, Any], fallback: str) -> str:
    """Return the key a caller gave, or the one its occasion has."""
    return str(payload.get("key") or fallback)
