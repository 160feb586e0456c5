"""What a programme owes and what became of its points, at any date; who is best; who a change of rules would move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from retinue import Store
from retinue.errors import Invalid, Problem
from retinue_loyalty import pricing
from retinue_loyalty.levels import gathered
from retinue_loyalty.models import (
    ADJUSTED,
    EXPIRED,
    ISSUED,
    MEMBER_OWED,
    REDEEMED,
    Account,
    Allocation,
    Entry,
    Lot,
    Purchase,
    Transaction,
)
from retinue_loyalty.programmes import get_scheme
from retinue_loyalty.rules import TierSet, read_rules
from retinue_loyalty.tiers import walk
from retinue_loyalty.when import day_of


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """What became of all points issued up to a date; `available` and `pending` are with the members, `owed` is due."""

    at: datetime
    issued: int
    redeemed: int
    expired: int
    adjusted: int
    available: int
    pending: int
    owed: int
    point_minor: int

    @property
    def outstanding(self) -> int:
        """Return what members have, less what they owe."""
        return self.available + self.pending - self.owed

    @property
    def liability_minor(self) -> int:
        """Return what the outstanding points would cost."""
        return (self.available + self.pending) * self.point_minor

    @property
    def balanced(self) -> bool:
        """Say whether issued is redeemed, expired, adjusted and outstanding together."""
        return self.issued == self.redeemed + self.expired + self.adjusted + self.outstanding


def trial_balance(
    store: Store, programme_id: UUID, at: datetime, known_at: datetime | None = None
) -> TrialBalance:
    """Return the trial balance at a date, from what happened up to then.

    Whether the job of the night had run makes no difference: what had expired by then counts as expired. With
    `known_at` only what was recorded by then counts, which gives the report of an old day as it was read that day.
    """
    store.require("loyalty_report.read")
    scheme = get_scheme(store, programme_id)
    raw = store.raw("trial balance")
    counted = [Transaction.programme_id == scheme.id, Transaction.occurred_at <= at]
    if known_at is not None:
        counted.append(Transaction.recorded_at <= known_at)
    chosen = select(Entry.bucket, func.sum(Entry.amount)).join(
        Transaction, Transaction.id == Entry.transaction_id
    )
    sums = {bucket: int(amount) for bucket, amount in raw.rows(chosen.where(*counted).group_by(Entry.bucket))}
    held = _held(raw, counted, at)
    return TrialBalance(
        at=at,
        issued=-sums.get(ISSUED, 0),
        redeemed=sums.get(REDEEMED, 0),
        expired=sums.get(EXPIRED, 0) + held["expired"],
        adjusted=sums.get(ADJUSTED, 0),
        available=held["available"],
        pending=held["pending"],
        owed=-sums.get(MEMBER_OWED, 0),
        point_minor=scheme.at(at).redeem.point_minor,
    )


def _held(raw: Store, counted: list[Any], at: datetime) -> dict[str, int]:
    """Return what the lots of that time held then: usable, on hold, or expired with the job still to come."""
    taken = select(Allocation.lot_id, func.sum(Allocation.amount).label("amount"))
    taken = taken.join(Transaction, Transaction.id == Allocation.transaction_id).where(*counted)
    used = taken.group_by(Allocation.lot_id).subquery()
    rest = func.coalesce(func.sum(Lot.original - func.coalesce(used.c.amount, 0)), 0)
    chosen = select(rest).select_from(Lot).join(Transaction, Transaction.id == Lot.transaction_id)
    chosen = chosen.join(used, used.c.lot_id == Lot.id, isouter=True).where(*counted)
    live = (Lot.expires_at.is_(None)) | (Lot.expires_at > at)
    return {
        "expired": int(raw.scalar(chosen.where(Lot.expires_at <= at))),
        "available": int(raw.scalar(chosen.where(live, Lot.available_at <= at))),
        "pending": int(raw.scalar(chosen.where(live, Lot.available_at > at))),
    }


def rank_buyers(
    store: Store, programme_id: UUID, since: datetime | None = None, until: datetime | None = None
) -> list[dict[str, Any]]:
    """Return the very important: the top percent of buyers by what they spent, as the rules say, best first.

    Raises Invalid for a programme whose rules name no percentage.
    """
    store.require("loyalty_report.read")
    scheme = get_scheme(store, programme_id)
    percent = scheme.at(until or store.now).vip_percent
    if percent is None:
        raise Invalid(
            "The programme names no VIP.",
            problems=[Problem("/vip_percent", "is not among the rules", "missing")],
        )
    spent = func.sum(Purchase.total_minor - Purchase.refunded_minor)
    chosen = select(Account.contact_id, spent).join(Account, Account.id == Purchase.account_id)
    chosen = chosen.where(Purchase.programme_id == scheme.id, Account.contact_id.is_not(None))
    if since is not None:
        chosen = chosen.where(Purchase.paid_at >= since)
    if until is not None:
        chosen = chosen.where(Purchase.paid_at < until)
    own = store.system("rank buyers")
    amounts = {str(c): int(a) for c, a in own.rows(chosen.group_by(Account.contact_id))}
    best = pricing.best_buyers(list(amounts.items()), percent)
    return [{"contact_id": UUID(key), "spent_minor": amounts[key]} for key in best]


def preview_rules(
    store: Store, programme_id: UUID, rules: Mapping[str, Any], at: datetime | None = None
) -> dict[str, Any]:
    """Return whose level new rules would change, and how; nothing is written."""
    store.require("programme.change")
    scheme, moment = get_scheme(store, programme_id), at or store.now
    before, after = scheme.at(moment).tiers, read_rules(rules, "/rules").tiers
    own = store.system("preview rules")
    accounts = dict(
        own.rows(
            select(Account.id, Account.contact_id).where(
                Account.programme_id == scheme.id,
                Account.merged_into_id.is_(None),
                Account.contact_id.is_not(None),
            )
        )
    )
    entries, today = gathered(own, scheme, accounts), day_of(moment, scheme.zone)

    def level(tiers: TierSet | None, account_id: UUID) -> str:
        place = walk(tiers, entries[account_id], today)[0].level if tiers is not None else -1
        return tiers.levels[place].key if tiers is not None and place >= 0 else ""

    changes = [
        {"contact_id": contact_id, "before": level(before, account_id), "after": level(after, account_id)}
        for account_id, contact_id in accounts.items()
    ]
    moved = [change for change in changes if change["before"] != change["after"]]
    return {"members": len(accounts), "changes": moved}
