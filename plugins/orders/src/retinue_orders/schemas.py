"""Orders, products and subscriptions on the wire; money in whole minor units beside its currency."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import Schema, fields, validate

from retinue.money import LARGEST
from retinue_orders.models import PAID, PAYMENTS, STATUSES, SUBSCRIPTION_STATES, UNITS, UNPAID

_CODE: Final = validate.Regexp(r"^[A-Z]{3}$", error="Must be an ISO 4217 code such as EUR.")
_NOT_EMPTY: Final = validate.Length(min=1, max=64)


def _minor(description: str, **options: Any) -> fields.Integer:
    bounds = validate.Range(min=0, max=LARGEST)
    return fields.Integer(
        strict=True, validate=bounds, metadata={"description": f"{description}, in minor units."}, **options
    )


class LineDraftSchema(Schema):
    """One line of an order as it comes in."""

    sku = fields.String(validate=validate.Length(max=64))
    name = fields.String(validate=validate.Length(max=200))
    category = fields.String(validate=validate.Length(max=100))
    quantity = fields.Integer(strict=True, load_default=1, validate=validate.Range(min=1, max=1_000_000))
    unit_minor = _minor("Price of one; the catalogue's on that day if absent")
    amount_minor = _minor("Amount of the line; quantity times price if absent")


class OrderDraftSchema(Schema):
    """An order as it comes in; sent again unchanged it is the same order."""

    source = fields.String(validate=validate.Length(max=40), metadata={"description": "The shop it is from."})
    number = fields.String(required=True, validate=_NOT_EMPTY)
    contact_id = fields.UUID(allow_none=True)
    currency = fields.String(required=True, validate=_CODE)
    placed_at = fields.AwareDateTime(required=True)
    total_minor = _minor(
        "What was paid or is to be paid, tax and delivery within; what the lines make if absent"
    )
    tax_minor = _minor("Tax within the total")
    shipping_minor = _minor("Delivery within the total")
    discount_minor = _minor("Discount that was taken off")
    payment = fields.String(validate=validate.OneOf((UNPAID, PAID)))
    paid_at = fields.AwareDateTime()
    means = fields.String(validate=validate.Length(max=40), metadata={"description": "Card, cash, transfer."})
    lines = fields.List(fields.Nested(LineDraftSchema), validate=validate.Length(max=500))


class LineSchema(Schema):
    """One line of an order."""

    sku = fields.String()
    name = fields.String()
    category = fields.String()
    quantity = fields.Integer()
    amount_minor = fields.Integer()


class OrderSchema(Schema):
    """An order."""

    id = fields.UUID()
    source = fields.String()
    number = fields.String()
    contact_id = fields.UUID(allow_none=True)
    currency = fields.String()
    total_minor = fields.Integer()
    tax_minor = fields.Integer()
    shipping_minor = fields.Integer()
    discount_minor = fields.Integer()
    refunded_minor = fields.Integer()
    means = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    payment = fields.String(validate=validate.OneOf(PAYMENTS))
    placed_at = fields.DateTime()
    paid_at = fields.DateTime(allow_none=True)
    version = fields.Integer()


class OrderWithLinesSchema(OrderSchema):
    """An order with its lines."""

    lines = fields.List(fields.Nested(LineSchema))


class OrderBatchSchema(Schema):
    """Many orders at once."""

    orders = fields.List(
        fields.Nested(OrderDraftSchema), required=True, validate=validate.Length(min=1, max=1000)
    )


class OrderDeedSchema(Schema):
    """A deed on an order."""

    version = fields.Integer(strict=True, metadata={"description": "The version you have read, or If-Match."})


class PaymentSchema(OrderDeedSchema):
    """A payment."""

    means = fields.String(validate=validate.Length(max=40))
    paid_at = fields.AwareDateTime()


class RefundDraftSchema(OrderDeedSchema):
    """A refund as it comes in; the same key is the same refund."""

    key = fields.String(required=True, validate=_NOT_EMPTY)
    amount_minor = fields.Integer(strict=True, metadata={"description": "All that is left if absent."})
    refunded_at = fields.AwareDateTime()


class RefundSchema(Schema):
    """A refund."""

    id = fields.UUID()
    order_id = fields.UUID()
    key = fields.String()
    amount_minor = fields.Integer()
    refunded_at = fields.DateTime()


class ProductDraftSchema(Schema):
    """A product as it comes in."""

    sku = fields.String(required=True, validate=_NOT_EMPTY)
    name = fields.String(required=True, validate=validate.Length(min=1, max=200))
    category = fields.String(validate=validate.Length(max=100))
    currency = fields.String(validate=_CODE, load_default="EUR")
    price_minor = _minor("Its first price")


class ProductChangeSchema(Schema):
    """Changes of a product."""

    name = fields.String(validate=validate.Length(min=1, max=200))
    category = fields.String(validate=validate.Length(max=100))
    active = fields.Boolean()


class ProductSchema(Schema):
    """A product."""

    id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    category = fields.String()
    active = fields.Boolean()
    created_at = fields.DateTime()


class PriceDraftSchema(Schema):
    """A price from a moment on."""

    currency = fields.String(required=True, validate=_CODE)
    amount_minor = _minor("The price", required=True)
    valid_from = fields.AwareDateTime()


class PriceSchema(Schema):
    """A price with the moment it is valid from."""

    id = fields.UUID()
    product_id = fields.UUID()
    currency = fields.String()
    amount_minor = fields.Integer()
    valid_from = fields.DateTime()


class SubscriptionDraftSchema(Schema):
    """A subscription whose first period is paid."""

    contact_id = fields.UUID(required=True)
    plan = fields.String(required=True, validate=validate.Length(min=1, max=100))
    currency = fields.String(required=True, validate=_CODE)
    amount_minor = _minor("Price of a period", required=True)
    unit = fields.String(load_default="month", validate=validate.OneOf(UNITS))
    starts_on = fields.Date(required=True)


class SubscriptionSchema(Schema):
    """A subscription."""

    id = fields.UUID()
    contact_id = fields.UUID(allow_none=True)
    plan = fields.String()
    currency = fields.String()
    amount_minor = fields.Integer()
    unit = fields.String()
    starts_on = fields.Date()
    renews_on = fields.Date(metadata={"description": "Paid until the day before."})
    ends_on = fields.Date(allow_none=True)
    cancelled_at = fields.DateTime(allow_none=True)
    status = fields.String(validate=validate.OneOf(SUBSCRIPTION_STATES))
    version = fields.Integer()


class SourceDraftSchema(Schema):
    """A shop to be opened."""

    name = fields.String(
        required=True, validate=validate.Regexp(r"^[a-z0-9][a-z0-9_-]{0,39}$", error="a-z, 0-9, - and _.")
    )


class SourceSchema(Schema):
    """A shop that sends orders."""

    id = fields.UUID()
    name = fields.String()
    created_at = fields.DateTime()


class SourceCreatedSchema(SourceSchema):
    """A new shop with its secret."""

    secret = fields.String(metadata={"description": "Signs what the shop sends; shown this once."})
