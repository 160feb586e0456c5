"""E-mail: the right letter to the right people, once, and an answer to who got what and why someone did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from retinue import ContactExport, Store, hookimpl
from retinue.access import PasswordReset
from retinue_email import owed, people, triggers
from retinue_email import resets as account_letters

__version__ = "0.1.0"


@hookimpl
def contacts_merged(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Give the letters to the contact that stays."""
    people.move_letters(store, survivor, merged)


@hookimpl
def change_sets_reverted(store: Store) -> None:
    """Give letters back where a merge was undone."""
    people.part_letters(store)


@hookimpl
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Take the person off the letters and leave the numbers."""
    people.forget_letters(store, contact_ids)


@hookimpl
def contact_exports(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Give which letters each contact was sent."""
    return people.export_letters(store, contact_ids)


@hookimpl
def events_announced(store: Store, event: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Send the letters that an event sends by itself."""
    triggers.notice_event(store, event, items)


@hookimpl
def password_resets_asked(store: Store, resets: Sequence[PasswordReset]) -> None:
    """Bring the links that people asked for to their addresses."""
    account_letters.keep_links(store, resets)


@hookimpl(of="gdpr")
def letters_taken(store: Store, letters: Sequence[Any]) -> list[UUID]:
    """Take the letters that can be sent."""
    return owed.choose_letters(store, letters)


@hookimpl(of="gdpr")
def letters_handed(store: Store, letters: Sequence[Any]) -> None:
    """Keep the letters that were taken, sealed, until they are sent."""
    owed.keep_letters(store, letters)


@hookimpl(of="gdpr")
def letter_outcomes(store: Store, letter_ids: Sequence[UUID]) -> list[tuple[UUID, bool]]:
    """Say of which letters it is known how they went."""
    return owed.tell_outcomes(store, letter_ids)
