"""Levels and standings: worked out from what qualifies, written down as steps, and shown on the contact."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, func, or_, select

from retinue import Store, UtcDateTime, new_id
from retinue_loyalty.models import (
    OVER,
    Account,
    Lot,
    Offer,
    Qualifying,
    Standing,
    TierStep,
)
from retinue_loyalty.programmes import Scheme, read_schemes
from retinue_loyalty.rules import Perk, TierSet
from retinue_loyalty.tiers import Gathered, Step, walk
from retinue_loyalty.when import day_of

_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Climb:
    """A level that was just reached, for what is given on reaching it."""

    account_id: UUID
    contact_id: UUID | None
    level: str
    day: date


def families(own: Store, account_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the main account of each account that belongs to these main accounts, themselves among them."""
    ids = list(dict.fromkeys(account_ids))
    found = {account_id: account_id for account_id in ids}
    for start in range(0, len(ids), _CHUNK):
        chosen = select(Account.id, Account.merged_into_id)
        found |= dict(own.rows(chosen.where(Account.merged_into_id.in_(ids[start : start + _CHUNK]))))
    return found


def gathered(own: Store, scheme: Scheme, account_ids: Iterable[UUID]) -> dict[UUID, list[Gathered]]:
    """Return what each main account has gathered for its level."""
    home = families(own, account_ids)
    found: dict[UUID, list[Gathered]] = {main: [] for main in home.values()}
    ids = list(home)
    for start in range(0, len(ids), _CHUNK):
        chosen = select(
            Qualifying.account_id, Qualifying.occurred_at, Qualifying.counts_at, Qualifying.amount
        )
        for account_id, at, counts, amount in own.rows(
            chosen.where(Qualifying.account_id.in_(ids[start : start + _CHUNK]))
        ):
            entry = Gathered(day_of(at, scheme.zone), day_of(counts, scheme.zone), amount)
            found[home[account_id]].append(entry)
    return found


def renew_levels(own: Store, scheme: Scheme, account_ids: Sequence[UUID], at: datetime) -> list[Climb]:
    """Work out levels anew, write down the steps that led there, and return the levels newly reached.

    What a newly reached level gives as a coupon is issued here; it stays good when the level is lost.
    """
    tiers = scheme.at(at).tiers
    ids = list(dict.fromkeys(account_ids))
    if tiers is None or not ids:
        return []
    today, climbs = day_of(at, scheme.zone), list[Climb]()
    entries = gathered(own, scheme, ids)
    for start in range(0, len(ids), _CHUNK):
        climbs += _renew(own, tiers, {i: entries[i] for i in ids[start : start + _CHUNK]}, today)
    _issue_coupons(own, scheme, tiers, climbs)
    return climbs


def _renew(
    own: Store, tiers: TierSet, entries: Mapping[UUID, Sequence[Gathered]], today: date
) -> list[Climb]:
    known = dict(own.rows(select(Account.id, Account.level).where(Account.id.in_(entries))))
    people = dict(own.rows(select(Account.id, Account.contact_id).where(Account.id.in_(entries))))
    steps: dict[UUID, set[tuple[date, str]]] = {account_id: set() for account_id in entries}
    chosen = select(TierStep.account_id, TierStep.day, TierStep.level)
    for account_id, day, level in own.rows(chosen.where(TierStep.account_id.in_(entries))):
        steps[account_id].add((day, level))
    fresh, stale, climbs = list[dict[str, Any]](), list[UUID](), list[Climb]()
    for account_id, gathering in entries.items():
        position, walked = walk(tiers, gathering, today)
        rows = {(step.day, _key(tiers, step.level)): step for step in walked}
        if set(rows) != steps[account_id]:
            stale.append(account_id)
            fresh += [_row(account_id, step, tiers) for step in rows.values()]
            climbs += [
                Climb(account_id, people[account_id], level, day)
                for (day, level), step in rows.items()
                if step.reason == "reached" and (day, level) not in steps[account_id]
            ]
        if (level := _key(tiers, position.level)) != known[account_id]:
            _set_level(own, account_id, level)
    own.change(delete(TierStep).where(TierStep.account_id.in_(stale)))
    own.insert_many(TierStep, fresh)
    return climbs


def _set_level(own: Store, account_id: UUID, level: str) -> None:
    account = own.get(Account, account_id)
    account.level = level
    own.flush()


def _key(tiers: TierSet, level: int) -> str:
    return tiers.levels[level].key if level >= 0 else ""


def _row(account_id: UUID, step: Step, tiers: TierSet) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "day": step.day,
        "level": _key(tiers, step.level),
        "reason": step.reason,
    }


def level_index(tiers: TierSet | None, key: str) -> int:
    """Return the place of a level, -1 for none."""
    return next((n for n, level in enumerate(tiers.levels) if level.key == key), -1) if tiers else -1


def _issue_coupons(own: Store, scheme: Scheme, tiers: TierSet, climbs: Sequence[Climb]) -> None:
    rows = []
    for climb in climbs:
        perks = next(level.perks for level in tiers.levels if level.key == climb.level)
        rows += [
            _coupon(own, scheme, climb, perk)
            for perk in perks
            if perk.kind == "coupon" and climb.contact_id is not None
        ]
    own.insert_many(Offer, rows)


def _coupon(own: Store, scheme: Scheme, climb: Climb, perk: Perk) -> dict[str, Any]:
    return {
        "id": new_id(), "programme_id": scheme.id, "contact_id": climb.contact_id, "name": perk.key,
        "code": secrets.token_hex(8).upper(), "percent": str(perk.percent), "starts_at": own.now,
        "ends_at": own.now + timedelta(days=perk.days), "per_contact": 1, "in_all": None, "created_at": own.now,
    }  # fmt: skip


# ---- what lists show ----
def renew_standings(own: Store, contact_ids: Iterable[UUID | None]) -> None:
    """Write the rows that lists and filters read, for the oldest active programme."""
    ids = list(dict.fromkeys(i for i in contact_ids if i is not None))
    own.flush()
    scheme = next(iter(read_schemes(own, active=True)), None)
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        rows = _standings(own, scheme, part) if scheme is not None else []
        own.change(delete(Standing).where(Standing.contact_id.in_(part)))
        own.insert_many(Standing, rows)


_AT, _SOON = bindparam("at", type_=UtcDateTime), bindparam("soon", type_=UtcDateTime)
_LIVE = or_(Lot.expires_at.is_(None), Lot.expires_at > _AT)
_USABLE = and_(Lot.available_at <= _AT, _LIVE)
_SUMS = {
    "balance": _USABLE,
    "pending": and_(Lot.available_at > _AT, _LIVE),
    "expiring_soon": and_(_USABLE, Lot.expires_at <= _SOON),
}
_FACTS = (Account.contact_id, Account.level, Account.owed, Account.merged_into_id)
_STANDING = (
    select(
        *_FACTS,
        *(func.coalesce(func.sum(Lot.remaining).filter(test), 0) for test in _SUMS.values()),
    )
    .join(Lot, and_(Lot.account_id == Account.id, Lot.state != OVER, Lot.remaining > 0), isouter=True)
    .where(
        Account.programme_id == bindparam("programme"),
        Account.contact_id.in_(bindparam("contacts", expanding=True)),
    )
    .group_by(Account.id, *_FACTS)
)
"""Put together once: with each deed it is only given its values."""


def _standings(own: Store, scheme: Scheme, contact_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    soon = own.now + timedelta(days=scheme.at(own.now).expiring_days)
    asked = _STANDING.params(at=own.now, soon=soon, programme=scheme.id, contacts=contact_ids)
    rows: dict[UUID, dict[str, Any]] = {}
    for contact_id, level, owed, merged, *values in own.rows(asked):
        row = rows.setdefault(contact_id, {"contact_id": contact_id, "tier": "", **dict.fromkeys(_SUMS, 0)})
        row["tier"] = level if merged is None else row["tier"]
        row["balance"] -= owed
        for name, value in zip(_SUMS, values, strict=True):
            row[name] += int(value)
    return list(rows.values())
