"""Cards on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class CardChangeSchema(Schema):
    """Changes of a card."""

    points = fields.Integer(strict=True, validate=validate.Range(min=0, max=1_000_000))
    remark = fields.String(validate=validate.Length(max=500))


class CardSchema(CardChangeSchema):
    """A card as it leaves."""

    id = fields.UUID(dump_only=True)
    contact_id = fields.UUID(dump_only=True)
