"""The filter tree: one small immutable language for URL, API, command, saved views and audiences.

``And``, ``Or`` and ``Not`` join tests; a ``Test`` names a field, an operator and a value. The tree knows no
database and no field: what the names mean is the catalogue's business, and only `compile` joins the two.

As JSON::

    {"or": [{"and": [{"field": "country", "op": "eq", "value": "CZ"},
                     {"field": "age", "op": "between", "value": [25, 34]}]},
            {"not": {"field": "tag", "op": "has", "value": "vip"}}]}

``{"and": []}`` is everybody. An ``or`` of nothing is refused, since it would silently be nobody.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as data_field
from typing import Any, ClassVar, Final, NamedTuple, NoReturn

from retinue.errors import Invalid, Problem, TooLarge

MAX_DEPTH: Final = 8
MAX_TESTS: Final = 100
MAX_VALUES: Final = 2_000
MAX_TEXT: Final = 1_000
MAX_JSON: Final = 65_536
"""Characters of a filter written as JSON text."""

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...] | None


class Spot(NamedTuple):
    """Where a test was written: JSON pointers of its three parts, for the error messages."""

    field: str = ""
    op: str = ""
    value: str = ""

    @classmethod
    def flat(cls, pointer: str) -> Spot:
        """Return the spot of a test that stands in one place, such as a URL parameter."""
        return cls(pointer, pointer, pointer)


@dataclass(frozen=True, slots=True)
class Test:
    """One test: does `field` stand in relation `op` to `value`?"""

    __test__: ClassVar[bool] = False  # the name is the language's; a test runner must not collect it

    field: str
    op: str = "eq"
    value: Value = None
    spot: Spot = data_field(default=Spot(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; of no parts: everybody."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; a test on a missing value does not hold, so its Not does."""

    part: Node


Node = And | Or | Not | Test
EVERYBODY: Final = And()


def both(left: Node, right: Node) -> Node:
    """Return the tree in which `left` and `right` hold, without needless nesting."""
    parts = (*_conjuncts(left), *_conjuncts(right))
    return parts[0] if len(parts) == 1 else And(parts)


def _conjuncts(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, And) else (node,)


def tests_of(node: Node) -> Iterator[Test]:
    """Yield every test of the tree from left to right."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from tests_of(part)
        case Not(part):
            yield from tests_of(part)
        case Test():
            yield node


def to_json(node: Node) -> dict[str, Any]:
    """Return the tree as JSON values; `from_json` reads it back as an equal tree."""
    match node:
        case And(parts):
            return {"and": [to_json(part) for part in parts]}
        case Or(parts):
            return {"or": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case Test(field, op, value):
            known: dict[str, Any] = {"field": field, "op": op}
            if value is not None:
                known["value"] = list(value) if isinstance(value, tuple) else value
            return known


def digest_of(*parts: Any) -> str:
    """Return a short fingerprint of JSON values: two lists are the same list when it is the same."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def from_text(text: str, pointer: str = "/filter") -> Node:
    """Read a tree written as JSON text; raises Invalid with a pointer, TooLarge above the limit."""
    if len(text) > MAX_JSON:
        raise TooLarge(
            f"the filter has {len(text)} characters; at most {MAX_JSON} are read",
            remedy="Save the filter as a view and use view=<id>, or send fewer values.",
        )
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep(pointer) from None
    except ValueError as fault:
        raise _wrong(pointer, f"this is not JSON: {fault}") from None
    return from_json(data, pointer)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def from_json(data: Any, pointer: str = "/filter") -> Node:
    """Read a tree from JSON values; raises Invalid naming every faulty place below `pointer`."""
    reader = _Reader()
    node = reader.node(data, pointer, 1)
    check_size(node, pointer)
    if reader.problems:
        raise _invalid(reader.problems)
    return node


def check_size(node: Node, pointer: str = "/filter") -> None:
    """Raise Invalid if the tree is deeper or has more tests or values than the limits allow."""
    if depth_of(node) > MAX_DEPTH:
        raise _too_deep(pointer)
    tests = list(tests_of(node))
    if len(tests) > MAX_TESTS:
        raise _wrong(
            pointer, f"the filter has {len(tests)} tests; at most {MAX_TESTS} are allowed", "too-many"
        )
    values = sum(len(test.value) if isinstance(test.value, tuple) else 1 for test in tests)
    if values > MAX_VALUES:
        raise _wrong(pointer, f"the filter has {values} values; at most {MAX_VALUES} are allowed", "too-many")


def depth_of(node: Node) -> int:
    """Return how many levels the tree has; a single test has one."""
    match node:
        case And(parts) | Or(parts):
            return 1 + max((depth_of(part) for part in parts), default=0)
        case Not(part):
            return 1 + depth_of(part)
        case _:
            return 1


class _Reader:
    """Reads JSON values into a tree and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def node(self, data: Any, at: str, depth: int) -> Node:
        """Read one node; a faulty one is noted and read as everybody, which is never run."""
        if depth > MAX_DEPTH:
            raise _too_deep(at)
        if not isinstance(data, Mapping):
            return self._fault(at, "expected an object: a test, or one of and, or, not")
        joined = [word for word in ("and", "or", "not") if word in data]
        if not joined:
            return self._test(data, at)
        if len(data) > 1:
            others = _others(data, joined[0])
            return self._fault(at, f'"{joined[0]}" stands alone in its object; found also {others}')
        return self._join(joined[0], data[joined[0]], f"{at}/{joined[0]}", depth)

    def _join(self, word: str, data: Any, at: str, depth: int) -> Node:
        if word == "not":
            return Not(self.node(data, at, depth + 1))
        if not isinstance(data, list):
            return self._fault(at, f'"{word}" needs a list of tests')
        if word == "or" and not data:
            return self._fault(at, 'an "or" needs at least one test')
        parts = tuple(self.node(part, f"{at}/{place}", depth + 1) for place, part in enumerate(data))
        return And(parts) if word == "and" else Or(parts)

    def _test(self, data: Mapping[str, Any], at: str) -> Node:
        unknown = sorted(set(data) - {"field", "op", "value"})
        if unknown:
            return self._fault(at, f'"{unknown[0]}" is not part of a test; a test has field, op and value')
        field, op = data.get("field"), data.get("op", "eq")
        if not isinstance(field, str) or not field:
            return self._fault(f"{at}/field", "name the field to test")
        if not isinstance(op, str) or not op:
            return self._fault(f"{at}/op", "name the operator, or leave it out for eq")
        spot = Spot(f"{at}/field", f"{at}/op", f"{at}/value")
        return Test(field, op, self._value(data.get("value"), spot.value), spot)

    def _value(self, data: Any, at: str) -> Value:
        if isinstance(data, list):
            return tuple(self._scalar(part, f"{at}/{place}") for place, part in enumerate(data))
        return None if data is None else self._scalar(data, at)

    def _scalar(self, data: Any, at: str) -> Scalar:
        if isinstance(data, float) and not math.isfinite(data):
            self._fault(at, "the number is out of range")
            return 0
        if isinstance(data, str) and (fault := text_fault(data)):
            self._fault(at, fault)
            return ""
        if not isinstance(data, str | int | float | bool):
            self._fault(at, "expected text, a number, true or false")
            return ""
        return data

    def _fault(self, at: str, detail: str) -> Node:
        self.problems.append(Problem(at, detail))
        return EVERYBODY


def text_fault(text: str) -> str:
    """Return why `text` cannot be a value that a database compares with, or nothing."""
    if len(text) > MAX_TEXT:
        return f"the text has {len(text)} characters; at most {MAX_TEXT} are allowed"
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        return "the text holds a character that cannot be stored"
    return ""


def _others(data: Mapping[str, Any], word: str) -> str:
    return ", ".join(sorted(f'"{name}"' for name in data if name != word))


def _too_deep(at: str) -> Invalid:
    return _wrong(at, f"the filter is nested deeper than {MAX_DEPTH} levels", "too-deep")


def _wrong(at: str, detail: str, code: str = "invalid") -> Invalid:
    return _invalid([Problem(at, detail, code)])


def _invalid(problems: list[Problem]) -> Invalid:
    return Invalid("the filter cannot be read", code="filter", problems=problems)
