"""What requests, holds, rules, runs and breaches look like on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from retinue_gdpr.duty_models import ACTIONS, ANCHORS, GROUNDS, KINDS

_TEXT = validate.Length(max=5000)


class RequestDraftSchema(Schema):
    """A request of somebody, by contact or by address."""

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    grounds = fields.String(validate=validate.OneOf(GROUNDS))
    contact_id = fields.UUID(allow_none=True)
    address = fields.String(validate=validate.Length(3, 320))
    received_on = fields.Date()
    channel = fields.String(validate=validate.Length(max=12))
    message = fields.String(validate=_TEXT)
    verified_how = fields.String(validate=validate.Length(max=60))


class RequestSchema(Schema):
    """A request with its clock."""

    id = fields.UUID()
    contact_id = fields.UUID(allow_none=True)
    kind = fields.String()
    grounds = fields.String()
    state = fields.String()
    channel = fields.String()
    received_on = fields.Date()
    due_on = fields.Date()
    extended_on = fields.Date(allow_none=True)
    paused_on = fields.Date(allow_none=True)
    verified_at = fields.AwareDateTime(allow_none=True)
    verified_how = fields.String()
    duplicate_of_id = fields.UUID(allow_none=True)
    attempts = fields.Integer()
    failure = fields.String()
    address = fields.String()
    message = fields.String()
    reason = fields.String()
    closed_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    version = fields.Integer()


class VerifySchema(Schema):
    """How the identity of an asker was checked, and which contact they are."""

    how = fields.String(required=True, validate=validate.Length(1, 60))
    contact_id = fields.UUID(allow_none=True)
    grounds = fields.String(validate=validate.OneOf(GROUNDS))
    version = fields.Integer(validate=validate.Range(min=1))


class ReasonSchema(Schema):
    """A reason, which the asker is told."""

    reason = fields.String(required=True, validate=validate.Length(1, 5000))
    version = fields.Integer(validate=validate.Range(min=1))


class CarryOutSchema(Schema):
    """What was decided about rows of plugins that are off, and what there is to say."""

    reason = fields.String(validate=_TEXT)
    decided = fields.List(
        fields.String(), metadata={"description": "Tables of plugins that are off, to let go of."}
    )


class StepSchema(Schema):
    """What a request meant for one plugin."""

    plugin = fields.String()
    state = fields.String()
    rows = fields.Integer()
    at = fields.AwareDateTime()


class ManifestSchema(Schema):
    """The proof of an erasure."""

    id = fields.UUID()
    subject_id = fields.UUID()
    request_id = fields.UUID(allow_none=True)
    rule_id = fields.UUID(allow_none=True)
    change_set_id = fields.UUID()
    at = fields.AwareDateTime()
    grounds = fields.String()
    tables = fields.Dict()
    kept = fields.List(fields.Dict())
    signature = fields.String()


class HoldDraftSchema(Schema):
    """A hold; without tables it keeps all of the person."""

    contact_id = fields.UUID(required=True)
    basis = fields.String(required=True, validate=validate.Length(1, 120))
    tables = fields.List(fields.String(), validate=validate.Length(max=50))
    until = fields.Date(allow_none=True)
    reason = fields.String(validate=_TEXT)


class HoldSchema(HoldDraftSchema):
    """A hold in force."""

    id = fields.UUID()
    contact_id = fields.UUID()
    stands_in = fields.Boolean()
    created_at = fields.AwareDateTime()
    lifted_at = fields.AwareDateTime(allow_none=True)
    version = fields.Integer()


class RuleChangeSchema(Schema):
    """What can be changed of a retention rule."""

    name = fields.String(validate=validate.Length(1, 120))
    filter = fields.Dict(allow_none=True, metadata={"description": "A filter tree; absent means everybody."})
    anchor = fields.String(validate=validate.OneOf(ANCHORS))
    months = fields.Integer(validate=validate.Range(1, 1200))
    action = fields.String(validate=validate.OneOf(ACTIONS))
    grounds = fields.String(validate=validate.Length(max=200))
    active = fields.Boolean()
    version = fields.Integer(validate=validate.Range(min=1))


class RuleDraftSchema(RuleChangeSchema):
    """A new retention rule."""

    key = fields.String(required=True, validate=validate.Regexp(r"^[a-z][a-z0-9_]{0,39}$"))
    name = fields.String(required=True, validate=validate.Length(1, 120))
    anchor = fields.String(required=True, validate=validate.OneOf(ANCHORS))
    months = fields.Integer(required=True, validate=validate.Range(1, 1200))
    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))


class RuleSchema(RuleDraftSchema):
    """A retention rule."""

    id = fields.UUID()
    created_at = fields.AwareDateTime()
    version = fields.Integer()


class DueSchema(Schema):
    """A contact whose time is over, with the reason it goes or stays."""

    contact_id = fields.UUID()
    name = fields.String(allow_none=True)
    counted_from = fields.AwareDateTime()
    kept = fields.Boolean()
    reason = fields.String()


class PreviewSchema(Schema):
    """What a run would do; `items` are the first of those due."""

    rule = fields.String()
    action = fields.String()
    due = fields.Integer()
    kept = fields.Integer()
    items = fields.List(fields.Nested(DueSchema))


class RunSchema(Schema):
    """A run of a rule."""

    id = fields.UUID()
    rule_id = fields.UUID()
    started_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)
    due = fields.Integer()
    done = fields.Integer()
    kept = fields.Integer()
    failed = fields.Integer()
    report = fields.Dict(allow_none=True)
    signature = fields.String()


class RunCheckSchema(Schema):
    """Whether a report is as it was signed."""

    run_id = fields.UUID()
    good = fields.Boolean()
    report = fields.Dict()
    signature = fields.String()


class DecisionSchema(Schema):
    """What a run decided about one contact."""

    subject_id = fields.UUID()
    rule_id = fields.UUID()
    decision = fields.String()
    code = fields.String()
    at = fields.AwareDateTime()


class ReviewSchema(Schema):
    """A contact whose data somebody has to look at."""

    id = fields.UUID()
    contact_id = fields.UUID()
    name = fields.String()
    rule = fields.String()
    created_at = fields.AwareDateTime()


class BreachChangeSchema(Schema):
    """What is known of a breach."""

    title = fields.String(validate=validate.Length(1, 160))
    nature = fields.String(validate=_TEXT)
    categories = fields.List(fields.String())
    people = fields.Integer(allow_none=True, validate=validate.Range(min=0))
    records = fields.Integer(allow_none=True, validate=validate.Range(min=0))
    consequences = fields.String(validate=_TEXT)
    measures = fields.String(validate=_TEXT)
    high_risk = fields.Boolean()
    notified_at = fields.AwareDateTime(allow_none=True)
    delay_reasons = fields.String(validate=_TEXT)
    told_at = fields.AwareDateTime(allow_none=True)
    closed = fields.Boolean()
    version = fields.Integer(validate=validate.Range(min=1))


class BreachDraftSchema(BreachChangeSchema):
    """A new breach."""

    title = fields.String(required=True, validate=validate.Length(1, 160))
    aware_at = fields.AwareDateTime()

    class Meta:
        exclude = ("closed", "notified_at")


class BreachSchema(BreachDraftSchema):
    """A breach with its clock."""

    id = fields.UUID()
    due_at = fields.AwareDateTime()
    notified_at = fields.AwareDateTime(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)
    version = fields.Integer()

    class Meta:
        exclude = ("closed",)


class DocumentSchema(Schema):
    """A document made by the installation, as plain data."""

    document = fields.Dict()


class GoodSchema(Schema):
    """Whether a document is ours and unchanged."""

    good = fields.Boolean()


class RecordsVersionSchema(DocumentSchema):
    """The records of processing as they were on a day."""

    id = fields.UUID()
    number = fields.Integer()
    digest = fields.String(metadata={"description": "SHA-256 of the document, hexadecimal."})
    created_at = fields.AwareDateTime()


class DifferenceSchema(Schema):
    """What differs at one place of the records between the version kept last and now."""

    place = fields.String(metadata={"description": "As records/newsletter/d_recipients."})
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)
