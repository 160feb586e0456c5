"""Loyalty on the wire; money in whole minor units, percentages as text such as ``7.5``."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from retinue_loyalty.models import KINDS
from retinue_loyalty.rules import EVENTS, PERK_KINDS

_KEY: Final = validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,39}$", error="a-z, 0-9, - and _, at most 40.")
_NAME: Final = validate.Length(min=1, max=120)
_CODE: Final = validate.Regexp(r"^[A-Z]{3}$", error="Must be an ISO 4217 code such as EUR.")
_PERCENT: Final = validate.Regexp(r"^(100|\d{1,2}(\.\d{1,3})?)$", error="0 to 100, such as 7.5.")
_FACTOR: Final = validate.Regexp(r"^\d{1,3}(\.\d{1,3})?$", error="A number such as 1.5.")
_LARGE: Final = 10**15


def _whole(least: int = 0, most: int = _LARGE, **options: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(min=least, max=most), **options)


class PeriodSchema(Schema):
    """A length of time."""

    days = _whole(0, 36500)
    months = _whole(0, 1200)


class EarningSchema(Schema):
    """Points for purchases."""

    points = _whole(0, 10**9, required=True)
    per_minor = _whole(
        1, required=True, metadata={"description": "Points per so many minor units, rounded down."}
    )
    tax = fields.Boolean(metadata={"description": "Tax earns points."})
    shipping = fields.Boolean(metadata={"description": "Delivery earns points."})
    points_paid = fields.Boolean(metadata={"description": "What was paid with points earns points."})
    categories = fields.Dict(
        keys=fields.String(),
        values=fields.String(validate=_FACTOR),
        metadata={"description": "Factor by category."},
    )
    hold_days = _whole(0, 3650, metadata={"description": "Days until points may be used."})
    expires = fields.Nested(PeriodSchema, allow_none=True)
    expires_at_end_of = fields.String(validate=validate.OneOf(("day", "month", "year")))


class PerkSchema(Schema):
    """What a level or a membership gives."""

    key = fields.String(required=True, validate=_KEY)
    kind = fields.String(required=True, validate=validate.OneOf(PERK_KINDS))
    percent = fields.String(validate=_PERCENT)
    days = _whole(1, 3650, metadata={"description": "How long a coupon is good."})


class LevelSchema(Schema):
    """One level."""

    key = fields.String(required=True, validate=_KEY)
    name = fields.String(validate=validate.Length(max=60))
    threshold = _whole(0, required=True)
    multiplier = fields.String(validate=_FACTOR)
    perks = fields.List(fields.Nested(PerkSchema))


class TierSetSchema(Schema):
    """Levels over a rolling window."""

    levels = fields.List(fields.Nested(LevelSchema), required=True, validate=validate.Length(min=1, max=20))
    window = fields.Nested(PeriodSchema, required=True)
    by = fields.String(validate=validate.OneOf(("spend", "points")))
    grace_days = _whole(0, 3650)
    downgrade = fields.String(validate=validate.OneOf(("one_down", "balance_based")))


class RedemptionRuleSchema(Schema):
    """Paying with points."""

    point_minor = _whole(0, 10**9)
    least = _whole(1, 10**9)
    most_percent = _whole(0, 100)


class RefundRuleSchema(Schema):
    """What a refund does with points that are spent, and a rollback with lots that expired."""

    spent = fields.String(validate=validate.OneOf(("negative", "clamp")))
    restore = fields.String(validate=validate.OneOf(("expire", "grace")))
    grace_days = _whole(0, 3650)


class DeliveryRuleSchema(Schema):
    """The fee of a delivery and when it falls away."""

    fee_minor = _whole()
    every = _whole(0, 1000)
    from_minor = _whole()


class CardStepSchema(Schema):
    """A step of a cumulative card."""

    from_minor = _whole(required=True)
    percent = fields.String(required=True, validate=_PERCENT)


class CardSchema(Schema):
    """A discount card: fixed by `percent`, cumulative by `steps`."""

    percent = fields.String(validate=_PERCENT)
    steps = fields.List(fields.Nested(CardStepSchema), validate=validate.Length(min=1, max=20))


class MembershipRuleSchema(Schema):
    """A paid membership."""

    fee_minor = _whole(required=True)
    perks = fields.List(fields.Nested(PerkSchema))


class RewardSchema(Schema):
    """Points for an occasion."""

    on = fields.String(required=True, validate=validate.OneOf(EVENTS))
    points = _whole(0, 10**9, required=True)
    qualifying = _whole(0, 10**12)
    referred_points = _whole(0, 10**9)
    once = fields.Boolean(metadata={"description": "Once per member, not once per occasion."})


class RulesSchema(Schema):
    """All rules of a programme."""

    earn = fields.Nested(EarningSchema)
    tiers = fields.Nested(TierSetSchema)
    redeem = fields.Nested(RedemptionRuleSchema)
    refund = fields.Nested(RefundRuleSchema)
    delivery = fields.Nested(DeliveryRuleSchema)
    card = fields.Nested(CardSchema)
    combine = fields.String(validate=validate.OneOf(("stacking", "best")))
    membership = fields.Nested(MembershipRuleSchema)
    rewards = fields.List(fields.Nested(RewardSchema), validate=validate.Length(max=50))
    vip_percent = fields.String(validate=_PERCENT)
    expiring_days = _whole(1, 3650)


class ProgrammeDraftSchema(Schema):
    """A programme as it comes in."""

    key = fields.String(required=True, validate=_KEY)
    name = fields.String(required=True, validate=validate.Length(min=1, max=100))
    currency = fields.String(required=True, validate=_CODE)
    zone = fields.String(validate=validate.Length(min=1, max=40))
    state = fields.String(validate=validate.OneOf(("draft", "active")))
    rules = fields.Nested(RulesSchema, required=True)
    rules_from = fields.AwareDateTime()


class ProgrammeChangeSchema(Schema):
    """Changes of a programme; new rules are a new version."""

    name = fields.String(validate=validate.Length(min=1, max=100))
    state = fields.String(validate=validate.OneOf(("active", "closed")))
    rules = fields.Nested(RulesSchema)
    rules_from = fields.AwareDateTime()
    version = fields.Integer(strict=True)


class ProgrammeSchema(Schema):
    """A programme with the newest rules."""

    id = fields.UUID()
    key = fields.String()
    name = fields.String()
    currency = fields.String()
    zone = fields.String()
    state = fields.String()
    rules = fields.Dict()
    rules_number = fields.Integer()
    rules_from = fields.DateTime()
    created_at = fields.DateTime()
    version = fields.Integer()


class RuleVersionSchema(Schema):
    """One version of rules."""

    number = fields.Integer()
    valid_from = fields.DateTime()
    rules = fields.Dict()
    created_at = fields.DateTime()


class PreviewDraftSchema(Schema):
    """Rules to try."""

    rules = fields.Nested(RulesSchema, required=True)
    at = fields.AwareDateTime()


class LevelChangeSchema(Schema):
    """A member whose level new rules would change."""

    contact_id = fields.UUID()
    before = fields.String()
    after = fields.String()


class PreviewSchema(Schema):
    """What new rules would change."""

    members = fields.Integer()
    changes = fields.List(fields.Nested(LevelChangeSchema))


class EarnDraftSchema(Schema):
    """Points to give."""

    contact_id = fields.UUID(required=True)
    points = fields.Integer(strict=True, required=True)
    key = fields.String(required=True, validate=_NAME)
    at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime(allow_none=True)
    source_ref = fields.String(validate=validate.Length(max=120))


class EarnBatchSchema(Schema):
    """Points for many."""

    earnings = fields.List(
        fields.Nested(EarnDraftSchema), required=True, validate=validate.Length(min=1, max=5000)
    )


class RedeemDraftSchema(Schema):
    """Points to take in payment."""

    contact_id = fields.UUID(required=True)
    points = fields.Integer(strict=True, required=True)
    key = fields.String(required=True, validate=_NAME)
    total_minor = _whole(metadata={"description": "What the purchase costs; limits what points may pay."})
    source_ref = fields.String(
        validate=validate.Length(max=120), metadata={"description": "The order it pays for."}
    )
    at = fields.AwareDateTime()


class AdjustDraftSchema(Schema):
    """Points to give or take by hand."""

    contact_id = fields.UUID(required=True)
    points = fields.Integer(strict=True, required=True)
    key = fields.String(required=True, validate=_NAME)
    reason = fields.String(required=True, validate=validate.Length(min=1, max=200))
    at = fields.AwareDateTime()


class ReversalDraftSchema(Schema):
    """Points of a redemption to give back; all of them if `points` is absent."""

    key = fields.String(required=True, validate=_NAME)
    points = _whole(1)
    at = fields.AwareDateTime()


class ReceiptSchema(Schema):
    """What a deed came to."""

    id = fields.UUID()
    kind = fields.String(validate=validate.OneOf(KINDS))
    key = fields.String()
    points = fields.Integer()
    occurred_at = fields.DateTime()
    balance = fields.Integer(metadata={"description": "Points after it."})
    repeated = fields.Boolean(metadata={"description": "The key was known: nothing happened a second time."})
    shortfall = fields.Integer(metadata={"description": "Points that could not be taken back."})


class PurchaseLineSchema(Schema):
    """One line of a purchase."""

    category = fields.String(validate=validate.Length(max=100))
    amount_minor = _whole(required=True)


class PurchaseDraftSchema(Schema):
    """A paid purchase of a shop that does not use the plugin orders."""

    contact_id = fields.UUID(required=True)
    key = fields.String(required=True, validate=_NAME)
    currency = fields.String(required=True, validate=_CODE)
    total_minor = fields.Integer(strict=True, required=True)
    tax_minor = fields.Integer(strict=True)
    shipping_minor = fields.Integer(strict=True)
    paid_at = fields.AwareDateTime()
    lines = fields.List(fields.Nested(PurchaseLineSchema))


class CountSchema(Schema):
    """How many."""

    count = fields.Integer()


class EventSchema(Schema):
    """An occasion."""

    on = fields.String(required=True, validate=validate.OneOf(EVENTS))
    contact_id = fields.UUID(required=True)
    key = fields.String(required=True, validate=_NAME)
    at = fields.AwareDateTime()


class EventBatchSchema(Schema):
    """Occasions to reward."""

    events = fields.List(fields.Nested(EventSchema), required=True, validate=validate.Length(min=1, max=1000))


class ExpiringSchema(Schema):
    """Points that expire at a moment."""

    at = fields.DateTime()
    points = fields.Integer()


class MemberSchema(Schema):
    """Where a member stands in a programme."""

    programme_id = fields.UUID()
    programme = fields.String()
    account_id = fields.UUID()
    currency = fields.String()
    balance = fields.Integer()
    pending = fields.Integer()
    worth_minor = fields.Integer()
    expiring = fields.List(fields.Nested(ExpiringSchema))
    tier = fields.String()
    tier_name = fields.String()
    next_tier = fields.String()
    missing = fields.Integer()
    missing_by = fields.String()
    gathered = fields.Integer()
    falls_on = fields.Date(allow_none=True)
    perks = fields.List(fields.String())


class OwnBalanceSchema(Schema):
    """What a customer sees of themselves."""

    programme = fields.String()
    balance = fields.Integer()
    pending = fields.Integer()
    tier_name = fields.String()
    next_tier = fields.String()
    missing = fields.Integer()
    missing_by = fields.String()
    currency = fields.String()
    expiring = fields.List(fields.Nested(ExpiringSchema))


class LinkSchema(Schema):
    """A link for a customer."""

    token = fields.String()


class TransactionSchema(Schema):
    """One deed of the ledger."""

    id = fields.UUID()
    programme_id = fields.UUID()
    kind = fields.String()
    key = fields.String()
    source_ref = fields.String()
    points = fields.Integer()
    occurred_at = fields.DateTime()
    recorded_at = fields.DateTime()
    reverses_id = fields.UUID(allow_none=True)
    detail = fields.Dict(allow_none=True)


class StepSchema(Schema):
    """A change of level."""

    day = fields.Date()
    level = fields.String()
    reason = fields.String()
