"""What the pages of the plugin gdpr show: consents, requests in every state, an erasure, a rule, a breach."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from retinue.actor import Actor

if TYPE_CHECKING:
    from retinue.app import House

SYSTEM = Actor.system("test")


def set_stage(house: House, contact: UUID, gone: UUID) -> dict[str, str]:
    """Tell gdpr of a contact, and erase another; returns what stands for the changing parts of its addresses."""
    from retinue_gdpr import answering, breaches, erasing, purposes, records, requests, retention, service

    with house.store(SYSTEM) as store:
        purposes.ensure_beginnings(store)
        newsletter = purposes.find_purpose(store, "newsletter")
        text = {"kind": "consent", "purpose_id": newsletter.id, "language": "en", "subject": "News"}
        purposes.add_wording(store, {**text, "body": "I want your newsletter."})
        said = {"purpose": "newsletter", "method": "written", "evidence": "sheet 7"}
        service.record_consents(store, contact, [{**said, "event": "given"}])
        asked = requests.receive_request(store, {"kind": "access", "contact_id": contact})
        erasure = {"kind": "erasure", "contact_id": gone, "verified_how": "called back"}
        late = {"received_on": store.now.date() - timedelta(days=40), "message": "Forget me."}
        erased = requests.receive_request(store, {**erasure, **late})
        ids = {"request_id": str(asked.id), "purpose_id": str(newsletter.id)}
        erased_id = erased.id
    with house.store(SYSTEM) as store:
        answering.carry_out(store, erased_id, {})
        rule = {"key": f"r{contact.hex}", "name": "Prospects", "anchor": "created_at", "months": 24}
        ids["rule_id"] = str(retention.create_rule(store, {**rule, "action": "review"}).id)
        ids["breach_id"] = str(breaches.register_breach(store, {"title": "Lost laptop"}).id)
        records.keep_records(store)
        return {**ids, "manifest_id": str(erasing.list_manifests(store)[0].id)}
