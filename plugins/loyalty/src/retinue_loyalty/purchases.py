"""Purchases: what orders bring in points and levels, and what refunds and cancellations take back.

Told by the hooks of orders, or by the API for a shop of another kind; told twice, nothing happens twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store, new_id
from retinue_loyalty import ledger, pricing
from retinue_loyalty.accounts import hold_owners, lock_members, system_of
from retinue_loyalty.levels import gathered, renew_levels, renew_standings
from retinue_loyalty.models import Account, Programme, Purchase, Qualifying, Transaction
from retinue_loyalty.posting import Deed, Posting, Wallet, lock_wallets
from retinue_loyalty.programmes import Scheme, read_schemes
from retinue_loyalty.rewards import reward_climbs, reward_earnings, reward_referrals, take_rewards_back
from retinue_loyalty.rules import Rules
from retinue_loyalty.tiers import Gathered, walk
from retinue_loyalty.validity import validity_of
from retinue_loyalty.when import day_of


@dataclass(frozen=True, slots=True)
class Sale:
    """A paid order as points see it; `aside` is what of the total earns nothing."""

    ref: str
    contact_id: UUID
    currency: str
    total_minor: int
    tax_minor: int
    shipping_minor: int
    paid_at: datetime
    lines: tuple[tuple[str, int], ...] = ()
    told_at: datetime | None = None
    """When listeners were told; None for now."""

    @classmethod
    def of(cls, order: Any) -> Sale:
        """Return the sale in an order that a hook told."""
        return cls(
            ref=str(order.id), contact_id=order.contact_id, currency=order.currency,
            total_minor=order.total_minor, tax_minor=order.tax_minor, shipping_minor=order.shipping_minor,
            paid_at=order.paid_at or order.placed_at,
            lines=tuple((line.category, line.amount_minor) for line in order.lines),
        )  # fmt: skip


@dataclass(slots=True)
class _Batch:
    """What one programme takes in at once."""

    scheme: Scheme
    wallets: dict[UUID, Wallet]
    gathered: dict[UUID, list[Gathered]]
    paid_with: dict[str, int]
    posting: Posting
    purchases: list[dict[str, Any]] = field(default_factory=list)
    qualifying: list[dict[str, Any]] = field(default_factory=list)


def take_sales(store: Store, sales: Sequence[Sale]) -> int:
    """Give points for paid purchases in every active programme of their currency; returns how many earned."""
    own = system_of(store)
    earned = 0
    for scheme in read_schemes(own, active=True):
        mine = [sale for sale in sales if counts(scheme, sale)]
        if mine:
            earned += _take(own, scheme, sorted(mine, key=lambda sale: (sale.paid_at, sale.ref)))
    return earned


def counts(scheme: Scheme, sale: Sale) -> bool:
    """Say whether a programme counts a sale: in its currency, and told of since it has been active."""
    if sale.currency != scheme.currency:
        return False
    return sale.told_at is None or (scheme.active_from is not None and sale.told_at >= scheme.active_from)


def _take(own: Store, scheme: Scheme, sales: Sequence[Sale]) -> int:
    wallets = lock_members(own, scheme.id, [sale.contact_id for sale in sales])
    known = known_purchases(own, scheme.id, [sale.ref for sale in sales])
    fresh = {sale.ref: sale for sale in sales if sale.ref not in known}
    if not fresh:
        return 0
    accounts = [wallet.main for wallet in wallets.values()]
    batch = _Batch(
        scheme, wallets, gathered(own, scheme, accounts), _paid_with(own, scheme, list(fresh)), Posting(own)
    )
    for sale in fresh.values():
        _earn(batch, sale)
    batch.posting.write()
    own.insert_many(Purchase, batch.purchases)
    own.insert_many(Qualifying, batch.qualifying)
    contacts = [sale.contact_id for sale in fresh.values()]
    climbs = renew_levels(own, scheme, accounts, own.now)
    rewarded = reward_climbs(own, scheme, climbs)
    rewarded += reward_referrals(own, scheme, [(s.contact_id, s.paid_at, s.ref) for s in fresh.values()])
    points = {row["order_ref"]: row["points"] for row in batch.purchases}
    earned = [(s.contact_id, s.paid_at, s.ref) for s in fresh.values() if points[s.ref]]
    rewarded += reward_earnings(own, scheme, earned)
    renew_standings(own, [*contacts, *rewarded])
    return len(fresh)


def _earn(batch: _Batch, sale: Sale) -> None:
    scheme, wallet = batch.scheme, batch.wallets[sale.contact_id]
    rules = scheme.at(sale.paid_at)
    full = _worth(batch, rules, sale)
    points = pricing.points_left(full, sale.total_minor, 0)
    if rules.earn is not None:
        deed = Deed(
            "earn",
            f"order:{sale.ref}",
            sale.paid_at,
            points,
            sale.ref,
            fingerprint=ledger.fingerprint(sale.ref),
        )
        ledger.earn(batch.posting, wallet, deed, validity_of(scheme, rules.earn, sale.paid_at))
    batch.purchases.append(
        {
            "id": new_id(), "account_id": wallet.main, "programme_id": scheme.id, "order_ref": sale.ref,
            "total_minor": sale.total_minor, "refunded_minor": 0, "worth": str(full), "points": points,
            "paid_at": sale.paid_at, "completed": False, "cancelled": False,
        }
    )  # fmt: skip
    amount = points if rules.tiers is not None and rules.tiers.by == "points" else sale.total_minor
    batch.qualifying.append(qualifying_row(wallet.main, f"order:{sale.ref}", amount, sale.paid_at))
    day = day_of(sale.paid_at, scheme.zone)
    batch.gathered[wallet.main].append(Gathered(day, day, amount))


def qualifying_row(account_id: UUID, key: str, amount: int, at: datetime) -> dict[str, Any]:
    """Return what counts for levels, as a row."""
    return {
        "account_id": account_id,
        "transaction_key": key,
        "amount": amount,
        "occurred_at": at,
        "counts_at": at,
    }


def _worth(batch: _Batch, rules: Rules, sale: Sale) -> Fraction:
    earn = rules.earn
    if earn is None:
        return Fraction(0)
    aside = (0 if earn.tax else sale.tax_minor) + (0 if earn.shipping else sale.shipping_minor)
    aside += 0 if earn.points_paid else batch.paid_with.get(sale.ref, 0)
    full = pricing.worth(earn, sale.total_minor, sale.lines, aside=aside)
    tiers = rules.tiers
    if tiers is None or all(level.multiplier == 1 for level in tiers.levels):
        return full
    main = batch.wallets[sale.contact_id].main
    position, _ = walk(tiers, batch.gathered[main], day_of(sale.paid_at, batch.scheme.zone))
    return full * (tiers.levels[position.level].multiplier if position.level >= 0 else 1)


def _paid_with(own: Store, scheme: Scheme, refs: Sequence[str]) -> dict[str, int]:
    """Return what of each purchase was paid with points, in minor units, by the worth of a point then."""
    found: dict[str, int] = {}
    for start in range(0, len(refs), 500):
        chosen = select(Transaction.source_ref, Transaction.points, Transaction.occurred_at).where(
            Transaction.programme_id == scheme.id, Transaction.source_ref.in_(refs[start : start + 500])
        )
        for ref, points, at in own.rows(chosen.where(Transaction.kind.in_(("redeem", "restore")))):
            found[ref] = found.get(ref, 0) - points * scheme.at(at).redeem.point_minor
    return found


def known_purchases(own: Store, programme_id: UUID, refs: Iterable[str]) -> dict[str, Purchase]:
    """Return the purchases that a programme knows, by their order."""
    wanted, found = list(refs), dict[str, Purchase]()
    for start in range(0, len(wanted), 500):
        chosen = select(Purchase).where(
            Purchase.programme_id == programme_id, Purchase.order_ref.in_(wanted[start : start + 500])
        )
        found |= {row.order_ref: row for row in own.scalars(chosen)}
    return found


# ---- what is taken back ----
@dataclass(frozen=True, slots=True)
class Return:
    """Money that went back: `key` is its name, `amount_minor` None for all that is left."""

    key: str
    order_ref: str
    at: datetime
    amount_minor: int | None = None
    cancels: bool = False


def take_returns(store: Store, returns: Sequence[Return]) -> int:
    """Take points back for refunds and cancellations; returns how many purchases were touched."""
    own = system_of(store)
    homes = _homes(own, [one.order_ref for one in returns])
    schemes = [scheme for scheme in read_schemes(own) if scheme.id in homes] if homes else []
    touched = 0
    for scheme in schemes:
        theirs = homes[scheme.id]
        touched += _take_back(own, scheme, [one for one in returns if one.order_ref in theirs], theirs)
    return touched


def _homes(own: Store, refs: Sequence[str]) -> dict[UUID, dict[str, UUID]]:
    """Return the account of each purchase by programme, as bare values: rows are read once accounts are locked."""
    found: dict[UUID, dict[str, UUID]] = {}
    chosen = select(Purchase.programme_id, Purchase.order_ref, Purchase.account_id)
    chosen = chosen.where(Purchase.programme_id.in_(select(Programme.id)))  # the index begins with it
    for start in range(0, len(refs), 500):
        rows = own.rows(chosen.where(Purchase.order_ref.in_(refs[start : start + 500])))
        for programme_id, ref, account_id in rows:
            found.setdefault(programme_id, {})[ref] = account_id
    return found


def _take_back(own: Store, scheme: Scheme, returns: Sequence[Return], homes: Mapping[str, UUID]) -> int:
    hold_owners(own, homes.values())
    wallets = lock_wallets(own, sorted(set(_mains(own, homes.values()).values())))
    home = {account_id: wallet for wallet in wallets.values() for account_id in wallet.account_ids}
    known = known_purchases(own, scheme.id, homes)
    done = known_returns(own, scheme.id, [one.key for one in returns])
    earnings = ledger.known_transactions(own, scheme.id, [f"order:{ref}" for ref in known])
    posting, qualifying = Posting(own), list[dict[str, Any]]()
    touched: set[UUID] = set()
    for one in returns:
        if one.key in done:
            continue
        purchase = known[one.order_ref]
        wallet = home[purchase.account_id]
        qualifying += _return(
            posting, scheme, wallet, (one, purchase, earnings.get(f"order:{one.order_ref}"))
        )
        touched.add(wallet.main)
        posting.write()
        posting = Posting(own)
    own.flush()
    own.insert_many(Qualifying, qualifying)
    gone = {
        one.order_ref: one.at
        for one in returns
        if one.key not in done and known[one.order_ref].refunded_minor >= known[one.order_ref].total_minor
    }
    touched.update(take_rewards_back(own, scheme, gone) if gone else ())
    renew_levels(own, scheme, list(touched), own.now)
    renew_standings(own, own.scalars(select(Account.contact_id).where(Account.id.in_(touched))))
    return len(touched)


def known_returns(own: Store, programme_id: UUID, keys: Sequence[str]) -> set[str]:
    """Return the keys of returns that a programme has taken in; where nothing is earned only the levels know them."""
    found = set(ledger.known_transactions(own, programme_id, keys))
    for start in range(0, len(keys), 500):
        chosen = select(Qualifying.transaction_key).join(Account, Account.id == Qualifying.account_id)
        chosen = chosen.where(Account.programme_id == programme_id)
        found.update(own.scalars(chosen.where(Qualifying.transaction_key.in_(keys[start : start + 500]))))
    return found


def _mains(own: Store, account_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    chosen = select(Account.id, Account.merged_into_id).where(Account.id.in_(list(account_ids)))
    return {account_id: merged or account_id for account_id, merged in own.rows(chosen)}


def _return(
    posting: Posting, scheme: Scheme, wallet: Wallet, what: tuple[Return, Purchase, Transaction | None]
) -> list[dict[str, Any]]:
    """Post what one return takes back and return its rows for the levels."""
    one, purchase, earning = what
    rules = scheme.at(purchase.paid_at)
    left = purchase.total_minor - purchase.refunded_minor
    amount = left if one.amount_minor is None else min(one.amount_minor, left)
    purchase.refunded_minor += amount
    purchase.cancelled = purchase.cancelled or one.cancels
    keeps = pricing.points_left(Fraction(purchase.worth), purchase.total_minor, purchase.refunded_minor)
    lost, purchase.points = purchase.points - keeps, keeps
    deed = Deed(
        "clawback", one.key, one.at, -lost, one.order_ref, earning.id if earning else None,
        ledger.fingerprint(one.key),
    )  # fmt: skip
    if earning is not None:
        ledger.claw_back(posting, wallet, deed, rules.refund)
    counted = lost if rules.tiers is not None and rules.tiers.by == "points" else amount
    if not counted and earning is not None:
        return []
    row = qualifying_row(purchase.account_id, one.key, -counted, one.at)
    return [{**row, "counts_at": purchase.paid_at}]


def complete_purchases(store: Store, order_refs: Sequence[str]) -> None:
    """Note that purchases arrived; the nth delivery of each member is the free one."""
    own = system_of(store)
    for scheme in read_schemes(own):
        known = known_purchases(own, scheme.id, order_refs)
        for ref in order_refs:
            purchase = known.get(ref)
            if purchase is None or purchase.completed or purchase.cancelled:
                continue
            main = _mains(own, [purchase.account_id])[purchase.account_id]
            account = own.get(Account, main, lock=True)
            before = count_completed(own, main)
            if pricing.is_nth_free(scheme.at(own.now).delivery, before, account.free_deliveries):
                account.free_deliveries += 1
            purchase.completed = True
            own.flush()


def count_completed(own: Store, account_id: UUID) -> int:
    """Return how many deliveries of a member arrived and were not called off."""
    family = select(Account.id).where((Account.id == account_id) | (Account.merged_into_id == account_id))
    chosen = select(Purchase.id).where(Purchase.account_id.in_(family))
    return own.count(chosen.where(Purchase.completed.is_(True), Purchase.cancelled.is_(False)))
