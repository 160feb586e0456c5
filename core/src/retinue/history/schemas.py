"""What the audit looks like on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields


class EntrySchema(Schema):
    """One audited change or deed."""

    id = fields.UUID()
    change_set_id = fields.UUID()
    at = fields.AwareDateTime()
    action = fields.String()
    table = fields.String(allow_none=True)
    gone = fields.Boolean(
        metadata={
            "description": "The table's plugin is off or was removed: the entry stands for what was there."
        }
    )
    row_id = fields.UUID(allow_none=True)
    contact_id = fields.UUID(allow_none=True)
    actor_kind = fields.String()
    actor_id = fields.UUID(allow_none=True)
    actor_name = fields.String()
    plugin = fields.String(allow_none=True)
    hook = fields.String(allow_none=True)
    fields_ = fields.List(fields.String(), data_key="fields", attribute="fields")
    values = fields.Dict(
        allow_none=True, metadata={"description": "Field → [old, new], where you may read it."}
    )
    detail = fields.Dict(allow_none=True)


class ChangeSetSchema(Schema):
    """All changes of one deed."""

    id = fields.UUID()
    at = fields.AwareDateTime()
    action = fields.String()
    label = fields.String()
    actor_kind = fields.String()
    actor_id = fields.UUID(allow_none=True)
    actor_name = fields.String()
    entries = fields.Integer()
    reverts_id = fields.UUID(allow_none=True)
    reverted_by_id = fields.UUID(allow_none=True)


class RevertedSchema(Schema):
    """What a revert did."""

    change_set_id = fields.UUID()
    undone = fields.Integer()
    kept = fields.List(
        fields.String(), metadata={"description": "What was changed since and therefore stayed."}
    )


class HookAnswerSchema(Schema):
    """One plugin's part in a hook that was called."""

    place = fields.Integer()
    plugin = fields.String()
    version = fields.String()
    reason = fields.String(metadata={"description": "Why it stands at this place."})
    wrote = fields.Integer(metadata={"description": "Audit entries of rows it wrote."})
    failures = fields.List(fields.String(), metadata={"description": "Kinds of errors."})
    objections = fields.List(fields.Dict(), metadata={"description": "Codes and places, if it refused."})


class HookCallSchema(Schema):
    """One hook that was called, and who answers it."""

    hook = fields.String()
    calls = fields.Integer()
    answers = fields.List(fields.Nested(HookAnswerSchema))


class ExplanationSchema(Schema):
    """What plugins had to do with a change."""

    change_set_id = fields.UUID()
    at = fields.AwareDateTime()
    action = fields.String()
    label = fields.String()
    actor_kind = fields.String()
    actor_id = fields.UUID(allow_none=True)
    actor_name = fields.String()
    entries = fields.Integer()
    refused = fields.Boolean()
    hooks = fields.List(fields.Nested(HookCallSchema))


class LookSchema(Schema):
    """One look at a contact's card."""

    contact_id = fields.UUID()
    at = fields.AwareDateTime()


class ReadsSchema(Schema):
    """What an account saw and took away."""

    account_id = fields.UUID()
    since = fields.AwareDateTime()
    views = fields.Integer()
    contacts = fields.Integer(metadata={"description": "Each person counted once."})
    exports = fields.Integer()
    latest = fields.List(
        fields.Nested(LookSchema), metadata={"description": "The newest first, at most 200."}
    )
