"""Surveys and NPS: asked at the right moment, answered once, followed up the same minute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from retinue import ContactExport, Store, hookimpl
from retinue_nps import asking, following, people

__version__ = "0.1.0"


@hookimpl(of="orders")
def orders_paid(store: Store, orders: Sequence[Any]) -> None:
    """Plan what is asked after a purchase."""
    asking.notice(store, "order.paid", [(order.contact_id, f"order {order.id}") for order in orders])


@hookimpl(of="orders")
def orders_completed(store: Store, orders: Sequence[Any]) -> None:
    """Plan what is asked after a delivery."""
    asking.notice(store, "order.completed", [(order.contact_id, f"order {order.id}") for order in orders])


@hookimpl(of="orders")
def orders_cancelled(store: Store, orders: Sequence[Any]) -> None:
    """Ask nobody about an order that was called off."""
    asking.call_off(store, [f"order {order.id}" for order in orders], "cancelled")


@hookimpl
def interactions_recorded(store: Store, interactions: Sequence[Any]) -> None:
    """Plan what is asked after an interaction, call off what was withdrawn, and see who was spoken to."""
    following.notice_contact(store, interactions)
    gone = [
        one.withdraws_id or one.corrects_id for one in interactions if one.withdraws_id or one.corrects_id
    ]
    asking.call_off(store, [f"interaction {one}" for one in gone], "withdrawn")
    for kind in {one.kind for one in interactions if one.plugin != "nps" and not one.hidden}:
        happened = [
            (one.contact_id, f"interaction {one.id}")
            for one in interactions
            if one.kind == kind and not one.hidden
        ]
        asking.notice(store, f"interaction.{kind}", happened)


@hookimpl
def contacts_merged(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Give answers to the contact that stays."""
    people.move_answers(store, survivor, merged)


@hookimpl
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Take the persons off their answers and delete their words."""
    people.forget_people(store, contact_ids)


@hookimpl
def contact_exports(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Give what each contact was asked and said."""
    return people.export_answers(store, contact_ids)


@hookimpl
def change_sets_reverted(store: Store) -> None:
    """Give answers back where a merge was undone."""
    people.part_answers(store)
