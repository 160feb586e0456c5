"""What plans look like on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from retinue.app.lifecycle.plans import ACTIONS


class PlanRequestSchema(Schema):
    """Which plan is wanted."""

    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    cascade = fields.Boolean(
        load_default=False, metadata={"description": "An uninstall takes those that require it along."}
    )
    from_ledger = fields.Boolean(
        load_default=False, metadata={"description": "Uninstall although the code is not here."}
    )


class PlanSchema(Schema):
    """Everything one action on one plugin touches; send it back whole to have it carried out."""

    action = fields.String()
    plugin = fields.String()
    version = fields.String()
    state = fields.String()
    plugins = fields.List(fields.String())
    items = fields.List(
        fields.Dict(),
        metadata={"description": "Each thing it touches: kind, name, effect, rows, detail, owner."},
    )
    refusals = fields.List(
        fields.Dict(), metadata={"description": "Why it cannot be carried out; empty if it can."}
    )
    epoch = fields.Integer()
    from_ledger = fields.Boolean()
    fingerprint = fields.String(metadata={"description": "Stands for the state it was made in."})


class ApplyRequestSchema(Schema):
    """A plan to carry out."""

    plan = fields.Dict(required=True)
    export = fields.Boolean(
        load_default=True, metadata={"description": "An uninstall writes the plugin's data to a file first."}
    )


class AppliedSchema(Schema):
    """What was done."""

    plan = fields.Nested(PlanSchema)
    export = fields.String(metadata={"description": "The file on the server, in the installation's folder."})
    sha256 = fields.String()
    proven_rows = fields.Integer(
        metadata={"description": "Rows of others that were compared before and after."}
    )
