"""What interactions look like on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

_ID: Any = {"dump_only": True}


class InteractionDraftSchema(Schema):
    """An interaction to record."""

    kind = fields.String(required=True, validate=validate.Length(1, 40))
    at = fields.AwareDateTime(metadata={"description": "When it happened; now if absent."})
    duration = fields.Integer(allow_none=True, strict=True, metadata={"description": "Seconds."})
    direction = fields.String(allow_none=True, validate=validate.OneOf(("in", "out")))
    channel = fields.String(allow_none=True, validate=validate.Length(max=20))
    subject = fields.String(allow_none=True, validate=validate.Length(max=500))
    body = fields.String(allow_none=True, validate=validate.Length(max=100_000))
    data = fields.Dict(allow_none=True, keys=fields.String())
    source_key = fields.String(
        allow_none=True,
        validate=validate.Length(1, 120),
        metadata={"description": "Its key where it comes from; a repeat with the same key records nothing."},
    )


class BatchItemSchema(InteractionDraftSchema):
    """An interaction of a batch."""

    contact_id = fields.UUID(required=True)


class BatchSchema(Schema):
    """Many interactions at once."""

    interactions = fields.List(
        fields.Nested(BatchItemSchema), required=True, validate=validate.Length(1, 1000)
    )


class BatchResultSchema(Schema):
    """What a batch recorded."""

    ids = fields.List(fields.UUID())
    change_set_id = fields.UUID()


class CorrectionSchema(InteractionDraftSchema):
    """What the corrected entry says instead; absent fields stay as they were."""

    kind = fields.String(validate=validate.Length(1, 40))


class WithdrawalSchema(Schema):
    """Why an interaction should not stand in the timeline."""

    reason = fields.String(load_default="", validate=validate.Length(max=500))


class InteractionSchema(InteractionDraftSchema):
    """An interaction."""

    id = fields.UUID(**_ID)
    contact_id = fields.UUID(**_ID)
    author_id = fields.UUID(**_ID, allow_none=True)
    author_name = fields.String(**_ID)
    plugin = fields.String(**_ID, allow_none=True)
    corrects_id = fields.UUID(**_ID, allow_none=True)
    withdraws_id = fields.UUID(**_ID, allow_none=True)
    hidden = fields.Boolean(**_ID, metadata={"description": "Corrected or withdrawn."})
    created_at = fields.AwareDateTime(**_ID)


class KindSchema(Schema):
    """A kind of interaction."""

    name = fields.String(required=True, validate=validate.Length(1, 40))
    label = fields.String(validate=validate.Length(max=80))
    icon = fields.String(allow_none=True, validate=validate.Length(max=40))
    counts = fields.Boolean(
        load_default=True, metadata={"description": "Moves the date of the last interaction."}
    )
    plugin = fields.String(**_ID, allow_none=True)


class PromiseSchema(Schema):
    """Something promised to a contact that is still open."""

    contact_id = fields.UUID()
    text = fields.String()
    due = fields.Date(allow_none=True)
    interaction_id = fields.UUID(
        allow_none=True, metadata={"description": "The entry that holds it; null if a plugin does."}
    )
