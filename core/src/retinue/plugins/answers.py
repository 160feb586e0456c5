"""What plugins answer and are told: frozen values, so that no plugin changes what another sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Refusal:
    """One contact that may not be used for a purpose, or not be erased, with the reason a person will read.

    `until` is the instant at which it ends by itself; None stands until something changes.
    """

    contact_id: UUID
    reason: str
    code: str = "refused"
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ContactExport:
    """What a plugin holds about one contact, for the copy of their data: a section and its records."""

    contact_id: UUID
    section: str
    records: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one contact that was changed, with the value before and after."""

    contact_id: UUID
    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Promise:
    """Something promised to a contact that is still open: a task, a call back; `due` is its day.

    `interaction_id` is the entry of the timeline that holds it; None for a promise kept elsewhere.
    """

    contact_id: UUID
    text: str
    due: date | None = None
    interaction_id: UUID | None = None
