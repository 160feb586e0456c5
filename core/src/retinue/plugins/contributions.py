"""What a plugin can contribute, as data: each stands in `plugin.toml` or comes from a `register_…` hook.

Code is named by a reference, ``"package.module:attribute"``, that is resolved only after the plugin is
enabled; from a hook it may be the object itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from retinue.ui import UI_KINDS, Code, Site, UiContribution


@dataclass(frozen=True, slots=True)
class Permission:
    """The name of a deed (``points.adjust``) that roles can grant; the audit uses the same name.

    `scoped` says that it acts on contacts' rows, so that a role can limit it to own or team.
    """

    name: str
    label: str
    help: str = ""
    scoped: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A value an administrator can set for the plugin; `secret` ones are sealed and never shown.

    `least` and `most` bound numbers. `labels` and `helps` are translations by language (``cs``, ``de``, ``ru``, ``tr``).
    """

    name: str
    label: str
    kind: Literal["text", "integer", "decimal", "boolean", "date", "choice", "url", "email"] = "text"
    default: Any = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    help: str = ""
    least: float | None = None
    most: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    helps: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Work after commit, named ``plugin.verb_noun``; `run` is called with a store and the payload.

    `retries` None takes what the installation is set to; `timeout` is in seconds.
    """

    name: str
    run: Code
    label: str = ""
    retries: int | None = None
    timeout: float = 300.0
    queue: str = "default"
    payload_version: int = 1


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job runs by the clock: a cron line in a time zone; a missed run is skipped or made up by one."""

    name: str
    job: str
    cron: str
    zone: str = "UTC"
    missed: Literal["skip", "run_once"] = "skip"
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """HTTP handlers below ``/api/v1`` + `path`; `handlers` is a handler, a router, or a list of them."""

    path: str
    handlers: Code


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand of ``retinue``; `run` is a click command, loaded when it is called or asked for help."""

    name: str
    run: Code
    help: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """A table with one row per contact; its fields become fields of the contact, ``name.field``."""

    name: str
    model: Code
    label: str = ""


@dataclass(frozen=True, slots=True)
class InteractionKind:
    """A kind of interaction; one that does not `touch` leaves the date of the last interaction alone."""

    name: str
    label: str
    touches: bool = True
    icon: str = "point"


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event other systems can subscribe to; its payload carries ids."""

    name: str
    label: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """Rows that a file can be imported into; `run` takes a store and a list of dicts of text.

    `run` writes all rows or raises Invalid with a pointer ``/row/column`` for each complaint, and answers for each row
    ``created``, ``updated`` or ``unchanged``; what it knows already it leaves as it is, so that a run can be taken up
    again. `required` columns must be in a file; `contacts` come as ids of contacts the actor sees, or empty; `dates`
    and `numbers` as ISO dates or moments and as plain decimals, however the file wrote them. Rows that are alike in
    `together` are handed over together, or rejected together. `undo` takes a store and the change set of an import;
    without it an import is not undone.
    """

    name: str
    label: str
    run: Code
    columns: tuple[str, ...] = ()
    permission: str = ""
    required: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    undo: Code = None


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column of contact lists that the plugin works out, for all contacts of a page in one call.

    ``run(store, contact_ids)`` returns a value by contact; who has none shows nothing. Lists cannot be filtered or
    sorted by it: what they are to be is stored, and is a field. Without `permission` the column is not there.
    """

    name: str
    label: str
    run: Code
    kind: Literal["text", "integer", "decimal", "boolean", "date", "datetime"] = "text"
    permission: str = ""


@dataclass(frozen=True, slots=True)
class MergeField:
    """A word of a letter, ``{{ points.balance }}``, that stands for something of the reader's own.

    ``run(store, contact_ids)`` returns a text by contact, all of a batch in one call. Who has none, and everybody
    while the plugin is off, gets what the letter gives instead (``{{ points.balance | no }}``), else `fallback`.
    """

    name: str
    label: str
    run: Code
    fallback: str = ""
    permission: str = ""


Contribution: TypeAlias = (
    Permission
    | Setting
    | Job
    | Schedule
    | Route
    | Command
    | Facet
    | InteractionKind
    | WebhookEvent
    | ImportTarget
    | ListColumn
    | MergeField
    | UiContribution
)

KINDS: dict[str, type[Any]] = {
    "permissions": Permission,
    "settings": Setting,
    "jobs": Job,
    "schedules": Schedule,
    "routes": Route,
    "commands": Command,
    "fields": Facet,
    "interaction_kinds": InteractionKind,
    "webhook_events": WebhookEvent,
    "import_targets": ImportTarget,
    "list_columns": ListColumn,
    "merge_fields": MergeField,
    **UI_KINDS,
}
"""Every kind of contribution by its table in `plugin.toml`; the hook is ``register_`` + the same word."""


def name_of(item: Any) -> str:
    """Return what makes a contribution unique in its kind: its name, a route's path."""
    return str(item.path if isinstance(item, Route | Site) else item.name)


def code_fields(item: Any) -> tuple[str, ...]:
    """Return the names of the fields of `item` that refer to code; one left empty refers to none."""
    known = item.__dataclass_fields__
    return tuple(
        name
        for name in ("run", "handlers", "model", "badge", "undo")
        if name in known and getattr(item, name) is not None
    )
