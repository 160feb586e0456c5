"""Consent and GDPR: what a company may do with a person's data, why, and that it did what the person asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from retinue import ContactExport, Problem, Refusal, Store, hookimpl
from retinue_gdpr import gate, notices, people, suppression

__version__ = "0.1.0"


@hookimpl
def contact_refusals(store: Store, contact_ids: Sequence[UUID], purpose: str) -> list[Refusal]:
    """Stand at the gate before every sending."""
    return gate.refuse_contacts(store, contact_ids, purpose)


@hookimpl
def contact_errors(store: Store, contacts: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Keep out who asked to be forgotten."""
    return suppression.block_drafts(store, contacts)


@hookimpl
def contacts_created(store: Store, contacts: Sequence[Any]) -> None:
    """Note who has to be told."""
    notices.note_new(store, contacts)


@hookimpl
def contacts_merged(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Combine consents by the stricter."""
    people.join_people(store, survivor, merged)


@hookimpl
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Keep the hash of the addresses and nothing else."""
    people.forget_people(store, contact_ids)


@hookimpl
def erasure_refusals(store: Store, contact_ids: Sequence[UUID]) -> list[Refusal]:
    """Name who is held."""
    return people.refuse_erasures(store, contact_ids)


@hookimpl
def contact_exports(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Give the log of consents."""
    return people.export_people(store, contact_ids)
