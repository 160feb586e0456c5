"""Loyalty fails or is off while orders go on: what it lacks is named, and made up for, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loyalty_kit import World, day

from retinue.actor import Actor
from retinue.contacts import create_contact
from retinue.jobs import DONE
from retinue_loyalty import catching_up, programmes, purchases
from retinue_orders.service import cancel_order, complete_order, record_orders, refund_order

RULES = {"earn": {"points": 1, "per_minor": 1000}, "delivery": {"fee_minor": 490, "every": 2}}
sqlite = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


class Job:
    """Stands in for the worker: keeps what the job says."""

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Keep how far it is."""
        self.said = (done, total, message)


def run_job(crm: Any) -> int:
    """Do all steps of the job and return how many there were."""
    state, steps = None, 0
    while state is not DONE:
        with crm.store() as store:
            state = catching_up.CatchUp().step(store, {}, state, Job())
        steps += 1
    return steps


def _broken(*_: Any) -> int:
    raise RuntimeError("loyalty fails")


def _failing(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], Any]) -> Any:
    """Do something while every function that loyalty answers orders with fails."""
    with monkeypatch.context() as broken:
        for name in ("take_sales", "take_returns", "complete_purchases"):
            broken.setattr(purchases, name, _broken)
        return deed()


def test_what_loyalty_failed_over_is_made_up_for(crm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loyalty that fails over orders_paid, orders_refunded, orders_cancelled or orders_completed stops no order; the gap is
    named, the job of the hour closes it, twice changes nothing."""
    world, api = World(crm, RULES), crm.user().client
    kept = world.buy(10000, "2026-03-01")

    def deeds() -> Any:
        first = world.buy(20000, "2026-03-02")
        second = world.buy(30000, "2026-03-03")
        with crm.store() as store:
            refund_order(store, kept.id, {"key": "r", "amount_minor": 4000})
            complete_order(store, kept.id)
            refund_order(store, first.id, {"key": "r", "amount_minor": 5000})
            cancel_order(store, second.id)
        return first

    _failing(monkeypatch, deeds)
    assert world.points("2026-12-01") == (10, 0)
    assert api.get("/loyalty/gap").json() == {"looked": 3, "sales": 2, "returns": 3, "completed": 1}
    assert run_job(crm) == 1
    assert api.get("/loyalty/gap").json() == {"looked": 3, "sales": 0, "returns": 0, "completed": 0}
    assert world.points("2026-12-01") == (6 + 15 + 0, 0)
    for _ in range(2):
        run_job(crm)
        assert world.points("2026-12-01") == (21, 0)
    world.proof()


@sqlite
def test_a_refund_that_only_levels_count_is_made_up_for_once(
    crm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without points there is no transaction to know a return by; its row for the levels is known all the same."""
    world = World(crm, {"tiers": {"window": {"months": 12}, "levels": [{"key": "gold", "threshold": 9000}]}})
    order = world.buy(10000, "2026-11-01")
    assert world.tier("2026-11-02") == "gold"

    def refund() -> None:
        with crm.store() as store:
            refund_order(
                store, order.id, {"key": "r", "amount_minor": 2000, "refunded_at": day("2026-11-03")}
            )

    _failing(monkeypatch, refund)
    for _ in range(2):
        run_job(crm)
        assert world.tier("2026-11-04") == ""
    with crm.store() as store:
        assert catching_up.count_gap(store)["returns"] == 0
        (purchase,) = store.system("look").scalars(
            purchases.Purchase.__table__.select().with_only_columns(purchases.Purchase.refunded_minor)
        )
        assert purchase == 2000


@sqlite
def test_old_sales_are_not_paid_for_by_a_new_programme(crm: Any) -> None:
    """Catching up gives what would have been given: nothing for sales from before a programme was active."""
    world = World(crm, RULES)
    world.buy(10000, "2026-03-01")
    with crm.store() as store:
        draft = {"key": "new", "name": "New", "currency": "EUR", "state": "draft", "rules": RULES}
        new = programmes.create_programme(store, draft)["id"]
    world.buy(10000, "2026-03-02")
    with crm.store() as store:
        programmes.change_programme(store, new, {"state": "active"})
    with crm.store() as store:
        assert catching_up.count_gap(store) == {"looked": 2, "sales": 0, "returns": 0, "completed": 0}


@sqlite
def test_orders_of_a_time_when_loyalty_was_off_are_made_up_for(
    crm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, through the command as well, when the plugin is on again."""
    world = World(crm, RULES)
    monkeypatch.setattr(catching_up, "PAGE", 2)
    crm.house.disable(Actor.system("test"), "loyalty")
    with crm.store() as store:
        drafts = [
            {
                "number": f"n{n}", "contact_id": world.member, "placed_at": day("2026-03-01"), "currency": "EUR",
                "total_minor": 1000, "payment": "paid",
            }
            for n in range(5)
        ]  # fmt: skip
        record_orders(store, [*drafts, {**drafts[0], "number": "unknown", "contact_id": None}])
    crm.house.enable(Actor.system("test"), "loyalty")
    with crm.store(readonly=True) as store:
        assert catching_up.add_up(store, catching_up.EVER, catching_up.read_gap)["sales"] == 5
    assert run_job(crm) == 4
    assert world.points("2026-12-01") == (5, 0)


def test_refund_of_the_whole_order_takes_its_rewards_back(crm: Any) -> None:
    """LO-12: A's points for bringing B go when B's order goes back, part of it does nothing, and come with the next."""
    rewards = [
        {"on": "referral", "points": 50, "referred_points": 20},
        {"on": "points_earned", "points": 0, "qualifying": 500},
    ]
    world = World(crm, {**RULES, "rewards": rewards})
    api = crm.user().client
    with crm.store() as store:
        friend = create_contact(store, {"given_name": "F", "family_name": "X"}, on_duplicate="allow").id
    draft = {"referrer_id": str(world.member), "referred_id": str(friend)}
    assert api.post(f"/loyalty/programmes/{world.programme_id}/referrals", draft).status_code == 201
    me, world.member = world.member, friend

    def balances() -> list[int]:
        found = [api.get(f"/loyalty/members/{who}").json() for who in (me, friend)]
        return [rows[0]["balance"] if rows else 0 for rows in found]

    first = world.buy(10000, "2026-03-01")
    assert balances() == [50, 30]
    with crm.store() as store:
        refund_order(store, first.id, {"key": "part", "amount_minor": 5000})
    assert balances() == [50, 25]
    with crm.store() as store:
        refund_order(store, first.id, {"key": "rest"})
    assert balances() == [0, 0]
    second = world.buy(10000, "2026-04-01")
    assert balances() == [50, 30]
    with crm.store() as store:
        cancel_order(store, second.id)
    assert balances() == [0, 0]
    world.proof()


@sqlite
def test_membership_that_starts_is_rewarded_once(crm: Any) -> None:
    """A reward on membership_started is given with the deed itself, nobody has to send an event."""
    rules = {"membership": {"fee_minor": 990}, "rewards": [{"on": "membership_started", "points": 30}]}
    world, api = World(crm, rules), crm.user().client
    path = f"/loyalty/programmes/{world.programme_id}/memberships"
    draft = {"contact_id": str(world.member), "starts_on": "2026-11-01"}
    assert api.post(path, draft).status_code == 201
    assert api.post(path, draft).status_code == 409
    assert world.points("2026-11-02") == (30, 0)
