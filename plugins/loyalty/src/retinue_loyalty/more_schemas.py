"""Baskets, offers, referrals, memberships and reports on the wire."""

from __future__ import annotations

from typing import Final

from marshmallow import Schema, fields, validate

_NAME: Final = validate.Length(min=1, max=120)
_PERCENT: Final = validate.Regexp(r"^(100|\d{1,2}(\.\d{1,3})?)$", error="0 to 100, such as 7.5.")
_AMOUNT: Final = validate.Range(min=0, max=10**15)


class BasketLineSchema(Schema):
    """One line of a basket."""

    amount_minor = fields.Integer(strict=True, required=True, validate=_AMOUNT)
    category = fields.String(validate=validate.Length(max=100))
    percent = fields.String(validate=_PERCENT, metadata={"description": "Discount on the product itself."})


class BasketSchema(Schema):
    """A basket to price."""

    contact_id = fields.UUID(required=True)
    lines = fields.List(
        fields.Nested(BasketLineSchema), required=True, validate=validate.Length(min=1, max=500)
    )
    code = fields.String(validate=validate.Length(max=40))
    at = fields.AwareDateTime()


class QuoteSchema(Schema):
    """What a basket costs."""

    goods_minor = fields.Integer()
    discount_minor = fields.Integer()
    delivery_minor = fields.Integer()
    total_minor = fields.Integer()
    reasons = fields.List(fields.String())
    points_available = fields.Integer()
    points_usable = fields.Integer()
    point_minor = fields.Integer()


class OfferDraftSchema(Schema):
    """A promo code or personal offer as it comes in."""

    code = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Za-z0-9_-]{3,40}$", error="3 to 40 letters, digits, - and _."),
    )
    name = fields.String(validate=validate.Length(max=100))
    percent = fields.String(required=True, validate=_PERCENT)
    contact_id = fields.UUID(allow_none=True)
    starts_at = fields.AwareDateTime(allow_none=True)
    ends_at = fields.AwareDateTime(allow_none=True)
    per_contact = fields.Integer(strict=True, validate=validate.Range(min=1, max=1000))
    in_all = fields.Integer(strict=True, allow_none=True, validate=validate.Range(min=1, max=10**9))


class OfferSchema(Schema):
    """An offer."""

    id = fields.UUID()
    code = fields.String()
    name = fields.String()
    percent = fields.String()
    contact_id = fields.UUID(allow_none=True)
    starts_at = fields.DateTime(allow_none=True)
    ends_at = fields.DateTime(allow_none=True)
    per_contact = fields.Integer()
    in_all = fields.Integer(allow_none=True)


class OfferUseDraftSchema(Schema):
    """An offer to be used."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=40))
    contact_id = fields.UUID(required=True)
    total_minor = fields.Integer(strict=True, required=True, validate=_AMOUNT)
    key = fields.String(required=True, validate=_NAME)
    at = fields.AwareDateTime()


class OfferUseSchema(Schema):
    """What an offer took off."""

    code = fields.String()
    discount_minor = fields.Integer()
    total_minor = fields.Integer()


class ReferralDraftSchema(Schema):
    """Who brought whom."""

    referrer_id = fields.UUID(required=True)
    referred_id = fields.UUID(required=True)


class ReferralSchema(ReferralDraftSchema):
    """A referral."""

    id = fields.UUID()
    programme_id = fields.UUID()
    created_at = fields.DateTime()
    rewarded_at = fields.DateTime(allow_none=True)


class MembershipDraftSchema(Schema):
    """A membership whose first month is paid."""

    contact_id = fields.UUID(required=True)
    starts_on = fields.Date()


class MembershipSchema(Schema):
    """A paid membership."""

    id = fields.UUID()
    contact_id = fields.UUID()
    starts_on = fields.Date()
    periods = fields.Integer()
    paid_until = fields.Date(metadata={"description": "Perks end at the beginning of this day."})
    cancelled_at = fields.DateTime(allow_none=True)


class TrialBalanceSchema(Schema):
    """What became of all points up to a date."""

    at = fields.DateTime()
    issued = fields.Integer()
    redeemed = fields.Integer()
    expired = fields.Integer()
    adjusted = fields.Integer()
    available = fields.Integer()
    pending = fields.Integer()
    owed = fields.Integer()
    outstanding = fields.Integer()
    liability_minor = fields.Integer()
    balanced = fields.Boolean()


class BuyerSchema(Schema):
    """One of the best buyers."""

    contact_id = fields.UUID()
    spent_minor = fields.Integer()


class GapSchema(Schema):
    """What the ledger lacks of the last week's sales."""

    looked = fields.Integer(metadata={"description": "Sales that were compared."})
    sales = fields.Integer()
    returns = fields.Integer()
    completed = fields.Integer()
