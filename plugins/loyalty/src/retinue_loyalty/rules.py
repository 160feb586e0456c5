"""What a programme promises, as data: earning, levels, redemption, refunds, delivery, card, membership, rewards.

`read_rules` turns the JSON of a version into frozen values and refuses, with a pointer per complaint, what
cannot be kept: equal thresholds, a reward that feeds itself, amounts below nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from retinue.errors import Invalid, Problem
from retinue_loyalty.when import Period

EVENTS: Final = (
    "feedback",
    "referral",
    "tier_reached",
    "points_earned",
    "membership_started",
    "birthday",
    "visit",
)
PERK_KINDS: Final = ("discount", "free_delivery", "coupon", "service")


@dataclass(frozen=True, slots=True)
class Earning:
    """Points for purchases: `points` per `per_minor` of what counts, rounded down once per order."""

    points: int
    per_minor: int
    tax: bool = True
    shipping: bool = False
    points_paid: bool = False
    categories: Mapping[str, Fraction] = field(default_factory=dict)
    hold_days: int = 0
    expires: Period | None = None
    expires_at_end_of: str = "day"


@dataclass(frozen=True, slots=True)
class Perk:
    """What a level or a membership gives."""

    key: str
    kind: str
    percent: Fraction = Fraction(0)
    days: int = 30


@dataclass(frozen=True, slots=True)
class Level:
    """One level: from `threshold` on, points times `multiplier`, and perks on top of the lower levels'."""

    key: str
    name: str
    threshold: int
    multiplier: Fraction = Fraction(1)
    perks: tuple[Perk, ...] = ()


@dataclass(frozen=True, slots=True)
class TierSet:
    """Levels, lowest first, over a rolling window; `by` is spend (minor units) or points."""

    levels: tuple[Level, ...]
    window: Period
    by: str = "spend"
    grace_days: int = 0
    downgrade: str = "balance_based"

    def perks(self, level: int) -> list[Perk]:
        """Return the perks of a level: its own and those it inherits, a higher one of the same key instead of a lower."""
        found: dict[str, Perk] = {}
        for one in self.levels[: level + 1]:
            found.update({perk.key: perk for perk in one.perks})
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Redemption:
    """Paying with points: what one is worth, the least at a time, and the most of a purchase in percent."""

    point_minor: int = 0
    least: int = 1
    most_percent: int = 100


@dataclass(frozen=True, slots=True)
class RefundPolicy:
    """What a refund does with points that are spent (`negative`, `clamp`), and a rollback with expired lots."""

    spent: str = "negative"
    restore: str = "expire"
    grace_days: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """The fee of a delivery, and when it falls away: every nth one, or from an amount on."""

    fee_minor: int = 0
    every: int = 0
    from_minor: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """A discount card: steps of (earlier spend, percent), lowest first; a fixed one has one step from 0."""

    steps: tuple[tuple[int, Fraction], ...]


@dataclass(frozen=True, slots=True)
class Reward:
    """Points for something that is no purchase; `once` per member, else once per occasion."""

    on: str
    points: int
    qualifying: int = 0
    referred_points: int = 0
    once: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """All of one version."""

    earn: Earning | None = None
    tiers: TierSet | None = None
    redeem: Redemption = Redemption()
    refund: RefundPolicy = RefundPolicy()
    delivery: Delivery = Delivery()
    card: Card | None = None
    combine: str = "stacking"
    membership_fee: int | None = None
    membership_perks: tuple[Perk, ...] = ()
    rewards: tuple[Reward, ...] = ()
    vip_percent: Fraction | None = None
    expiring_days: int = 30


def read_rules(data: Mapping[str, Any], within: str = "") -> Rules:
    """Return the rules in `data`, whose shape the schema has checked; raises Invalid for what cannot be kept.

    `within` is the place of the rules in what came in, for the pointers.
    """
    problems = [Problem(within + p.pointer, p.detail, p.code) for p in _faults(data)]
    if problems:
        raise Invalid("The rules cannot be kept.", remedy="Correct what errors names.", problems=problems)
    earn, tiers, card, membership = (data.get(n) for n in ("earn", "tiers", "card", "membership"))
    return Rules(
        earn=_earning(earn) if earn else None,
        tiers=_tiers(tiers) if tiers else None,
        redeem=Redemption(**data.get("redeem", {})),
        refund=RefundPolicy(**data.get("refund", {})),
        delivery=Delivery(**data.get("delivery", {})),
        card=_card(card) if card else None,
        combine=data.get("combine", "stacking"),
        membership_fee=membership["fee_minor"] if membership else None,
        membership_perks=_perks(membership.get("perks", ())) if membership else (),
        rewards=tuple(Reward(**reward) for reward in data.get("rewards", ())),
        vip_percent=Fraction(data["vip_percent"]) if data.get("vip_percent") else None,
        expiring_days=data.get("expiring_days", 30),
    )


def _earning(data: Mapping[str, Any]) -> Earning:
    plain = {k: v for k, v in data.items() if k not in ("categories", "expires")}
    return Earning(
        **plain,
        categories={name: Fraction(factor) for name, factor in data.get("categories", {}).items()},
        expires=Period(**data["expires"]) if data.get("expires") else None,
    )


def _tiers(data: Mapping[str, Any]) -> TierSet:
    levels = [
        Level(
            key=level["key"],
            name=level.get("name") or level["key"].title(),
            threshold=level["threshold"],
            multiplier=Fraction(level.get("multiplier", "1")),
            perks=_perks(level.get("perks", ())),
        )
        for level in sorted(data["levels"], key=lambda level: level["threshold"])
    ]
    plain = {k: data[k] for k in ("by", "grace_days", "downgrade") if k in data}
    return TierSet(levels=tuple(levels), window=Period(**data["window"]), **plain)


def _perks(data: Sequence[Mapping[str, Any]]) -> tuple[Perk, ...]:
    return tuple(Perk(**{**perk, "percent": Fraction(perk.get("percent", "0"))}) for perk in data)


def _card(data: Mapping[str, Any]) -> Card:
    if "percent" in data:
        return Card(((0, Fraction(data["percent"])),))
    steps = sorted((step["from_minor"], Fraction(step["percent"])) for step in data["steps"])
    return Card(tuple(steps))


# ---- what cannot be kept ----
def _faults(data: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _tier_faults(data.get("tiers") or {})
    yield from _loop_faults(data)
    card = data.get("card") or {}
    if card and ("percent" in card) == ("steps" in card):
        yield Problem("/card", "is either fixed (percent) or cumulative (steps)", "card")
    starts = [step["from_minor"] for step in card.get("steps", ())]
    if len(set(starts)) < len(starts):
        yield Problem("/card/steps", "two steps begin at the same amount", "equal")
    for place, reward in enumerate(data.get("rewards", ())):
        if not (reward.get("points") or reward.get("qualifying") or reward.get("referred_points")):
            yield Problem(f"/rewards/{place}", "gives nothing", "empty")
    for name, part in (("earn", "expires"), ("tiers", "window")):
        pointer, period = f"/{name}/{part}", (data.get(name) or {}).get(part)
        if period is not None and not any(period.values()):
            yield Problem(pointer, "must be longer than nothing", "period")


def _tier_faults(tiers: Mapping[str, Any]) -> Iterator[Problem]:
    seen: dict[int, int] = {}
    keys: dict[str, int] = {}
    for place, level in enumerate(tiers.get("levels", ())):
        at = f"/tiers/levels/{place}"
        if level["threshold"] in seen:
            yield Problem(
                f"{at}/threshold", f"is the threshold of level {seen[level['threshold']]} too", "equal"
            )
        if level["key"] in keys:
            yield Problem(f"{at}/key", f"is the key of level {keys[level['key']]} too", "equal")
        seen.setdefault(level["threshold"], place)
        keys.setdefault(level["key"], place)


def _loop_faults(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse rewards that set themselves off: each reward leads to the events its points bring about."""
    leads: dict[str, set[str]] = {}
    for reward in data.get("rewards", ()):
        found = leads.setdefault(reward["on"], set())
        if reward.get("points"):
            found.add("points_earned")
        if reward.get("qualifying"):
            found.add("tier_reached")
    for place, reward in enumerate(data.get("rewards", ())):
        if _comes_back(leads, reward["on"]):
            yield Problem(
                f"/rewards/{place}/on",
                f"its points lead to {reward['on']} again: the rule would loop",
                "loop",
            )


def _comes_back(leads: Mapping[str, set[str]], start: str) -> bool:
    seen, ahead = set[str](), list(leads.get(start, ()))
    while ahead:
        event = ahead.pop()
        if event == start:
            return True
        if event not in seen:
            seen.add(event)
            ahead.extend(leads.get(event, ()))
    return False
