"""Keyset paging: random rows, random orders, on both databases."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lists_kit import LoyaltyAccount, add_contact, contact_catalogue, make_loyalty
from sqlalchemy import event

from retinue.actor import Actor
from retinue.errors import BadRequest, Invalid
from retinue.lists import ListRequest, Order, Test, parse_sort, select_page
from retinue.testing.fixtures import person
from retinue.web import CursorCodec

SYSTEM = Actor.system("test")
START = datetime(2026, 6, 30, 12, tzinfo=UTC)
CATALOGUE = contact_catalogue(loyalty=True)
SORTABLE = [
    *("id", "name", "kind", "city", "birth_date", "last_interaction_at", "created_at", "loyalty.tier"),
    *("loyalty.points", *(f"custom.{key}" for key in ("seats", "budget", "trial", "renewal", "branch"))),
]
orders = st.lists(st.sampled_from(SORTABLE), max_size=4, unique=True).flatmap(
    lambda names: st.tuples(*(st.builds(Order, st.just(name), st.booleans()) for name in names))
)


@pytest.fixture
def population(database):
    """Thirty rows with many equal and missing values."""
    make_loyalty(database)
    dice = random.Random(7)
    with database.store(SYSTEM) as store:
        for number in range(30):
            pick = dice.choice
            custom = {
                "seats": pick([None, 1, 2, -1]),
                "budget": pick([None, 0.1, 12.5]),
                "trial": pick([None, True, False]),
                "renewal": pick([None, "2026-06-30", "2025-01-01"]),
                "branch": pick([None, "", "a", "B", "ž"]),
            }
            contact_id = add_contact(
                store,
                pick(["Anna", "anna", "Žofie", "Zoe"]),
                city=pick([None, "", "Praha", "Brno", "İzmir"]),
                birth_date=pick([None, date(1990, 7, 1), date(2001, 1, 1)]),
                last_interaction_at=pick([None, START, START + timedelta(microseconds=1)]),
                created_at=START + timedelta(microseconds=pick([0, 1])),
                custom={key: value for key, value in custom.items() if value is not None},
            )
            if dice.random() < 0.6:
                store.add(
                    LoyaltyAccount(
                        id=number, contact_id=contact_id, tier=pick([None, "gold"]), points=pick([1, 2])
                    )
                )


def pages(store, request, codec=None):
    """Return the rows of all pages in order, each position carried through a real cursor."""
    rows, after = [], None
    while True:
        page = select_page(store, CATALOGUE, replace(request, after=after))
        rows += page.rows
        if page.next is None:
            return rows
        assert len(page.rows) == request.limit
        after = codec.open(codec.seal(page.next, b"x"), b"x") if codec else page.next


def test_paging_neither_loses_nor_doubles_a_row(database, population):
    """Any order of any fields, nulls, ties, both directions: the pages are the whole list, in its order."""
    codec = CursorCodec(b"k" * 32)

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(orders, st.sampled_from([1, 4, 7]))
    def whole(sort, limit):
        names = tuple(order.field for order in sort)
        with database.store(SYSTEM, readonly=True) as store:
            everything = select_page(store, CATALOGUE, ListRequest(sort=sort, columns=names, limit=200)).rows
            paged = pages(store, ListRequest(sort=sort, columns=names, limit=limit), codec)
        assert len(everything) == 30
        assert paged == everything
        for order in sort[:1]:
            values = [row[order.field] for row in everything]
            present = [value for value in values if value is not None]
            assert values == present + [None] * (len(values) - len(present)), "missing values come last"
            if present and not isinstance(present[0], str):
                assert present == sorted(present, reverse=order.descending)

    whole()


def test_rows_that_come_and_go_do_not_shift_the_pages(database, population):
    with database.store(SYSTEM) as store:
        request = ListRequest(sort=(Order("created_at", True),), limit=10)
        first = select_page(store, CATALOGUE, request)
        rest = pages(store, replace(request, after=None))[10:]
        add_contact(store, "Newcomer", created_at=START + timedelta(days=1))
        store.remove(store.get(CATALOGUE.model, first.rows[0]["id"]))
        store.flush()
        second = select_page(store, CATALOGUE, replace(request, after=first.next, limit=200))
        assert [row["id"] for row in second.rows] == [row["id"] for row in rest]


def test_cursor_of_another_list_is_refused(database, population):
    request = ListRequest(sort=parse_sort("-name"), limit=5)
    with database.store(SYSTEM, readonly=True) as store:
        after = select_page(store, CATALOGUE, request).next
        for other in (
            replace(request, sort=parse_sort("name")),
            replace(request, sort=parse_sort("-name,city")),
            replace(request, tree=Test("city", "eq", "Praha")),
        ):
            with pytest.raises(BadRequest) as caught:
                select_page(store, CATALOGUE, replace(other, after=after))
            assert caught.value.code == "cursor-foreign"
        for broken in ([], after[:-1], [after[0], "x", "y"], [*after, 1]):
            with pytest.raises(BadRequest):
                select_page(store, CATALOGUE, replace(request, after=broken))


def test_page_is_one_statement_whatever_its_size(database, population):
    """List endpoints: the same number of statements for 1 and 50 rows, at most one more for sealed keys."""
    statements = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    columns = ("name", "city", "tag", "loyalty.tier", "custom.seats", "emails")
    for limit in (1, 50):
        with database.store(person("contact.read")) as store:
            statements.clear()
            select_page(store, CATALOGUE, ListRequest(columns=columns, limit=limit))
            assert len(statements) == 1


def test_count_is_asked_for_and_capped(database, population):
    with database.store(SYSTEM, readonly=True) as store:
        assert select_page(store, CATALOGUE, ListRequest(limit=1)).count is None
        assert select_page(store, CATALOGUE, ListRequest(limit=1, count_cap=100)).count == 30
        assert select_page(store, CATALOGUE, ListRequest(limit=1, count_cap=20)).count == 20


def test_sort_by_what_has_no_order_is_refused(database):
    with database.store(SYSTEM, readonly=True) as store:
        for name in ("emails", "tag", "nothing", "q", "custom.pains", "age", "email"):
            with pytest.raises(Invalid) as caught:
                select_page(store, CATALOGUE, ListRequest(sort=(Order(name),)))
            assert f'"{name}"' in caught.value.problems[0].detail
