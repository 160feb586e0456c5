"""Points for what is no purchase: an answer, a friend who buys, a level that was reached; each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from retinue import Store
from retinue_loyalty import ledger
from retinue_loyalty.accounts import hold_owners, lock_members
from retinue_loyalty.levels import Climb
from retinue_loyalty.models import Account, Qualifying, Referral, Transaction
from retinue_loyalty.posting import Deed, Posting, lock_wallets
from retinue_loyalty.programmes import Scheme
from retinue_loyalty.rules import Earning, Reward
from retinue_loyalty.validity import validity_of
from retinue_loyalty.when import midnight

_ALWAYS = Earning(points=0, per_minor=1)
_WITH_ORDERS = ("referral", "points_earned")
"""Occasions that an order brings about, and whose reward goes when all of the order goes back."""


def give_rewards(
    own: Store,
    scheme: Scheme,
    reward: Reward,
    occasions: Sequence[tuple[UUID, str, datetime]],
    *,
    source: str = "",
) -> list[UUID]:
    """Post one reward for (contact, occasion, moment) each, once per occasion; returns whom it was given to.

    With the order that brought it about as `source` it is taken back when all of that order goes back.
    """
    wallets = lock_members(own, scheme.id, [contact_id for contact_id, _, _ in occasions])
    keys = {f"{reward.on}:{name}": (contact_id, at) for contact_id, name, at in occasions}
    known = ledger.known_transactions(own, scheme.id, list(keys))
    posting, qualifying, given = Posting(own), list[dict[str, Any]](), list[UUID]()
    for name, (contact_id, at) in keys.items():
        if name in known:
            continue
        validity = validity_of(scheme, scheme.at(at).earn or _ALWAYS, at)
        deed = Deed(
            "earn", name, at, reward.points, source or reward.on, fingerprint=ledger.fingerprint(name)
        )
        ledger.earn(posting, wallets[contact_id], deed, validity)
        if reward.qualifying:
            qualifying.append(
                {
                    "account_id": wallets[contact_id].main, "transaction_key": name, "amount": reward.qualifying,
                    "occurred_at": at, "counts_at": at,
                }
            )  # fmt: skip
        given.append(contact_id)
    posting.write()
    own.insert_many(Qualifying, qualifying)
    return given


def rewards_on(scheme: Scheme, event: str, at: datetime) -> list[Reward]:
    """Return the rewards that an event has at a moment."""
    return [reward for reward in scheme.at(at).rewards if reward.on == event]


def reward_climbs(own: Store, scheme: Scheme, climbs: Sequence[Climb]) -> list[UUID]:
    """Give what is promised for reaching a level."""
    given: list[UUID] = []
    people = [climb for climb in climbs if climb.contact_id is not None]
    for reward in rewards_on(scheme, "tier_reached", own.now):
        occasions = [
            (c.contact_id, f"{c.account_id}:{c.level}:{c.day}", midnight(c.day, scheme.zone))
            for c in people
            if c.contact_id is not None
        ]
        given += give_rewards(own, scheme, reward, occasions)
    return given


def reward_referrals(own: Store, scheme: Scheme, buyers: Sequence[tuple[UUID, datetime, str]]) -> list[UUID]:
    """Reward who brought these buyers, with their first paid order; and the buyers, if that is promised too."""
    first = {contact_id: (at, ref) for contact_id, at, ref in reversed(buyers)}
    ids, given = list(first), list[UUID]()
    for start in range(0, len(ids), 500):
        chosen = select(Referral).where(
            Referral.programme_id == scheme.id,
            Referral.referred_id.in_(ids[start : start + 500]),
            Referral.rewarded_at.is_(None),
        )
        for referral in own.scalars(chosen):
            given += _reward_referral(own, scheme, referral, first[referral.referred_id])
            referral.rewarded_at = own.now
    own.flush()
    return given


def _reward_referral(
    own: Store, scheme: Scheme, referral: Referral, order: tuple[datetime, str]
) -> list[UUID]:
    at, ref = order
    given, name = list[UUID](), f"{referral.id}:{ref}"
    for reward in rewards_on(scheme, "referral", at):
        given += give_rewards(own, scheme, reward, [(referral.referrer_id, name, at)], source=ref)
        if reward.referred_points:
            other = Reward("referral", reward.referred_points)
            given += give_rewards(
                own, scheme, other, [(referral.referred_id, f"{name}:friend", at)], source=ref
            )
    return given


def reward_earnings(own: Store, scheme: Scheme, earned: Sequence[tuple[UUID, datetime, str]]) -> list[UUID]:
    """Give what is promised for each purchase that earned points."""
    given = list[UUID]()
    for contact_id, at, ref in earned:
        for reward in rewards_on(scheme, "points_earned", at):
            name = str(contact_id) if reward.once else f"{contact_id}:{ref}"
            given += give_rewards(own, scheme, reward, [(contact_id, name, at)], source=ref)
    return given


def take_rewards_back(own: Store, scheme: Scheme, gone: Mapping[str, datetime]) -> list[UUID]:
    """Take back what orders brought about beside their own points, once all of an order has gone back; returns whose.

    A referral that was rewarded with such an order waits for the next one that is paid.
    """
    touched = list[UUID]()
    chosen = select(Transaction).where(
        Transaction.programme_id == scheme.id,
        Transaction.source_ref.in_(list(gone)),
        Transaction.kind == "earn",
        or_(*(Transaction.key.startswith(f"{word}:", autoescape=True) for word in _WITH_ORDERS)),
    )
    for earning in own.scalars(chosen.order_by(Transaction.id)):
        key, at = f"back:{earning.id}", gone[earning.source_ref]
        if ledger.known_transactions(own, scheme.id, [key]):
            continue
        account = own.get(Account, earning.account_id)
        main = account.merged_into_id or account.id
        hold_owners(own, [main])
        posting, wallet = Posting(own), lock_wallets(own, [main])[main]
        deed = Deed(
            "clawback", key, at, -earning.points, earning.source_ref, earning.id, ledger.fingerprint(key)
        )
        ledger.claw_back(posting, wallet, deed, scheme.at(earning.occurred_at).refund)
        posting.write()
        _forget_qualifying(own, earning, key, at)
        touched.append(main)
        if earning.key.startswith("referral:"):
            referral = own.find(Referral, UUID(earning.key.split(":")[1]))
            if referral is not None:
                referral.rewarded_at = None
    own.flush()
    return touched


def _forget_qualifying(own: Store, earning: Transaction, key: str, at: datetime) -> None:
    chosen = select(Qualifying).where(
        Qualifying.account_id == earning.account_id, Qualifying.transaction_key == earning.key
    )
    row: Qualifying | None = own.first(chosen)
    if row is not None:
        back = {"account_id": row.account_id, "transaction_key": key, "amount": -row.amount}
        own.insert_many(Qualifying, [{**back, "occurred_at": at, "counts_at": row.counts_at}])
