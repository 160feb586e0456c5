"""What contacts look like on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from retinue.contacts.models import CHANNELS, KINDS, SEXES
from retinue.contacts.values import CUSTOM_KINDS

_ID: Any = {"dump_only": True}


class EntrySchema(Schema):
    """One e-mail address, phone or account with its label."""

    value = fields.String(required=True, validate=validate.Length(1, 320))
    label = fields.String(validate=validate.Length(max=40))
    e164 = fields.String(dump_only=True, metadata={"description": "A phone in international form."})


class AddressSchema(Schema):
    """A postal address."""

    street = fields.String(validate=validate.Length(max=300))
    city = fields.String(validate=validate.Length(max=300))
    region = fields.String(validate=validate.Length(max=300))
    postal_code = fields.String(validate=validate.Length(max=300))
    country = fields.String(validate=validate.Length(max=300))
    label = fields.String(validate=validate.Length(max=40))


class HoursSchema(Schema):
    """Opening or contact hours: a zone and spans of time by weekday."""

    zone = fields.String(load_default="UTC")
    days = fields.Dict(
        keys=fields.String(validate=validate.OneOf(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))),
        values=fields.List(
            fields.List(
                fields.String(validate=validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$")),
                validate=validate.Length(equal=2),
            ),
            validate=validate.Length(max=6),
        ),
        required=True,
    )


class OccasionSchema(Schema):
    """A day to remember each year: month and day, or the number of the day in the year."""

    label = fields.String(required=True, validate=validate.Length(1, 100))
    month = fields.Integer(validate=validate.Range(1, 12))
    day = fields.Integer(validate=validate.Range(1, 31))
    day_of_year = fields.Integer(validate=validate.Range(1, 365))


class ShareSchema(Schema):
    """A right given to one account or team beside the owner's."""

    kind = fields.String(required=True, validate=validate.OneOf(("account", "team")))
    id = fields.UUID(required=True)
    right = fields.String(load_default="read", validate=validate.OneOf(("read", "write")))


def _text(length: int, **more: Any) -> fields.String:
    return fields.String(allow_none=True, validate=validate.Length(max=length), **more)


class ContactDraftSchema(Schema):
    """A contact to create, or with every field optional the changes to one."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    name = _text(300)
    given_name = _text(150)
    family_name = _text(150)
    middle_name = _text(150)
    title_before = _text(60)
    title_after = _text(60)
    sex = fields.String(allow_none=True, validate=validate.OneOf(SEXES))
    birth_date = fields.Date(allow_none=True)
    language = _text(12)
    country = _text(2)
    region = _text(100)
    city = _text(100)
    postal_code = _text(20)
    job_title = _text(150)
    business_line = _text(150)
    website = _text(300)
    status = _text(60)
    source = _text(100)
    preferred_channel = fields.String(allow_none=True, validate=validate.OneOf(CHANNELS))
    time_zone = _text(64)
    opening_hours = fields.Nested(HoursSchema, allow_none=True)
    contact_windows = fields.Dict(
        keys=fields.String(validate=validate.OneOf(CHANNELS)),
        values=fields.Nested(HoursSchema),
        allow_none=True,
    )
    occasions = fields.List(fields.Nested(OccasionSchema), allow_none=True)
    emails = fields.List(fields.Nested(EntrySchema))
    phones = fields.List(fields.Nested(EntrySchema))
    addresses = fields.List(fields.Nested(AddressSchema))
    socials = fields.List(fields.Nested(EntrySchema))
    note = _text(20_000)
    custom = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True))
    tags = fields.List(fields.String(validate=validate.Length(1, 80)))
    owner_id = fields.UUID(allow_none=True)
    team_id = fields.UUID(allow_none=True)
    shares = fields.List(fields.Nested(ShareSchema))


class ContactCreateSchema(ContactDraftSchema):
    """A contact to create."""

    on_duplicate = fields.String(load_default="refuse", validate=validate.OneOf(("refuse", "allow")))


class ContactChangesSchema(ContactDraftSchema):
    """Changes to a contact; a field that is absent stays, null empties it."""

    version = fields.Integer(metadata={"description": "The version you read, instead of If-Match."})


class ContactSchema(ContactDraftSchema):
    """A contact."""

    id = fields.UUID(**_ID)
    age = fields.Integer(**_ID, metadata={"description": "Full years today."})
    last_interaction_at = fields.AwareDateTime(**_ID)
    created_at = fields.AwareDateTime(**_ID)
    updated_at = fields.AwareDateTime(**_ID)
    version = fields.Integer(**_ID)


class FactsSchema(Schema):
    """What follows from a contact's dates at a moment."""

    at = fields.AwareDateTime()
    age = fields.Integer(allow_none=True)
    is_open = fields.Boolean(allow_none=True)
    next_allowed = fields.Dict(keys=fields.String(), values=fields.AwareDateTime(allow_none=True))
    occasions = fields.List(fields.Dict())


class BatchSchema(Schema):
    """Many contacts at once."""

    create = fields.List(fields.Nested(ContactDraftSchema), load_default=list)
    change = fields.List(fields.Nested(lambda: BatchChangeSchema()), load_default=list)
    remove = fields.List(fields.UUID(), load_default=list)
    on_duplicate = fields.String(load_default="refuse", validate=validate.OneOf(("refuse", "allow")))
    label = fields.String(load_default="", validate=validate.Length(max=200))


class BatchChangeSchema(ContactDraftSchema):
    """One change of a batch."""

    id = fields.UUID(required=True)
    version = fields.Integer()


class BatchResultSchema(Schema):
    """What a batch did, under one change set."""

    change_set_id = fields.UUID()
    created = fields.List(fields.UUID())
    changed = fields.List(fields.UUID())
    removed = fields.Integer()


class MergeSchema(Schema):
    """Contacts to merge into one."""

    merged = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 19))
    picks = fields.Dict(keys=fields.String(), values=fields.UUID(), load_default=dict)


class SharesSchema(Schema):
    """All shares of a contact."""

    shares = fields.List(fields.Nested(ShareSchema), required=True)


class HandOverSchema(Schema):
    """Whose contacts go to whom."""

    from_id = fields.UUID(required=True)
    to_id = fields.UUID(required=True)


class CountSchema(Schema):
    """How many rows a deed changed."""

    count = fields.Integer()
    change_set_id = fields.UUID()


class TagSchema(Schema):
    """A tag."""

    id = fields.UUID(**_ID)
    name = fields.String(validate=validate.Length(1, 80))
    colour = fields.String(allow_none=True, validate=validate.Length(max=20))


class TagContactsSchema(Schema):
    """Tags to put on contacts and to take off."""

    contacts = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 1000))
    add = fields.List(fields.String(validate=validate.Length(1, 80)), load_default=list)
    remove = fields.List(fields.String(), load_default=list)


class CustomFieldSchema(Schema):
    """A custom field."""

    id = fields.UUID(**_ID)
    key = fields.String(validate=validate.Length(1, 50))
    label = fields.String(validate=validate.Length(1, 100))
    kind = fields.String(validate=validate.OneOf(CUSTOM_KINDS))
    choices = fields.List(fields.String(validate=validate.Length(1, 100)), allow_none=True)
    protection = fields.String(validate=validate.OneOf(("open", "sealed")))
    is_personal = fields.Boolean()
    purpose = fields.String(validate=validate.Length(max=200))
    position = fields.Integer()


class FieldExportSchema(Schema):
    """The values of a removed custom field, by contact."""

    values = fields.Dict(keys=fields.String(), values=fields.Raw(allow_none=True))
    change_set_id = fields.UUID()


class FieldRuleSchema(Schema):
    """What this installation demands of a field."""

    name = fields.String(required=True)
    required = fields.Boolean(required=True)
    kind = fields.String(allow_none=True, load_default=None, validate=validate.OneOf(KINDS))


class CopySectionSchema(Schema):
    """One kind of record about the person: a table's, or what a plugin gives beside its tables."""

    name = fields.String()
    plugin = fields.String()
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    records = fields.List(fields.Dict(keys=fields.String()))


class ContactCopySchema(Schema):
    """Everything that is kept about a person."""

    format = fields.Integer()
    contact_id = fields.UUID()
    made_at = fields.AwareDateTime()
    sections = fields.List(fields.Nested(CopySectionSchema))
