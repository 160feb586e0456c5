"""Members over the API: levels, offers, referrals, memberships, reports, links; merges, erasure and copies."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from loyalty_kit import World, day, f1_orders, make_people
from sqlalchemy import select

from retinue.contacts import merge_contacts, revert_change_set
from retinue.contacts.erasing import erase_contact
from retinue_loyalty import holdings, members, programmes, reports, service
from retinue_loyalty.models import Account, Base, Offer, Standing
from retinue_orders.service import cancel_order, complete_order, record_orders

SILVER_GOLD = {
    "earn": {"points": 1, "per_minor": 2000, "shipping": True},
    "tiers": {
        "window": {"days": 365},
        "levels": [{"key": "silver", "threshold": 30000}, {"key": "gold", "threshold": 80000}],
    },
    "vip_percent": "10",
}
sqlite = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


def test_f1_levels_ranks_and_a_preview(crm: Any) -> None:
    """LO-06: C08 Silver at order 2, Gold at order 4. LO-10: the top 10 % of 8 buyers are C08. A preview of Gold 500
    shows who changes and changes nobody; the fields of lists and filters say the same."""
    world = World(crm, SILVER_GOLD)
    api = crm.user().client
    with crm.store() as store:
        people = make_people(store, [f"C{n:02}" for n in range(1, 11)])
        record_orders(store, f1_orders(people))
    base = f"/loyalty/programmes/{world.programme_id}"
    steps = api.get(f"/loyalty/members/{people['C08']}/levels").json()
    assert [(s["day"], s["level"]) for s in steps[-2:]] == [("2026-03-03", "gold"), ("2026-01-22", "silver")]
    moment = {"at": "2026-06-30T00:00:00Z"}
    status = api.get(f"/loyalty/members/{people['C08']}", params=moment).json()[0]
    assert (status["tier"], status["gathered"], status["next_tier"]) == ("gold", 100000, "")
    assert [row["contact_id"] for row in api.get(f"{base}/best-buyers").json()] == [str(people["C08"])]
    rules = {**SILVER_GOLD, "tiers": {**SILVER_GOLD["tiers"], "levels": [  # type: ignore[dict-item]
        {"key": "silver", "threshold": 30000}, {"key": "gold", "threshold": 36000},
    ]}}  # fmt: skip
    shown = api.post(f"{base}/preview", {"rules": rules, **moment}).json()
    assert shown == {
        "members": 8, "changes": [{"contact_id": str(people["C07"]), "before": "silver", "after": "gold"}],
    }  # fmt: skip
    again = api.get(f"/loyalty/members/{people['C07']}", params=moment).json()[0]
    assert again["tier"] == "silver"
    equal = {
        "tiers": {
            "window": {"days": 9},
            "levels": [{"key": "a", "threshold": 1}, {"key": "b", "threshold": 1}],
        }
    }
    refused = api.post(f"{base}/preview", {"rules": equal})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "equal")
    rich = api.get("/contacts", params={"loyalty.balance__gte": "16", "fields": "loyalty.balance"}).json()[
        "items"
    ]
    assert sorted(row["values"]["loyalty.balance"] for row in rich) == [16, 49]
    today = {code: api.get(f"/loyalty/members/{one}").json() for code, one in people.items()}
    for tier in ("gold", "silver"):
        listed = api.get("/contacts", params={"loyalty.tier": tier, "fields": "given_name"}).json()["items"]
        of_today = {code for code, rows in today.items() if rows and rows[0]["tier"] == tier}
        assert {row["values"]["given_name"] for row in listed} == of_today


@sqlite
def test_new_rules_count_from_their_day_on(crm: Any) -> None:
    """Programmes are versioned data: a purchase is counted by the rules of its day, whenever it comes in."""
    world = World(crm, {"earn": {"points": 1, "per_minor": 1000}})
    api = crm.user().client
    path = f"/loyalty/programmes/{world.programme_id}"
    version = api.get(path).json()["version"]
    new = {"rules": {"earn": {"points": 2, "per_minor": 1000}}, "rules_from": "2026-07-01T00:00:00Z"}
    changed = api.patch(path, {**new, "version": version})
    assert (changed.status_code, changed.json()["rules_number"]) == (200, 2), changed.text
    assert api.patch(path, {"name": "x", "version": version}).status_code in (409, 412)
    world.buy(10000, "2026-07-01")
    world.buy(10000, "2026-06-30T23:59:59")
    assert world.points("2027-01-01")[0] == 20 + 10
    assert [v["number"] for v in api.get(f"{path}/versions").json()] == [2, 1]


@sqlite
def test_several_programmes_run_side_by_side(crm: Any) -> None:
    """One order feeds every active programme of its currency; a refund takes back in each."""
    first = World(crm, {"earn": {"points": 1, "per_minor": 1000}})
    with crm.store() as store:
        draft = {
            "key": "second", "name": "Second", "currency": "EUR", "state": "active",
            "rules": {"earn": {"points": 3, "per_minor": 1000}}, "rules_from": day("2020-01-01"),
        }  # fmt: skip
        programmes.create_programme(store, draft)
    order = first.buy(10000, "2026-01-01")
    first.buy(10000, "2026-01-01", currency="USD")
    with crm.store() as store:
        assert [row["balance"] for row in members.show_member(store, first.member)] == [10, 30]
        cancel_order(store, order.id)
        assert [row["balance"] for row in members.show_member(store, first.member)] == [0, 0]
    first.proof()


@sqlite
def test_fifth_delivery_of_f1_is_free_and_a_cancelled_one_does_not_count(crm: Any) -> None:
    """LO-08: C08 pays 4.90 × 4, the fifth (2026-03-23) nothing; a cancelled order does not count."""
    world = World(crm, {"delivery": {"fee_minor": 490, "every": 5}})
    api = crm.user().client
    basket = {"contact_id": str(world.member), "lines": [{"amount_minor": 100}]}

    def fee() -> int:
        found: int = api.post(f"/loyalty/programmes/{world.programme_id}/quote", basket).json()[
            "delivery_minor"
        ]
        return found

    fees = []
    for number in range(7):
        fees.append(fee())
        order = world.buy(1000, f"2026-01-{number + 1:02}")
        with crm.store() as store:
            if number == 2:
                cancel_order(store, order.id)
            else:
                complete_order(store, order.id)
    assert fees == [490, 490, 490, 490, 490, 0, 490]


def test_balance_link_shows_points_and_no_person(crm: Any) -> None:
    """A customer's own balance by a signed link: no account needed, no name in it, forged or erased it is refused."""
    world = World(crm, SILVER_GOLD)
    world.earn(7, "2026-01-01")
    api = crm.user().client
    token = api.get(f"/loyalty/programmes/{world.programme_id}/members/{world.member}/link").json()["token"]
    shown = crm.nobody.get(f"/loyalty/balance/{token}")
    assert shown.status_code == 200, shown.text
    assert shown.json()["balance"] == 7
    assert str(world.member) not in shown.text + token
    account, until, mark = token.split(".")
    for wrong in (
        f"{account}.20990101.{mark}",
        f"{account}.{until}.{'0' * 32}",
        "x",
        f"{UUID(int=1).hex}.{until}.{mark}",
    ):
        assert crm.nobody.get(f"/loyalty/balance/{wrong}").status_code == 403
    with crm.store() as store:
        erase_contact(store, world.member)
    assert crm.nobody.get(f"/loyalty/balance/{token}").status_code == 404


def test_merged_members_share_a_wallet_and_part_again(crm: Any) -> None:
    """contacts_merged: each lot keeps its dates, levels add up; reverting the merge gives each their own, even after spending."""
    world = World(crm, SILVER_GOLD)
    world.earn(10, "2026-01-01", "2099-01-01")
    world.buy(20000, "2026-11-01")
    first = world.member
    with crm.store() as store:
        second = world.member = make_people(store, ["B"])["B"]
    world.earn(30, "2026-01-02", "2098-01-01")
    world.buy(20000, "2026-11-02")
    with crm.store() as store:
        merge_contacts(store, first, [second])
        deed = store.change_set_id
    world.member = first
    with crm.store() as store:
        (status,) = members.show_member(store, first)
        assert (status["balance"], status["gathered"], status["tier"]) == (60, 40000, "silver")
        assert store.rows(select(Standing.contact_id, Standing.balance)) == [(first, 60)]
    world.redeem(35, "2026-11-20")
    world.proof()
    with crm.store() as store:
        revert_change_set(store, deed)
    with crm.store() as store:
        got = {i: members.show_member(store, i)[0] for i in (first, second)}
    assert [(got[i]["balance"], got[i]["tier"]) for i in (first, second)] == [(15, ""), (10, "")]
    world.proof()


def test_erasure_lets_points_lapse_and_keeps_the_numbers(crm: Any) -> None:
    """contacts_erased: the copy holds all; after erasure nothing leads to the person, the ledger balances, old reports stand."""
    world = World(crm, {**SILVER_GOLD, "rewards": [{"on": "referral", "points": 1}]})
    world.earn(40, "2026-01-01")
    world.redeem(15, "2026-02-01")
    with crm.store() as store:
        (copy,) = store.hooks.contact_exports(store=store, contact_ids=[world.member])[-1:]
        assert [(r["kind"], r["points"]) for r in copy.records] == [("earn", 40), ("redeem", -15)]
        other = make_people(store, ["B"])["B"]
        draft = {"referrer_id": other, "referred_id": world.member}
        holdings.create_referral(store, world.programme_id, draft)
        holdings.create_offer(
            store, world.programme_id, {"code": "MINE", "percent": "5", "contact_id": world.member}
        )
    with crm.store() as store:
        before = reports.trial_balance(store, world.programme_id, day("2026-03-01"))
        erase_contact(store, world.member)
    with crm.store() as store:
        assert store.scalars(select(Account.contact_id)) == [None]
        assert store.scalars(select(Offer)) == []
        assert reports.trial_balance(store, world.programme_id, day("2026-03-01")) == before
        now = reports.trial_balance(store, world.programme_id, store.now + timedelta(seconds=1))
    assert (now.outstanding, now.adjusted, now.balanced) == (0, 25, True)
    world.proof()


@sqlite
def test_points_are_seen_exactly_where_their_contact_is(crm: Any) -> None:
    """Who may not see the contact sees no points, no history and no link, and gives none."""
    world = World(crm)
    world.earn(5, "2026-01-01")
    clerk = crm.user(
        {"contact.read": "own", "points.read": "all", "points.earn": "all", "points.redeem": "all"}
    ).client
    for path in ("", "/history", "/levels"):
        assert clerk.get(f"/loyalty/members/{world.member}{path}").status_code == 404
    base = f"/loyalty/programmes/{world.programme_id}"
    assert clerk.get(f"{base}/members/{world.member}/link").status_code == 404
    draft = {"contact_id": str(world.member), "points": 1, "key": "x"}
    assert clerk.post(f"{base}/earn", {"earnings": [draft]}).status_code == 422
    assert clerk.post(f"{base}/redeem", draft).status_code == 422
    with crm.store() as store:
        (spent,) = [service.redeem_points(store, world.programme_id, {**draft, "contact_id": world.member})]
    assert clerk.post(f"/loyalty/transactions/{spent.id}/reverse", {"key": "r"}).status_code == 404
    assert clerk.post(f"{base}/adjust", {**draft, "reason": "r"}).status_code == 403


@sqlite
def test_undoing_a_change_set_deletes_no_ledger(crm: Any) -> None:
    """change_sets_reverted: the first points open an account; undoing that deed must not take the ledger with it."""
    world = World(crm)
    draft = {"contact_id": world.member, "points": 5, "key": "x", "at": day("2026-01-01")}
    with crm.store() as store:
        service.earn_points(store, world.programme_id, [draft])
        deed = store.change_set_id
    with crm.store() as store:
        assert revert_change_set(store, deed).kept
    assert world.points("2026-01-02")[0] == 5
    world.proof()


def test_history_is_paged_and_levels_age_by_the_job(crm: Any) -> None:
    """The job posts what is due, once, with its moments; the member's history lists every deed."""
    world = World(crm, {**SILVER_GOLD, "earn": {"points": 1, "per_minor": 2000, "expires": {"days": 30}}})
    world.buy(40000, "2025-01-01")
    api = crm.user().client
    with crm.store() as store:
        assert service.settle_due(store, {}) == 1
        service.settle_due(store, {})
    pages, cursor = [], None
    while True:
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        answer = api.get(f"/loyalty/members/{world.member}/history", params=query).json()
        pages += [(row["kind"], row["points"], row["occurred_at"][:10]) for row in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert pages == [("expire", -20, "2025-01-31"), ("earn", 20, "2025-01-01")]
    with crm.store() as store:
        assert store.scalars(select(Account.level)) == [""]
    world.proof()


def test_migrations_make_the_tables_of_the_models(house: Any) -> None:
    """What a fresh upgrade makes and what the classes say are the same, on both databases."""
    with house.database.transaction() as connection:
        options = {
            "include_object": lambda _o, name, kind, *_: kind != "table" or name.startswith("loyalty_"),
            "compare_type": house.database.kind == "postgresql",
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    assert (Path(__file__).parents[1] / "src/retinue_loyalty/plugin.toml").exists()
