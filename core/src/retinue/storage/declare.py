"""How a table says what it is: who sees its rows, what each column means, how it is protected.

A mapped class declares ``__access__``; each of its columns is made by `key`, `ref`, `contact_ref` or `field`,
and values that must not stand in clear by `sealed`. `check_declarations` refuses what is silent about itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as data_field
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Text,
    Uuid,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, declared_attr, mapped_column
from sqlalchemy.types import TypeEngine

from retinue.errors import Misconfigured
from retinue.storage.ids import new_id
from retinue.storage.types import UtcDateTime, json_type

Protection = Literal["open", "lookup", "sealed"]
OnErase = Literal["keep", "blank", "delete"]
AccessMode = Literal["contacts", "through", "everyone", "owned", "system"]

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a column is for the person it is about.

    `personal` says whether it is personal data, `purpose` why it is kept, `export` whether an access copy shows
    it, `erase` what erasure does with it: keep it, blank it, or delete the row.
    """

    personal: bool
    purpose: str = ""
    export: bool = False
    erase: OnErase = "keep"


NOT_PERSONAL = Privacy(personal=False)


def personal(purpose: str, *, erase: OnErase = "blank", export: bool = True) -> Privacy:
    """Declare personal data kept for `purpose`."""
    return Privacy(personal=True, purpose=purpose, export=export, erase=erase)


@dataclass(frozen=True, slots=True)
class Access:
    """Who sees the rows of a table; made by its class methods and enforced in every statement."""

    mode: AccessMode
    columns: tuple[str, ...] = ()
    parent: str = "contact"
    team: str | None = None
    public: str | None = None
    optional: bool = False

    @classmethod
    def contacts(cls) -> Access:
        """Rows that carry their own access set: the contacts themselves."""
        return cls("contacts", ("access_id",))

    @classmethod
    def through(cls, *columns: str, parent: str = "contact", optional: bool = False) -> Access:
        """Rows visible exactly when every parent that `columns` point at is; a NULL is fine if `optional`."""
        return cls("through", columns, parent, optional=optional)

    @classmethod
    def everyone(cls) -> Access:
        """Rows any signed-in actor may read; their service guards the writes."""
        return cls("everyone")

    @classmethod
    def owned(cls, owner: str, *, team: str | None = None, public: str | None = None) -> Access:
        """Rows of their owner, of the members of `team`, and of all where the `public` column is true."""
        return cls("owned", (owner,), team=team, public=public)

    @classmethod
    def system(cls) -> Access:
        """Rows only the system reads: sessions, credentials, plugin state."""
        return cls("system")


@dataclass(frozen=True, slots=True)
class Field:
    """One declared column or sealed value; API, forms, filters, export and privacy registry read it."""

    name: str
    label: str
    kind: str
    privacy: Privacy
    protection: Protection = "open"
    filterable: bool = True
    choices: tuple[str, ...] = data_field(default=())
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """From which fields a column follows: hiding one of them hides it too, or shows the column `instead` of it.

    A source of another table is named with it (``contact.emails``).
    """

    sources: tuple[str, ...]
    instead: str | None = None


_KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Boolean, "boolean"),
    (Integer, "integer"),
    (BigInteger, "integer"),
    (Numeric, "decimal"),
    (UtcDateTime, "datetime"),
    (Date, "date"),
    (Text, "long_text"),
    (String, "text"),
    (Uuid, "id"),
    (LargeBinary, "bytes"),
)


def _kind_of(type_: Any) -> str:
    instance = type_() if isinstance(type_, type) else type_
    return next((kind for cls, kind in _KINDS if isinstance(instance, cls)), "json")


def field(
    type_: Any,
    *,
    label: str,
    kind: str | None = None,
    privacy: Privacy = NOT_PERSONAL,
    filterable: bool = True,
    choices: tuple[str, ...] = (),
    derived: bool = False,
    **options: Any,
) -> MappedColumn[Any]:
    """Declare an open column of `type_`; `options` go to SQLAlchemy's `mapped_column`.

    `kind` is the meaning on the wire and in forms, taken from the type when absent. `filterable` False keeps the
    column out of lists and filters. `derived` values follow from others and are not audited.
    """
    declared = Field("", label, kind or _kind_of(type_), privacy, "open", filterable, choices, derived)
    return mapped_column(type_, info={"field": declared}, **options)


def key(label: str = "Id") -> MappedColumn[UUID]:
    """Declare the primary key: a UUIDv7 made on the client."""
    declared = Field("id", label, "id", NOT_PERSONAL)
    return mapped_column(Uuid, primary_key=True, default=new_id, info={"field": declared})


def ref(
    target: Any,
    *,
    on_delete: str,
    label: str = "",
    kind: str = "id",
    nullable: bool = False,
    index: bool = True,
    **options: Any,
) -> MappedColumn[Any]:
    """Declare a foreign key to `target` (``table.column`` or a Column) with a database-level ON DELETE."""
    declared = Field("", label or str(target), kind, NOT_PERSONAL)
    foreign = ForeignKey(target, ondelete=on_delete)
    return mapped_column(Uuid, foreign, nullable=nullable, index=index, info={"field": declared}, **options)


def contact_ref(
    *, on_delete: str = "CASCADE", nullable: bool = False, index: bool = True, **options: Any
) -> MappedColumn[Any]:
    """Declare the column that points at a contact."""
    target = Base.metadata.tables["contact"].c.id if "contact" in Base.metadata.tables else "contact.id"
    return ref(
        target,
        on_delete=on_delete,
        label="Contact",
        kind="contact",
        nullable=nullable,
        index=index,
        **options,
    )


class _Declared:
    """What core's base and every plugin's base share; each base has a registry of its own, so names never clash."""

    __access__: ClassVar[Access]
    __audited__: ClassVar[bool] = True
    __revertible__: ClassVar[bool] = True
    __noun__: ClassVar[str] = ""
    __derived_from__: ClassVar[Mapping[str, Derived]] = {}
    __plugin__: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        table = cls.__dict__.get("__table__")
        if table is None:
            return
        cls.__noun__ = cls.__dict__.get("__noun__") or table.name
        table.info["model"] = cls
        table.info["access"] = getattr(cls, "__access__", None)
        MODELS[table.name] = cls


MODELS: dict[str, type[Any]] = {}
"""Every mapped class by its table's name, core's and the loaded plugins'."""


class Base(_Declared, DeclarativeBase):
    """Declarative base of core's tables."""

    metadata = MetaData(naming_convention=NAMING)


def plugin_base(name: str) -> type[_Declared]:
    """Return a declarative base of its own for plugin `name`; its tables are `name` or begin with ``name_``."""
    namespace = {
        "__plugin__": name,
        "metadata": MetaData(naming_convention=NAMING),
        "__doc__": f"Declarative base of the tables of plugin {name}.",
        "__module__": __name__,
    }
    return type(f"{name.title().replace('_', '')}Base", (_Declared, DeclarativeBase), namespace)


class Sealed:
    """Mixin of a row that keeps values under the data key of its subject, in one AES-256-GCM blob.

    ``__subject__`` names the column that holds the contact's id; None seals under the system's key.
    """

    __subject__: ClassVar[str | None] = "contact_id"

    @declared_attr
    def sealed_data(cls) -> Mapped[bytes | None]:
        """The blob; read the values through the attributes made by `sealed`."""
        declared = Field("sealed_data", "Sealed values", "bytes", NOT_PERSONAL, filterable=False)
        return mapped_column(LargeBinary, nullable=True, info={"field": declared})


def fields_of(model: type[Any]) -> dict[str, Field]:
    """Return the declared fields of a mapped class by name, sealed ones after the columns."""
    found: dict[str, Field] = {}
    for attribute in model.__mapper__.column_attrs:
        declared = attribute.columns[0].info.get("field")
        if declared is not None:
            found[attribute.key] = Field(
                attribute.key,
                declared.label,
                declared.kind,
                declared.privacy,
                declared.protection,
                declared.filterable,
                declared.choices,
                declared.derived,
            )
    for name, descriptor in sealed_fields(model).items():
        found[name] = descriptor.field
    return found


def sealed_fields(model: type[Any]) -> dict[str, Any]:
    """Return the sealed attributes of a mapped class by name."""
    found: dict[str, Any] = {}
    for cls in reversed(model.__mro__):
        found.update(cls.__dict__.get("__sealed__", {}))
    return found


def faults_of(model: type[Any]) -> Iterator[str]:
    """Yield what a mapped class leaves unsaid, each as a sentence with the remedy."""
    table, plugin = model.__table__, model.__plugin__
    if table.info.get("access") is None:
        yield f"table {table.name} has no access rule: give {model.__name__} an __access__"
    if plugin and table.name != plugin and not table.name.startswith(f"{plugin}_"):
        yield f"table {table.name} of plugin {plugin} must be named {plugin} or begin with {plugin}_"
    for column in table.columns:
        if "field" not in column.info:
            yield f"column {table.name}.{column.name} says nothing about privacy: declare it with field(…)"
        for foreign in column.foreign_keys:
            if foreign.ondelete is None:
                yield f"column {table.name}.{column.name} needs a database-level ON DELETE: use ref(…, on_delete=…)"


def check_declarations(models: Iterator[type[Any]] | list[type[Any]]) -> None:
    """Raise Misconfigured if any of `models` leaves its access, privacy or ON DELETE unsaid."""
    faults = [fault for model in models for fault in faults_of(model)]
    if faults:
        raise Misconfigured(
            "; ".join(faults), code="undeclared", remedy="Declare what is missing; nothing was loaded."
        )


__all__ = [
    "MODELS",
    "NOT_PERSONAL",
    "Access",
    "Base",
    "Derived",
    "Field",
    "Privacy",
    "Sealed",
    "check_declarations",
    "contact_ref",
    "faults_of",
    "field",
    "fields_of",
    "json_type",
    "key",
    "personal",
    "plugin_base",
    "ref",
    "sealed_fields",
]
