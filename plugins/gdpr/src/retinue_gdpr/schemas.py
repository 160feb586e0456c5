"""What consents, purposes, links and letters look like on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from retinue_gdpr.models import BASES, CHANNELS, EVENTS, EXPIRED, METHODS, REASONS, TEXT_KINDS

_KEY = validate.Regexp(r"^[a-z][a-z0-9_]{0,39}$", error="a word of small letters, digits and _")
_LANGUAGE = validate.Regexp(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", error="a language as en or pt-BR")
_NAME = validate.Length(1, 120)


class RecordSchema(Schema):
    """What a record of processing says of a purpose, Art. 30(1)(c) to (g)."""

    data = fields.List(fields.String())
    subjects = fields.List(fields.String())
    categories = fields.List(fields.String())
    recipients = fields.List(fields.String())
    transfers = fields.String()
    retention = fields.List(fields.String())
    security = fields.List(fields.String())


class PurposeChangeSchema(Schema):
    """What can be changed of a purpose."""

    name = fields.String(validate=_NAME)
    description = fields.String(validate=validate.Length(max=5000))
    basis = fields.String(validate=validate.OneOf(BASES))
    channels = fields.List(fields.String(validate=validate.OneOf(CHANNELS)))
    topic = fields.Boolean()
    valid_months = fields.Integer(allow_none=True, validate=validate.Range(1, 600))
    record = fields.Nested(RecordSchema)
    retired = fields.Boolean()
    version = fields.Integer(validate=validate.Range(min=1))


class PurposeDraftSchema(PurposeChangeSchema):
    """A new purpose."""

    key = fields.String(required=True, validate=_KEY)
    name = fields.String(required=True, validate=_NAME)
    basis = fields.String(required=True, validate=validate.OneOf(BASES))

    class Meta:
        exclude = ("retired", "version")


class PurposeSchema(Schema):
    """A purpose; `number` grows when what it means changes, and consents to a smaller one do not cover it."""

    id = fields.UUID()
    key = fields.String()
    name = fields.String()
    description = fields.String()
    basis = fields.String()
    channels = fields.List(fields.String())
    topic = fields.Boolean()
    number = fields.Integer()
    valid_months = fields.Integer(allow_none=True)
    record = fields.Dict()
    retired_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    version = fields.Integer()


class WordingDraftSchema(Schema):
    """The text of a consent (names its purpose) or of the notice to new contacts."""

    kind = fields.String(required=True, validate=validate.OneOf(TEXT_KINDS))
    purpose_id = fields.UUID(allow_none=True)
    language = fields.String(required=True, validate=_LANGUAGE)
    subject = fields.String(validate=validate.Length(max=200))
    body = fields.String(required=True, validate=validate.Length(1, 50_000))


class WordingSchema(WordingDraftSchema):
    """A text as it stands for good, with its hash."""

    id = fields.UUID()
    number = fields.Integer()
    digest = fields.String(metadata={"description": "SHA-256 of the text, hexadecimal."})
    created_at = fields.AwareDateTime()


class SaidSchema(Schema):
    """One thing a person said; without channels it is about all channels of the purpose."""

    purpose = fields.String(required=True)
    event = fields.String(required=True, validate=validate.OneOf([e for e in EVENTS if e != EXPIRED]))
    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    channels = fields.List(fields.String(validate=validate.OneOf(CHANNELS)))
    wording_id = fields.UUID(allow_none=True)
    language = fields.String(validate=_LANGUAGE)
    occurred_at = fields.AwareDateTime(allow_none=True)
    expires_at = fields.AwareDateTime(allow_none=True)
    form_id = fields.UUID(allow_none=True)
    evidence = fields.String(validate=validate.Length(max=2000))


class SaidBatchSchema(Schema):
    """What a person said, at most a hundred things at once."""

    events = fields.List(fields.Nested(SaidSchema), required=True, validate=validate.Length(1, 100))


class EventSchema(Schema):
    """One event of the log."""

    id = fields.UUID()
    contact_id = fields.UUID()
    place = fields.Integer()
    purpose_id = fields.UUID()
    number = fields.Integer()
    channel = fields.String()
    event = fields.String()
    method = fields.String()
    wording_id = fields.UUID(allow_none=True)
    digest = fields.String()
    language = fields.String()
    form_id = fields.UUID(allow_none=True)
    jurisdiction = fields.String()
    occurred_at = fields.AwareDateTime()
    recorded_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime(allow_none=True)
    prior_id = fields.UUID(allow_none=True)
    actor_kind = fields.String()
    actor_id = fields.UUID(allow_none=True)
    evidence = fields.String()
    previous = fields.String()
    hash = fields.String()


class ConsentSchema(Schema):
    """What a person says now; `covers` says whether it allows its purpose."""

    purpose = fields.String()
    name = fields.String()
    channel = fields.String()
    state = fields.String()
    since = fields.AwareDateTime()
    expires_at = fields.AwareDateTime(allow_none=True)
    event_id = fields.UUID()
    covers = fields.Boolean()


class ProofSchema(Schema):
    """The proof of what was said by a day."""

    event = fields.Nested(EventSchema)
    text = fields.String(allow_none=True)
    digest = fields.String()
    digest_holds = fields.Boolean()
    chain_holds = fields.Boolean()


class ReceiptSchema(Schema):
    """A receipt, as plain data with its signature."""

    class Meta:
        unknown = "include"

    receipt = fields.Dict(required=True)


class ReceiptCheckSchema(Schema):
    """Whether a receipt is ours and unchanged."""

    good = fields.Boolean()


class VerdictSchema(Schema):
    """Whether logs are whole."""

    people = fields.Integer()
    good = fields.Boolean()
    faults = fields.List(fields.String())


class GateSchema(Schema):
    """Whom a sending would reach."""

    purpose = fields.String(required=True, validate=validate.Length(1, 60))
    contact_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 1000))
    keep = fields.Boolean(metadata={"description": "Keep the reason for each contact left out."})


class RefusalSchema(Schema):
    """Why a contact is left out."""

    contact_id = fields.UUID()
    purpose = fields.String()
    code = fields.String()
    reason = fields.String()
    at = fields.AwareDateTime()
    until = fields.AwareDateTime(allow_none=True)


class JudgementSchema(Schema):
    """Who may be written to, and who not with the reason."""

    allowed = fields.List(fields.UUID())
    refused = fields.List(fields.Nested(RefusalSchema(only=("contact_id", "code", "reason", "until"))))


class AddressSchema(Schema):
    """An address for the list of those not to be written to; only its keyed hash is kept."""

    address = fields.String(required=True, validate=validate.Length(3, 320))
    reason = fields.String(validate=validate.OneOf([r for r in REASONS if r not in ("erased", "restricted")]))


class ReleaseSchema(Schema):
    """An address to take off the list, with the evidence of a new consent."""

    address = fields.String(required=True, validate=validate.Length(3, 320))
    evidence = fields.String(required=True, validate=validate.Length(1, 500))


class CountSchema(Schema):
    """How many."""

    count = fields.Integer()


class CountsSchema(Schema):
    """How many of each."""

    counts = fields.Dict(keys=fields.String(), values=fields.Integer())


class LinkDraftSchema(Schema):
    """A signed link for somebody without an account."""

    kind = fields.String(required=True, validate=validate.OneOf(("preferences", "form", "request", "copy")))
    contact_id = fields.UUID(allow_none=True)
    form = fields.String()
    days = fields.Integer(validate=validate.Range(1, 3650))


class LinkSchema(Schema):
    """The link: whoever holds it may do this one thing until then."""

    token = fields.String()
    url = fields.String()
    until = fields.AwareDateTime()


class LetterSchema(Schema):
    """A letter that is owed or was sent."""

    id = fields.UUID()
    contact_id = fields.UUID()
    kind = fields.String()
    language = fields.String()
    state = fields.String()
    subject = fields.String()
    body = fields.String()
    created_at = fields.AwareDateTime()
    sent_at = fields.AwareDateTime(allow_none=True)


class OverdueSchema(Schema):
    """A contact that was not told in time."""

    contact_id = fields.UUID()
    name = fields.String()
    source = fields.String()
    outside = fields.Boolean()
    due_at = fields.AwareDateTime()


class FormChangeSchema(Schema):
    """What can be changed of a form that is not published."""

    title = fields.String(validate=_NAME)
    language = fields.String(validate=_LANGUAGE)
    purposes = fields.List(fields.String(), validate=validate.Length(max=30))
    source = fields.String(validate=validate.Length(max=100))
    confirm = fields.Boolean(
        metadata={
            "description": "Double opt-in: of somebody new nothing counts before a link in a letter was opened and the "
            "form behind it sent, within seven days."
        }
    )
    version = fields.Integer(validate=validate.Range(min=1))


class FormDraftSchema(FormChangeSchema):
    """A new form."""

    key = fields.String(required=True, validate=_KEY)
    title = fields.String(required=True, validate=_NAME)


class FormSchema(FormDraftSchema):
    """A form."""

    id = fields.UUID()
    published_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()
    version = fields.Integer()
