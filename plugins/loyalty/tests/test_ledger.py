"""The ledger against its oracle: lots, expiry, holds, refunds and rollbacks, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from loyalty_kit import World, day, f1_orders, make_people
from sqlalchemy import select

from retinue.errors import Conflict, Invalid
from retinue_loyalty import members, programmes, reports, service
from retinue_loyalty.models import Transaction
from retinue_orders.service import cancel_order, record_orders, refund_order

TEN_PER_HUNDRED = {"earn": {"points": 10, "per_minor": 10000, "shipping": True}}
ONE_PER_TWENTY = {"earn": {"points": 1, "per_minor": 2000, "shipping": True}, "redeem": {"point_minor": 100}}


def test_f1_earns_a_point_per_full_twenty(crm: Any) -> None:
    """LO-01: C08 49 (not 50), C07 16, C05 11, C06 9, C01 5, C04 5, C03 4, C02 3. LO-03: the refund of C08's
    order of 250 leaves 37; the ledger has +12 and -12."""
    world = World(crm, ONE_PER_TWENTY)
    with crm.store() as store:
        people = make_people(store, [f"C{n:02}" for n in range(1, 11)])
        orders = record_orders(store, f1_orders(people))

    def balances() -> dict[str, int]:
        with crm.store() as store:
            shown = {code: members.show_member(store, i) for code, i in people.items()}
        return {code: rows[0]["balance"] for code, rows in shown.items() if rows}

    expected = {"C08": 49, "C07": 16, "C05": 11, "C06": 9, "C01": 5, "C04": 5, "C03": 4, "C02": 3}
    assert balances() == expected
    (order,) = [o for o in orders if o.contact_id == people["C08"] and o.total_minor == 25000]
    for _ in range(2):
        with crm.store() as store:
            refund_order(store, order.id, {"key": "back"})
    assert balances() == {**expected, "C08": 37}
    with crm.store() as store:
        chosen = select(Transaction.points).where(Transaction.source_ref == str(order.id))
        assert store.scalars(chosen.order_by(Transaction.id)) == [12, -12]
        trial = reports.trial_balance(store, world.programme_id, day("2026-06-30"))
    assert trial.balanced
    world.proof()


def test_lots_are_spent_by_expiry(crm: Any) -> None:
    """LO-x1: the lot that expires first goes first, not the one earned first. LO-x2: at its last moment a lot is
    over, though no job has run. LO-x16: the old day's report does not change."""
    world = World(crm)
    world.earn(100, "2026-01-10", "2027-01-10")
    world.earn(50, "2026-03-01", "2026-06-01")
    world.redeem(60, "2026-04-01")
    assert world.lots() == [90, 0]
    assert world.points("2026-04-01")[0] == 90
    with crm.store() as store:
        before = reports.trial_balance(store, world.programme_id, day("2026-05-01"))
    world.settle("2026-06-01")
    world.earn(30, "2026-07-01")
    assert world.points("2026-07-01")[0] == 120
    world.redeem(115, "2026-08-01")
    assert world.lots() == [0, 0, 5]
    world.settle("2027-01-10")
    with pytest.raises(Conflict, match="5 are available"):
        world.redeem(6, "2027-01-11")
    with crm.store() as store:
        assert reports.trial_balance(store, world.programme_id, day("2026-05-01")) == before
        after = reports.trial_balance(store, world.programme_id, day("2027-02-01"))
    assert (after.issued, after.redeemed, after.expired, after.outstanding) == (180, 175, 0, 5)
    assert before.balanced
    assert after.balanced
    world.proof()


def test_lot_is_over_at_the_moment_it_expires(crm: Any) -> None:
    """LO-x2: in the programme's zone, whether or not the expiry was posted; then it is posted with its moment."""
    world = World(crm, zone="Europe/Prague")
    moment = "2026-05-31T22:00:00"  # midnight of 1 June in Prague
    world.earn(50, "2026-03-01", moment)
    with pytest.raises(Conflict):
        world.redeem(1, moment)
    assert world.redeem(20, "2026-05-31T21:59:59").balance == 30
    with crm.store() as store:
        due = reports.trial_balance(store, world.programme_id, day("2026-06-02"))
        service.settle_due(store, {})
        posted = reports.trial_balance(store, world.programme_id, day("2026-06-02"))
        (at,) = store.scalars(select(Transaction.occurred_at).where(Transaction.kind == "expire"))
    assert at == day(moment)
    assert due == posted
    assert due.expired == 30
    world.proof()


def test_spent_lot_does_not_expire_again(crm: Any) -> None:
    """LO-x3: earned, spent before expiry, earned anew without expiry: 100 are there on 2 June."""
    world = World(crm)
    world.earn(100, "2026-01-01", "2026-06-01")
    world.redeem(100, "2026-05-01")
    world.earn(100, "2026-05-15")
    world.settle("2026-06-02")
    assert world.points("2026-06-02") == (100, 0)
    world.proof()


def test_part_refunds_take_back_exactly_what_was_earned(crm: Any) -> None:
    """LO-x4: 1,000.00 → 100; refunds of 333.33, 333.33, 333.34 take 34, 33, 33; a repeat takes nothing."""
    world = World(crm, TEN_PER_HUNDRED)
    order = world.buy(100000, "2026-03-01")
    left = []
    for key, amount in (("a", 33333), ("a", 33333), ("b", 33333), ("c", 33334), ("b", 33333)):
        with crm.store() as store:
            refund_order(store, order.id, {"key": key, "amount_minor": amount})
        left.append(world.points("2030-01-01")[0])
    assert left == [66, 66, 33, 0, 0]
    world.proof()


@pytest.mark.parametrize(
    ("policy", "after", "then", "shortfall"), [("negative", -80, -30, 0), ("clamp", 0, 50, 80)]
)
def test_refund_after_spending(crm: Any, policy: str, after: int, then: int, shortfall: int) -> None:
    """LO-x5: negative → -80, and the next 50 → -30; clamp → 20 taken, 0 left, 80 told; both balance."""
    world = World(crm, {**TEN_PER_HUNDRED, "refund": {"spent": policy}})
    order = world.buy(100000, "2026-03-01")
    world.redeem(80, "2026-03-02")
    with crm.store() as store:
        refund_order(store, order.id, {"key": "all", "refunded_at": day("2026-03-03")})
    assert world.points("2026-03-03")[0] == after
    with crm.store() as store:
        (back,) = store.scalars(select(Transaction).where(Transaction.kind == "clawback"))
        assert (back.detail or {}).get("shortfall", 0) == shortfall
    world.earn(50, "2026-03-04")
    assert world.points("2026-03-04")[0] == then
    with crm.store() as store:
        assert reports.trial_balance(store, world.programme_id, day("2027-01-01")).balanced
    world.proof()


@pytest.mark.parametrize("settled", [True, False], ids=["job ran", "job is due"])
def test_refund_after_the_points_expired_owes_nothing(crm: Any, settled: bool) -> None:
    """LO-x5: what expired unused is no debt, whether the job of the hour had posted the expiry or the refund does."""
    world = World(crm, {"earn": {"points": 1, "per_minor": 100, "expires": {"days": 10}}})
    order = world.buy(4000, "2026-01-01")
    world.earn(7, "2026-01-02", "2026-03-01")
    if settled:
        world.settle("2026-01-20")
    for key, amount in (("part", 500), ("rest", 3500)):
        with crm.store() as store:
            refund = {"key": key, "amount_minor": amount, "refunded_at": day("2026-01-20")}
            refund_order(store, order.id, refund)
        assert world.points("2026-01-20") == (7, 0)
    world.proof()


@pytest.mark.parametrize(("policy", "back"), [("expire", 0), ("grace", 30)])
def test_refund_takes_back_points_that_live_on_for_a_grace(crm: Any, policy: str, back: int) -> None:
    """LO-x5, LO-x6: points of an order that a rollback gave days of grace are no expired ones: its refund takes
    them back; without a grace they are gone already and the refund takes nothing."""
    earn = {"points": 1, "per_minor": 100, "expires": {"days": 10}}
    world = World(crm, {"earn": earn, "refund": {"restore": policy, "grace_days": 10}})
    order = world.buy(3000, "2026-01-01")
    spent = world.redeem(30, "2026-01-05")
    world.reverse(spent.id, "2026-01-20")
    world.earn(7, "2026-01-20", "2026-03-01")
    assert world.points("2026-01-20")[0] == 7 + back
    with crm.store() as store:
        refund_order(store, order.id, {"key": "all", "refunded_at": day("2026-01-21")})
    assert world.points("2026-01-21")[0] == 7
    world.proof()


@pytest.mark.parametrize(("policy", "back"), [({}, 0), ({"restore": "grace", "grace_days": 10}, 40)])
def test_rollback_restores_the_same_lots(crm: Any, policy: dict[str, Any], back: int) -> None:
    """LO-x6: points go back to their lots with their expiry; a lot that is over gives 0, or lives on for a grace.
    Twice is refused, and so is more than was redeemed."""
    world = World(crm, {"refund": policy})
    world.earn(40, "2026-01-01", "2026-04-01")
    world.earn(40, "2026-01-01", "2026-09-01")
    spent = world.redeem(60, "2026-02-01")
    assert world.lots() == [0, 20]
    part = world.reverse(spent.id, "2026-03-01", points=20)
    assert (part.points, world.lots()) == (20, [0, 40])
    with pytest.raises(Conflict):
        world.reverse(spent.id, "2026-03-01", points=41)
    world.reverse(spent.id, "2026-05-01", points=40)
    assert world.points("2026-05-01")[0] == 40 + back
    assert world.points("2026-05-11")[0] == 40
    with pytest.raises(Conflict):
        world.reverse(spent.id, "2026-05-01", points=1)
    with pytest.raises(Conflict, match="not given back"):
        world.reverse(part.id, "2026-05-01")
    world.proof()


def test_held_points_become_usable_at_midnight(crm: Any) -> None:
    """LO-x7: 14 days' hold: 0 and 100 held; cancelled on day 10 → 0 and 0; else usable on day 14 at 00:00."""
    rules = {"earn": {"points": 10, "per_minor": 10000, "shipping": True, "hold_days": 14}}
    world = World(crm, rules, zone="Europe/Prague")
    gone = world.buy(100000, "2026-01-10T15:00:00")
    world.buy(50000, "2026-01-10T15:00:00")
    assert world.points("2026-01-11") == (0, 150)
    with pytest.raises(Conflict):
        world.redeem(1, "2026-01-20")
    with crm.store() as store:
        cancel_order(store, gone.id)
    assert world.points("2026-01-20") == (0, 50)
    assert world.points("2026-01-23T22:59:59") == (0, 50)
    assert world.points("2026-01-23T23:00:00") == (50, 0)
    world.settle("2026-01-25")
    assert world.redeem(50, "2026-01-26").balance == 0
    world.proof()


def test_points_pay_and_are_not_overspent(crm: Any) -> None:
    """LO-02: 49 points at 1 EUR against 120.00 leave 71.00 to pay and 0 points; 50 → refused, nothing posted."""
    world = World(crm, ONE_PER_TWENTY)
    world.earn(49, "2026-05-01")
    user = crm.user().client
    base = f"/loyalty/programmes/{world.programme_id}"
    basket = {"contact_id": str(world.member), "lines": [{"amount_minor": 12000}]}
    quote = user.post(f"{base}/quote", basket).json()
    assert (quote["total_minor"], quote["points_usable"], quote["point_minor"]) == (12000, 49, 100)
    draft = {"contact_id": str(world.member), "points": 50, "key": "pay", "total_minor": 12000}
    refused = user.post(f"{base}/redeem", draft)
    assert (refused.status_code, refused.json()["available"]) == (409, 49)
    paid = user.post(f"{base}/redeem", {**draft, "points": 49})
    assert (paid.status_code, paid.json()["balance"]) == (200, 0)
    again = user.post(f"{base}/redeem", {**draft, "points": 49}).json()
    assert (again["id"], again["balance"], again["repeated"]) == (paid.json()["id"], 0, True)
    assert user.post(f"{base}/redeem", {**draft, "points": 48}).status_code == 409, "a key is one deed"
    assert user.post(f"{base}/redeem", {**draft, "key": "b", "points": 1}).status_code == 409
    assert quote["total_minor"] - 49 * quote["point_minor"] == 7100
    world.proof()


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_bad_input_is_refused_and_nothing_is_posted(crm: Any) -> None:
    """Negative or foreign amounts, unknown programme, too little and too much: each with its reason."""
    world = World(crm, {**ONE_PER_TWENTY, "redeem": {"point_minor": 100, "least": 5, "most_percent": 50}})
    world.earn(100, "2026-05-01")
    api, someone = crm.user().client, str(world.member)
    base = f"/loyalty/programmes/{world.programme_id}"
    unknown = "/loyalty/programmes/01a2133e-1e3f-7f07-a07f-8fde4cfa1dc0"
    earning = {"contact_id": someone, "points": 1, "key": "x"}
    purchase = {"contact_id": someone, "key": "p", "currency": "EUR", "total_minor": 1}
    cases = [
        (f"{base}/earn", {"earnings": [{**earning, "points": -5}]}, 422, "/earnings/0/points"),
        (f"{base}/earn", {"earnings": [{**earning, "points": 0}]}, 422, "/earnings/0/points"),
        (
            f"{base}/earn",
            {"earnings": [{**earning, "contact_id": str(world.programme_id)}]},
            422,
            "/earnings/0/contact_id",
        ),
        (f"{unknown}/earn", {"earnings": [earning]}, 404, None),
        (f"{base}/redeem", {**earning, "points": -1}, 422, "/points"),
        (f"{base}/redeem", {**earning, "points": 4}, 422, "/points"),
        (f"{base}/redeem", {**earning, "points": 51, "total_minor": 10000}, 422, "/points"),
        (f"{base}/redeem", {**earning, "points": 101}, 409, None),
        (f"{unknown}/redeem", {**earning, "points": 5}, 404, None),
        (f"{base}/adjust", {**earning, "points": -101, "reason": "r"}, 409, None),
        (f"{base}/adjust", {**earning, "points": 0, "reason": "r"}, 422, "/points"),
        (f"{base}/adjust", earning, 422, "/reason"),
        ("/loyalty/purchases", {**purchase, "total_minor": -1}, 422, "/total_minor"),
        ("/loyalty/purchases", {**purchase, "currency": "USD"}, 422, "/currency"),
        (
            f"{base}/events",
            {"events": [{"on": "sunrise", "contact_id": someone, "key": "k"}]},
            422,
            "/events/0/on",
        ),
    ]
    world.redeem(5, "2026-05-02", key="once")
    order = world.buy(4000, "2026-05-03")
    loop = {"rewards": [{"on": "points_earned", "points": 1}]}
    twice = {"window": {"months": 12}, "levels": [{"key": k, "threshold": 5} for k in "ab"]}
    programme = {"key": "new", "name": "New", "currency": "EUR"}
    cases += [
        (f"{base}/redeem", {**earning, "key": "once", "points": 6}, 409, None),
        (f"/orders/{order.id}/refunds", {"key": "r", "amount_minor": 4001}, 422, "/amount_minor"),
        ("/loyalty/programmes", {**programme, "rules": loop}, 422, "/rules/rewards/0/on"),
        (
            "/loyalty/programmes",
            {**programme, "rules": {"tiers": twice}},
            422,
            "/rules/tiers/levels/1/threshold",
        ),
    ]
    before = world.proof()
    for path, body, status, pointer in cases:
        answer = api.post(path, body)
        assert answer.status_code == status, (path, body, answer.text)
        said = answer.json()
        assert {"remedy", "errors"} & said.keys() or status == 404, answer.text
        if pointer:
            assert answer.json()["errors"][0]["pointer"] == pointer, answer.text
    assert world.proof().transactions == before.transactions
    assert api.post("/loyalty/purchases", {**purchase, "total_minor": 4000}).json() == {"count": 1}
    assert api.post("/loyalty/purchases", {**purchase, "total_minor": 4000}).json() == {"count": 0}
    assert world.points("2030-01-01")[0] == 99


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_draft_and_closed_programmes_take_no_points(crm: Any) -> None:
    """A programme is a draft, active, or closed for good; its purchases are another's business then."""
    world = World(crm, ONE_PER_TWENTY)
    with crm.store() as store:
        programmes.change_programme(store, world.programme_id, {"state": "closed"})
    with pytest.raises(Conflict, match="closed"):
        world.earn(1, "2026-01-01")
    world.buy(10000, "2026-01-01")
    with crm.store() as store:
        assert members.show_member(store, world.member) == []
        with pytest.raises(Conflict):
            programmes.change_programme(store, world.programme_id, {"state": "active"})
        with pytest.raises(Invalid, match="zone"):
            programmes.create_programme(
                store, {"key": "x", "name": "X", "currency": "EUR", "zone": "Nowhere", "rules": {}}
            )
