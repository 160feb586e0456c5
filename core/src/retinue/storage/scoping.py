"""Row scope, put into the SQL itself: the compiler renders every protected table as the rows its actor may see.

Each FROM of a protected table becomes ``(SELECT … FROM t WHERE <rule>) AS t``, each UPDATE and DELETE gets the rule
in its WHERE, and hidden columns are NULL inside that subquery. It happens below the ORM and below Core, so joins,
subqueries, aggregates, relationship loads, refreshes and bulk statements are all covered, and a fragment of text,
which could break out of the rule, is refused. Ids come in as bound values, so compiled statements stay cached.
"""

from __future__ import annotations

import contextvars
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, String, Table, Uuid, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ColumnElement, visitors
from sqlalchemy.sql.compiler import SQLCompiler

from retinue.actor import Actor, Reach
from retinue.errors import Denied, RetinueError
from retinue.storage.declare import Access, Derived
from retinue.storage.hiding import hidden_in, hidden_names


class Refused(RetinueError):
    """A statement that cannot be scoped: a fault of the code that made it, not of the person."""

    code = "unscoped-statement"


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of compiling: what is scoped, which fields (``contact.revenue``) are hidden.

    `restricted` shows contacts whose processing is restricted too.
    """

    read_scoped: bool = True
    write_scoped: bool = True
    system: bool = False
    raw: bool = False
    nobody: bool = False
    restricted: bool = False
    hidden: frozenset[str] = frozenset()

    def hidden_columns(self, table: str) -> frozenset[str]:
        """Return the hidden names of `table`, a custom field as ``custom.<key>``."""
        return hidden_in(self.hidden, table)


@dataclass(slots=True)
class Scope:
    """What one transaction's actor may see; its ids are the values of the bound rule."""

    variant: Variant
    readable: set[int] = field(default_factory=set)
    writable: set[int] = field(default_factory=set)
    account_id: UUID | None = None
    team_ids: frozenset[UUID] = frozenset()
    _rendered: dict[tuple[str, bool], Any] = field(default_factory=dict)

    def admit(self, access_id: int) -> None:
        """Let a set made in this transaction be seen and written by it."""
        self.readable.add(access_id)
        self.writable.add(access_id)
        self._rendered.clear()

    def value(self, name: str, as_json: bool) -> Any:
        """Return the ids called `name` in the shape the database wants, computed once."""
        found = self._rendered.get((name, as_json))
        if found is None:
            ids: Iterable[Any] = {"read": self.readable, "write": self.writable, "teams": self.team_ids}[name]
            found = json.dumps([i.hex if isinstance(i, UUID) else i for i in ids]) if as_json else list(ids)
            self._rendered[name, as_json] = found
        return found


_HARMLESS = frozenset({"*", "1", "'%'"})  # count(*), EXISTS (SELECT 1 …), and the wildcard of startswith()

_SIGNS = re.compile(r"[-+*/<>=~!@#%^&|?:]{1,4}")

_DENY = Scope(Variant(nobody=True))
current_scope: contextvars.ContextVar[Scope] = contextvars.ContextVar("retinue_scope", default=_DENY)


def _ids(name: str, as_json: bool, type_: Any) -> Any:
    return bindparam(
        f"retinue_{name}", callable_=lambda: current_scope.get().value(name, as_json), type_=type_
    )


_NOBODY_ID = UUID(int=0)
_ME: Any = bindparam(
    "retinue_me", callable_=lambda: current_scope.get().account_id or _NOBODY_ID, type_=Uuid()
)
_SQLITE = {name: _ids(name, True, String()) for name in ("read", "write", "teams")}
_POSTGRES = {
    "read": _ids("read", False, ARRAY(BigInteger)),
    "write": _ids("write", False, ARRAY(BigInteger)),
    "teams": _ids("teams", False, ARRAY(Uuid)),
}


class _Rule(ColumnElement[bool]):
    """The rule of a table as a WHERE element of an UPDATE or DELETE."""

    __visit_name__ = "retinue_rule"
    inherit_cache = False
    type = Boolean()

    def __init__(self, table: Table) -> None:
        self.table = table

    def self_group(self, against: Any = None) -> _Rule:  # noqa: ARG002  # the base's signature
        """Return this as it is: ``… = 1`` around it, as for a column of truth values, would hide the index."""
        return self


_Compiler: Any = SQLCompiler
"""Its methods carry no types, and each dialect has a subclass of its own that this mixin stands before."""


class ScopingCompiler(_Compiler):  # type: ignore[misc]  # see _Compiler
    """Mixin over a dialect's compiler that renders protected tables scoped."""

    @property
    def _variant(self) -> Variant:
        return cast(Variant, self.dialect.retinue_variant)

    # ---- rules -----------------------------------------------------------------------------------------------
    def _in(self, column: str, name: str) -> str:
        if self.dialect.name == "sqlite":
            return f"{column} IN (SELECT value FROM json_each({self.process(_SQLITE[name])}))"
        return f"{column} = ANY({self.process(_POSTGRES[name])})"

    def _rule(self, table: Table, name: str, *, write: bool = False) -> str:
        """Return the SQL that holds for the rows of `table`, called `name` here, that the actor may see."""
        access, variant = _access_of(table), self._variant
        if access.mode == "system":
            return ""
        if variant.nobody:
            return "1 = 0"
        if access.mode == "contacts":
            return self._contacts_rule(name, write)
        if access.mode == "through":
            return " AND ".join(self._parent_rule(table, name, column, access) for column in access.columns)
        if access.mode == "owned" and not variant.system:
            return self._owned_rule(access, name)
        return ""

    def _contacts_rule(self, name: str, write: bool) -> str:
        parts = [f"{name}.removed_at IS NULL"]
        if not self._variant.restricted:
            parts.append(f"{name}.restricted_at IS NULL")
        if self._variant.read_scoped:
            parts.append(self._in(f"{name}.access_id", "read"))
        if write and self._variant.write_scoped:
            parts.append(self._in(f"{name}.access_id", "write"))
        return " AND ".join(parts)

    def _parent_rule(self, table: Table, name: str, column: str, access: Access) -> str:
        parent = table.metadata.tables.get(access.parent)
        if parent is None:
            parent = next(f.column.table for f in table.c[column].foreign_keys)
        alias = f"_{parent.name}"
        rule = self._rule(parent, alias)
        source = f"{self.preparer.format_table(parent)} AS {alias}"
        exists = f"EXISTS (SELECT 1 FROM {source} WHERE {alias}.id = {name}.{column}{' AND ' + rule if rule else ''})"
        return f"({name}.{column} IS NULL OR {exists})" if access.optional else exists

    def _owned_rule(self, access: Access, name: str) -> str:
        parts = [f"{name}.{access.columns[0]} = {self.process(_ME)}"]
        if access.team:
            parts.append(self._in(f"{name}.{access.team}", "teams"))
        if access.public:
            parts.append(f"{name}.{access.public}{' = 1' if self.dialect.name == 'sqlite' else ''}")
        return "(" + " OR ".join(parts) + ")"

    # ---- rendering -------------------------------------------------------------------------------------------
    def visit_retinue_rule(self, element: _Rule, **_: Any) -> str:
        """Render the rule of an UPDATE's or DELETE's own table."""
        return (
            f"({self._rule(element.table, self.preparer.format_table(element.table), write=True) or '1 = 1'})"
        )

    def visit_table(self, table: Any, asfrom: bool = False, iscrud: bool = False, **kw: Any) -> str:
        """Render a table in a FROM as the rows the actor may see."""
        inside_alias = kw.pop("inside_alias", False)
        plain: str = super().visit_table(table, asfrom=asfrom, iscrud=iscrud, **kw)
        if not isinstance(table, Table):
            raise Refused(
                f"a table that is only a name ({table.name}) cannot be scoped: use the mapped class"
            )
        if not asfrom or self._variant.raw:
            return plain
        self._check_system(table)
        if iscrud:
            return plain
        name = self.preparer.format_table(table)
        rule, columns = self._rule(table, name), self._columns(table)
        if not rule and columns == "*":
            return plain
        scoped = f"(SELECT {columns} FROM {name}{' WHERE ' + rule if rule else ''})"
        return scoped if inside_alias else f"{scoped} AS {name}"

    def _columns(self, table: Table) -> str:
        hidden = self._variant.hidden_columns(table.name)
        if not hidden:
            return "*"
        custom = sorted(name.removeprefix("custom.") for name in hidden if name.startswith("custom."))
        parts = []
        for column in table.columns:
            name = self.preparer.quote(column.name)
            if column.name in hidden:
                parts.append(f"{self._instead_of(column, hidden)} AS {name}")
            elif column.name == "custom" and custom:
                parts.append(f"{self._without_keys(name, custom)} AS {name}")
            else:
                parts.append(name)
        return ", ".join(parts)

    def _instead_of(self, column: Any, hidden: frozenset[str]) -> str:
        """Return what stands in the place of a hidden column: what it may be derived from, or NULL of its type."""
        derived = _derived_of(column.table).get(column.name)
        if derived and derived.instead and derived.instead not in hidden:
            return str(self.preparer.quote(derived.instead))
        if self.dialect.name == "sqlite":
            return "NULL"
        return f"CAST(NULL AS {self.dialect.type_compiler_instance.process(column.type)})"

    def _without_keys(self, column: str, keys: list[str]) -> str:
        literals = [self.render_literal_value(key, String()) for key in keys]
        if self.dialect.name == "sqlite":
            paths = ", ".join(f"'$.' || json_quote({literal})" for literal in literals)
            return f"json_remove({column}, {paths})"
        return f"({column} - ARRAY[{', '.join(literals)}]::text[])"

    def visit_alias(self, alias: Any, asfrom: bool = False, **kw: Any) -> str:
        """Render an alias; the table inside it is scoped without a name of its own."""
        if asfrom and isinstance(alias.element, Table) and not kw.get("ashint"):
            kw["inside_alias"] = True
        return cast(str, super().visit_alias(alias, asfrom=asfrom, **kw))

    def visit_update(self, update_stmt: Any, *args: Any, **kw: Any) -> str:
        """Render an UPDATE with the rule of its table."""
        return cast(str, super().visit_update(self._guarded(update_stmt), *args, **kw))

    def visit_delete(self, delete_stmt: Any, *args: Any, **kw: Any) -> str:
        """Render a DELETE with the rule of its table."""
        return cast(str, super().visit_delete(self._guarded(delete_stmt), *args, **kw))

    def _guarded(self, statement: Any) -> Any:
        table = statement.table
        if self._variant.raw:
            return statement
        self._check_system(table)
        hidden = self._variant.hidden_columns(table.name)
        if any(name.startswith("custom.") for name in hidden):
            hidden |= {"custom"}  # an UPDATE reads the table itself, where keys cannot be taken out
        if hidden and any(_table_name(e) == table.name and e.name in hidden for e in _columns_in(statement)):
            raise Denied(f"a field of {table.name} used here may not be read")
        return statement.where(_Rule(table))

    def _check_system(self, table: Table) -> None:
        if _access_of(table).mode == "system" and not self._variant.system:
            raise Refused(f"table {table.name} belongs to the system: use store.system(reason)")

    # ---- what cannot be scoped -------------------------------------------------------------------------------
    def visit_textclause(self, textclause: Any, *args: Any, **kw: Any) -> str:
        """Refuse a fragment of text: it could reach around the rule."""
        if not self._variant.raw:
            raise Refused("a fragment of SQL text cannot be scoped: build it from mapped columns")
        return cast(str, super().visit_textclause(textclause, *args, **kw))

    def visit_textual_select(self, taf: Any, *args: Any, **kw: Any) -> str:
        """Refuse a select made of text."""
        if not self._variant.raw:
            raise Refused("a select made of text cannot be scoped: build it from mapped columns")
        return cast(str, super().visit_textual_select(taf, *args, **kw))

    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        """Render an operator given as text, if it is made of operator signs alone."""
        self._check_signs(operator.opstring)
        return cast(str, super().visit_custom_op_binary(element, operator, **kw))

    def visit_custom_op_unary_operator(self, element: Any, operator: Any, **kw: Any) -> str:
        """Render a prefix given as text, if it is made of operator signs alone."""
        self._check_signs(operator.opstring)
        return cast(str, super().visit_custom_op_unary_operator(element, operator, **kw))

    def visit_custom_op_unary_modifier(self, element: Any, operator: Any, **kw: Any) -> str:
        """Render a suffix given as text, if it is made of operator signs alone."""
        self._check_signs(operator.opstring)
        return cast(str, super().visit_custom_op_unary_modifier(element, operator, **kw))

    def _check_signs(self, operator: str) -> None:
        if not self._variant.raw and not _SIGNS.fullmatch(operator):
            raise Refused(
                f"the operator {operator[:40]!r} is a fragment of SQL text: build it from mapped columns"
            )

    def get_statement_hint_text(self, hint_texts: Any) -> str:
        """Refuse hints: they are text at the end of the statement."""
        if not self._variant.raw:
            raise Refused("a statement hint is a fragment of SQL text and cannot be scoped")
        return cast(str, super().get_statement_hint_text(hint_texts))

    def visit_extract(self, extract: Any, **kw: Any) -> str:
        """Render EXTRACT of a part that is one word."""
        if not self._variant.raw and not extract.field.isidentifier():
            raise Refused(f"there is no part of a date called {extract.field[:40]!r}")
        return cast(str, super().visit_extract(extract, **kw))

    def visit_column(self, column: Any, *args: Any, **kw: Any) -> str:
        """Render a column; a literal one is text in disguise, but for what SQLAlchemy itself puts there."""
        if column.is_literal and not self._variant.raw and column.name not in _HARMLESS:
            raise Refused("a literal column cannot be scoped: build it from mapped columns")
        return cast(str, super().visit_column(column, *args, **kw))


def _columns_in(statement: Any) -> Iterable[Any]:
    parts = [*statement._where_criteria, *(getattr(statement, "_returning", ()) or ())]
    parts += [v for v in (getattr(statement, "_values", None) or {}).values() if hasattr(v, "__visit_name__")]
    return (e for part in parts for e in visitors.iterate(part) if e.__visit_name__ == "column")


def _table_name(column: Any) -> str | None:
    return getattr(getattr(column, "table", None), "name", None)


def _access_of(table: Table) -> Access:
    access = table.info.get("access")
    if access is None:
        raise Refused(f"table {table.name} has no access rule: give its class an __access__")
    return cast(Access, access)


def scoped_dialect(base: Dialect, variant: Variant) -> Dialect:
    """Return a copy of `base` that compiles by `variant`; statement caches keep the variants apart by it."""
    dialect = object.__new__(type(base))
    dialect.__dict__.update(base.__dict__)
    dialect.__dict__.pop("_type_memos", None)
    compiler = base.statement_compiler
    dialect.statement_compiler = type(f"Scoping{compiler.__name__}", (ScopingCompiler, compiler), {})
    dialect.retinue_variant = variant  # type: ignore[attr-defined]  # read by the compiler
    return dialect


def _derived_of(table: Table) -> Mapping[str, Derived]:
    return getattr(table.info.get("model"), "__derived_from__", {})


def scope_of(actor: Actor, *, raw: bool, restricted: bool = False) -> Scope:
    """Return the scope an actor starts with; `raw` is none at all, for storage's own undo and erasure."""
    if raw:
        return Scope(Variant(read_scoped=False, write_scoped=False, system=True, raw=True))
    if actor.kind == "system":
        return Scope(Variant(read_scoped=False, write_scoped=False, system=True, restricted=restricted))
    if actor.kind == "nobody":
        return Scope(Variant(nobody=True))
    read_all = actor.reach("contact.read") is Reach.ALL
    write_all = read_all and actor.reach("contact.change") is Reach.ALL
    hidden = hidden_names(actor.hidden_fields)
    variant = Variant(read_scoped=not read_all, write_scoped=not write_all, hidden=hidden)
    return Scope(variant, account_id=actor.id, team_ids=actor.team_ids)
