"""Contacts: the people and organisations we know, their tags and custom fields."""

from retinue.contacts.copying import ContactCopy, CopySection, copy_contact, list_held
from retinue.contacts.custom import create_custom_field, list_custom_fields, set_field_rule
from retinue.contacts.describing import describe_contact, describe_contacts, read_facts
from retinue.contacts.drafts import KNOWN as DRAFT_FIELDS
from retinue.contacts.drafts import Rules as DraftRules
from retinue.contacts.drafts import clean_draft
from retinue.contacts.erasing import erase_again, erase_contact, find_unloaded
from retinue.contacts.merging import merge_contacts
from retinue.contacts.models import Contact, ContactTag, CustomField, Tag
from retinue.contacts.queries import ContactBatch, exact_tokens, held_tokens, holders_of, tags_of
from retinue.contacts.restricting import get_legally, lift_restriction, move_records, restrict_contact
from retinue.contacts.service import (
    change_contact,
    create_contact,
    create_contacts,
    judge_drafts,
    remove_contacts,
    search_contacts,
)
from retinue.contacts.tagging import list_tags
from retinue.storage import Held, personal_registry, privacy_faults, revert_change_set

__all__ = [
    "DRAFT_FIELDS",
    "Contact",
    "ContactBatch",
    "ContactCopy",
    "ContactTag",
    "CopySection",
    "CustomField",
    "DraftRules",
    "Held",
    "Tag",
    "change_contact",
    "clean_draft",
    "copy_contact",
    "create_contact",
    "create_contacts",
    "create_custom_field",
    "describe_contact",
    "describe_contacts",
    "erase_again",
    "erase_contact",
    "exact_tokens",
    "find_unloaded",
    "get_legally",
    "held_tokens",
    "holders_of",
    "judge_drafts",
    "lift_restriction",
    "list_custom_fields",
    "list_held",
    "list_tags",
    "merge_contacts",
    "move_records",
    "personal_registry",
    "privacy_faults",
    "read_facts",
    "remove_contacts",
    "restrict_contact",
    "revert_change_set",
    "search_contacts",
    "set_field_rule",
    "tags_of",
]
