"""What views look like on the wire."""

from __future__ import annotations

from marshmallow import Schema, validate
from marshmallow import fields as ma

from retinue.lists.models import LAYOUTS, VIEW_KINDS, VISIBILITIES
from retinue.lists.parse import MAX_SORT


def _said(text: str) -> dict[str, str]:
    return {"description": text}


class ViewDraftSchema(Schema):
    """A view to save, or with every field optional, changes to one."""

    name = ma.String(required=True, validate=validate.Length(min=1, max=120))
    entity = ma.String(load_default="contact", metadata=_said("What it lists."))
    kind = ma.String(
        load_default="live",
        validate=validate.OneOf(VIEW_KINDS),
        metadata=_said("live asks its filter every time, fixed keeps its members."),
    )
    filter = ma.Raw(allow_none=True, metadata=_said("Filter tree; none is everybody."))
    columns = ma.List(ma.String(validate=validate.Length(max=120)), validate=validate.Length(max=60))
    sort = ma.String(
        allow_none=True,
        validate=validate.Length(max=500),
        metadata=_said(f"Up to {MAX_SORT} fields, - for descending."),
    )
    layout = ma.String(validate=validate.OneOf(LAYOUTS))
    time_zone = ma.String(validate=validate.Length(max=64), metadata=_said("Where its days begin."))
    visibility = ma.String(validate=validate.OneOf(VISIBILITIES), metadata=_said("Who sees the view."))
    team_id = ma.UUID(allow_none=True, metadata=_said("The team that sees it."))
    is_pinned = ma.Boolean()
    members = ma.List(
        ma.UUID(), validate=validate.Length(max=10_000), metadata=_said("Contacts of a fixed list, at first.")
    )


class ViewChangesSchema(ViewDraftSchema):
    """Changes to a view: what is absent stays."""

    class Meta:
        exclude = ("entity", "kind", "members")


class ViewSchema(Schema):
    """A saved view."""

    id = ma.UUID(required=True)
    name = ma.String(required=True)
    entity = ma.String(required=True)
    kind = ma.String(required=True)
    filter = ma.Raw(required=True)
    columns = ma.List(ma.String(), required=True)
    sort = ma.String(required=True)
    layout = ma.String(required=True)
    time_zone = ma.String(required=True)
    visibility = ma.String(required=True, validate=validate.OneOf(VISIBILITIES))
    owner_id = ma.UUID(allow_none=True)
    team_id = ma.UUID(allow_none=True)
    is_pinned = ma.Boolean(required=True)
    version = ma.Integer(required=True)
    created_at = ma.AwareDateTime(required=True)
    updated_at = ma.AwareDateTime(required=True)


class ViewRowSchema(Schema):
    """A row of a list: its id, and the values of the columns that were asked for."""

    id = ma.UUID(required=True)
    values = ma.Dict(keys=ma.String(), required=True)


class ListFieldSchema(Schema):
    """A field of a list: how it can be filtered and sorted by."""

    name = ma.String(required=True)
    label = ma.String(required=True)
    kind = ma.String(required=True)
    operators = ma.List(ma.String(), required=True)
    choices = ma.List(ma.String(), required=True)
    sortable = ma.Boolean(required=True)
    column = ma.Boolean(required=True)
    protected = ma.String(
        required=True, metadata=_said("Why it cannot be filtered, and what to use instead.")
    )


class MergeFieldSchema(Schema):
    """A field of letters: ``{{ name }}`` in a text, or ``{{ name | what to say instead }}``."""

    name = ma.String(required=True)
    label = ma.String(required=True)
    fallback = ma.String(required=True, metadata=_said("What stands there for who has no value."))
    plugin = ma.String(required=True, metadata=_said("The plugin that adds it; empty for a contact's own."))


class LetterSchema(Schema):
    """A letter to try on one contact."""

    text = ma.String(required=True, validate=validate.Length(max=100_000))
    contact_id = ma.UUID(required=True)


class MergedSchema(Schema):
    """A letter as the contact reads it."""

    text = ma.String(required=True)


class MembersSchema(Schema):
    """Contacts to put on a fixed list and to take off."""

    add = ma.List(ma.UUID(), load_default=list, validate=validate.Length(max=10_000))
    remove = ma.List(ma.UUID(), load_default=list, validate=validate.Length(max=10_000))


class MembersChangedSchema(Schema):
    """How many contacts were put on a fixed list and taken off."""

    added = ma.Integer(required=True)
    removed = ma.Integer(required=True)
