"""Erasure of a person into whom another record was merged."""

from __future__ import annotations

from typing import Any

from gdpr_kit import begin, person

from retinue.contacts import erase_contact, merge_contacts


def test_person_with_a_merged_record_can_be_erased(crm: Any) -> None:
    """GD-09, GD-x17: the record that was merged into the person goes with them."""
    begin(crm)
    stays, goes = person(crm, "Jan"), person(crm, "Honza")
    with crm.store() as store:
        merge_contacts(store, stays, [goes])
    with crm.store() as store:
        assert erase_contact(store, stays, reason="asked")
