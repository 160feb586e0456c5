"""A member at a glance: points, level, what is missing to the next, what expires; and what a basket costs them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, case, func, or_, select

from retinue import Store, UtcDateTime
from retinue.contacts import Contact
from retinue.errors import Denied, NotFound
from retinue_loyalty import pricing
from retinue_loyalty.accounts import find_accounts, system_of
from retinue_loyalty.holdings import membership_perks, usable_offer
from retinue_loyalty.levels import gathered
from retinue_loyalty.models import OVER, Account, Lot, Purchase, TierStep, Transaction
from retinue_loyalty.programmes import Scheme, active_scheme, get_scheme, read_schemes
from retinue_loyalty.purchases import count_completed
from retinue_loyalty.rules import Perk
from retinue_loyalty.tiers import Position, progress, walk
from retinue_loyalty.when import day_of

_AT, _IDS = bindparam("at", type_=UtcDateTime), bindparam("ids", expanding=True)  # type: ignore[var-annotated]  # any ids
_LIVE = or_(Lot.expires_at.is_(None), Lot.expires_at > _AT)
_BALANCE = select(
    func.coalesce(func.sum(case((Lot.available_at <= _AT, Lot.remaining), else_=0)), 0),
    func.coalesce(func.sum(Lot.remaining), 0),
    select(func.coalesce(func.sum(Account.owed), 0)).where(Account.id.in_(_IDS)).scalar_subquery(),
).where(Lot.account_id.in_(_IDS), Lot.state != OVER, Lot.remaining > 0, _LIVE)


def balance_of(own: Store, account_ids: Sequence[UUID], at: datetime) -> dict[str, int]:
    """Return the points of a member at a moment: usable (debts taken off) and on hold. One statement, however many."""
    usable, whole, debt = own.rows(_BALANCE.params(at=at, ids=list(account_ids)))[0]
    return {"balance": int(usable) - int(debt), "pending": int(whole) - int(usable)}


def family_of(own: Store, account_id: UUID) -> list[UUID]:
    """Return the account and those that were joined to it."""
    return own.scalars(
        select(Account.id).where(or_(Account.id == account_id, Account.merged_into_id == account_id))
    )


def show_member(store: Store, contact_id: UUID, at: datetime | None = None) -> list[dict[str, Any]]:
    """Return where a contact stands in each programme they are a member of."""
    store.require("points.read")
    store.get(Contact, contact_id)
    own, found = system_of(store), list[dict[str, Any]]()
    for scheme in read_schemes(own):
        account = find_accounts(own, scheme.id, [contact_id]).get(contact_id)
        if account is not None:
            found.append(status_of(own, scheme, account, at or own.now))
    return found


def status_of(own: Store, scheme: Scheme, account_id: UUID, at: datetime) -> dict[str, Any]:
    """Return a member's points, level, progress and what expires soon, at a moment."""
    rules, family = scheme.at(at), family_of(own, account_id)
    status: dict[str, Any] = {
        "programme_id": scheme.id, "programme": scheme.name, "account_id": account_id, "currency": scheme.currency,
        **balance_of(own, family, at), "expiring": expiring(own, family, at, rules.expiring_days),
        "tier": "", "tier_name": "", "next_tier": "", "missing": 0, "gathered": 0, "falls_on": None, "perks": [],
        "missing_by": "",
    }  # fmt: skip
    status["worth_minor"] = max(status["balance"], 0) * rules.redeem.point_minor
    if rules.tiers is not None:
        position = position_of(own, scheme, account_id, at)
        level = rules.tiers.levels[position.level] if position.level >= 0 else None
        following, missing = progress(rules.tiers, position)
        status |= {
            "tier": level.key if level else "", "tier_name": level.name if level else "",
            "next_tier": rules.tiers.levels[following].name if following is not None else "",
            "missing": missing, "missing_by": rules.tiers.by, "gathered": position.total,
            "falls_on": position.falls_on, "perks": [perk.key for perk in rules.tiers.perks(position.level)],
        }  # fmt: skip
    return status


def position_of(own: Store, scheme: Scheme, account_id: UUID, at: datetime) -> Position:
    """Return where a member stands among the levels at a moment."""
    tiers = scheme.at(at).tiers
    if tiers is None:
        return Position()
    entries = gathered(own, scheme, [account_id])[account_id]
    return walk(tiers, entries, day_of(at, scheme.zone))[0]


def expiring(own: Store, family: Sequence[UUID], at: datetime, days: int) -> list[dict[str, Any]]:
    """Return what expires within `days`, by moment."""
    chosen = select(Lot.expires_at, func.sum(Lot.remaining)).where(
        Lot.account_id.in_(family),
        Lot.state != OVER,
        Lot.remaining > 0,
        Lot.expires_at > at,
        Lot.expires_at <= at + timedelta(days=days),
    )
    rows = own.rows(chosen.group_by(Lot.expires_at).order_by(Lot.expires_at))
    return [{"at": moment, "points": int(points)} for moment, points in rows]


def list_history(
    store: Store, contact_id: UUID, *, after: Sequence[Any] | None = None, limit: int = 50
) -> tuple[list[Transaction], list[Any] | None]:
    """Return a page of a member's transactions, newest first, and where the next page starts after."""
    store.require("points.read")
    store.get(Contact, contact_id)
    own = system_of(store)
    ours = select(Account.id).where(Account.contact_id == contact_id)
    chosen = select(Transaction).where(Transaction.account_id.in_(ours), Transaction.kind != "confirm")
    if after is not None:
        at, last = datetime.fromisoformat(after[0]), UUID(after[1])
        chosen = chosen.where(
            or_(
                Transaction.occurred_at < at,
                and_(Transaction.occurred_at == at, Transaction.id < last),
            )
        )
    chosen = chosen.order_by(Transaction.occurred_at.desc(), Transaction.id.desc())
    rows = own.scalars(chosen.limit(limit + 1))
    shown = rows[:limit]
    more = len(rows) > limit
    return shown, [shown[-1].occurred_at.isoformat(), str(shown[-1].id)] if more else None


def list_steps(store: Store, contact_id: UUID) -> list[TierStep]:
    """Return a member's changes of level, the newest first."""
    store.require("points.read")
    store.get(Contact, contact_id)
    own = system_of(store)
    ours = select(Account.id).where(Account.contact_id == contact_id, Account.merged_into_id.is_(None))
    return own.scalars(select(TierStep).where(TierStep.account_id.in_(ours)).order_by(TierStep.day.desc()))


# ---- what a basket costs ----
def quote_basket(store: Store, programme_id: UUID, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a basket costs this contact now: card, level, membership, offer, delivery, points.

    Nothing is written: the offer is used and the points are taken by deeds of their own.
    """
    store.require("points.read")
    scheme = active_scheme(store, programme_id)
    contact_id, at = draft["contact_id"], draft.get("at") or store.now
    store.get(Contact, contact_id)
    own, rules = system_of(store), scheme.at(at)
    account = find_accounts(own, scheme.id, [contact_id]).get(contact_id)
    lines = [
        pricing.BasketLine(line["amount_minor"], line.get("category", ""), Fraction(line.get("percent", "0")))
        for line in draft["lines"]
    ]
    perks = [*_level_perks(own, scheme, account, at), *membership_perks(store, scheme.id, contact_id, at)]
    percents, reasons = _percents(own, scheme, (account, perks, draft), at)
    goods = sum(line.amount_minor for line in lines)
    off = pricing.discount(lines, percents, rules.combine)
    nth = account is not None and _nth_free(own, scheme, account)
    fee, why = pricing.delivery_fee(rules.delivery, goods - off, nth_free=nth, perks=perks)
    points = balance_of(own, family_of(own, account), at)["balance"] if account is not None else 0
    total = goods - off + fee
    most = (
        total * rules.redeem.most_percent // 100 // rules.redeem.point_minor
        if rules.redeem.point_minor
        else 0
    )
    return {
        "goods_minor": goods, "discount_minor": off, "delivery_minor": fee, "total_minor": total,
        "reasons": [*reasons, *([why] if why else [])], "points_available": max(points, 0),
        "points_usable": max(min(points, most), 0), "point_minor": rules.redeem.point_minor,
    }  # fmt: skip


def _level_perks(own: Store, scheme: Scheme, account_id: UUID | None, at: datetime) -> list[Perk]:
    tiers = scheme.at(at).tiers
    if tiers is None or account_id is None:
        return []
    return tiers.perks(position_of(own, scheme, account_id, at).level)


def _percents(
    own: Store, scheme: Scheme, who: tuple[UUID | None, Sequence[Perk], Mapping[str, Any]], at: datetime
) -> tuple[list[Fraction], list[str]]:
    account_id, perks, draft = who
    found: list[tuple[Fraction, str]] = []
    earlier = earlier_spend(own, account_id, at) if account_id is not None else 0
    found.append((pricing.card_percent(scheme.at(at).card, earlier), "card"))
    found += [(perk.percent, perk.key) for perk in perks if perk.kind == "discount"]
    if draft.get("code"):
        offer = usable_offer(own, draft["code"], draft["contact_id"], at)
        found.append((Fraction(offer.percent), offer.code))
    good = [(percent, reason) for percent, reason in found if percent]
    return [percent for percent, _ in good], [reason for _, reason in good]


def earlier_spend(own: Store, account_id: UUID, at: datetime) -> int:
    """Return what a member spent before a moment, refunds taken off."""
    chosen = select(func.coalesce(func.sum(Purchase.total_minor - Purchase.refunded_minor), 0))
    chosen = chosen.where(Purchase.account_id.in_(family_of(own, account_id)), Purchase.paid_at < at)
    return int(own.scalar(chosen))


def _nth_free(own: Store, scheme: Scheme, account_id: UUID) -> bool:
    account, completed = own.get(Account, account_id), count_completed(own, account_id)
    return pricing.is_nth_free(scheme.at(own.now).delivery, completed, account.free_deliveries)


# ---- the member's own balance ----
def make_link(store: Store, contact_id: UUID, programme_id: UUID, days: int = 365) -> str:
    """Return the token with which a customer reads their own balance, good for `days`."""
    store.require("points.read")
    store.get(Contact, contact_id)
    account = find_accounts(system_of(store), programme_id, [contact_id]).get(contact_id)
    if account is None:
        raise NotFound("the contact is no member of this programme")
    until = (store.now + timedelta(days=days)).date()
    text = f"{account.hex}.{until:%Y%m%d}"
    return f"{text}.{_mark(store, text)}"


def _mark(store: Store, text: str) -> str:
    return store.blind_token("loyalty.link", text)[:16].hex()


def read_link(store: Store, token: str) -> dict[str, Any]:
    """Return what a link shows its customer: points, level and what expires; no name, no address.

    Raises Denied for a token that is not ours or is over, NotFound once the person was erased.
    """
    text, _, mark = token.rpartition(".")
    account_hex, _, until = text.partition(".")
    if (
        not text
        or not hmac.compare_digest(_mark(store, text).encode(), mark.encode())
        or date.fromisoformat(until) < store.now.date()
    ):
        raise Denied("The link is not good any more.", code="link", remedy="Ask for a new one.")
    own = system_of(store)
    account = own.find(Account, UUID(account_hex))
    if account is None or account.contact_id is None:
        raise NotFound("there is no such member")
    main = account.merged_into_id or account.id
    status = status_of(own, get_scheme(own, account.programme_id), main, own.now)
    names = (
        "programme", "balance", "pending", "tier_name", "next_tier", "missing", "missing_by", "currency", "expiring",
    )  # fmt: skip
    return {name: status[name] for name in names}
