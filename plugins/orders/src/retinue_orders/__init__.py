"""Orders: what customers buy, exact to the minor unit, told to whoever wants to know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from retinue import ContactExport, Refusal, Store, hookimpl
from retinue_orders import missed, people

__version__ = "0.1.0"


@hookimpl
def contacts_merged(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Move orders and subscriptions to the contact that stays."""
    people.move_orders(store, survivor, merged)


@hookimpl
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Take the persons off their orders."""
    people.forget_people(store, contact_ids)


@hookimpl
def erasure_refusals(store: Store, contact_ids: Sequence[UUID]) -> list[Refusal]:
    """Say who still owes money."""
    return people.find_debtors(store, contact_ids)


@hookimpl
def contact_exports(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Give the orders of each contact."""
    return people.export_orders(store, contact_ids)


@hookimpl(of="loyalty")
def sales_missed(store: Store, since: datetime, after: str, limit: int) -> list[dict[str, Any]]:
    """Give the sales that somebody may have missed."""
    return missed.list_sales(store, since, after, limit)


@hookimpl
def change_sets_reverted(store: Store) -> None:
    """Work out the summaries anew."""
    people.renew_all(store)
