"""From a filter tree to a WHERE: typed, with bound values only, and only over fields the actor may read.

Logic has two values. A test on a missing value does not hold, so its negation does: *city is not Praha*
includes contacts without a city. Nothing but ``is_empty`` and negations finds what is missing; dates have in
addition ``more_than_days_ago_or_never``.

A field hidden from the actor and a field that does not exist give one and the same answer, so that filters
cannot be used to find out about hidden fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    false,
    literal,
    not_,
    or_,
    select,
    true,
)

from retinue.actor import Actor
from retinue.errors import Invalid, Problem
from retinue.lists import expressions as sql
from retinue.lists.catalogue import Catalogue, Clause, Facet, Link, ListField, Lookup, Token
from retinue.lists.dates import Day
from retinue.lists.moments import date_test
from retinue.lists.operators import LISTS, NEGATIONS, OR_NEVER, SWITCHES, spelled
from retinue.lists.tree import And, Node, Not, Or, Test
from retinue.lists.values import (
    READERS,
    all_of,
    choice_reader,
    nearest,
    one_of,
    pair_of,
    read_boolean,
    read_text,
)
from retinue.storage import fold


@dataclass(frozen=True, slots=True)
class Compiled:
    """A WHERE and the facets that must be joined for it."""

    where: Clause
    facets: tuple[Facet, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a list, on which day, and how a look-up's token is made."""

    actor: Actor
    day: Day
    token: Token


def compile_tree(tree: Node, catalogue: Catalogue, reader: Reader) -> Compiled:
    """Return the WHERE of `tree`; raises Invalid (422) naming every test that cannot be made."""
    compiler = _Compiler(catalogue, reader)
    where = compiler.node(tree, negated=False)
    if compiler.problems:
        raise Invalid("the filter does not fit", code="filter", problems=compiler.problems)
    return Compiled(where, tuple(compiler.facets.values()))


def unknown_field(catalogue: Catalogue, actor: Actor, name: str, deed: str) -> str:
    """Return the one sentence for a field that is absent or hidden: it must not tell which."""
    known = [field.name.removeprefix("custom.") for field in catalogue.visible(actor)]
    return f'field "{name[:100]}" cannot be {deed}{nearest(name, known)}'


class _Fault(Exception):
    """A part of a test that does not fit: which part, and a sentence."""

    def __init__(self, part: str, detail: str, code: str = "invalid") -> None:
        super().__init__(detail)
        self.part, self.detail, self.code = part, detail, code


class _Compiler:
    def __init__(self, catalogue: Catalogue, reader: Reader) -> None:
        self.catalogue, self.actor, self.day, self.token = catalogue, reader.actor, reader.day, reader.token
        self.problems: list[Problem] = []
        self.facets: dict[str, Facet] = {}

    def node(self, node: Node, *, negated: bool) -> Clause:
        """Compile a node; negation is carried down to the tests, where a missing value is known."""
        match node:
            case Not(part):
                return self.node(part, negated=not negated)
            case And(parts) | Or(parts):
                clauses = [self.node(part, negated=negated) for part in parts]
                if isinstance(node, And) is negated:
                    return or_(false(), *clauses)
                return and_(true(), *clauses)
            case _:
                try:
                    return self._test(node, negated)
                except _Fault as fault:
                    pointer = getattr(node.spot, fault.part)
                    self.problems.append(Problem(pointer, fault.detail, fault.code))
                    return true()

    def _test(self, test: Test, negated: bool) -> Clause:
        field = self.catalogue.find(test.field, self.actor)
        if field is None:
            raise _Fault(
                "field", unknown_field(self.catalogue, self.actor, test.field, "filtered"), "unknown-field"
            )
        if not field.operators:
            why = field.protected or "it holds structured data"
            raise _Fault("field", f'field "{test.field}" cannot be filtered: {why}', "protected-field")
        op = spelled(field.kind, test.op)
        if op not in field.operators:
            allowed = ", ".join(field.operators)
            near = nearest(op, field.operators)
            detail = f'field "{test.field}" has no operator "{test.op[:60]}"{near}; allowed: {allowed}'
            raise _Fault("op", detail, "unknown-operator")
        try:
            clause = self._leaf(field, op, test, negated)
        except ValueError as fault:
            raise _Fault("value", f'field "{test.field}": {fault}', "value") from None
        if field.facet is not None:
            self.facets[field.facet.name] = field.facet
        return clause

    def _leaf(self, field: ListField, op: str, test: Test, negated: bool) -> Clause:
        """Compile a test whose field and operator fit together."""
        if op in NEGATIONS:
            op, negated = NEGATIONS[op], not negated
        if op in SWITCHES and test.value is not None and not read_boolean(one_of(test.value)):
            negated = not negated
        if op == "is_set":
            return self._presence(field, not negated)
        if field.link is not None:
            return self._linked(field.link, op, self._values(field, op, test), negated)
        if field.lookup is not None:
            return self._looked_up(field.lookup, self._values(field, op, test), negated)
        if field.search is not None:
            clause = field.search(read_text(one_of(test.value)), self.token)
        elif field.custom is not None and field.kind == "multi_choice":
            has = [sql.JsonHas(*field.custom, text) for text in self._values(field, op, test)]
            clause = and_(*has) if op == "has_all" else or_(*has)
        else:
            clause = self._compared(field, op, test)
            if negated and op != OR_NEVER and _may_miss(field):
                return or_(_expression(field).is_(None), not_(clause))
        return not_(clause) if negated else clause

    def _compared(self, field: ListField, op: str, test: Test) -> Clause:
        """Compile a test of one value; NULL, if anything, exactly where the value is missing."""
        expression = _expression(field)
        if field.kind in ("date", "datetime", "age"):
            return date_test(field, op, test, self.day)
        if op in ("contains", "starts_with"):
            return _text_test(field, op, read_text(one_of(test.value)))
        values = self._values(field, op, test)
        match op:
            case "eq" if len(values) == 1:
                return expression == _bound(expression, values[0])
            case "eq" | "in":
                return any_of(expression, [_plain(expression, value) for value in values])
            case "between":
                low, high = pair_of(values)
                return and_(expression >= _bound(expression, low), expression <= _bound(expression, high))
            case _:
                return _COMPARED[op](expression, _bound(expression, values[0]))

    def _values(self, field: ListField, op: str, test: Test) -> list[Any]:
        """Read the test's values as the field's kind; ``me`` and ``mine`` are the reader's own ids."""
        given = all_of(test.value) if op in LISTS else (one_of(test.value),)
        read = (
            choice_reader(field.choices) if field.kind in ("choice", "multi_choice") else READERS[field.kind]
        )
        values: list[Any] = []
        for value in given:
            if field.kind == "account" and value == "me":
                values.extend([self.actor.id] if self.actor.id else [])
            elif field.kind == "team" and value == "mine":
                values.extend(sorted(self.actor.team_ids))
            else:
                values.append(read(value))
        return values

    def _presence(self, field: ListField, present: bool) -> Clause:
        """Compile is_set: text must not be empty either, a list must hold something."""
        if field.link is not None:
            return self._member(select(field.link.owner), field.link.owner, present)
        if field.lookup is not None:
            return self._member(
                select(field.lookup.owner).where(field.lookup.where), field.lookup.owner, present
            )
        expression = _expression(field)
        if field.kind == "multi_choice":
            return expression > 0 if present else expression == 0
        if field.kind in _TEXTS:
            filled = and_(expression.is_not(None), expression != "")
            return filled if present else or_(expression.is_(None), expression == "")
        return expression.is_not(None) if present else expression.is_(None)

    def _member(self, rows: Select[Any], owner: Any, inside: bool) -> Clause:
        """Compile "the row is among `rows`": a set built once if inside, a probe per row if outside."""
        key: ColumnElement[Any] = self.catalogue.id
        if inside:
            return key.in_(rows)
        return not_(exists(rows.where(owner == key).correlate(self.catalogue.model)))

    def _linked(self, link: Link, op: str, names: list[str], negated: bool) -> Clause:
        column: Any = link.name if link.folded is None else link.folded
        wanted = names if link.folded is None else [fold(name) for name in names]

        def holds(some: list[str]) -> Clause:
            items = select(link.key).where(column.in_(some))
            return self._member(select(link.owner).where(link.item.in_(items)), link.owner, not negated)

        if op != "has_all":
            return holds(wanted)
        each = [holds([name]) for name in wanted]
        return or_(*each) if negated else and_(*each)

    def _looked_up(self, lookup: Lookup, texts: list[str], negated: bool) -> Clause:
        tokens = [self.token(lookup.kind, plain) for text in texts for plain in lookup.spellings(text)]
        if not tokens:
            raise ValueError("this cannot be such a value")
        rows = select(lookup.owner).where(lookup.where, lookup.token.in_(tokens))
        return self._member(rows, lookup.owner, not negated)


_TEXTS: Final = frozenset({"text", "long_text", "url", "email", "phone", "choice"})
_COMPARED: Final[dict[str, Callable[[ColumnElement[Any], ColumnElement[Any]], Clause]]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


def _expression(field: ListField) -> ColumnElement[Any]:
    if field.expression is None:
        raise ValueError("this field has nothing to compare with")
    return field.expression


def _may_miss(field: ListField) -> bool:
    return field.facet is not None or getattr(field.expression, "nullable", True) is not False


def _plain(expression: ColumnElement[Any], value: Any) -> Any:
    """Return `value` as the expression's type takes it: a double is no exact decimal."""
    return float(value) if getattr(expression.type, "asdecimal", True) is False else value


def _bound(expression: ColumnElement[Any], value: Any) -> ColumnElement[Any]:
    """Return `value` as a bound parameter of the expression's type, wide enough for any whole number."""
    type_ = BigInteger() if isinstance(expression.type, Integer) else expression.type
    return literal(_plain(expression, value), type_)


def any_of(expression: ColumnElement[Any], values: list[Any]) -> Clause:
    """Return ``expression IN values`` with one parameter that takes any number of them."""
    type_ = BigInteger() if isinstance(expression.type, Integer) else expression.type
    return expression.in_(bindparam(None, values, type_=type_, expanding=True, unique=True))


def _text_test(field: ListField, op: str, text: str) -> Clause:
    """Compile contains and starts_with: any spelling over a folded twin, else any usual use of capitals."""
    test = sql.contains_text if op == "contains" else sql.starts_text
    if field.folded is not None:
        folded = fold(text)
        if not folded:
            raise ValueError("the text holds nothing to search for")
        return test(field.folded, folded)
    return or_(*(test(_expression(field), spelling) for spelling in spellings(text)))


def spellings(text: str) -> tuple[str, ...]:
    """Return the uses of capitals in which `text` is looked for: as written, small, LARGE, Every Word."""
    return tuple(dict.fromkeys((text, text.lower(), text.upper(), text.title(), text[:1].upper() + text[1:])))
