"""What a filter may not do, and how it says so."""

from __future__ import annotations

import re

import pytest
from lists_kit import add_contact, contact_catalogue, definitions, reader
from sqlalchemy.dialects import postgresql, sqlite

from retinue.actor import Actor
from retinue.errors import Invalid
from retinue.lists import And, ListRequest, Not, Or, Order, Test, from_json, parse_words, select_page
from retinue.lists.compile import compile_tree
from retinue.lists.tree import to_json
from retinue.testing.fixtures import person

CATALOGUE = contact_catalogue()
SYSTEM = Actor.system("test")


def problems(tree, actor=SYSTEM, catalogue=CATALOGUE):
    with pytest.raises(Invalid) as caught:
        compile_tree(tree, catalogue, reader(actor))
    assert caught.value.status == 422
    return caught.value.problems


def test_unknown_field_names_the_nearest():
    (problem,) = problems(from_json({"and": [{"field": "ctiy", "value": "Praha"}]}))
    assert problem.pointer == "/filter/and/0/field"
    assert problem.detail == 'field "ctiy" cannot be filtered (did you mean "city"?)'


def test_unknown_operator_lists_the_allowed():
    (problem,) = problems(from_json({"field": "kind", "op": "like", "value": "x"}))
    assert problem.pointer == "/filter/op"
    assert (
        problem.detail == 'field "kind" has no operator "like"; allowed: eq, ne, in, not_in, is_set, is_empty'
    )


def test_every_fault_is_told_at_once():
    found = problems(
        parse_words(["seats__gte=ten", "nothing=1", "kind=persn", "birth_date=30.6.2026", "city=Praha"])
    )
    assert [problem.pointer for problem in found] == ["/seats__gte", "/nothing", "/kind", "/birth_date"]
    assert 'did you mean "person"' in found[2].detail
    assert found[0].detail == 'field "seats": "ten" is not a whole number'


@pytest.mark.parametrize(
    "test",
    [
        Test("city", "eq", ""),
        Test("city", "eq", None),
        Test("city", "eq", True),
        Test("city", "eq", ("Praha", "Brno")),
        Test("city", "in", ()),
        Test("custom.seats", "eq", 2**63),
        Test("custom.seats", "eq", "9" * 5000),
        Test("custom.seats", "eq", 1.5),
        Test("custom.budget", "eq", "1e999999"),
        Test("custom.budget", "eq", "NaN"),
        Test("custom.budget", "between", (2, 1)),
        Test("custom.trial", "eq", "maybe"),
        Test("birth_date", "eq", "0000-01-01"),
        Test("birth_date", "eq", "9999-12-31"),
        Test("birth_date", "eq", "2026-02-30"),
        Test("birth_date", "more_than_days_ago", -1),
        Test("birth_date", "in_next_days", 10**9),
        Test("birth_date", "anniversary_in_days", 60),
        Test("last_interaction_at", "between", ("2026-01-02", "2026-01-01")),
        Test("last_interaction_at", "lt", "yesterday"),
        Test("owner_id", "eq", "bob"),
        Test("id", "eq", "1 OR 1=1"),
        Test("custom.plan", "eq", "gratis"),
        Test("tag", "has", ()),
    ],
)
def test_value_of_the_wrong_kind_is_refused(test):
    (problem,) = problems(test)
    assert problem.code == "value"
    assert len(problem.detail) < 300


def test_hidden_field_answers_exactly_as_an_absent_one():
    """C-14: filter or sort by a field one may not read is a 422 that does not tell it exists."""
    actor = person(
        "contact.read", hidden_fields=frozenset({"contact.custom.revenue", "contact.city", "contact.emails"})
    )
    absent = contact_catalogue(custom=[d for d in definitions() if d.key != "revenue"])
    for name in ("revenue", "custom.revenue"):
        for op, value in (("eq", 1), ("gte", "ten"), ("no_such", 1), ("is_set", None)):
            hidden = problems(Test(name, op, value), actor)
            assert hidden == problems(Test(name, op, value), actor, absent)
            assert hidden[0].detail.startswith(f'field "{name}" cannot be filtered')
    assert problems(Test("city", "contains", "x"), actor)[0].code == "unknown-field"
    assert problems(Test("emails", "is_set"), actor)[0].code == "unknown-field"
    (misspelt,) = problems(Test("reveneu", "eq", 1), actor)
    assert "revenue" not in misspelt.detail


def test_hidden_field_is_refused_in_every_place_of_the_tree():
    """No predicate on a hidden field, however deep, negated or joined."""
    actor = person("contact.read", hidden_fields=frozenset({"contact.custom.revenue"}))
    for tree in (
        Not(Test("revenue", "gt", 5)),
        Or((Test("city", "eq", "x"), And((Not(Not(Test("revenue", "is_empty"))),)))),
    ):
        assert problems(tree, actor)


def test_sealed_field_says_why_and_what_to_use():
    (problem,) = problems(Test("emails", "contains", "@x.cz"))
    assert problem.code == "protected-field"
    assert problem.detail == (
        'field "emails" cannot be filtered: it is sealed, and the database cannot look into it. '
        'Use "email" or "email_domain" instead'
    )


INJECTIONS = [
    "' OR 1=1 --",
    '"; DROP TABLE contact; --',
    "%' OR '1'='1",
    "\\'; SELECT pg_sleep(9) --",
    "$.x' || '",
]


def test_values_never_stand_in_the_statement():
    """Security 1.4: nothing a person writes becomes SQL; every value is a bound parameter."""
    for text in INJECTIONS:
        for op in ("eq", "contains", "starts_with", "in"):
            for field in ("city", "custom.branch", "tag", "email"):
                op_here = {"city": op, "custom.branch": op}.get(field, "in")
                compiled = compile_tree(Test(field, op_here, (text,)), CATALOGUE, reader(SYSTEM)).where
                for dialect in (sqlite.dialect(), postgresql.dialect()):
                    sql = str(compiled.compile(dialect=dialect))
                    assert not any(piece in sql for piece in ("DROP", "pg_sleep", "1=1", "'1'='1"))


def test_names_never_stand_in_the_statement(database):
    """Security 1.4: a field or operator that is not in the catalogue is refused, whatever it spells."""
    for text in [
        *INJECTIONS,
        "name; --",
        "contact.name",
        "custom.seats' --",
        "__class__",
        "_sa_registry",
        "search_text",
    ]:
        assert problems(Test(text, "eq", 1))[0].code == "unknown-field"
        assert problems(Test("city", text, 1))[0].code == "unknown-operator"
        with database.store(SYSTEM, readonly=True) as store, pytest.raises(Invalid):
            select_page(store, CATALOGUE, ListRequest(sort=(Order(text),)))


def test_hostile_values_find_nothing_and_break_nothing(database):
    with database.store(SYSTEM) as store:
        add_contact(store, "Anna", city="Praha", custom={"branch": "oil"}, tags=["vip"], email="a@x.cz")
        for text in [*INJECTIONS, "\u2028", "'", '"', "\\", "\U0001f642", "x" * 1000, "?:%s%(x)s"]:
            for field in ("city", "custom.branch", "tag", "email", "email_domain"):
                found = select_page(store, CATALOGUE, ListRequest(tree=Test(field, "in", (text,))))
                assert found.rows == []
            for op in ("contains", "starts_with"):
                assert select_page(store, CATALOGUE, ListRequest(tree=Test("city", op, text))).rows == []
            select_page(store, CATALOGUE, ListRequest(tree=Test("q", "matches", text)))


def test_date_tests_leave_the_column_bare():
    """Dates are compared with computed values, no function over the column, so that an index serves them."""
    for op, value in (
        ("more_than_days_ago", 120),
        ("this_month", None),
        ("lte", "2026-06-30"),
        ("anniversary_in_days", 7),
    ):
        for field in ("birth_date", "last_interaction_at"):
            if op == "anniversary_in_days" and field != "birth_date":
                continue
            where = compile_tree(Test(field, op, value), CATALOGUE, reader(SYSTEM)).where
            for dialect in (sqlite.dialect(), postgresql.dialect()):
                sql = str(where.compile(dialect=dialect))
                assert not re.search(r"(?i)(strftime|extract|date_trunc|date|cast)\s*\(", sql)


def test_facet_is_joined_only_where_it_is_used():
    catalogue = contact_catalogue(loyalty=True)
    assert compile_tree(Test("city", "eq", "Praha"), catalogue, reader(SYSTEM)).facets == ()
    used = compile_tree(
        Or((Test("loyalty.tier", "eq", "gold"), Test("loyalty.points", "gt", 5))), catalogue, reader(SYSTEM)
    )
    assert [facet.name for facet in used.facets] == ["loyalty"]


def test_me_is_the_reader():
    me = person("contact.read")
    mine = compile_tree(Test("owner_id", "eq", "me"), CATALOGUE, reader(me)).where
    assert me.id in mine.compile().params.values()
    nobody = compile_tree(Test("owner_id", "eq", "me"), CATALOGUE, reader(SYSTEM)).where
    assert "IN" in str(nobody.compile())


def test_bare_key_finds_a_custom_field_and_a_core_field_wins():
    catalogue = contact_catalogue(custom=definitions([("seats", "integer", None), ("city", "text", None)]))
    assert catalogue.find("seats", SYSTEM).name == "custom.seats"
    assert catalogue.find("city", SYSTEM).custom is None
    assert catalogue.find("custom.city", SYSTEM).custom is not None


def test_tree_read_from_json_compiles_like_the_one_it_came_from():
    tree = Or(
        (And((Test("country", "eq", "CZ"), Test("age", "between", (25, 34)))), Test("tag", "has", "vip"))
    )
    first = compile_tree(tree, CATALOGUE, reader(SYSTEM)).where.compile()
    again = compile_tree(from_json(to_json(tree)), CATALOGUE, reader(SYSTEM)).where.compile()
    assert (str(first), first.params) == (str(again), again.params)
