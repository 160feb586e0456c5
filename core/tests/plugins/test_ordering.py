"""One order, whatever order plugins come in."""

from __future__ import annotations

import random

import pytest

from retinue.plugins.ordering import Cycle, explain, hook_order, topological

NAMES = ["gdpr", "loyalty", "orders", "email", "nps", "badges", "deals"]
REQUIRES = {"loyalty": ["orders"], "badges": ["loyalty"], "nps": ["email"]}


def test_order_is_one_for_a_hundred_shuffles() -> None:
    """Point 11."""
    seen = set()
    for seed in range(100):
        names = NAMES.copy()
        random.Random(seed).shuffle(names)
        seen.add(tuple(topological(names, REQUIRES)))
    assert seen == {("deals", "email", "gdpr", "nps", "orders", "loyalty", "badges")}


def test_cycle_is_printed_from_its_smallest_name() -> None:
    with pytest.raises(Cycle) as raised:
        topological(["c", "b", "a", "z"], {"a": ["b"], "b": ["c"], "c": ["a"], "z": ["a"]})
    assert str(raised.value) == "a → b → c → a"


def test_hook_order_wish_binds_before_requirement() -> None:
    base = topological(NAMES, REQUIRES)
    order = hook_order(base, REQUIRES, {"orders": {"badges"}})
    assert order.index("badges") < order.index("orders")


def test_hook_order_contradicting_wishes_raise() -> None:
    with pytest.raises(Cycle):
        hook_order(["a", "b"], {}, {"a": {"b"}, "b": {"a"}})


def test_explanation_gives_a_reason_for_each_position() -> None:
    order = ["core.x", "email", "nps", "gdpr"]
    got = explain(order, {"nps": ["email", "absent"]}, {"gdpr": {"nps", "absent"}}, ["core.x"])
    assert [(p.plugin, p.reason) for p in got] == [
        ("core.x", "part of core"),
        ("email", "by name"),
        ("nps", "requires email"),
        ("gdpr", "asked to stand after nps"),
    ]
