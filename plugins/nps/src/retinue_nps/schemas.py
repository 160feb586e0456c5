"""Surveys, invitations, answers and results on the wire."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from retinue_nps.models import FOLLOW_STATES, KINDS, STATES, STATUSES
from retinue_nps.patterns import PATTERNS
from retinue_nps.questions import KINDS as QUESTION_KINDS
from retinue_nps.questions import LANGUAGES

_KEY: Final = validate.Regexp(r"^[a-z][a-z0-9_-]{0,59}$", error="a-z, 0-9, - and _, a letter first.")
_URL: Final = validate.Regexp(r"^(https://\S{1,480})?$", error="Must begin with https://, or be empty.")


def _whole(least: int, most: int, description: str, **options: Any) -> fields.Integer:
    return fields.Integer(
        strict=True, validate=validate.Range(least, most), metadata={"description": description}, **options
    )


class WhenSchema(Schema):
    """Of whom a question is asked: who has answered one before it so."""

    key = fields.String(required=True)
    at_least = fields.Integer(strict=True)
    at_most = fields.Integer(strict=True)
    is_ = fields.String(data_key="is", attribute="is")


class FormWordsSchema(Schema):
    """The words of one question in one language, as a form sends them beside it."""

    text = fields.String(validate=validate.Length(max=500))
    low = fields.String(validate=validate.Length(max=100))
    high = fields.String(validate=validate.Length(max=100))
    choices = fields.List(
        fields.String(allow_none=True, validate=validate.Length(max=200)),
        metadata={"description": "Labels in the order of the question's choices."},
    )


class QuestionSchema(Schema):
    """One question; its words stand in the texts."""

    key = fields.String(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(QUESTION_KINDS))
    required = fields.Boolean()
    choices = fields.List(fields.String(), metadata={"description": "Keys, for single and multiple."})
    least = _whole(0, 99, "Least number of a scale; 1 if absent")
    most = _whole(0, 99, "Greatest number of a scale; 5 if absent")
    when = fields.Nested(WhenSchema, allow_none=True)


class AskedQuestionSchema(QuestionSchema):
    """One question as it is sent: its words may come with it, instead of in the texts."""

    key = fields.String(required=True, metadata={"description": "+ gives it a free one."})
    words = fields.Dict(
        keys=fields.String(validate=validate.OneOf(LANGUAGES)),
        values=fields.Nested(FormWordsSchema),
        metadata={"description": "By language; for the languages that the texts have."},
    )


class QuestionWordsSchema(Schema):
    """The words of one question in one language."""

    text = fields.String(validate=validate.Length(max=500))
    low = fields.String(
        validate=validate.Length(max=100), metadata={"description": "What the least number means."}
    )
    high = fields.String(
        validate=validate.Length(max=100), metadata={"description": "What the greatest means."}
    )
    choices = fields.Dict(keys=fields.String(), values=fields.String(validate=validate.Length(max=200)))


class WordsSchema(Schema):
    """The words of a survey in one language."""

    title = fields.String(validate=validate.Length(max=200))
    intro = fields.String(validate=validate.Length(max=2000))
    thanks = fields.String(validate=validate.Length(max=2000))
    questions = fields.Dict(keys=fields.String(), values=fields.Nested(QuestionWordsSchema))


class SurveyChangeSchema(Schema):
    """Changes of a survey; other questions or words make a new edition."""

    name = fields.String(validate=validate.Length(1, 120))
    kind = fields.String(validate=validate.OneOf(KINDS))
    anonymous = fields.Boolean()
    trigger = fields.String(
        validate=validate.Length(max=80),
        metadata={
            "description": "order.paid, order.completed, interaction.KIND, date.FIELD, anniversary.FIELD, "
            "or empty: asked by hand alone."
        },
    )
    delay_hours = _whole(0, 8760, "Hours from what happened to the question")
    rest_days = _whole(0, 3650, "Days since the contact was last asked anything; 180 or 90 by kind")
    open_days = _whole(1, 365, "Days a link can be answered")
    edit_hours = _whole(0, 720, "Hours an answer can be changed by who gave it")
    follow_hours = _whole(1, 720, "Hours until a low score must be followed up")
    reward = fields.Boolean(
        metadata={"description": "Tell loyalty of each answer of a known customer, whatever its score."}
    )
    review_url = fields.String(
        validate=_URL, metadata={"description": "Where promoters are asked to review us."}
    )
    language = fields.String(validate=validate.OneOf(LANGUAGES))
    questions = fields.List(fields.Nested(AskedQuestionSchema))
    texts = fields.Dict(keys=fields.String(), values=fields.Nested(WordsSchema))


class SurveyDraftSchema(SurveyChangeSchema):
    """A survey as it is drafted."""

    key = fields.String(required=True, validate=_KEY)
    name = fields.String(required=True, validate=validate.Length(1, 120))
    pattern = fields.String(
        validate=validate.OneOf(PATTERNS),
        metadata={"description": "Gives questions and words in five languages."},
    )


class SurveyLineSchema(Schema):
    """A survey in a list."""

    id = fields.UUID()
    key = fields.String()
    name = fields.String()
    kind = fields.String(validate=validate.OneOf(KINDS))
    status = fields.String(validate=validate.OneOf(STATUSES))
    anonymous = fields.Boolean()
    trigger = fields.String()
    edition = fields.Integer()
    version = fields.Integer()
    created_at = fields.DateTime()


class SurveySchema(SurveyLineSchema):
    """A survey with the questions and words that are asked now."""

    delay_hours = fields.Integer()
    rest_days = fields.Integer()
    open_days = fields.Integer()
    edit_hours = fields.Integer()
    follow_hours = fields.Integer()
    review_url = fields.String()
    reward = fields.Boolean()
    language = fields.String()
    measure = fields.String()
    questions = fields.List(fields.Nested(QuestionSchema))
    texts = fields.Dict(keys=fields.String(), values=fields.Nested(WordsSchema))


class SurveyInviteSchema(Schema):
    """Who is invited, and because of what: the same cause invites nobody twice."""

    contact_ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, 1000))
    cause = fields.String(load_default="", validate=validate.Length(max=60))


class SurveyViewSchema(Schema):
    """Whom a survey asks by a saved view, and because of what."""

    view_id = fields.UUID(required=True)
    cause = fields.String(load_default="", validate=validate.Length(max=60))


class InvitingSchema(Schema):
    """The job that invites, and how many the view finds."""

    job_id = fields.UUID()
    count = fields.Integer()


class InvitationSchema(Schema):
    """An invitation."""

    id = fields.UUID()
    survey_id = fields.UUID()
    contact_id = fields.UUID()
    cause = fields.String()
    state = fields.String(validate=validate.OneOf(STATES))
    reason = fields.String()
    due_at = fields.DateTime()
    sent_at = fields.DateTime(allow_none=True)


class SurveyLinkSchema(Schema):
    """An address to hand out, and its QR code."""

    link = fields.String()
    row = fields.String(
        metadata={"description": "HTML of a row of scores for pages and letters, each a link to the survey."}
    )
    frame = fields.String(
        metadata={"description": "HTML that shows the survey within a page; empty if no page may."}
    )
    qr = fields.String(metadata={"description": "The address as a QR code, SVG."})


class ToldAnswerSchema(Schema):
    """An answer that somebody was told."""

    contact_id = fields.UUID(required=True)
    answers = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "By question; numbers as numbers."}
    )


class AnswerSchema(Schema):
    """An answer; what was written beside it is shown to who may read that."""

    id = fields.UUID()
    survey_id = fields.UUID()
    edition = fields.Integer()
    contact_id = fields.UUID(allow_none=True)
    score = fields.Integer(allow_none=True)
    values = fields.Dict()
    texts = fields.Dict()
    on_day = fields.Date()
    answered_at = fields.DateTime(allow_none=True)
    language = fields.String()
    way = fields.String()


class MeasureSchema(Schema):
    """A measure with its 95 % interval; null where nobody answered, or where too few did to be shown."""

    answered = fields.Integer(allow_none=True)
    value = fields.Float(allow_none=True)
    low = fields.Float(allow_none=True)
    high = fields.Float(allow_none=True)
    error = fields.Float(allow_none=True)
    promoters = fields.Integer()
    passives = fields.Integer()
    detractors = fields.Integer()
    mean = fields.Float(allow_none=True)


class MonthSchema(MeasureSchema):
    """The measure in one month."""

    month = fields.String()


class PartSchema(MeasureSchema):
    """The measure in one part of the customers."""

    part = fields.String()


class QuestionCountsSchema(Schema):
    """What was chosen at one question beside the score."""

    key = fields.String()
    kind = fields.String()
    answered = fields.Integer()
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())


class SurveyResultsSchema(MeasureSchema):
    """What a survey found."""

    survey_id = fields.UUID()
    measure = fields.String()
    given = fields.Integer(metadata={"description": "All answers, those without a score too."})
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    months = fields.List(fields.Nested(MonthSchema))
    questions = fields.List(fields.Nested(QuestionCountsSchema))
    sent = fields.Integer()
    responses = fields.Integer()
    response_rate = fields.Float(allow_none=True)
    skipped = fields.Dict(keys=fields.String(), values=fields.Integer())


class DifferenceSchema(Schema):
    """How far two waves lie apart; significant at 5 % by z on the difference."""

    points = fields.Float()
    error = fields.Float()
    margin = fields.Float()
    z = fields.Float(allow_none=True)
    significant = fields.Boolean()


class WavesSchema(Schema):
    """Two waves of a survey."""

    first = fields.Nested(MeasureSchema)
    second = fields.Nested(MeasureSchema)
    difference = fields.Nested(DifferenceSchema, allow_none=True)


class FollowUpSchema(Schema):
    """A low score that is followed up."""

    id = fields.UUID()
    answer_id = fields.UUID()
    contact_id = fields.UUID()
    owner_id = fields.UUID(allow_none=True)
    state = fields.String(validate=validate.OneOf(FOLLOW_STATES))
    score = fields.Integer()
    opened_at = fields.DateTime()
    due_at = fields.DateTime()
    contacted_at = fields.DateTime(allow_none=True)
    closed_at = fields.DateTime(allow_none=True)
    later_score = fields.Integer(allow_none=True)


class LoopSchema(Schema):
    """How well low scores are followed up."""

    opened = fields.Integer()
    closed = fields.Integer()
    contacted = fields.Integer()
    median_hours = fields.Float(
        allow_none=True, metadata={"description": "From the answer to the first contact."}
    )
    asked_again = fields.Integer()
    mean_before = fields.Float(allow_none=True)
    mean_after = fields.Float(allow_none=True)
