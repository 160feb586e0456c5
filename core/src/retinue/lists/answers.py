"""What the lists room answers to hooks, as any plugin would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import select

from retinue.lists.models import SavedViewMember
from retinue.plugins import hookimpl
from retinue.storage import Store

if TYPE_CHECKING:  # lists knows contacts only by their ids
    from retinue.contacts.models import Contact


@hookimpl
def contacts_merged(store: Store, survivor: Contact, merged: Sequence[Contact]) -> None:
    """Put the survivor on the fixed lists that the merged contacts stood on."""
    system = store.system("move members of fixed lists")
    members = system.scalars(
        select(SavedViewMember).where(SavedViewMember.contact_id.in_([c.id for c in merged]))
    )
    held = set(
        system.scalars(select(SavedViewMember.view_id).where(SavedViewMember.contact_id == survivor.id))
    )
    for member in members:
        if member.view_id in held:
            system.remove(member)
        else:
            held.add(member.view_id)
            member.contact_id = survivor.id
    system.flush()
