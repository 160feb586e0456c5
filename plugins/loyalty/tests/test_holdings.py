"""What members hold beside points: offers, referrals, rewards, memberships, coupons."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from loyalty_kit import World, day, make_people
from sqlalchemy import select

from retinue.contacts import create_contact
from retinue_loyalty import holdings, jobs, members
from retinue_loyalty.models import Account, Offer
from retinue_orders.service import cancel_order, record_orders

SILVER_GOLD = {
    "earn": {"points": 1, "per_minor": 2000, "shipping": True},
    "tiers": {
        "window": {"days": 365},
        "levels": [{"key": "silver", "threshold": 30000}, {"key": "gold", "threshold": 80000}],
    },
    "vip_percent": "10",
}
sqlite = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


def test_promo_code_is_used_once_and_ends(crm: Any) -> None:
    """LO-11: −20 % once per contact: 100.00 → 80.00, the second use 409; after the end 410; another's offer 404."""
    world = World(crm)
    api = crm.user().client
    base = f"/loyalty/programmes/{world.programme_id}"
    with crm.store() as store:
        other = make_people(store, ["B"])["B"]
    draft = {"code": "black-friday", "percent": "20", "ends_at": "2026-12-01T00:00:00Z"}
    assert api.post(f"{base}/offers", draft).status_code == 201
    assert api.post(f"{base}/offers", draft).status_code == 409
    use = {
        "code": "Black-Friday", "contact_id": str(world.member), "total_minor": 10000, "key": "o1",
        "at": "2026-11-27T10:00:00Z",
    }  # fmt: skip
    for _ in range(2):
        assert api.post("/loyalty/offers/use", use).json()["total_minor"] == 8000, (
            "the same key is the same use"
        )
    assert api.post("/loyalty/offers/use", {**use, "key": "o2"}).status_code == 409
    assert api.post("/loyalty/offers/use", {**use, "contact_id": str(other)}).status_code == 200
    late = api.post("/loyalty/offers/use", {**use, "key": "o3", "at": "2026-12-01T00:00:00Z"})
    assert (late.status_code, late.json()["type"].rpartition("/")[2].rpartition(":")[2]) == (
        410,
        "offer-over",
    )
    own = {"code": "FOR-YOU", "percent": "10", "contact_id": str(world.member)}
    assert api.post(f"{base}/offers", own).status_code == 201
    assert (
        api.post(
            "/loyalty/offers/use", {**use, "code": "FOR-YOU", "contact_id": str(other), "key": "o4"}
        ).status_code
        == 404
    )
    wrong = {**draft, "code": "X99", "starts_at": "2026-12-02T00:00:00Z"}
    assert api.post(f"{base}/offers", wrong).status_code == 422
    basket = {"contact_id": str(world.member), "lines": [{"amount_minor": 1000}], "code": "for-you"}
    assert api.post(f"{base}/quote", basket).json()["total_minor"] == 900
    mine = api.get(f"{base}/offers", params={"contact_id": str(world.member)}).json()
    assert [offer["code"] for offer in mine] == ["FOR-YOU"]


def test_referral_is_rewarded_with_the_first_paid_order(crm: Any) -> None:
    """LO-12: 0 before B's first paid order, points after it, once; oneself, by the same e-mail too, is 409."""
    rules = {"rewards": [{"on": "referral", "points": 50, "referred_points": 20}]}
    world = World(crm, rules)
    api = crm.user().client
    with crm.store() as store:
        friend, same = (
            create_contact(
                store,
                {"given_name": n, "family_name": "X", "emails": [{"value": mail}]},
                on_duplicate="allow",
            ).id
            for n, mail in (("F", "friend@example.cz"), ("S", "Me@example.cz"))
        )
        me = create_contact(
            store,
            {"given_name": "M", "family_name": "X", "emails": [{"value": "me@example.cz"}]},
            on_duplicate="allow",
        ).id
    base = f"/loyalty/programmes/{world.programme_id}/referrals"
    draft = {"referrer_id": str(me), "referred_id": str(friend)}
    assert api.post(base, draft).status_code == 201
    assert api.post(base, draft).status_code == 409
    for wrong in (me, same):
        assert api.post(base, {**draft, "referred_id": str(wrong)}).status_code == 409
    world.member = me
    with crm.store() as store:
        assert members.show_member(store, me) == []
    for _ in range(2):
        with crm.store() as store:
            order = {
                "number": world.key(), "contact_id": friend, "placed_at": day("2026-03-01"), "currency": "EUR",
                "total_minor": 100, "payment": "paid",
            }  # fmt: skip
            record_orders(store, [order])
    with crm.store() as store:
        got = [members.show_member(store, i)[0]["balance"] for i in (me, friend)]
    assert got == [50, 20]
    world.proof()


@sqlite
def test_answer_is_rewarded_once_whatever_it_says(crm: Any) -> None:
    """LO-13: an answer gives 5 once, a 0 as much as a 10; by the API or by the job another plugin enqueues."""
    world = World(
        crm, {"rewards": [{"on": "feedback", "points": 5}, {"on": "birthday", "points": 7, "once": True}]}
    )
    api = crm.user().client
    path = f"/loyalty/programmes/{world.programme_id}/events"
    answer = {"on": "feedback", "contact_id": str(world.member), "key": "answer-1"}
    assert [api.post(path, {"events": [answer]}).json()["count"] for _ in range(2)] == [1, 0]
    with crm.store() as store:
        items = [{"contact_id": str(world.member), "key": key} for key in ("answer-1", "answer-2")]
        jobs.record_events(store, {"on": "feedback", "items": items})
    assert world.points("2030-01-01")[0] == 10
    for key in ("2026", "2027"):
        api.post(path, {"events": [{**answer, "on": "birthday", "key": key}]})
    assert world.points("2030-01-01")[0] == 17


def test_paid_membership_gives_its_perks_until_the_paid_month_ends(crm: Any) -> None:
    """LO-07: paid 2026-03-01 → delivery 0.00 on 03-31, 4.90 on 04-01 if unpaid. LO-x15: from 01-31 it renews 02-28,
    03-31; cancelled, its perks stay to the end of the month."""
    rules = {
        "delivery": {"fee_minor": 490},
        "membership": {"fee_minor": 990, "perks": [{"key": "post", "kind": "free_delivery"}]},
    }
    world = World(crm, rules)
    api = crm.user().client
    base = f"/loyalty/programmes/{world.programme_id}"

    def fee(at: str) -> int:
        basket = {"contact_id": str(world.member), "lines": [{"amount_minor": 100}], "at": f"{at}T12:00:00Z"}
        found: int = api.post(f"{base}/quote", basket).json()["delivery_minor"]
        return found

    start = {"contact_id": str(world.member), "starts_on": "2026-03-01"}
    made = api.post(f"{base}/memberships", start).json()
    assert made["paid_until"] == "2026-04-01"
    assert [fee(f"2026-{d}") for d in ("02-28", "03-01", "03-31", "04-01")] == [490, 0, 0, 490]
    assert api.post(f"{base}/memberships", start).status_code == 409
    assert api.post(f"/loyalty/memberships/{made['id']}/cancel").status_code == 200
    assert (fee("2026-03-31"), fee("2026-04-01")) == (0, 490)
    assert api.post(f"/loyalty/memberships/{made['id']}/renew").status_code == 409
    made = api.post(f"{base}/memberships", {**start, "starts_on": "2027-01-31"}).json()
    days = [made["paid_until"]]
    days += [api.post(f"/loyalty/memberships/{made['id']}/renew").json()["paid_until"] for _ in range(2)]
    assert days == ["2027-02-28", "2027-03-31", "2027-04-30"]
    with crm.store() as store:
        assert holdings.current_membership(store, world.programme_id, world.member, date(2027, 4, 30)) is None


@sqlite
def test_coupon_of_a_level_outlives_the_level(crm: Any) -> None:
    """LO-x12: what a level gave as a coupon stays good when the level is lost; reaching it again gives another."""
    level = {
        "key": "silver",
        "threshold": 10000,
        "perks": [{"key": "hi", "kind": "coupon", "percent": "15", "days": 3650}],
    }
    world = World(crm, {"tiers": {"window": {"months": 12}, "levels": [level]}})
    order = world.buy(20000, "2026-11-01")
    with crm.store() as store:
        (offer,) = store.scalars(select(Offer))
        assert (offer.contact_id, offer.percent) == (world.member, "15")
        cancel_order(store, order.id)
    with crm.store() as store:
        assert store.scalars(select(Account.level)) == [""]
        draft = {"code": offer.code, "contact_id": world.member, "total_minor": 10000, "key": "u"}
        assert holdings.use_offer(store, draft)["total_minor"] == 8500
