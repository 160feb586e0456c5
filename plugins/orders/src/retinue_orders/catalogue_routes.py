"""``/api/v1/products`` and ``/api/v1/subscriptions``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import get, patch, post
from retinue_orders import catalogue, subscriptions
from retinue_orders.models import Price, Product, Subscription
from retinue_orders.schemas import (
    OrderDeedSchema,
    PriceDraftSchema,
    PriceSchema,
    ProductChangeSchema,
    ProductDraftSchema,
    ProductSchema,
    SubscriptionDraftSchema,
    SubscriptionSchema,
)

PRODUCT, PRODUCT_DRAFT, PRODUCT_CHANGE = ProductSchema(), ProductDraftSchema(), ProductChangeSchema()
PRICE, PRICE_DRAFT = PriceSchema(), PriceDraftSchema()
SUBSCRIPTION, SUBSCRIPTION_DRAFT, DEED = SubscriptionSchema(), SubscriptionDraftSchema(), OrderDeedSchema()


@get("/", permission="product.read", gives=PRODUCT, tags=["products"])
def list_products(store: Store) -> list[Product]:
    """List the catalogue."""
    return catalogue.list_products(store)


@post("/", permission="product.change", takes=PRODUCT_DRAFT, gives=PRODUCT, tags=["products"])
def create_product(store: Store, data: dict[str, Any]) -> Product:
    """Add a product, with its first price if one is given."""
    return catalogue.create_product(store, data)


@patch(
    "/{product_id:uuid}", permission="product.change", takes=PRODUCT_CHANGE, gives=PRODUCT, tags=["products"]
)
def change_product(store: Store, product_id: UUID, data: dict[str, Any]) -> Product:
    """Change name, category, or whether it is on sale."""
    return catalogue.change_product(store, product_id, data)


@get("/{product_id:uuid}/prices", permission="product.read", gives=PRICE, tags=["products"])
def list_prices(store: Store, product_id: UUID) -> list[Price]:
    """List the prices of a product, the newest first."""
    return catalogue.list_prices(store, product_id)


@post(
    "/{product_id:uuid}/prices",
    permission="product.change",
    takes=PRICE_DRAFT,
    gives=PRICE,
    tags=["products"],
)
def set_price(store: Store, product_id: UUID, data: dict[str, Any]) -> Price:
    """Set what a product costs from a moment on; earlier orders keep theirs."""
    return catalogue.set_price(store, product_id, data)


@get("/", permission="subscription.read", gives=SUBSCRIPTION, tags=["subscriptions"])
def list_subscriptions(store: Store, contact_id: UUID | None = None) -> list[Subscription]:
    """List the newest 200 subscriptions; `contact_id` gives one customer's."""
    return subscriptions.list_subscriptions(store, contact_id=contact_id)


@post(
    "/",
    permission="subscription.change",
    takes=SUBSCRIPTION_DRAFT,
    gives=SUBSCRIPTION,
    tags=["subscriptions"],
)
def start_subscription(store: Store, data: dict[str, Any]) -> Subscription:
    """Start a subscription whose first period is paid."""
    return subscriptions.start_subscription(store, data)


def _deed(verb: str, change: Any, words: str) -> Any:
    def deed(store: Store, subscription_id: UUID, data: dict[str, Any], version: int | None) -> Subscription:  # noqa: ARG001  # the version is taken out of the body
        done: Subscription = change(store, subscription_id, version)
        return done

    deed.__name__, deed.__doc__ = f"{verb}_subscription", words
    return post(
        f"/{{subscription_id:uuid}}/{verb}",
        permission="subscription.change",
        takes=DEED,
        gives=SUBSCRIPTION,
        status=200,
        tags=["subscriptions"],
    )(deed)


PRODUCTS = [list_products, create_product, change_product, list_prices, set_price]
SUBSCRIPTIONS = [
    list_subscriptions,
    start_subscription,
    _deed("renew", subscriptions.renew_subscription, "Note that the next period was paid."),
    _deed("fail", subscriptions.fail_subscription, "Note that the next payment failed."),
    _deed("cancel", subscriptions.cancel_subscription, "Let it end with the period that is paid."),
]
