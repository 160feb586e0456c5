"""Random trees over random rows: the databases and a plain reading of the language must agree."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lists_evaluator import Evaluator
from lists_kit import LoyaltyAccount, add_contact, contact_catalogue, definitions, fits, make_loyalty

from retinue.actor import Actor
from retinue.lists import And, ListRequest, Not, Or, Test, select_ids
from retinue.lists.operators import OPERATORS, PERIODS
from retinue.storage import new_id

COVERED = set(OPERATORS) - {"search"}
TODAY, ZONE = date(2026, 6, 30), "Europe/Prague"
SYSTEM = Actor.system("test")
OWNERS = [new_id(), new_id()]
CITIES = [None, "", "Praha", "praha", "PRAHA", "Nový Bor", "100%", "a_b", "İzmir", "Brno!", "Санкт-Петербург"]
BIRTHS = [
    None,
    date(1990, 7, 1),
    date(1992, 2, 29),
    date(2000, 6, 30),
    date(2001, 7, 2),
    date(1985, 6, 29),
    date(2026, 7, 1),
]
MOMENTS = [
    None,
    *(datetime(2026, 6, 30, 12, tzinfo=UTC) - timedelta(days=d) for d in (0, 1, 7, 119, 120, 121, 400)),
    datetime(2026, 6, 30, 22, 0, tzinfo=UTC),  # the first moment of 1 July in Prague
    datetime(2026, 6, 30, 21, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 1, 23, 0, tzinfo=UTC),  # the first moment of the 120th day back
    datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC),
]
SEATS = [None, 0, 9, 10, -5, 2**40]
BUDGETS = [None, 12.5, 100, 0.1]
TAGS = ["vip", "Praha 7", "price"]
PAINS = ["price", "speed", "help"]
EMAILS = [None, "a@x.cz", "b@x.cz", "c@y.cz"]

PIECES = [c for c in CITIES if c] + ["pra", "_", "%", "!", "р", "нкт", "\U0010ffff"]
NUMBERS = [0, 9, 10, 11, -5, 2**40, 2**63 - 1]
ORDERED = ["eq", "ne", "lt", "lte", "gt", "gte"]
RELATIVE = [
    "more_than_days_ago",
    "more_than_days_ago_or_never",
    "less_than_days_ago",
    "exactly_days_ago",
    "in_next_days",
]
DAYS = [0, 1, 7, 119, 120, 121, 365]
ISO_DAYS = ["2026-06-30", "2026-07-01", "2026-03-02", "1990-07-01", "1992-02-29"]
DATED = ["birth_date", "last_interaction_at", "custom.renewal"]
FIELDS = [
    *(
        "city",
        "birth_date",
        "last_interaction_at",
        "custom.seats",
        "custom.budget",
        "custom.trial",
        "custom.renewal",
    ),
    *(
        "custom.plan",
        "custom.pains",
        "custom.branch",
        "tag",
        "email",
        "loyalty.tier",
        "loyalty.points",
        "owner_id",
    ),
]
GRID = [
    (["city", "custom.branch"], ["eq", "ne", "contains", "starts_with"], PIECES),
    (["city", "custom.branch"], ["in", "not_in"], [("Praha",), ("Praha", "Brno!", "100%", "a_b", "nowhere")]),
    (["custom.seats", "loyalty.points"], ORDERED, NUMBERS),
    (["custom.seats"], ["in", "not_in"], [(9,), (0, 9, 10, 2**63 - 1)]),
    (["custom.seats"], ["between"], [(0, 9), (-5, 2**50), (10, 10)]),
    (["custom.budget"], ORDERED, [12.5, 100, 0.1, 7]),
    (["custom.trial"], ["eq", "ne"], [True, False]),
    (["birth_date", "custom.renewal"], ORDERED, ISO_DAYS),
    (["last_interaction_at"], ORDERED, [*ISO_DAYS, "2026-06-30T12:00:00+00:00", "2026-06-30T22:00:00Z"]),
    (DATED, RELATIVE, DAYS),
    (DATED, ["this_month", "last_week"], [None, True, False]),
    (DATED, ["between"], [("1990-07-01", "2026-03-02"), ("2026-07-01", "2026-07-01")]),
    (["birth_date", "custom.renewal"], ["anniversary_in_days"], [0, 1, 31]),
    (["age"], ORDERED, [0, 25, 26, 35, 36]),
    (["age"], ["between"], [(25, 34), (0, 120)]),
    (["custom.plan"], ["eq", "ne"], ["free", "paid"]),
    (["loyalty.tier"], ["eq", "ne"], ["silver", "gold"]),
    (["tag"], ["has", "has_not"], [*TAGS, "nobody has this"]),
    (["tag"], ["has_any", "has_all"], [("vip",), ("vip", "price"), ("vip", "nobody has this")]),
    (["custom.pains"], ["has", "has_not"], PAINS),
    (["custom.pains"], ["has_any", "has_all"], [("price",), ("price", "speed"), ("help",)]),
    (["email"], ["eq", "ne"], ["a@x.cz", "b@x.cz", "z@z.cz"]),
    (["email_domain"], ["in", "not_in"], [("x.cz",), ("x.cz", "y.cz")]),
    (["owner_id"], ["eq", "ne"], [str(owner) for owner in OWNERS]),
    (FIELDS, ["is_set", "is_empty"], [None, True]),
]
LEAVES = [Test(*parts) for grid in GRID for parts in itertools.product(*grid)]
leaves = st.sampled_from(LEAVES)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=6,
).filter(fits)


def _row(dice: random.Random) -> dict:
    pick = dice.choice
    custom = {
        "seats": pick(SEATS),
        "budget": pick(BUDGETS),
        "trial": pick([None, True, False]),
        "renewal": pick([None, "2026-06-30", "2026-07-01", "2025-07-01", "1992-02-29"]),
        "plan": pick([None, "free", "paid"]),
        "pains": pick([None, [], ["price"], ["price", "speed"]]),
        "branch": pick(CITIES),
    }
    return {
        "city": pick(CITIES),
        "birth_date": pick(BIRTHS),
        "last_interaction_at": pick(MOMENTS),
        "custom": {key: value for key, value in custom.items() if value is not None or dice.random() < 0.3},
        "owner_id": pick([None, *OWNERS]),
        "tags": dice.sample(TAGS, dice.randrange(3)),
        "email": pick(EMAILS),
        "loyalty": pick([None, (None, 3), ("silver", 10), ("gold", 9)]),
        "wrong": dice.random() < 0.1,
    }


def _store_row(store, row: dict, number: int) -> tuple:
    custom = dict(row["custom"])
    if row["wrong"]:  # values of another type than declared, as after a field's kind was changed
        custom |= {
            "seats": "ten",
            "budget": "much",
            "trial": "yes",
            "renewal": 5,
            "plan": 1,
            "pains": "price",
            "branch": ["x"],
        }
    values = {k: row[k] for k in ("city", "birth_date", "last_interaction_at", "tags", "email")}
    contact_id = add_contact(store, f"n{number}", custom=custom, owner=row["owner_id"], **values)
    if row["loyalty"]:
        tier, points = row["loyalty"]
        store.add(LoyaltyAccount(id=number, contact_id=contact_id, tier=tier, points=points))
    good = {} if row["wrong"] else row["custom"]
    renewal = good.get("renewal")
    return contact_id, {
        **{key: good.get(key) for key in ("seats", "budget", "trial", "plan", "branch")},
        "renewal": date.fromisoformat(renewal) if renewal else None,
        "pains": set(good.get("pains") or ()),
        "city": row["city"],
        "birth_date": row["birth_date"],
        "last_interaction_at": row["last_interaction_at"],
        "owner_id": str(row["owner_id"]) if row["owner_id"] else None,
        "tag": set(row["tags"]),
        "email": {row["email"]} if row["email"] else set(),
        "email_domain": {row["email"].split("@")[1]} if row["email"] else set(),
        "loyalty.tier": row["loyalty"][0] if row["loyalty"] else None,
        "loyalty.points": row["loyalty"][1] if row["loyalty"] else None,
    }


@pytest.fixture
def population(database):
    make_loyalty(database)
    dice = random.Random(20260630)
    with database.store(SYSTEM) as store:
        return dict(_store_row(store, _row(dice), number) for number in range(70))


CATALOGUE = contact_catalogue(custom=definitions(), loyalty=True)


def _found(store, tree) -> list:
    request = ListRequest(tree=tree, zone=ZONE, today=TODAY)
    return [one for part in select_ids(store, CATALOGUE, request) for one in part]


def test_every_operator_agrees_with_a_plain_reading(database, population):
    """Every operator of every kind, with values on and beside each boundary, and its negation."""
    evaluator = Evaluator(TODAY, ZONE)
    assert {leaf.op for leaf in LEAVES} >= {op for kind in COVERED for op in OPERATORS[kind]} - set(PERIODS)
    with database.store(SYSTEM, readonly=True) as store:
        for leaf in LEAVES:
            expected = {contact_id for contact_id, row in population.items() if evaluator.holds(leaf, row)}
            assert set(_found(store, leaf)) == expected, leaf
            assert set(_found(store, Not(leaf))) == set(population) - expected, leaf


def test_random_trees_agree_with_a_plain_reading(database, population):
    """And, Or and Not over missing values: no row is lost or doubled, and both databases read alike."""
    evaluator = Evaluator(TODAY, ZONE)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(trees)
    def agree(tree):
        expected = {contact_id for contact_id, row in population.items() if evaluator.holds(tree, row)}
        with database.store(SYSTEM, readonly=True) as store:
            found = _found(store, tree)
        assert len(found) == len(set(found))
        assert set(found) == expected

    agree()
