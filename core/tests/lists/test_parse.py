import pytest

from retinue.errors import Invalid
from retinue.lists import And, Not, Or, Order, Test, parse_sort, parse_words, tree_of
from retinue.web import Reader

URL = Reader("GET /contacts", 200)


def from_url(*pairs):
    return tree_of(URL.from_query(pairs))


def test_url_and_command_read_the_same_tokens():
    pairs = [("city", "Praha"), ("seats__gte", "10"), ("tag__has", "vip"), ("custom.seats__in", "1, 2")]
    tree = And(
        (
            Test("city", "eq", "Praha"),
            Test("seats", "gte", "10"),
            Test("tag", "has", "vip"),
            Test("custom.seats", "in", ("1", "2")),
        )
    )
    assert from_url(*pairs) == tree
    assert parse_words(f"{name}={text}" for name, text in pairs) == tree


def test_q_and_filter_join_the_tree():
    text = '{"or": [{"field": "a", "value": 1}, {"not": {"field": "b", "value": 2}}]}'
    joined = Or((Test("a", "eq", 1), Not(Test("b", "eq", 2))))
    assert from_url(("q", "novak"), ("filter", text)) == And((Test("q", "matches", "novak"), joined))
    assert parse_words(["q=novak", f"filter={text}"]) == And((Test("q", "matches", "novak"), joined))
    assert from_url() == And()


def test_list_values_may_be_json_where_a_value_holds_a_comma():
    assert from_url(("city__in", '["Praha, CZ","Brno"]')) == Test("city", "in", ("Praha, CZ", "Brno"))
    assert from_url(("city__in", "[Praha")) == Test("city", "in", ("[Praha",))
    assert from_url(("city", "Praha, CZ")) == Test("city", "eq", "Praha, CZ")


def test_switch_needs_no_value():
    assert from_url(("city__is_empty", "")) == Test("city", "is_empty", None)


def test_spots_point_at_the_parameter():
    tree = from_url(("seats__gte", "ten"))
    assert tree.spot.value == "?seats__gte"


def test_words_that_are_no_filter_are_all_named():
    with pytest.raises(Invalid) as caught:
        parse_words(["city", "seats=1", "filter={"])
    assert [problem.pointer for problem in caught.value.problems] == ["/city", "/filter"]


def test_sort_is_read_and_limited():
    assert parse_sort("-created_at, name") == (Order("created_at", True), Order("name"))
    assert str(Order("created_at", True)) == "-created_at"
    for bad in ("", "a,,b", "a,-a", "a,b,c,d,e"):
        with pytest.raises(ValueError):
            parse_sort(bad)
