"""What a basket costs under the rules: discounts, delivery, points. Pure: amounts in minor units, no database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from retinue_loyalty.rules import Card, Delivery, Earning, Perk


@dataclass(frozen=True, slots=True)
class BasketLine:
    """One line: its amount, its category, and a discount on the product itself in percent."""

    amount_minor: int
    category: str = ""
    percent: Fraction = Fraction(0)


@dataclass(slots=True)
class Quote:
    """What is to be paid and why."""

    goods_minor: int
    discount_minor: int
    delivery_minor: int
    reasons: list[str] = field(default_factory=list)

    @property
    def total_minor(self) -> int:
        """Return goods less discounts, with delivery."""
        return self.goods_minor - self.discount_minor + self.delivery_minor


def half_up(value: Fraction) -> int:
    """Return a non-negative amount rounded half up."""
    return math.floor(value + Fraction(1, 2))


def card_percent(card: Card | None, earlier_spend: int) -> Fraction:
    """Return the rate of a card after `earlier_spend`; the purchase that crosses a step still has the old rate."""
    rates = [percent for since, percent in (card.steps if card else ()) if earlier_spend >= since]
    return rates[-1] if rates else Fraction(0)


def discount(lines: Sequence[BasketLine], percents: Sequence[Fraction], combine: str) -> int:
    """Return what discounts take off.

    ``stacking`` applies each to what the one before has left; ``best`` takes, for each line, the one that takes off
    most.
    """
    left = Fraction(0)
    for line in lines:
        every = [line.percent, *percents]
        if combine == "best":
            left += line.amount_minor * (1 - max(every) / 100)
            continue
        rest = Fraction(line.amount_minor)
        for percent in every:
            rest *= 1 - percent / 100
        left += rest
    return sum(line.amount_minor for line in lines) - half_up(left)


def is_nth_free(delivery: Delivery, completed: int, granted: int) -> bool:
    """Say whether the next delivery is free: the nth, 2nth … completed one, each time once.

    `completed` are those that arrived and were not called off, `granted` how often one was free.
    """
    return bool(delivery.every) and completed + 1 == delivery.every * (granted + 1)


def delivery_fee(
    delivery: Delivery, goods_minor: int, *, nth_free: bool, perks: Sequence[Perk]
) -> tuple[int, str]:
    """Return the fee and, if there is none, why."""
    if any(perk.kind == "free_delivery" for perk in perks):
        return 0, "perk"
    if delivery.from_minor and goods_minor >= delivery.from_minor:
        return 0, "from_amount"
    if nth_free:
        return 0, "every_nth"
    return delivery.fee_minor, ""


def worth(earning: Earning, total: int, lines: Sequence[tuple[str, int]], *, aside: int) -> Fraction:
    """Return what a purchase is worth in points, not yet rounded.

    `aside` is what of the total does not count: tax, delivery, the part paid with points. Lines with a category that
    has a factor weigh by it; what counts shrinks all lines alike.
    """
    counted = Fraction(max(total - aside, 0))
    whole = sum(amount for _, amount in lines)
    if earning.categories and whole > 0:
        weighed = sum(amount * earning.categories.get(category, Fraction(1)) for category, amount in lines)
        counted *= Fraction(weighed) / whole
    return counted * earning.points / earning.per_minor


def points_left(full: Fraction, total: int, refunded: int) -> int:
    """Return the points that a purchase worth `full` keeps after refunds: rounded down, never below nothing."""
    if total <= 0 or refunded >= total:
        return 0
    return max(math.floor(full * (total - refunded) / total), 0)


def best_buyers(spent: Sequence[tuple[str, int]], percent: Fraction) -> list[str]:
    """Return the keys of the top `percent` of buyers by what they spent, rounded up; who bought nothing is none."""
    buyers = sorted(((amount, key) for key, amount in spent if amount > 0), key=lambda b: (-b[0], b[1]))
    return [key for _, key in buyers[: math.ceil(len(buyers) * percent / 100)]]
