"""What relations look like on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from retinue.relations.models import ROLES

_ID: Any = {"dump_only": True}
_PERCENT = validate.Range(0, 100)


class RelationValuesSchema(Schema):
    """What a relation says of its ends."""

    role = fields.String(allow_none=True, validate=validate.OneOf(ROLES))
    involvement = fields.Integer(allow_none=True, strict=True, validate=_PERCENT)
    interest = fields.Integer(allow_none=True, strict=True, validate=_PERCENT)
    note = fields.String(allow_none=True, validate=validate.Length(max=500))


class RelationDraftSchema(RelationValuesSchema):
    """A relation to make, read from the contact in the path."""

    kind = fields.String(required=True, validate=validate.Length(1, 40))
    to_id = fields.UUID(required=True)


class RelationSchema(RelationValuesSchema):
    """A relation."""

    id = fields.UUID(**_ID)
    from_id = fields.UUID(**_ID)
    to_id = fields.UUID(**_ID)
    kind = fields.String(**_ID)
    created_at = fields.AwareDateTime(**_ID)


class LinkSchema(Schema):
    """A relation as one end sees it."""

    relation = fields.Nested(RelationSchema)
    kind = fields.String()
    label = fields.String()
    other_id = fields.UUID()
    other_name = fields.String()


class MemberSchema(Schema):
    """A member of a decision-making unit."""

    relation = fields.Nested(RelationSchema)
    contact_id = fields.UUID(attribute="contact.id")
    name = fields.String(attribute="contact.name")
    influences = fields.List(fields.UUID())
    influenced_by = fields.List(fields.UUID())


class InfluenceSchema(Schema):
    """Who influences whom: two relations of one organisation."""

    from_relation_id = fields.UUID(required=True)
    to_relation_id = fields.UUID(required=True)


class RemovedSchema(Schema):
    """How many edges of influence went with a relation."""

    edges = fields.Integer()


class RelationKindSchema(Schema):
    """A kind of relation, named from either end."""

    name = fields.String(required=True, validate=validate.Length(1, 40))
    inverse = fields.String(validate=validate.Length(1, 40))
    label = fields.String(validate=validate.Length(max=80))
    inverse_label = fields.String(validate=validate.Length(max=80))
    decides = fields.Boolean(load_default=False)
