"""Points for what is no purchase: an answer, a friend who buys, a level that was reached; each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue_loyalty import ledger
from retinue_loyalty.accounts import lock_members
from retinue_loyalty.levels import Climb
from retinue_loyalty.models import Qualifying, Referral
from retinue_loyalty.posting import Deed, Posting
from retinue_loyalty.programmes import Scheme
from retinue_loyalty.rules import Earning, Reward
from retinue_loyalty.validity import validity_of
from retinue_loyalty.when import midnight

_ALWAYS = Earning(points=0, per_minor=1)


def give_rewards(
    own: Store, scheme: Scheme, reward: Reward, occasions: Sequence[tuple[UUID, str, datetime]]
) -> list[UUID]:
    """Post one reward for (contact, occasion, moment) each, once per occasion; returns whom it was given to."""
    wallets = lock_members(own, scheme.id, [contact_id for contact_id, _, _ in occasions])
    keys = {f"{reward.on}:{name}": (contact_id, at) for contact_id, name, at in occasions}
    known = ledger.known_transactions(own, scheme.id, list(keys))
    posting, qualifying, given = Posting(own), list[dict[str, Any]](), list[UUID]()
    for name, (contact_id, at) in keys.items():
        if name in known:
            continue
        validity = validity_of(scheme, scheme.at(at).earn or _ALWAYS, at)
        deed = Deed("earn", name, at, reward.points, reward.on, fingerprint=ledger.fingerprint(name))
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


def reward_referrals(own: Store, scheme: Scheme, buyers: Sequence[tuple[UUID, datetime]]) -> list[UUID]:
    """Reward who brought these buyers, with their first paid order; and the buyers, if that is promised too."""
    first: Mapping[UUID, datetime] = dict(reversed(buyers))
    ids, given = list(first), list[UUID]()
    for start in range(0, len(ids), 500):
        chosen = select(Referral).where(
            Referral.programme_id == scheme.id,
            Referral.referred_id.in_(ids[start : start + 500]),
            Referral.rewarded_at.is_(None),
        )
        for referral in own.scalars(chosen):
            at = first[referral.referred_id]
            for reward in rewards_on(scheme, "referral", at):
                given += give_rewards(own, scheme, reward, [(referral.referrer_id, str(referral.id), at)])
                if reward.referred_points:
                    other = Reward("referral", reward.referred_points)
                    given += give_rewards(
                        own, scheme, other, [(referral.referred_id, f"{referral.id}:friend", at)]
                    )
            referral.rewarded_at = own.now
    own.flush()
    return given
