import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lists_kit import fits

from retinue.errors import Invalid, TooLarge
from retinue.lists import EVERYBODY, And, Not, Or, Test, both, from_json, from_text, to_json
from retinue.lists.tree import MAX_DEPTH, MAX_TESTS, digest_of

_scalar = st.one_of(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
    st.integers(),
    st.booleans(),
)
_value = st.one_of(st.none(), _scalar, st.lists(_scalar, max_size=3).map(tuple))
_test = st.builds(
    Test, st.text("abc.", min_size=1, max_size=8), st.sampled_from(["eq", "in", "is_set"]), _value
)
trees = st.recursive(
    _test,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=8,
).filter(fits)


@given(trees)
def test_tree_survives_json(tree):
    """SG-05: a rule exported as JSON and re-imported is the same rule."""
    assert from_text(json.dumps(to_json(tree))) == tree


@given(trees, trees)
def test_digest_differs_where_trees_differ(left, right):
    same = json.dumps(to_json(left)) == json.dumps(to_json(right))  # as text: 1 and true are not the same
    assert (digest_of(to_json(left)) == digest_of(to_json(right))) == same


def _pointers(data):
    with pytest.raises(Invalid) as caught:
        from_json(data)
    assert caught.value.status == 422
    return [problem.pointer for problem in caught.value.problems]


def test_tree_names_every_faulty_place():
    data = {
        "and": [
            {"field": "", "value": 1},
            {"or": []},
            {"not": 3},
            {"field": "a", "value": {"x": 1}},
            {"field": "a", "ops": 1},
        ]
    }
    assert _pointers(data) == [
        "/filter/and/0/field",
        "/filter/and/1/or",
        "/filter/and/2/not",
        "/filter/and/3/value",
        "/filter/and/4",
    ]


def test_tree_refuses_two_words_in_one_object():
    assert _pointers({"and": [], "or": [{"field": "a"}]}) == ["/filter"]


def test_tree_refuses_what_no_database_can_compare():
    for bad in ("nul\x00", "\ud800", float("inf"), "x" * 1001):
        assert _pointers({"field": "a", "value": ["ok", bad]}) == ["/filter/value/1"]


def test_tree_refuses_depth_beyond_the_limit():
    data = {"field": "a", "value": 1}
    for _ in range(MAX_DEPTH - 1):
        data = {"not": data}
    from_json(data)
    assert _pointers({"not": data}) == ["/filter" + "/not" * MAX_DEPTH]


def test_tree_refuses_too_many_tests_and_values():
    one = {"field": "a", "value": 1}
    from_json({"or": [one] * MAX_TESTS})
    assert _pointers({"or": [one] * (MAX_TESTS + 1)})
    assert _pointers({"field": "a", "op": "in", "value": list(range(2001))})


def test_tree_text_of_endless_brackets_is_refused():
    with pytest.raises(TooLarge):
        from_text("[" * 70_000)
    for text in ("[" * 60_000, "{", '{"field": "a", "value": NaN}'):
        with pytest.raises(Invalid):
            from_text(text)


def test_both_joins_without_nesting():
    a, b = Test("a"), Test("b")
    assert both(EVERYBODY, a) == a
    assert both(And((a, b)), a) == And((a, b, a))
    assert both(EVERYBODY, EVERYBODY) == EVERYBODY


def test_tree_cannot_be_changed():
    with pytest.raises(AttributeError):
        Test("a").value = 2
