"""The API of contacts: ``/api/v1/contacts``, ``/tags``, ``/custom-fields``, ``/field-rules``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from retinue.contacts import copying, custom, merging, schemas, service, tagging
from retinue.contacts.describing import describe_contact, describe_contacts, read_facts
from retinue.contacts.models import Contact, CustomField, FieldRule, Tag
from retinue.errors import Invalid, Problem, Stale, TooLarge
from retinue.storage import Share, Store
from retinue.web import SIGNED_IN, delete, get, patch, post, put

CONTACT: Final = schemas.ContactSchema()
COUNT: Final = schemas.CountSchema()
TAG: Final = schemas.TagSchema()
FIELD: Final = schemas.CustomFieldSchema()
RULE: Final = schemas.FieldRuleSchema()


@post(
    "/contacts",
    permission="contact.create",
    takes=schemas.ContactCreateSchema(),
    gives=CONTACT,
    location="/contacts/{id}",
)
def create_contact(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Create a contact; one whose e-mail or phone is known answers 409 with the candidates."""
    on_duplicate = data.pop("on_duplicate", "refuse")
    return describe_contact(store, service.create_contact(store, data, on_duplicate=on_duplicate))


@get("/contacts/{contact_id:uuid}", permission="contact.read", gives=CONTACT)
def get_contact(store: Store, contact_id: UUID) -> dict[str, Any]:
    """Return a contact; that it was looked at is noted."""
    return describe_contact(store, store.get(Contact, contact_id), looked_at=True)


@get("/contacts/{contact_id:uuid}/facts", permission="contact.read", gives=schemas.FactsSchema())
def get_contact_facts(store: Store, contact_id: UUID, at: datetime | None = None) -> dict[str, Any]:
    """Return age, opening, days to remember and the next moment to contact, now or at an instant with offset."""
    if at is not None and at.tzinfo is None:
        raise Invalid(
            "the instant needs its offset", problems=[Problem("?at", "write it as 2026-06-30T10:00:00Z")]
        )
    return read_facts(store, store.get(Contact, contact_id), at or store.now)


@patch(
    "/contacts/{contact_id:uuid}",
    permission="contact.change",
    takes=schemas.ContactChangesSchema(partial=True),
    gives=CONTACT,
)
def change_contact(
    store: Store, contact_id: UUID, data: dict[str, Any], version: int | None
) -> dict[str, Any]:
    """Change the named fields of a contact; somebody else's faster change is never overwritten."""
    try:
        changed = service.change_contact(store, contact_id, data, version=version)
    except Stale as stale:
        stale.extra["current"] = CONTACT.dump(describe_contact(store, stale.extra["current"]))
        raise
    return describe_contact(store, changed)


@post(
    "/contacts/{contact_id:uuid}/copy",
    permission="contact.export",
    gives=schemas.ContactCopySchema(),
    status=200,
)
def copy_contact(store: Store, contact_id: UUID) -> copying.ContactCopy:
    """Return everything that core and the plugins keep about a person, for the copy they may demand."""
    return copying.copy_contact(store, contact_id)


@delete("/contacts/{contact_id:uuid}", permission="contact.remove")
def remove_contact(store: Store, contact_id: UUID) -> None:
    """Put a contact in the bin; reverting the change set brings it back."""
    service.remove_contacts(store, [contact_id])


@post(
    "/contacts/batch",
    permission="contact.read",
    takes=schemas.BatchSchema(),
    gives=schemas.BatchResultSchema(),
    status=200,
)
def change_contacts_batch(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Create, change and remove many contacts, all or none, under one change set."""
    limit = store.declared["config"].api.bulk_limit if "config" in store.declared else 1000
    if sum(len(data[part]) for part in ("create", "change", "remove")) > limit:
        raise TooLarge(
            f"more than {limit} items", remedy="Split them, or import a file: POST /api/v1/imports."
        )
    store.deed("contact.batch", data["label"])
    created = (
        service.create_contacts(store, data["create"], on_duplicate=data["on_duplicate"])
        if data["create"]
        else None
    )
    changed = []
    for change in data["change"]:
        contact_id, version = change.pop("id"), change.pop("version", None)
        changed.append(service.change_contact(store, contact_id, change, version=version).id)
    removed = service.remove_contacts(store, data["remove"]) if data["remove"] else 0
    store.deed("contact.batch", data["label"])
    ids = created.ids if created else []
    return {"change_set_id": store.change_set_id, "created": ids, "changed": changed, "removed": removed}


@get("/contacts/search", permission="contact.read", gives=CONTACT)
def search_contacts(store: Store, q: str, limit: int = 20) -> list[dict[str, Any]]:
    """Find contacts by part of a name, an e-mail, a mail domain or a phone's digits."""
    return describe_contacts(store, service.search_contacts(store, q, limit=limit))


@post(
    "/contacts/{contact_id:uuid}/merge",
    permission="contact.merge",
    takes=schemas.MergeSchema(),
    gives=CONTACT,
    status=200,
)
def merge_contacts(store: Store, contact_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Merge other contacts into this one; reverting the change set takes them apart again."""
    return describe_contact(
        store, merging.merge_contacts(store, contact_id, data["merged"], picks=data["picks"])
    )


@put(
    "/contacts/{contact_id:uuid}/shares",
    permission="contact.share",
    takes=schemas.SharesSchema(),
    gives=schemas.SharesSchema(),
)
def share_contact(store: Store, contact_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Replace who else may read or write a contact."""
    shares = [Share(s["kind"], s["id"], s["right"]) for s in data["shares"]]
    service.share_contact(store, contact_id, shares)
    return {"shares": shares}


@post(
    "/contacts/hand-over",
    permission="contact.assign",
    takes=schemas.HandOverSchema(),
    gives=COUNT,
    status=200,
)
def hand_over_contacts(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Give all contacts of one owner to another."""
    count = service.hand_over_contacts(store, data["from_id"], data["to_id"])
    return {"count": count, "change_set_id": store.change_set_id}


# ---- tags ----------------------------------------------------------------------------------------------------------
@get("/tags", permission=SIGNED_IN, gives=TAG)
def list_tags(store: Store) -> list[Tag]:
    """List all tags."""
    return tagging.list_tags(store)


@post("/tags/apply", permission="contact.change", takes=schemas.TagContactsSchema(), gives=COUNT, status=200)
def tag_contacts(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Put tags on contacts and take others off."""
    contacts = [store.get(Contact, contact_id) for contact_id in data["contacts"]]
    store.require("contact.change", *contacts)
    store.deed("contact.tag")
    count = tagging.tag_contacts(store, {c.id: data["add"] for c in contacts}) if data["add"] else 0
    count += sum(tagging.untag_contacts(store, data["contacts"], name) for name in data["remove"])
    return {"count": count, "change_set_id": store.change_set_id}


@patch("/tags/{tag_id:uuid}", permission="tag.change", takes=schemas.TagSchema(partial=True), gives=TAG)
def change_tag(store: Store, tag_id: UUID, data: dict[str, Any]) -> Tag:
    """Rename or recolour a tag."""
    return tagging.change_tag(store, tag_id, name=data.get("name"), colour=data.get("colour"))


@delete("/tags/{tag_id:uuid}", permission="tag.remove")
def remove_tag(store: Store, tag_id: UUID) -> None:
    """Remove a tag everywhere."""
    tagging.remove_tag(store, tag_id)


# ---- custom fields ---------------------------------------------------------------------------------------------------
@get("/custom-fields", permission=SIGNED_IN, gives=FIELD)
def list_custom_fields(store: Store) -> list[CustomField]:
    """List the custom fields."""
    return custom.list_custom_fields(store)


@post("/custom-fields", permission="field.create", takes=FIELD, gives=FIELD)
def create_custom_field(store: Store, data: dict[str, Any]) -> CustomField:
    """Declare a custom field."""
    return custom.create_custom_field(store, data)


@patch(
    "/custom-fields/{field_id:uuid}",
    permission="field.change",
    takes=schemas.CustomFieldSchema(partial=True),
    gives=FIELD,
)
def change_custom_field(store: Store, field_id: UUID, data: dict[str, Any]) -> CustomField:
    """Change a custom field's label, choices, purpose or position."""
    return custom.change_custom_field(store, field_id, data)


@post(
    "/custom-fields/{field_id:uuid}/remove",
    permission="field.remove",
    gives=schemas.FieldExportSchema(),
    status=200,
)
def remove_custom_field(store: Store, field_id: UUID, confirm: str = "") -> dict[str, Any]:
    """Remove a custom field; asks for confirmation while it has values, and answers with an export of them."""
    values = custom.remove_custom_field(store, field_id, confirm=confirm)
    return {"values": values, "change_set_id": store.change_set_id}


@get("/field-rules", permission=SIGNED_IN, gives=RULE)
def list_field_rules(store: Store) -> list[FieldRule]:
    """List which fields are mandatory."""
    return custom.list_field_rules(store)


@put("/field-rules", permission="field.change", takes=RULE, gives=RULE)
def set_field_rule(store: Store, data: dict[str, Any]) -> FieldRule:
    """Make a field mandatory or free, for every way in."""
    return custom.set_field_rule(store, data["name"], required=data["required"], kind=data["kind"])


ROUTES: Final = [
    create_contact, get_contact, get_contact_facts, copy_contact, change_contact, remove_contact, change_contacts_batch,
    search_contacts, merge_contacts, share_contact, hand_over_contacts, list_tags, tag_contacts, change_tag, remove_tag,
    list_custom_fields, create_custom_field, change_custom_field, remove_custom_field, list_field_rules, set_field_rule,
]  # fmt: skip
