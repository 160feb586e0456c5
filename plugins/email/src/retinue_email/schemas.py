"""Templates and letters on the wire."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from retinue_email.models import FORMATS, KINDS, STATES

_KEY: Final = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,59}$", error="a-z, 0-9, - and _, at most 60.")
_PURPOSE: Final = validate.Regexp(
    r"^[a-z0-9][a-z0-9_-]{0,39}$", error="The key of a purpose, such as newsletter."
)
_NAME: Final = validate.Length(min=1, max=120)
_LANGUAGE: Final = validate.Regexp(
    r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$", error="A language such as cs, or pt-BR."
)
_WORD: Final = validate.Regexp(
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}$", error="A word such as order.number."
)
_SOURCE: Final = validate.Length(min=1, max=256 * 1024)


def _text(help: str, **options: Any) -> fields.String:
    return fields.String(metadata={"description": help}, **options)


class TextDraftSchema(Schema):
    """A template in one language, as it is written."""

    language = _text("The language of its readers.", required=True, validate=_LANGUAGE)
    format = _text("HTML, or MJML that is made into HTML.", validate=validate.OneOf(FORMATS))
    subject = _text("With words in double braces.", required=True, validate=validate.Length(min=1, max=500))
    source = _text("The body, with words in double braces.", required=True, validate=_SOURCE)
    text = _text(
        "The text part; made of the HTML if it is not given.", validate=validate.Length(max=256 * 1024)
    )


class TextSchema(Schema):
    """One text of a template; a number is never changed."""

    id = fields.UUID(required=True)
    language = fields.String(required=True)
    number = fields.Integer(required=True)
    format = fields.String(required=True)
    subject = fields.String(required=True)
    source = fields.String(required=True)
    html = fields.String(required=True)
    text = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class TemplateDraftSchema(Schema):
    """What a template is."""

    key = _text("Its name for programs.", required=True, validate=_KEY)
    name = _text("What people call it.", required=True, validate=_NAME)
    kind = _text("What kind of letter it is.", required=True, validate=validate.OneOf(KINDS))
    purpose = _text(
        "For which purpose people are asked; `service` is part of what was bought.",
        required=True,
        validate=_PURPOSE,
    )
    language = _text("The language that stands in for those that are missing.", validate=_LANGUAGE)
    words = fields.List(
        fields.String(validate=_WORD),
        validate=validate.Length(max=100),
        metadata={"description": "Words that come with each letter, such as order.number."},
    )
    texts = fields.List(fields.Nested(TextDraftSchema), validate=validate.Length(max=50))


class TemplateChangeSchema(Schema):
    """What changes of a template."""

    name = fields.String(validate=_NAME)
    kind = fields.String(validate=validate.OneOf(KINDS))
    purpose = fields.String(validate=_PURPOSE)
    language = fields.String(validate=_LANGUAGE)
    words = fields.List(fields.String(validate=_WORD), validate=validate.Length(max=100))
    retired = fields.Boolean(metadata={"description": "Put away: nothing new is sent from it."})


class TemplateCopySchema(Schema):
    """What a copy of a template is called."""

    key = fields.String(required=True, validate=_KEY)
    name = fields.String(required=True, validate=_NAME)


class TemplateSchema(Schema):
    """A template; `texts` are the newest in each language, in the answer about one template."""

    id = fields.UUID(required=True)
    key = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    purpose = fields.String(required=True)
    language = fields.String(required=True)
    languages = fields.List(fields.String(), required=True)
    words = fields.List(fields.String(), required=True)
    retired_at = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    version = fields.Integer(required=True)
    texts = fields.List(fields.Nested(TextSchema))


class PreviewDraftSchema(Schema):
    """As whom a template is to be read."""

    contact_id = fields.UUID(required=True)
    language = fields.String(validate=_LANGUAGE)
    values = fields.Dict(keys=fields.String(), values=fields.Raw())


class PreviewSchema(Schema):
    """A letter as one contact would read it."""

    language = fields.String(required=True)
    number = fields.Integer(required=True)
    subject = fields.String(required=True)
    html = fields.String(required=True)
    text = fields.String(required=True)


class LetterDraftSchema(Schema):
    """A letter that is ordered."""

    contact_id = fields.UUID(required=True)
    template = _text("The key of the template.", required=True, validate=_KEY)
    key = _text(
        "What makes this letter one: ordered again under it, it is not sent again.",
        validate=validate.Length(min=1, max=120),
    )
    values = fields.Dict(
        keys=fields.String(validate=_WORD),
        values=fields.Raw(allow_none=True),
        metadata={"description": "What the template's own words stand for, sealed until the letter is gone."},
    )


class LetterSchema(Schema):
    """A letter and how far it is."""

    id = fields.UUID(required=True)
    campaign_id = fields.UUID(allow_none=True)
    key = fields.String(allow_none=True)
    contact_id = fields.UUID(allow_none=True)
    template = fields.String(required=True)
    template_name = fields.String(required=True)
    language = fields.String(required=True)
    text_id = fields.UUID(required=True)
    purpose = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    reason = fields.String(required=True)
    attempts = fields.Integer(required=True)
    code = fields.Integer(required=True)
    enhanced = fields.String(required=True)
    not_before = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    sent_at = fields.AwareDateTime(allow_none=True)
    repeated = fields.Boolean(metadata={"description": "It was ordered before under the same key."})


class AddressSchema(Schema):
    """An address, and the purpose it is kept out of; without one it is kept out of everything."""

    address = fields.Email(required=True)
    scope = fields.String(load_default="", validate=validate.Length(max=40))


class SuppressionSchema(Schema):
    """Why an address is not written to."""

    scope = fields.String(required=True)
    reason = fields.String(required=True)
    source = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)


class CountSchema(Schema):
    """How many it were."""

    count = fields.Integer(required=True)


class ReturnedSchema(Schema):
    """What became of a message that came back."""

    outcome = _text(
        "heard, known (it was already), nothing (it says nothing of a letter), unknown.", required=True
    )
    kind = fields.String(required=True)
    enhanced = fields.String(required=True)
    letter_id = fields.UUID(allow_none=True)


class HeardCountsSchema(Schema):
    """How many events had which outcome."""

    outcomes = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class TriggerDraftSchema(Schema):
    """An event that sends a template."""

    event = _text(
        "An event that a plugin announces, such as order.paid.", required=True,
        validate=validate.Regexp(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", error="An event such as order.paid."),
    )  # fmt: skip
    template_id = fields.UUID(required=True)
    active = fields.Boolean()


class TriggerChangeSchema(Schema):
    """Whether it sends."""

    active = fields.Boolean(required=True)


class TriggerSchema(Schema):
    """An event that sends a template."""

    id = fields.UUID(required=True)
    event = fields.String(required=True)
    template_id = fields.UUID(required=True)
    template = fields.String(required=True)
    active = fields.Boolean(required=True)
    created_at = fields.AwareDateTime(required=True)
