"""The language of templates: words in double braces, conditions, lists; a small closed part of Jinja and nothing else.

What is not in the list below does not exist: no call, no arithmetic, no attribute of an object. So a template can
neither reach into the program nor grow without end, and what it names is known when it is saved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from jinja2 import ChainableUndefined, Template, TemplateError, Undefined, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from retinue.errors import Invalid, Problem
from retinue.money import digits_of

MAX_SOURCE: Final = 256 * 1024
MAX_OUTPUT: Final = 1024 * 1024
MAX_LOOPS: Final = 2
MAX_ITEMS: Final = 1000
FILTERS: Final = (
    "default",
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "date",
    "number",
    "money",
    "join",
)
LOOP: Final = ("index", "first", "last", "length")
ALIASES: Final = {"given": "given_name", "family": "family_name"}
"""Short words for long fields."""

_COLON: Final = re.compile(r"""\|\s*([a-z]+)\s*:\s*("(?:[^"\\{}]|\\.)*"|'(?:[^'\\{}]|\\.)*')""")
_ALLOWED: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Filter, nodes.Const,
    nodes.If, nodes.For, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Keyword,
)  # fmt: skip


class MergeFault(Exception):
    """A letter that could not be made for one reader: `word` is the field that was not there, if that was it."""

    def __init__(self, word: str = "") -> None:
        super().__init__(word)
        self.word = word


class _Missing(ChainableUndefined):
    """What is not known of a reader: false in a condition, given way to by ``default``, a fault where it is written."""

    def __str__(self) -> str:
        raise UndefinedError(self._undefined_message)

    def __iter__(self) -> Iterator[Any]:
        raise UndefinedError(self._undefined_message)

    def __len__(self) -> int:
        raise UndefinedError(self._undefined_message)


def _default(value: Any, other: str = "") -> Any:
    return other if isinstance(value, Undefined) or value is None or value == "" else value


class _Language(ImmutableSandboxedEnvironment):
    """The sandbox with our filters alone and without a single global name."""

    def __init__(self, *, html: bool) -> None:
        super().__init__(autoescape=html, undefined=_Missing, keep_trailing_newline=True, cache_size=0)
        kept: dict[str, Any] = {name: self.filters[name] for name in FILTERS if name in self.filters}
        self.filters.clear()
        self.filters.update(kept, default=_default)
        self.tests.clear()
        self.globals.clear()

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return what a tree of values holds under a name: never an attribute of a value itself."""
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in LOOP else self.undefined(name=attribute)
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return obj if isinstance(obj, Undefined) else self.undefined(name=attribute)


class Words:
    """Fills templates in one language: dates, numbers and money are written as its readers write them."""

    def __init__(self, locale: str = "en") -> None:
        self.locale = locale.replace("-", "_")
        self._kinds = {True: _Language(html=True), False: _Language(html=False)}
        for language in self._kinds.values():
            language.filters.update(date=self._date, number=self._number, money=self._money)

    def prepare(self, source: str, *, html: bool) -> Template:
        """Return a checked source made ready to be filled in many times."""
        return self._kinds[html].from_string(rewrite(source))

    def _date(self, value: Any, width: str = "medium") -> str:
        given = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(given, date):
            raise MergeFault("date")
        return format_date(given, width, locale=self.locale)

    def _number(self, value: Any) -> str:
        return format_decimal(value, locale=self.locale)

    def _money(self, value: Any, currency: str) -> str:
        return format_currency(int(value) / 10 ** digits_of(currency), currency, locale=self.locale)


_PARSERS: Final = Words()


def rewrite(source: str) -> str:
    """Return a template with ``default:"word"`` written as Jinja reads it."""
    return _COLON.sub(r"|\1(\2)", source)


def fill(template: Template, values: Mapping[str, Any]) -> str:
    """Return a template filled in; raises MergeFault if a word is not known of this reader, or it grows too long."""
    parts: list[str] = []
    size = 0
    try:
        for part in template.generate(values):
            size += len(part)
            if size > MAX_OUTPUT:
                raise MergeFault
            parts.append(part)
    except (TemplateError, SecurityError, ArithmeticError, LookupError, TypeError, ValueError) as fault:
        raise MergeFault(_missing(fault)) from None
    return "".join(parts)


def _missing(fault: Exception) -> str:
    found = re.search(r"'([\w ]{1,60})'(?: is undefined|$)", str(fault))
    return found[1] if found else ""


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by dotted name as a tree, without those that are empty; lists are cut at a thousand."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        if value is None or value == "" or value == []:
            continue
        *path, last = name.split(".")
        place = tree
        for step in path:
            if not isinstance(place.get(step), dict):
                place[step] = {}
            place = place[step]
        place[last] = value[:MAX_ITEMS] if isinstance(value, list) else value
    for short, long in ALIASES.items():
        if long in tree:
            tree.setdefault(short, tree[long])
    return tree


def words_of(source: str) -> set[str]:
    """Return the dotted names that a checked source names, those of loops left out, short words as their fields."""
    tree = _PARSERS._kinds[False].parse(rewrite(source))
    return {ALIASES.get(name, name) for name, _ in _names(tree, frozenset())}


def check_source(source: str, known: Iterable[str], pointer: str) -> list[Problem]:
    """Return what is wrong with a template, each with its line: size, grammar, names nobody knows."""
    if len(source) > MAX_SOURCE:
        return [Problem(pointer, f"it is longer than {MAX_SOURCE // 1024} KB", "too-long")]
    try:
        tree = _PARSERS._kinds[False].parse(rewrite(source))
    except RecursionError:
        return [Problem(pointer, "it is nested too deep", "template")]
    except TemplateError as fault:
        line = getattr(fault, "lineno", 1)
        return [Problem(pointer, f"line {line}: {_said(fault)}", "template")]
    names = {*known, *ALIASES}
    problems = [Problem(pointer, text, "template") for text in _forbidden(tree)]
    if problems:
        return problems
    for name, line in _names(tree, frozenset()):
        if not _is_known(name, names):
            problems.append(
                Problem(pointer, f'line {line}: there is no field "{name[:100]}"', "unknown-field")
            )
    return problems


def _said(fault: TemplateError) -> str:
    return str(getattr(fault, "message", "") or "it cannot be read")[:200].rstrip(".")


def _is_known(name: str, known: set[str]) -> bool:
    """Say whether a name is known, or lies within a value that is, as ``order.items`` within ``order``."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in known for end in range(1, len(parts) + 1)) or any(
        other.startswith(f"{name}.") for other in known
    )


def _forbidden(tree: nodes.Template) -> Iterator[str]:
    for node in _walk(tree):
        if not isinstance(node, _ALLOWED):
            yield f"line {node.lineno}: a template cannot say this ({type(node).__name__.lower()})"
        elif isinstance(node, nodes.Getattr) and (node.attr.startswith("_") or not _is_path(node)):
            yield f'line {node.lineno}: ".{node.attr}" is nothing a template can look at'
        elif isinstance(node, nodes.Name) and node.name.startswith("_"):
            yield f'line {node.lineno}: "{node.name}" is nothing a template can look at'
        elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield f'line {node.lineno}: there is no filter "{node.name}"; there are {", ".join(FILTERS)}'
        elif isinstance(node, nodes.For) and (not _is_path(node.iter) or node.recursive or node.test):
            yield f"line {node.lineno}: a loop goes over a field"
    if _depth(tree) > MAX_LOOPS:
        yield f"loops stand within each other more than {MAX_LOOPS} deep"


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _is_path(node: nodes.Node) -> bool:
    while isinstance(node, nodes.Getattr):
        node = node.node
    return isinstance(node, nodes.Name)


def _depth(node: nodes.Node) -> int:
    inner = max((_depth(child) for child in node.iter_child_nodes()), default=0)
    return inner + isinstance(node, nodes.For)


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_path(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def _names(node: nodes.Node, bound: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Yield each dotted name that comes from outside the template, with its line."""
    if isinstance(node, nodes.For):
        own = {name.name for name in _walk(node.target) if isinstance(name, nodes.Name)}
        yield from _names(node.iter, bound)
        for child in (*node.body, *node.else_):
            yield from _names(child, bound | own | {"loop"})
        return
    if isinstance(node, nodes.Name | nodes.Getattr) and _is_path(node):
        path = _path(node)
        if path.partition(".")[0] not in bound:
            yield path, node.lineno
        return
    for child in node.iter_child_nodes():
        yield from _names(child, bound)


def refuse(problems: list[Problem]) -> None:
    """Raise Invalid (422) if there are problems with a template."""
    if problems:
        raise Invalid("the template cannot be used", code="template", problems=problems)
