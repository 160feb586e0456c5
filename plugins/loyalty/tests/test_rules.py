"""Levels, prices and rules as pure values: their oracle in days and cents, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import Invalid
from retinue_loyalty import pricing
from retinue_loyalty.lots import choose
from retinue_loyalty.posting import LotRow
from retinue_loyalty.pricing import BasketLine
from retinue_loyalty.rules import Card, Delivery, Perk, TierSet, read_rules
from retinue_loyalty.tiers import Gathered, Step, progress, walk

C08 = (
    ("2026-01-02", 20000),
    ("2026-01-22", 15000),
    ("2026-02-11", 25000),
    ("2026-03-03", 20000),
    ("2026-03-23", 20000),
)


def tiers(levels: dict[str, int], **more: Any) -> TierSet:
    rules = {
        "window": {"months": 12},
        "levels": [{"key": k, "threshold": t} for k, t in levels.items()],
        **more,
    }
    found = read_rules({"tiers": rules}).tiers
    assert found is not None
    return found


def gathered(*rows: tuple[str, int]) -> list[Gathered]:
    return [Gathered(date.fromisoformat(d), date.fromisoformat(d), amount) for d, amount in rows]


def level_on(rules: TierSet, entries: list[Gathered], day: str) -> str:
    place = walk(rules, entries, date.fromisoformat(day))[0].level
    return rules.levels[place].key if place >= 0 else ""


# ---- levels ----
def test_f1_buyer_climbs_and_ages() -> None:
    """LO-06: Silver at order 2 (350), Gold at order 4 (800); on 2027-01-02 the window of 365 days holds 800: Gold;
    on 2027-01-22 650: Silver."""
    rules = tiers({"silver": 30000, "gold": 80000}, window={"days": 365})
    days = [level_on(rules, gathered(*C08[:n]), C08[n - 1][0]) for n in range(1, 6)]
    assert days == ["", "silver", "silver", "gold", "gold"]
    assert level_on(rules, gathered(*C08), "2027-01-21") == "gold"
    assert walk(rules, gathered(*C08), date(2027, 1, 2))[0].total == 80000
    assert level_on(rules, gathered(*C08), "2027-01-02") == "gold"
    assert walk(rules, gathered(*C08), date(2027, 1, 22))[0].total == 65000
    assert level_on(rules, gathered(*C08), "2027-01-22") == "silver"


def test_grace_keeps_a_level_for_its_days() -> None:
    """LO-x11: 600 on 2026-01-15 → Silver at once, kept until 2027-02-14, then base."""
    rules = tiers({"silver": 500, "gold": 1000}, grace_days=30)
    entries = gathered(("2026-01-15", 600))
    assert level_on(rules, entries, "2026-01-14") == ""
    for day, level in (("2026-01-15", "silver"), ("2027-02-13", "silver"), ("2027-02-14", "")):
        assert level_on(rules, entries, day) == level
    assert walk(rules, entries, date(2027, 1, 20))[0].falls_on == date(2027, 2, 14)
    saved = [*entries, *gathered(("2027-02-01", 500))]
    assert level_on(rules, saved, "2027-02-14") == "silver"


@pytest.mark.parametrize(("downgrade", "first"), [("one_down", "silver"), ("balance_based", "")])
def test_fall_goes_one_down_or_to_what_the_window_holds(downgrade: str, first: str) -> None:
    """LO-x11: a Gold member with nothing left → Silver first, or base."""
    rules = tiers({"silver": 500, "gold": 1000}, grace_days=30, downgrade=downgrade)
    entries = gathered(("2026-01-15", 1200))
    assert level_on(rules, entries, "2027-02-13") == "gold"
    assert level_on(rules, entries, "2027-02-14") == first
    assert level_on(rules, entries, "2027-03-16") == ""
    steps = walk(rules, entries, date(2028, 1, 1))[1]
    assert steps[0] == Step(date(2026, 1, 15), 1, "reached")
    assert [step.reason for step in steps[1:]] == ["aged"] * (2 if first else 1)


def test_refund_lowers_at_once_and_leaves_with_its_order() -> None:
    """LO-x11: a refund lowers the level; 29 February and 12 months are 28 February."""
    rules = tiers({"silver": 500}, grace_days=30)
    bought = gathered(("2028-02-29", 600))
    back = [*bought, Gathered(date(2028, 5, 1), date(2028, 2, 29), -200)]
    assert level_on(rules, back, "2028-04-30") == "silver"
    assert level_on(rules, back, "2028-05-01") == ""
    assert walk(rules, bought, date(2029, 2, 27))[0].total == 600
    assert walk(rules, bought, date(2029, 2, 28))[0].total == 0
    assert walk(rules, back, date(2029, 3, 1))[0].total == 0


def test_perks_are_inherited_and_replaced_by_key() -> None:
    """LO-x12: a higher level has the lower one's perks; one of the same key stands instead."""
    rules = read_rules(
        {
            "tiers": {
                "window": {"months": 12},
                "levels": [
                    {"key": "gold", "threshold": 9, "perks": [{"key": "off", "kind": "discount", "percent": "10"}]},
                    {"key": "silver", "threshold": 5, "perks": [
                        {"key": "off", "kind": "discount", "percent": "5"}, {"key": "post", "kind": "free_delivery"},
                    ]},
                ],
            }
        }
    ).tiers  # fmt: skip
    assert rules is not None
    assert [(p.key, p.percent) for p in rules.perks(0)] == [("off", 5), ("post", 0)]
    assert [(p.key, p.percent) for p in rules.perks(1)] == [("off", 10), ("post", 0)]
    assert rules.perks(-1) == []
    position, _ = walk(rules, gathered(("2026-01-01", 6)), date(2026, 1, 2))
    assert progress(rules, position) == (1, 3)


_ENTRY = st.tuples(st.integers(0, 900), st.integers(1, 900), st.integers(0, 400))


@given(st.lists(_ENTRY, max_size=12), st.integers(0, 1500), st.sampled_from(["one_down", "balance_based"]))
def test_level_does_not_depend_on_when_it_is_worked_out(rows: Any, until: int, downgrade: str) -> None:
    """I7: the steps up to a day are the same however much later one looks; no order of the entries matters."""
    rules = tiers({"a": 300, "b": 700, "c": 1200}, window={"days": 200}, grace_days=17, downgrade=downgrade)
    start = date(2026, 1, 1)
    entries = []
    for day, amount, refund in rows:
        bought = start + timedelta(days=day)
        entries.append(Gathered(bought, bought, amount))
        if 0 < refund < 200:
            entries.append(Gathered(bought + timedelta(days=refund), bought, -min(refund, amount)))
    end = start + timedelta(days=until)
    position, steps = walk(rules, entries, end)
    later = walk(rules, list(reversed(entries)), end + timedelta(days=500))[1]
    assert [step for step in later if step.day <= end] == steps
    assert position.level == (steps[-1].level if steps else -1)
    inside = sum(e.amount for e in entries if e.day <= end < e.counts_from + timedelta(days=200))
    assert position.total == inside
    assert position.level >= sum(inside >= level.threshold for level in rules.levels) - 1


# ---- prices ----
def test_cards_take_the_rate_of_earlier_spend() -> None:
    """LO-04: 7 % on 120.00 → 111.60. LO-05: 500 → 3 %, 1000 → 5 %: C08 gets 0, 0, 0, 6.00, 6.00, C07 nothing.
    LO-x13: 10,000 → 3 %: the purchase that crosses has the old rate; 9,999.99 + 0.01 gives the next one 3 %."""
    fixed = Card(((0, Fraction(7)),))
    assert (
        12000 - pricing.discount([BasketLine(12000)], [pricing.card_percent(fixed, 0)], "stacking") == 11160
    )
    steps = Card(((50000, Fraction(3)), (100000, Fraction(5))))
    got, earlier = [], 0
    for _, amount in C08:
        got.append(pricing.discount([BasketLine(amount)], [pricing.card_percent(steps, earlier)], "stacking"))
        earlier += amount
    assert got == [0, 0, 0, 600, 600]
    assert [pricing.card_percent(steps, n * 9000) for n in range(4)] == [0, 0, 0, 0]
    large = Card(((1000000, Fraction(3)), (5000000, Fraction(5))))
    assert [pricing.card_percent(large, n) for n in (0, 999999, 1000000, 4999999, 5000000)] == [0, 0, 3, 3, 5]


def test_discounts_stack_or_the_best_one_counts() -> None:
    """LO-x13: 100, product −50 %, card 10 %: stacking 45.00, best 50.00."""
    line = [BasketLine(10000, percent=Fraction(50))]
    assert 10000 - pricing.discount(line, [Fraction(10)], "stacking") == 4500
    assert 10000 - pricing.discount(line, [Fraction(10)], "best") == 5000
    cents = [BasketLine(5), BasketLine(5), BasketLine(5)]
    assert pricing.discount(cents, [Fraction(10)], "stacking") == 1, "rounded half up once, not per line"


def test_every_fifth_delivery_is_free_once() -> None:
    """LO-08: 4.90 × 4, the fifth 0.00. LO-x14: 5 and 10 of 12 are free; #3 cancelled after #5 → the next free one is
    the 10th completed. LO-09: 99.99 pays, 100.00 does not; 999.99 no, 1,000.00 yes."""
    rule = Delivery(fee_minor=490, every=5)

    def run(cancel_after_five: bool) -> list[int]:
        completed, granted, free = 0, 0, []
        for number in range(1, 13):
            if number == 6 and cancel_after_five:
                completed -= 1
            if pricing.is_nth_free(rule, completed, granted):
                granted += 1
                free.append(number)
            completed += 1
        return free

    assert run(False) == [5, 10]
    assert run(True) == [5, 11], "the eleventh order is the tenth that is completed"
    for limit in (10000, 100000):
        above = Delivery(fee_minor=490, from_minor=limit)
        fees = [pricing.delivery_fee(above, n, nth_free=False, perks=[]) for n in (limit - 1, limit)]
        assert fees == [(490, ""), (0, "from_amount")]
    perk = [Perk("post", "free_delivery")]
    assert pricing.delivery_fee(rule, 1, nth_free=False, perks=perk) == (0, "perk")


def test_best_buyers_are_rounded_up() -> None:
    """LO-10: the top 10 % of 8 buyers are 1."""
    spent = [
        (f"C{n:02}", amount) for n, amount in enumerate([100, 60, 80, 120, 220, 180, 360, 1000, 0, 0], 1)
    ]
    assert pricing.best_buyers(spent, Fraction(10)) == ["C08"]
    assert pricing.best_buyers(spent, Fraction(13)) == ["C08", "C07"]
    assert pricing.best_buyers([], Fraction(10)) == []


def test_worth_leaves_aside_what_earns_nothing() -> None:
    """The basis excludes tax, delivery and the part paid with points by policy; categories weigh."""
    earn = read_rules(
        {"earn": {"points": 1, "per_minor": 100, "categories": {"books": "2", "tobacco": "0"}}}
    ).earn
    assert earn is not None
    assert pricing.worth(earn, 1000, [], aside=250) == Fraction(15, 2)
    lines = [("books", 500), ("tobacco", 500)]
    assert pricing.worth(earn, 1000, lines, aside=0) == 10
    assert pricing.worth(earn, 1000, lines, aside=500) == 5
    assert pricing.worth(earn, 100, [], aside=500) == 0


@given(st.integers(1, 10**7), st.lists(st.integers(1, 10**6), max_size=6), st.integers(1, 50))
def test_part_refunds_never_take_more_or_less_than_the_whole(total: int, parts: list[int], per: int) -> None:
    """LO-x4 for any amounts: what is taken back by and by is what was earned once all is refunded."""
    full, refunded, taken = Fraction(total, per), 0, 0
    had = pricing.points_left(full, total, 0)
    for part in [*parts, total]:
        before = pricing.points_left(full, total, refunded)
        refunded = min(refunded + part, total)
        lost = before - pricing.points_left(full, total, refunded)
        assert lost >= 0
        taken += lost
    assert taken == had == total // per


# ---- lots ----
def test_choice_of_lots_follows_expiry_then_age() -> None:
    """Consumption: expiry first, lots without one last, then the older one; what is on hold or over is left alone."""
    from loyalty_kit import day

    def lot(earned: str, expires: str | None, available: str = "2026-01-01") -> LotRow:
        ends = day(expires) if expires else None
        ids = {"account_id": UUIDS[0], "transaction_id": UUIDS[0]}
        return LotRow(id=UUIDS.pop(), earned_at=day(earned), available_at=day(available), expires_at=ends,
                      original=10, remaining=10, state="available", **ids)  # fmt: skip

    from retinue import new_id

    UUIDS = [new_id() for _ in range(9)]
    forever, late, soon = (
        lot("2026-01-01", None),
        lot("2026-01-01", "2027-01-01"),
        lot("2026-02-01", "2026-12-01"),
    )
    held, over = lot("2026-01-01", None, "2026-09-01"), lot("2026-01-01", "2026-06-01")
    takes = choose([forever, late, soon, held, over], 25, day("2026-06-01"))
    assert [(t.lot_id, t.amount) for t in takes] == [(soon.id, 10), (late.id, 10), (forever.id, 5)]
    assert sum(t.amount for t in choose([forever, held, over], 25, day("2026-06-01"))) == 10


# ---- what cannot be kept ----
def _levels(*thresholds: int, keys: str = "ab", **window: int) -> dict[str, Any]:
    levels = [{"key": key, "threshold": threshold} for key, threshold in zip(keys, thresholds, strict=False)]
    return {"tiers": {"window": window or {"months": 12}, "levels": levels}}


def _rewards(*rewards: tuple[str, int, int]) -> dict[str, Any]:
    return {"rewards": [{"on": on, "points": points, "qualifying": more} for on, points, more in rewards]}


_STEPS = [{"from_minor": 1, "percent": "1"}, {"from_minor": 1, "percent": "2"}]


@pytest.mark.parametrize(
    ("rules", "pointer", "code"),
    [
        (_levels(5, 5), "/tiers/levels/1/threshold", "equal"),
        (_levels(5, 6, keys="aa"), "/tiers/levels/1/key", "equal"),
        (_levels(5, days=0), "/tiers/window", "period"),
        (_rewards(("points_earned", 1, 0)), "/rewards/0/on", "loop"),
        (_rewards(("tier_reached", 0, 1)), "/rewards/0/on", "loop"),
        (_rewards(("tier_reached", 1, 0), ("points_earned", 0, 1)), "/rewards/0/on", "loop"),
        (_rewards(("feedback", 0, 0)), "/rewards/0", "empty"),
        ({"card": {"percent": "7", "steps": []}}, "/card", "card"),
        ({"card": {"steps": _STEPS}}, "/card/steps", "equal"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(rules: dict[str, Any], pointer: str, code: str) -> None:
    """A rule that would loop, a set with equal thresholds: refused with the place and the reason."""
    with pytest.raises(Invalid) as refused:
        read_rules(rules)
    assert (refused.value.problems[0].pointer, refused.value.problems[0].code) == (pointer, code)


def test_reward_that_leads_on_is_no_loop() -> None:
    """Feedback may raise a level, and a level may give points."""
    rewards = [{"on": "feedback", "points": 5, "qualifying": 5}, {"on": "tier_reached", "points": 100}]
    assert len(read_rules({"rewards": rewards}).rewards) == 2
