"""The page of hooks and the typed façade over it."""

from __future__ import annotations

import inspect
import types

import pytest

from retinue.errors import Misconfigured, Problem
from retinue.plugins import Hooks, core_specs, hook, hookspecs
from retinue.plugins.contract import read_specs
from retinue.plugins.contributions import KINDS

SPECS = core_specs()


@pytest.mark.parametrize("name", SPECS)
def test_spec_is_typed_documented_and_complete(name: str) -> None:
    """Point 6: no field of any hook's data is empty."""
    data = SPECS[name].as_data()
    assert all(value for value in data.values()), data
    assert len(SPECS[name].arguments) <= 4
    assert len(SPECS[name].meaning) > 20


def test_hooks_page_holds_every_contribution_and_no_other_declare_hook() -> None:
    declare = {name for name, spec in SPECS.items() if spec.contract.mode == "declare"}
    assert declare == {f"register_{kind}" for kind in KINDS}


@pytest.mark.parametrize("name", [n for n, s in SPECS.items() if s.contract.mode != "declare"])
def test_facade_method_has_the_arguments_of_its_spec(name: str) -> None:
    method = inspect.signature(getattr(Hooks, name))
    spec = inspect.signature(SPECS[name].function)
    assert [*method.parameters][1:] == [*spec.parameters]
    assert [p.annotation for p in method.parameters.values()][1:] == [
        p.annotation for p in spec.parameters.values()
    ]
    wanted = str(spec.return_annotation).replace("Sequence[", "list[")
    assert method.return_annotation == wanted


def test_facade_has_no_method_without_a_spec() -> None:
    methods = {name for name in vars(Hooks) if not name.startswith("_")} - {
        "answered",
        "ask",
        "tell",
        "order_id",
    }
    assert methods == {n for n, s in SPECS.items() if s.contract.mode != "declare"}


def test_answer_types_are_known_for_every_ask_hook() -> None:
    assert SPECS["contact_errors"].item is Problem
    assert all(s.item is not None for s in SPECS.values() if s.contract.mode == "ask")


def test_facade_without_plugins_answers_nothing() -> None:
    hooks = Hooks()
    assert hooks.contact_errors(None, []) == []  # type: ignore[arg-type]
    assert hooks.contacts_created(None, []) is None  # type: ignore[arg-type, func-returns-value]
    assert not hooks.answered("contacts_created")


def _module(**functions: object) -> types.ModuleType:
    module = types.ModuleType("specs_of_a_test")
    for name, function in functions.items():
        function.__module__ = module.__name__  # type: ignore[attr-defined]
        setattr(module, name, function)
    return module


def test_specs_incomplete_are_refused_naming_each_fault() -> None:
    @hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
    def many(store: int, b: int, c: int, d: int, e: int) -> list[int]: ...

    @hook(mode="ask", phase="read", on_failure="abort", since="")
    async def bare(contacts):  # type: ignore[no-untyped-def]
        """Say something."""

    @hook(mode="ask", phase="start", on_failure="abort", since="0.1")
    def late(store: int) -> list[int]:
        """Say something else."""

    with pytest.raises(Misconfigured) as raised:
        read_specs(_module(many=many, bare=bare, late=late), "test")
    text = raised.value.detail
    for part in (
        "many: more than 4 arguments",
        "many: no line of meaning",
        "many: a tell hook returns None",
        "bare: an async hook is not offered",
        "bare: arguments without a type: contacts",
        "bare: no return type",
        "bare: no version in since",
        "bare: the first argument must be store",
        "late: phase start does not go with mode ask",
    ):
        assert part in text


def test_hooks_page_is_one_file_without_removed_hooks_still_specified() -> None:
    assert not set(hookspecs.REMOVED) & set(SPECS)
