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


class PluginGrantsSchema(Schema):
    """What a plugin may do since it was agreed to."""

    granted = fields.List(fields.String())


class PluginTimingSchema(Schema):
    """What the calls of one plugin in one hook took, in microseconds, over all processes."""

    plugin = fields.String()
    hook = fields.String()
    calls = fields.Integer()
    p50_us = fields.Float()
    p95_us = fields.Float()
    longest_us = fields.Float()
    total_ms = fields.Float()


class PluginProcessSchema(Schema):
    """A process that serves or works, the epoch it follows and the plugins as they stand in it."""

    id = fields.UUID()
    kind = fields.String()
    machine = fields.String()
    pid = fields.Integer()
    version = fields.String()
    epoch = fields.Integer()
    plugins = fields.Dict(
        metadata={"description": "State by plugin: enabled, quarantined, refused, missing."}
    )
    started_at = fields.AwareDateTime()
    seen_at = fields.AwareDateTime()
    alive = fields.Boolean(metadata={"description": "Heard of within the last minute."})


class PluginStateSchema(Schema):
    """The state of a plugin after a request to resume it."""

    state = fields.String()
