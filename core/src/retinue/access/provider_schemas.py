"""What outside sign-in services and identities look like on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from retinue.access.oidc_wire import ALGORITHMS


class ButtonSchema(Schema):
    """What a sign-in page shows of a provider."""

    name = fields.String()
    label = fields.String()


class ProviderSchema(Schema):
    """An outside service people may sign in with; its secret is never shown."""

    id = fields.UUID(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(1, 40))
    label = fields.String(required=True, validate=validate.Length(1, 100))
    issuer = fields.String(required=True, validate=validate.Length(1, 300))
    client_id = fields.String(required=True, validate=validate.Length(1, 200))
    client_secret = fields.String(load_only=True, allow_none=True, validate=validate.Length(1, 500))
    scopes = fields.List(fields.String(validate=validate.Length(1, 100)), validate=validate.Length(1, 20))
    algorithms = fields.List(fields.String(validate=validate.OneOf(ALGORITHMS)), validate=validate.Length(1))
    is_active = fields.Boolean()
    trusts_factor = fields.Boolean()
    creates_accounts = fields.Boolean()
    default_role_id = fields.UUID(allow_none=True)


class DepartureSchema(Schema):
    """Through which provider, and the page of ours to go on with."""

    provider = fields.String(required=True, load_only=True, validate=validate.Length(1, 40))
    next = fields.String(load_only=True, load_default="", validate=validate.Length(0, 200))
    address = fields.String(dump_only=True, metadata={"description": "Where to send the browser."})


class IdentitySchema(Schema):
    """Who an account is at an outside service."""

    id = fields.UUID(dump_only=True)
    provider = fields.String(required=True, load_only=True, validate=validate.Length(1, 40))
    subject = fields.String(required=True, load_only=True, validate=validate.Length(1, 255))
    issuer = fields.String(dump_only=True)
    label = fields.String(dump_only=True)
    created_at = fields.AwareDateTime(dump_only=True)
    used_at = fields.AwareDateTime(dump_only=True, allow_none=True)
