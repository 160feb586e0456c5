"""What a list is asked for, read from the query string or from the body of a search; typed, not yet judged.

``?city=Brno&age__ge=30&tag=vip&q=novak&view=…&filter={…}&sort=-created_at,name&fields=id,name&include=count&limit=50``
Which fields and operators exist is decided by the room that owns the list; here is only the shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from marshmallow import Schema, validate
from marshmallow import fields as ma

from retinue.errors import BadRequest, Invalid, Problem
from retinue.web.cursors import CursorCodec
from retinue.web.settings import COUNT_CAP

DEFAULT_LIMIT: Final = 50
RESERVED: Final = frozenset({"q", "view", "filter", "sort", "fields", "include", "limit", "cursor"})
_MAX_TEXT: Final = 16_384
_MAX_CONDITIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``field__op=value`` of the query string; op is ``eq`` when the name has none."""

    field: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of ``sort=-created_at,name``."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ListParams:
    """What a list is asked for."""

    q: str = ""
    view: str | None = None
    filter: Any = None
    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    fields: tuple[str, ...] = ()
    include: frozenset[str] = frozenset()
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    count_cap: int = COUNT_CAP
    scope: str = ""
    codec: CursorCodec | None = field(default=None, repr=False, compare=False)

    @property
    def wants_count(self) -> bool:
        """Say whether the number of all rows is asked for; give at most `count_cap`."""
        return "count" in self.include

    def after(self, binding: str = "") -> list[Any] | None:
        """Return the position the page starts after, None for the first page.

        `binding` is what else the order depends on (a saved view's own sort); give the same to Page.
        """
        if self.cursor is None:
            return None
        if self.codec is None:
            raise BadRequest(
                "A cursor has no meaning here.", problems=[Problem("?cursor", "has no meaning here")]
            )
        return self.codec.open(self.cursor, self.binding(binding))

    def next_cursor(self, position: Iterable[Any], binding: str = "") -> str:
        """Return the cursor of the page after the row at `position`."""
        if self.codec is None:
            raise RuntimeError("these parameters were made without a cursor codec")
        return self.codec.seal(list(position), self.binding(binding))

    def binding(self, extra: str = "") -> bytes:
        """Return what a cursor is bound to: everything that decides which rows come in which order."""
        rows = sorted((c.field, c.op, c.value) for c in self.conditions)
        keys = [(key.field, key.descending) for key in self.sort]
        return msgspec.json.encode(
            [self.scope, self.q, self.view, self.filter, rows, keys, extra], order="sorted"
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads ListParams for one route; `own` are query parameters that belong to the route itself."""

    scope: str
    page_limit: int
    codec: CursorCodec | None = None
    own: frozenset[str] = frozenset()

    def from_query(self, pairs: Iterable[tuple[str, str]]) -> ListParams:
        """Return the parameters in a query string; BadRequest names the parameter that cannot be read."""
        given: dict[str, str] = {}
        conditions: list[Condition] = []
        for name, value in pairs:
            if "\x00" in value or "\x00" in name:
                raise _unreadable(name.replace("\x00", ""), "holds a NUL character")
            if name in RESERVED:
                if name in given:
                    raise _unreadable(name, "stands there twice")
                given[name] = value
            elif name not in self.own:
                field_name, _, op = name.rpartition("__")
                conditions.append(Condition(field_name or name, op if field_name else "eq", value))
        if len(conditions) > _MAX_CONDITIONS:
            raise BadRequest(
                f"More than {_MAX_CONDITIONS} conditions.", remedy="Send a filter tree to the search."
            )
        return self._build({**given, "filter": _tree(given.get("filter"))}, tuple(conditions))

    def from_body(self, body: Mapping[str, Any]) -> ListParams:
        """Return the parameters in the body of a search, as `ListQuerySchema` loaded it."""
        try:
            return self._build(body, ())
        except BadRequest as wrong:
            places = [Problem(f"/{problem.pointer[1:]}", problem.detail) for problem in wrong.problems]
            raise Invalid(
                "The search is not valid.", remedy="Correct what errors names.", problems=places
            ) from wrong

    def _build(self, given: Mapping[str, Any], conditions: tuple[Condition, ...]) -> ListParams:
        return ListParams(
            q=(given.get("q") or "").strip(),
            view=given.get("view") or None,
            filter=given.get("filter"),
            conditions=conditions,
            sort=tuple(_sort_key(part) for part in _parts(given.get("sort"))),
            fields=_parts(given.get("fields")),
            include=frozenset(_parts(given.get("include"))),
            limit=self._limit(given.get("limit")),
            cursor=given.get("cursor") or None,
            scope=self.scope,
            codec=self.codec,
        )

    def _limit(self, given: str | int | None) -> int:
        if given is None or given == "":
            return min(DEFAULT_LIMIT, self.page_limit)
        text = str(given)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= self.page_limit:
            raise _unreadable("limit", f"must be a whole number from 1 to {self.page_limit}")
        return int(text[:9])


def _parts(given: str | list[str] | None) -> tuple[str, ...]:
    texts = given.split(",") if isinstance(given, str) else given or ()
    return tuple(part.strip() for part in texts if part.strip())


def _sort_key(text: str) -> SortKey:
    name = text.removeprefix("-")
    if not name:
        raise _unreadable("sort", "has a key without a name")
    return SortKey(name, descending=text.startswith("-"))


def _tree(text: str | None) -> Any:
    if not text:
        return None
    if len(text) > _MAX_TEXT:
        raise _unreadable("filter", "is too long for a URL; POST it to the search")
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as wrong:
        raise _unreadable("filter", "is not JSON") from wrong
    if not isinstance(tree, dict | list):
        raise _unreadable("filter", "must be a JSON object or list")
    return tree


def _unreadable(name: str, detail: str) -> BadRequest:
    return BadRequest(
        f"The query parameter {name} {detail}.", code="bad-parameter", problems=[Problem(f"?{name}", detail)]
    )


class ListQuerySchema(Schema):
    """The body of a search: the same parameters as a list's query string, for filters too long for a URL."""

    q = ma.String(
        load_default="", validate=validate.Length(max=500), metadata={"description": "Search words."}
    )
    view = ma.String(load_default=None, allow_none=True, metadata={"description": "Id of a saved view."})
    filter = ma.Raw(load_default=None, allow_none=True, metadata={"description": "Filter tree."})
    sort = ma.List(ma.String(), load_default=list, metadata={"description": "Keys, - for descending."})
    shown = ma.List(
        ma.String(),
        load_default=list,
        data_key="fields",
        attribute="fields",
        metadata={"description": "Fields to answer."},
    )
    include = ma.List(ma.String(), load_default=list, metadata={"description": "Additions, such as count."})
    limit = ma.Integer(load_default=None, allow_none=True, strict=True, validate=validate.Range(min=1))
    cursor = ma.String(load_default=None, allow_none=True, metadata={"description": "next of the last page."})


LIST_QUERY: Final = ListQuerySchema()
