"""Webhooks on the wire."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, fields, validate

from retinue_webhooks.models import STATES, STATUSES

_EVENT: Final = r"^(\*|[a-z][a-z0-9_]*\.(\*|[a-z][a-z0-9_]*))$"
_TOKEN_HINT: Final = "The secret that signs the messages; it is shown this once."  # noqa: S105  # a description


class WebhookDraftSchema(Schema):
    """A webhook as it comes in."""

    url = fields.String(
        required=True,
        validate=validate.Length(min=1, max=2048),
        metadata={"description": "Address of the public internet that takes POST.", "format": "uri"},
    )
    description = fields.String(validate=validate.Length(max=200))
    events = fields.List(
        fields.String(validate=validate.Regexp(_EVENT, error="Not an event: noun.verb, noun.* or *.")),
        required=True,
        validate=validate.Length(min=1, max=100),
        metadata={"description": "Events to be told of: `contact.created`, `contact.*`, `*`."},
    )
    active = fields.Boolean(metadata={"description": "Switching on again forgives earlier failures."})


class WebhookChangeSchema(WebhookDraftSchema):
    """Changes of a webhook."""

    version = fields.Integer(strict=True, metadata={"description": "The version you have read, or If-Match."})


class WebhookSchema(Schema):
    """A webhook as it leaves, without its secret."""

    id = fields.UUID(dump_only=True)
    url = fields.String()
    description = fields.String()
    events = fields.List(fields.String())
    active = fields.Boolean()
    state = fields.String(validate=validate.OneOf(STATES))
    reason = fields.String(metadata={"description": "Why it is failing or off."})
    failing_since = fields.DateTime(allow_none=True)
    delivered_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()
    version = fields.Integer()


class WebhookCreatedSchema(WebhookSchema):
    """A new webhook with its secret."""

    secret = fields.String(metadata={"description": _TOKEN_HINT})


class WebhookSecretSchema(Schema):
    """A new secret of a webhook."""

    secret = fields.String(metadata={"description": _TOKEN_HINT + " The old one signs too for 24 hours."})


class WebhookDeliverySchema(Schema):
    """One event on its way to one webhook."""

    id = fields.UUID()
    event_id = fields.UUID()
    event = fields.String()
    body = fields.String(metadata={"description": "What is sent: ids and names of fields."})
    status = fields.String(validate=validate.OneOf(STATUSES))
    attempts = fields.Integer()
    next_run_at = fields.DateTime(allow_none=True)
    sent_at = fields.DateTime(allow_none=True)
    response_status = fields.Integer(allow_none=True)
    failure = fields.String()
    duration_ms = fields.Integer(allow_none=True)
    by_hand = fields.Boolean()


class WebhookEventSchema(Schema):
    """An event to subscribe to."""

    name = fields.String()
    label = fields.String()
    help = fields.String()
