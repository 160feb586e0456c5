"""The acceptance lines of lists, where they need no more than contacts in a table."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from lists_kit import add_contact, contact_catalogue

from retinue.actor import Actor
from retinue.errors import Invalid
from retinue.lists import (
    And,
    Catalogues,
    ListRequest,
    Not,
    Or,
    Order,
    Test,
    from_text,
    parse_words,
    select_page,
    to_json,
)
from retinue.lists import service as views
from retinue.storage import new_id
from retinue.testing.fixtures import person

SYSTEM = Actor.system("test")
CATALOGUE = contact_catalogue()
LISTS = Catalogues({"contact": lambda _store: CATALOGUE})
REPORT_DAY = date(2026, 6, 30)
LAST_ORDER = {
    "C01": "2026-01-05", "C02": "2026-02-10", "C03": "2026-03-15", "C04": "2026-02-09", "C05": "2026-03-21",
    "C06": "2026-03-02", "C07": "2026-04-15", "C08": "2026-03-23", "C09": None, "C10": None,
}  # fmt: skip


def found(store, tree, **more):
    return [
        row["name"]
        for row in select_page(store, CATALOGUE, ListRequest(tree=tree, today=REPORT_DAY, **more)).rows
    ]


@pytest.fixture
def f1(database):
    """Fixture F1: ten contacts with the day of their last order as the last interaction."""
    with database.store(SYSTEM) as store:
        for name, day in LAST_ORDER.items():
            at = datetime.fromisoformat(f"{day}T12:00:00+00:00") if day else None
            add_contact(store, name, last_interaction_at=at)


def test_no_interaction_for_more_than_120_days(database, f1):
    """SG-01: F1 on 2026-06-30 gives C01, C02, C04 (176, 140, 141 days); C06 at exactly 120 is out."""
    (tree,) = (parse_words(["last_interaction_at__more_than_days_ago=120"]),)
    with database.store(SYSTEM) as store:
        assert found(store, tree) == ["C01", "C02", "C04"]
        assert found(store, Test("last_interaction_at", "exactly_days_ago", 120)) == ["C06"]
        or_never = Test("last_interaction_at", "more_than_days_ago_or_never", 120)
        assert found(store, or_never) == ["C01", "C02", "C04", "C09", "C10"]
        assert found(store, Not(or_never)) == ["C03", "C05", "C06", "C07", "C08"]


def test_view_is_live(database, f1):
    """SG-02: after an interaction for C01 on 2026-06-30 the view returns C02, C04."""
    with database.store(SYSTEM) as store:
        rule = to_json(Test("last_interaction_at", "more_than_days_ago", 120))
        view = views.create_view(store, LISTS, {"name": "Quiet", "filter": rule, "columns": ["name"]})
        request = ListRequest(today=REPORT_DAY)
        page = views.run_view(store, LISTS, view.id, request)
        assert [row["name"] for row in page.rows] == ["C01", "C02", "C04"]
        contact = store.get(CATALOGUE.model, page.rows[0]["id"])
        contact.last_interaction_at = datetime(2026, 6, 30, 9, tzinfo=UTC)
        store.flush()
        assert [row["name"] for row in views.run_view(store, LISTS, view.id, request).rows] == ["C02", "C04"]


def test_segment_by_country_age_or_tag(database):
    """SG-05: (country=CZ and age 25-34) or tag=vip over 8 contacts; the rule survives JSON."""
    with database.store(SYSTEM) as store:
        for name, country, born, tags in (
            ("young", "CZ", date(2001, 7, 1), []),  # 24
            ("in", "CZ", date(2001, 6, 30), []),  # 25 today
            ("oldest in", "CZ", date(1991, 7, 1), []),  # 34, 35 tomorrow
            ("old", "CZ", date(1991, 6, 30), []),  # 35 today
            ("german", "DE", date(1996, 1, 1), []),
            ("german vip", "DE", date(1950, 1, 1), ["VIP"]),
            ("no date", "CZ", None, []),
            ("no country", None, date(1996, 1, 1), ["vipp"]),
        ):
            add_contact(store, name, country=country, birth_date=born, tags=tags)
        young_czech = And((Test("country", "eq", "CZ"), Test("age", "between", (25, 34))))
        tree = Or((young_czech, Test("tag", "has", "vip")))
        expected = ["german vip", "in", "oldest in"]
        assert found(store, tree) == expected
        assert found(store, from_text(json.dumps(to_json(tree)))) == expected


def test_custom_field_is_filtered_as_its_type(database):
    """C-11: filter seats>=10 returns 1; a value of another kind is a 422."""
    with database.store(SYSTEM) as store:
        for name, seats in (("nine", 9), ("ten", 10), ("none", None)):
            add_contact(store, name, custom={} if seats is None else {"seats": seats})
        assert found(store, parse_words(["seats__gte=10"])) == ["ten"]
        assert found(store, parse_words(["seats__gte=9"])) == ["nine", "ten"]
        assert found(store, Test("seats", "gte", 100)) == []
        with pytest.raises(Invalid):
            found(store, parse_words(["seats__gte=ten"]))


def test_tag_a_and_not_b(database):
    """C-12: over 4 contacts, 'A and not B' returns the 2 expected."""
    with database.store(SYSTEM) as store:
        for name, tags in (("only a", ["A"]), ("both", ["A", "B"]), ("a and c", ["A", "C"]), ("neither", [])):
            add_contact(store, name, tags=tags)
        expected = ["a and c", "only a"]
        assert found(store, And((Test("tag", "has", "A"), Not(Test("tag", "has", "B"))))) == expected
        assert found(store, parse_words(["tag=a", "tag__has_not=b"])) == expected


def test_field_one_may_not_read_is_absent_and_refused(database):
    """C-14: role without read on 'revenue': key absent in the row; sort or filter by it is a 422."""
    blind = person("contact.read", hidden_fields=frozenset({"contact.custom.revenue"}))
    with database.store(SYSTEM) as store:
        add_contact(store, "rich", custom={"revenue": 1000000, "seats": 1})
    with database.store(blind) as store:
        page = select_page(store, CATALOGUE, ListRequest(columns=("name", "custom.revenue", "custom.seats")))
        assert page.rows == [{"id": page.rows[0]["id"], "name": "rich", "custom.seats": 1}]
        for request in (
            ListRequest(tree=Test("revenue", "gt", 5)),
            ListRequest(sort=(Order("revenue"),)),
            ListRequest(sort=(Order("custom.revenue", True),)),
        ):
            with pytest.raises(Invalid) as caught:
                select_page(store, CATALOGUE, request)
            assert caught.value.status == 422
    with database.store(person("contact.read")) as store:
        assert len(found(store, Test("revenue", "gt", 5))) == 1


def test_lists_show_only_rows_in_reach(database):
    """C-13: of 10 contacts own 3, team 7, all 10; list, count and ids agree."""
    team = new_id()
    manager = person("contact.read=own", teams=frozenset({team}))
    lead = person("contact.read=team", teams=frozenset({team}))
    everything = person("contact.read")
    with database.store(SYSTEM) as store:
        for number in range(10):
            owner = manager.id if number < 3 else new_id()
            add_contact(store, f"n{number}", owner=owner, team_id=team if number < 7 else None, tags=["x"])
    for actor, expected in ((manager, 3), (lead, 7), (everything, 10)):
        for tree in (And(), Test("tag", "has", "x"), Not(Test("tag", "has", "y")), Test("q", "matches", "n")):
            with database.store(actor) as store:
                page = select_page(store, CATALOGUE, ListRequest(tree=tree, count_cap=100))
                assert (len(page.rows), page.count) == (expected, expected)


def test_quick_search_reads_every_spelling(database):
    """C-22: 'novak' finds Novák; 'IŞIK' finds ışık."""
    with database.store(SYSTEM) as store:
        add_contact(store, "Jiří Novák")
        add_contact(store, "Ayşe ışık")
        assert found(store, parse_words(["q=novak"])) == ["Jiří Novák"]
        assert found(store, parse_words(["q=IŞIK ayse"])) == ["Ayşe ışık"]
        assert found(store, parse_words(["q=%"])) == []


def test_sealed_columns_are_opened_for_the_page(database):
    with database.store(SYSTEM) as store:
        add_contact(store, "Anna", email="anna@example.cz", tags=["vip", "A"])
        add_contact(store, "Bert")
    with database.store(person("contact.read")) as store:
        rows = select_page(store, CATALOGUE, ListRequest(columns=("emails", "tag", "name"))).rows
        assert [row["emails"] for row in rows] == [[{"value": "anna@example.cz", "label": "work"}], []]
        assert [row["tag"] for row in rows] == [["A", "vip"], []]
        assert [row["name"] for row in rows] == ["Anna", "Bert"]
    blind = person("contact.read", hidden_fields=frozenset({"contact.emails"}))
    with database.store(blind) as store:
        assert "emails" not in select_page(store, CATALOGUE, ListRequest(columns=("emails", "name"))).rows[0]


def test_report_day_of_f1_is_as_the_data_say():
    """The days above come from the published orders of fixture F1."""
    source = Path(__file__).parents[3] / "tests" / "data" / "f1_orders.csv"
    days = {name: (REPORT_DAY - date.fromisoformat(day)).days for name, day in LAST_ORDER.items() if day}
    assert days == {
        "C01": 176,
        "C02": 140,
        "C03": 107,
        "C04": 141,
        "C05": 101,
        "C06": 120,
        "C07": 76,
        "C08": 99,
    }
    with source.open(encoding="utf-8") as lines:
        last = {
            row["contact_id"]: row["placed_at"]
            for row in sorted(csv.DictReader(lines), key=lambda r: r["placed_at"])
        }
    assert last == {name: day for name, day in LAST_ORDER.items() if day}
    assert REPORT_DAY - timedelta(days=120) == date(2026, 3, 2)
