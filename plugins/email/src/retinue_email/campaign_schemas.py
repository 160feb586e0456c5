"""Campaigns on the wire."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from retinue_email.models import CAMPAIGN_STATES, EVENTS, POLICIES, STATES

_NAME = validate.Length(min=1, max=120)
_POLICY = {
    "description": "What becomes of letters in doubt: at most once, the default, or once more under the same Message-ID."
}


class CampaignDraftSchema(Schema):
    """A campaign as it is drafted."""

    name = fields.String(required=True, validate=_NAME)
    template_id = fields.UUID(required=True)
    view_id = fields.UUID(allow_none=True, metadata={"description": "The saved view that is its audience."})
    policy = fields.String(validate=validate.OneOf(POLICIES), metadata=_POLICY)


class CampaignChangeSchema(Schema):
    """What changes of a campaign of which nothing was sent."""

    name = fields.String(validate=_NAME)
    template_id = fields.UUID()
    view_id = fields.UUID(allow_none=True)
    policy = fields.String(validate=validate.OneOf(POLICIES), metadata=_POLICY)


class CampaignStartSchema(Schema):
    """How a campaign starts."""

    expected = fields.Integer(
        validate=validate.Range(min=1),
        metadata={"description": "The recipients you have seen: more than a tenth above stops it."},
    )
    at = fields.AwareDateTime(metadata={"description": "When; now, if it is left out."})
    hold = fields.Boolean(metadata={"description": "Fix the audience, and send when it is resumed."})


class TestLetterSchema(Schema):
    """Who gets a test letter, as they would read it."""

    contact_id = fields.UUID(required=True)


class CampaignSchema(Schema):
    """A campaign and how far it is."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    template_id = fields.UUID(required=True)
    template = fields.String(required=True)
    view_id = fields.UUID(allow_none=True)
    view = fields.String(allow_none=True)
    purpose = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(CAMPAIGN_STATES))
    reason = fields.String(required=True)
    policy = fields.String(required=True)
    start_at = fields.AwareDateTime(allow_none=True)
    expected = fields.Integer(allow_none=True)
    total = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(allow_none=True)
    finished_at = fields.AwareDateTime(allow_none=True)
    version = fields.Integer(required=True)
    sent = fields.Integer(metadata={"description": "In the list: how many letters the server has taken."})
    open = fields.Integer(metadata={"description": "In the list: how many letters are still to go."})


class ReasonSchema(Schema):
    """How many are not written to, and why."""

    reason = fields.String(required=True)
    count = fields.Integer(required=True)


class LanguageSchema(Schema):
    """How many read the letter in which language."""

    language = fields.String(required=True)
    count = fields.Integer(required=True)


class AudienceSchema(Schema):
    """An audience before the start: `total` in the view; of the first `examined`, whom it reaches and whom not."""

    total = fields.Integer(required=True)
    examined = fields.Integer(required=True)
    reached = fields.Integer(required=True)
    refused = fields.List(fields.Nested(ReasonSchema), required=True)
    languages = fields.List(fields.Nested(LanguageSchema), required=True)


class OutcomeSchema(Schema):
    """Letters with one outcome; `query` lists them at /email/letters, together with the campaign."""

    state = fields.String(required=True, validate=validate.OneOf(STATES))
    reason = fields.String(required=True)
    count = fields.Integer(required=True)
    query = fields.Dict(required=True)


class HeardSchema(Schema):
    """Letters that something came back for."""

    kind = fields.String(required=True, validate=validate.OneOf(EVENTS))
    count = fields.Integer(required=True)
    query = fields.Dict(required=True)


class ReportSchema(CampaignSchema):
    """A campaign with its letters counted."""

    outcomes = fields.List(fields.Nested(OutcomeSchema), required=True)
    events = fields.List(fields.Nested(HeardSchema), required=True)


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class SeriesChangeSchema(Schema):
    """What changes of regular letters."""

    name = fields.String(validate=_NAME)
    template_id = fields.UUID()
    view_id = fields.UUID(
        metadata={"description": "The saved view that is their audience, found anew each time."}
    )
    days = fields.List(
        fields.String(validate=validate.OneOf(_DAYS)),
        metadata={"description": "Days of the week; empty where a day of the month is given."},
    )
    month_day = fields.Integer(
        allow_none=True,
        validate=validate.Range(1, 28),
        metadata={"description": "Day of the month, 1 to 28."},
    )
    clock = fields.String(
        validate=validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$", error="Write the hour as 09:00."),
        metadata={"description": "The hour at the place, such as 09:00."},
    )
    zone = fields.String(validate=validate.Length(1, 64), metadata={"description": "Such as Europe/Prague."})
    active = fields.Boolean(metadata={"description": "false lets them rest."})


class SeriesDraftSchema(SeriesChangeSchema):
    """Regular letters as they are set up."""

    name = fields.String(required=True, validate=_NAME)
    template_id = fields.UUID(required=True)
    view_id = fields.UUID(required=True)
    clock = fields.String(
        required=True,
        validate=validate.Regexp(r"^([01]\d|2[0-3]):[0-5]\d$", error="Write the hour as 09:00."),
    )


class SeriesSchema(SeriesChangeSchema):
    """Regular letters, and when they go next."""

    id = fields.UUID(required=True)
    template = fields.String(required=True)
    next_at = fields.DateTime(required=True, allow_none=True)
    reason = fields.String(
        required=True, metadata={"description": "Why the last ones did not go; else empty."}
    )
    version = fields.Integer(required=True)
    created_at = fields.DateTime(required=True)
