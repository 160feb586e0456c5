"""The catalogue: every field by which the rows of one kind can be listed, filtered and sorted.

It is put together from what is declared elsewhere: the columns of a mapped class, custom fields defined at
run time, tags, blind-index lookups, and the one-row-per-contact tables of plugins. `lists` knows no contact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as data_field
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.sql import visitors

from retinue.actor import Actor
from retinue.errors import Misconfigured
from retinue.lists import expressions as sql
from retinue.lists.operators import OPERATORS
from retinue.lists.parse import Order, parse_sort
from retinue.storage import Field, fields_of, hidden_names

_CUSTOM_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_SEALED: Final = "it is sealed, and the database cannot look into it"
_WORKED_OUT: Final = "it is worked out for each page, and the database does not know it"
_RESERVED: Final = frozenset({"view", "filter", "sort", "fields", "include", "limit", "cursor"})
_UNSORTED: Final = frozenset({"age", "lookup", "tags", "multi_choice", "search", "long_text"})
_CUSTOM_VALUES: Final[dict[str, type[Any]]] = {
    "text": sql.JsonText,
    "long_text": sql.JsonText,
    "url": sql.JsonText,
    "email": sql.JsonText,
    "phone": sql.JsonText,
    "choice": sql.JsonText,
    "integer": sql.JsonInteger,
    "decimal": sql.JsonNumber,
    "boolean": sql.JsonBoolean,
    "date": sql.JsonDate,
    "datetime": sql.JsonInstant,
    "multi_choice": sql.JsonLength,
}

Clause = ColumnElement[bool]
Work = Callable[[Any, Sequence[Any]], Mapping[Any, Any]]
"""Works out a column: a store and the ids of a page → values by id."""
Token = Callable[[str, str], bytes]
"""Makes the blind-index token of a kind and a normalised text; a Store's `blind_token`."""


@dataclass(frozen=True, slots=True)
class Link:
    """Names attached to rows by an association table.

    `owner` and `item` are its columns, `key` and `name` the item's. `folded` is the item's
    folded name if it has one; names are then found in any spelling.
    """

    owner: Any
    item: Any
    key: Any
    name: Any
    folded: Any = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Values that are sealed and can be found by their exact text: rows of a blind index.

    `owner` and `token` are its columns, `where` picks the rows of kind `kind`, and `spellings` turns what a
    person typed into the normalised texts to look for. None of them means: that cannot be such a value.
    """

    owner: Any
    token: Any
    kind: str
    where: Clause
    spellings: Callable[[str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Facet:
    """A plugin's one-row-per-contact table, joined only by lists that use one of its fields."""

    name: str
    model: Any
    owner: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ListField:
    """One field of a list.

    `expression` is what tests and sorts look at; `order_by` replaces it in sorts and `folded` in searches for
    a piece of text. `output` is what a column of the list shows. `protected` says why the field cannot be
    filtered or sorted by, and what to use instead. `custom` is JSON column and key of a custom field. `work` gives
    the values of a column that is worked out; it is there for those who hold `permission`.
    """

    name: str
    label: str
    kind: str
    expression: ColumnElement[Any] | None = None
    order_by: ColumnElement[Any] | None = None
    output: ColumnElement[Any] | None = None
    folded: ColumnElement[Any] | None = None
    link: Link | None = None
    lookup: Lookup | None = None
    facet: Facet | None = None
    search: Callable[[str, Token], Clause] | None = None
    custom: tuple[Any, str] | None = None
    choices: tuple[str, ...] = ()
    filterable: bool = True
    sortable: bool = True
    sealed: bool = False
    protected: str = ""
    work: Work | None = None
    permission: str = ""

    @property
    def is_column(self) -> bool:
        """Say whether a list can show it."""
        return self.sealed or self.work is not None or self.shown is not None

    @property
    def operators(self) -> tuple[str, ...]:
        """Return the operators a test on this field may use; none if it cannot be filtered."""
        return OPERATORS.get(self.kind, ()) if self.filterable and not self.protected else ()

    @property
    def can_sort(self) -> bool:
        """Say whether lists can be sorted by this field."""
        usable = (
            self.sortable and not self.protected and self.kind in OPERATORS and self.kind not in _UNSORTED
        )
        return usable and self.sort_expression is not None

    @property
    def sort_expression(self) -> ColumnElement[Any] | None:
        """Return what sorts look at."""
        return self.order_by if self.order_by is not None else self.expression

    @property
    def shown(self) -> ColumnElement[Any] | None:
        """Return what a column of the list reads, or None if it shows nothing that stands in clear."""
        return self.output if self.output is not None else self.expression

    @property
    def nullable(self) -> bool:
        """Say whether the sorted value may be missing; a facet's always may, since its row may be."""
        return self.facet is not None or getattr(self.sort_expression, "nullable", True) is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The fields of one kind of row, with what every list of it has in common.

    `where` holds for every list (removed rows stay out), `permission` is what reading a list requires and
    `sort` the order of a list that names none.
    """

    entity: str
    model: Any
    fields: Mapping[str, ListField] = data_field(default_factory=dict)
    where: tuple[Clause, ...] = ()
    permission: str = ""
    sort: tuple[Order, ...] = ()
    columns: tuple[str, ...] = ()
    prepared: dict[Any, Any] = data_field(default_factory=dict, init=False, repr=False, compare=False)
    """Selects made ready by what they show and how they sort; a filter is added to a copy."""

    @classmethod
    def from_model(
        cls,
        model: Any,
        *,
        instead: Mapping[str, str] | None = None,
        order_by: Mapping[str, ColumnElement[Any]] | None = None,
        folded: Mapping[str, ColumnElement[Any]] | None = None,
        **common: Any,
    ) -> Catalogue:
        """Return the catalogue of a mapped class: one field for each declared one.

        `instead` gives for sealed fields what to filter by in their place, `order_by` and `folded` the shadow
        columns of fields that have one. `common` are Catalogue's own members (`where`, `permission` …).
        """
        entity = common.pop("entity", "") or model.__noun__ or model.__table__.name
        if sort := common.pop("sort", ""):
            common["sort"] = parse_sort(sort) if isinstance(sort, str) else tuple(sort)
        made = (_declared(model, declared, instead or {}) for declared in fields_of(model).values())
        fields = {
            field.name: replace(
                field, order_by=(order_by or {}).get(field.name), folded=(folded or {}).get(field.name)
            )
            for field in made
            if field is not None
        }
        return cls(entity=entity, model=model, **common).with_fields(*fields.values())

    def with_fields(self, *fields: ListField) -> Catalogue:
        """Return this catalogue with `fields` added; raises Misconfigured for a name taken or reserved."""
        known = dict(self.fields)
        for field in fields:
            if field.name in known or field.name in _RESERVED or "__" in field.name:
                raise Misconfigured(
                    f'lists of {self.entity} cannot have a field named "{field.name}": '
                    "the name is taken, reserved, or holds two underscores in a row"
                )
            known[field.name] = field
        return replace(self, fields=known)

    def with_tags(self, link: Link, *, name: str = "tag", label: str = "Tags") -> Catalogue:
        """Return this catalogue with the names attached by `link`."""
        names = select(sql.JsonNames(link.name)).where(link.owner == self.id, link.item == link.key)
        output = names.correlate(self.model).scalar_subquery()
        return self.with_fields(ListField(name=name, label=label, kind="tags", link=link, output=output))

    def with_lookup(self, name: str, label: str, lookup: Lookup) -> Catalogue:
        """Return this catalogue with a sealed value that can be found by its exact text."""
        return self.with_fields(ListField(name=name, label=label, kind="lookup", lookup=lookup))

    def with_search(self, search: Callable[[str, Token], Clause], label: str = "Search") -> Catalogue:
        """Return this catalogue with the quick search of ``q=``."""
        return self.with_fields(ListField(name="q", label=label, kind="search", search=search))

    def with_age(self, birth_date: ColumnElement[Any], *, name: str = "age", label: str = "Age") -> Catalogue:
        """Return this catalogue with the full years since `birth_date`."""
        return self.with_fields(ListField(name=name, label=label, kind="age", expression=birth_date))

    def with_facet(self, model: Any, *, name: str = "", owner: str = "contact_id") -> Catalogue:
        """Return this catalogue with the fields of a one-row-per-contact table, as ``<name>.<field>``."""
        facet = Facet(name or model.__table__.name, model, getattr(model, owner))
        made = (
            _declared(model, declared, {})
            for key, declared in fields_of(model).items()
            if key not in (owner, "id")
        )
        fields = (replace(field, name=f"{facet.name}.{field.name}", facet=facet) for field in made if field)
        return self.with_fields(*fields)

    def with_column(self, name: str, work: Work, **common: str) -> Catalogue:
        """Return this catalogue with a column worked out for each page; `common` are its label, kind, permission."""
        return self.with_fields(ListField(name=name, work=work, protected=_WORKED_OUT, **common))  # type: ignore[arg-type]  # words

    def with_custom(self, column: Any, definitions: Iterable[Any]) -> Catalogue:
        """Return this catalogue with typed custom fields kept in the JSON `column` under their keys.

        A definition has `key`, `label`, `kind` and `choices`. The field is named ``custom.<key>``, and by its
        bare key where no other field has that name.
        """
        return self.with_fields(*(_custom(column, definition) for definition in definitions))

    @property
    def id(self) -> Any:
        """Return the column of the row's id."""
        return self.model.id

    def find(self, name: str, actor: Actor) -> ListField | None:
        """Return the field called `name`, or None if there is none or the actor may not read it."""
        field = self.fields.get(name) or self.fields.get(f"custom.{name}")
        return None if field is None or self._hidden(field, actor) else field

    def visible(self, actor: Actor) -> list[ListField]:
        """Return the fields the actor may read."""
        return [field for field in self.fields.values() if not self._hidden(field, actor)]

    def _hidden(self, field: ListField, actor: Actor) -> bool:
        if field.permission and not actor.may(field.permission):
            return True
        if not actor.hidden_fields:
            return False
        hidden, bare = (
            hidden_names(actor.hidden_fields) | actor.hidden_fields,
            field.name.removeprefix("custom."),
        )
        names = {field.name, f"{self.entity}.{field.name}", f"{self.entity}.{bare}"}
        return not hidden.isdisjoint(names | set(_columns_of(field)))


def _columns_of(field: ListField) -> Iterator[str]:
    """Yield what a field's tests and sorts read, as ``table.column``."""
    read = [field.expression, field.order_by, field.lookup.token if field.lookup else None]
    for expression in (part for part in read if part is not None):
        for element in visitors.iterate(expression):
            if element.__visit_name__ == "column" and getattr(element, "table", None) is not None:
                yield f"{element.table.name}.{element.name}"  # type: ignore[attr-defined]  # what a column has


def _declared(model: Any, declared: Field, instead: Mapping[str, str]) -> ListField | None:
    """Return the list field of a storage field; None for what no list can show."""
    common: dict[str, Any] = {"name": declared.name, "label": declared.label, "choices": declared.choices}
    if declared.kind == "bytes" or (declared.protection == "open" and not declared.filterable):
        return None
    if declared.protection != "open":
        remedy = instead.get(declared.name, "")
        why = f"{_SEALED}. {remedy}".rstrip(". ")
        return ListField(**common, kind=declared.kind, sealed=True, protected=why)
    usable = declared.kind != "multi_choice"
    column = getattr(model, declared.name)
    return ListField(**common, kind=declared.kind, expression=column, filterable=usable)


def _custom(column: Any, definition: Any) -> ListField:
    if not _CUSTOM_KEY.fullmatch(definition.key):
        raise Misconfigured(
            f'a custom field cannot be called "{definition.key}": use a-z, 0-9 and single underscores'
        )
    common: dict[str, Any] = {"name": f"custom.{definition.key}", "label": definition.label}
    if getattr(definition, "protection", "open") != "open":
        return ListField(**common, kind=definition.kind, protected=_SEALED)
    value = _CUSTOM_VALUES.get(definition.kind)
    return ListField(
        **common,
        kind=definition.kind,
        expression=None if value is None else value(column, definition.key),
        output=column[definition.key],
        custom=(column, definition.key),
        choices=tuple(definition.choices or ()),
        filterable=value is not None,
    )
