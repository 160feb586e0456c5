"""The register of breaches, each under its clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.errors import Conflict, Invalid
from retinue_gdpr.duty_models import Breach
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import refuse_stale

_CHANGEABLE: Final = (
    "title", "nature", "categories", "people", "records", "consequences", "measures", "high_risk", "notified_at",
    "delay_reasons", "told_at",
)  # fmt: skip


def list_breaches(store: Store) -> list[Breach]:
    """Return all breaches, those whose clock runs first."""
    store.require("breach.read")
    return store.scalars(select(Breach).order_by(Breach.closed_at.is_not(None), Breach.due_at, Breach.id))


def register_breach(store: Store, values: Mapping[str, Any]) -> Breach:
    """Register a breach; the authority is to be told within the hours of the profile from when it was known."""
    store.require("breach.change")
    aware = values.get("aware_at") or store.now
    if aware > store.now + timedelta(minutes=5):
        raise Invalid("the breach is not valid", problems=[Problem("/aware_at", "lies in the future")])
    given = {name: values[name] for name in _CHANGEABLE if name in values and name != "notified_at"}
    breach = Breach(
        **{"categories": [], "nature": "", **given}, aware_at=aware,
        due_at=aware + timedelta(hours=profile_of(store).breach_hours),
    )  # fmt: skip
    store.add(breach)
    store.flush()
    return breach


def change_breach(
    store: Store, breach_id: UUID, values: Mapping[str, Any], version: int | None = None
) -> Breach:
    """Change what is known of a breach; a notice to the authority after the term needs the reasons of the delay."""
    store.require("breach.change")
    breach = store.get(Breach, breach_id, lock=True)
    refuse_stale(breach, version)
    if breach.closed_at is not None:
        raise Conflict("this breach is closed", code="breach-closed")
    for name in _CHANGEABLE:
        if name in values:
            setattr(breach, name, values[name])
    _check(store, breach)
    if values.get("closed"):
        breach.closed_at = store.now
    breach.version += 1
    store.flush()
    return breach


def _check(store: Store, breach: Breach) -> None:
    problems = []
    if breach.notified_at is not None:
        if breach.notified_at < breach.aware_at or breach.notified_at > store.now + timedelta(minutes=5):
            problems.append(Problem("/notified_at", "lies before the breach was known, or in the future"))
        if breach.notified_at > breach.due_at and not breach.delay_reasons.strip():
            word = "the authority was told late: say why (Art. 33(1))"
            problems.append(Problem("/delay_reasons", word, "required"))
    if problems:
        raise Invalid("the breach is not valid", problems=problems)


def count_running(store: Store) -> int:
    """Return how many breaches wait for the authority to be told, for the badge of the navigation."""
    return store.count(select(Breach.id).where(Breach.closed_at.is_(None), Breach.notified_at.is_(None)), 100)
