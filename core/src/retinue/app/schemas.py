"""What plugins and jobs look like on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields


class PluginSchema(Schema):
    """A plugin."""

    name = fields.String()
    state = fields.String()
    title = fields.String()
    summary = fields.String()
    version = fields.String()
    enabled = fields.Boolean()
    reason = fields.String()


class JobSchema(Schema):
    """A job; its payload holds ids only and is not shown."""

    id = fields.UUID()
    name = fields.String()
    plugin = fields.String()
    state = fields.String()
    attempts = fields.Integer()
    done = fields.Integer()
    total = fields.Integer(allow_none=True)
    message = fields.String()
    error = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)


class JobStateSchema(Schema):
    """The state of a job after a request to stop or replay it."""

    state = fields.String()
