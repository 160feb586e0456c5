"""The catalogue: products by SKU, and prices that are only added, so that an old order keeps its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store, new_id
from retinue.errors import Conflict, Invalid, Problem
from retinue.money import CURRENCY
from retinue_orders.models import Price, Product


def list_products(store: Store) -> list[Product]:
    """Return all products, by SKU."""
    store.require("product.read")
    return store.scalars(select(Product).order_by(Product.sku))


def create_product(store: Store, draft: Mapping[str, Any]) -> Product:
    """Add a product, with its first price if one is given; raises Conflict for a SKU that is taken."""
    store.require("product.change")
    if store.first(select(Product.id).where(Product.sku == draft["sku"])) is not None:
        raise Conflict(
            f"There is a product {draft['sku']} already.", code="sku-taken", remedy="Change that one."
        )
    product = Product(id=new_id(), created_at=store.now, active=True, category=draft.get("category", ""))
    product.sku, product.name = draft["sku"], draft["name"]
    store.add(product)
    store.flush()
    if "price_minor" in draft:
        set_price(store, product.id, {"currency": draft["currency"], "amount_minor": draft["price_minor"]})
    return product


def change_product(store: Store, product_id: UUID, changes: Mapping[str, Any]) -> Product:
    """Change name, category, or whether it is on sale; orders keep the name they were made with."""
    store.require("product.change")
    product: Product = store.get(Product, product_id, lock=True)
    for name in ("name", "category", "active"):
        if name in changes and changes[name] != getattr(product, name):
            setattr(product, name, changes[name])
    store.flush()
    return product


def set_price(store: Store, product_id: UUID, draft: Mapping[str, Any]) -> Price:
    """Set what a product costs from a moment on, from now if none is given; earlier orders keep theirs."""
    store.require("product.change")
    product: Product = store.get(Product, product_id, lock=True)
    if draft["amount_minor"] < 0 or not CURRENCY.fullmatch(draft["currency"]):
        raise Invalid(
            "The price is not valid.",
            problems=[Problem("/amount_minor", "must not be negative, in an ISO 4217 currency", "amount")],
        )
    since = draft.get("valid_from") or store.now
    known: Price | None = store.first(
        select(Price).where(
            Price.product_id == product.id, Price.currency == draft["currency"], Price.valid_from == since
        )
    )
    if known is not None:
        raise Conflict("There is a price from that moment already.", remedy="Name another moment.")
    price = Price(id=new_id(), product_id=product.id, valid_from=since)
    price.currency, price.amount_minor = draft["currency"], draft["amount_minor"]
    store.add(price)
    store.flush()
    return price


def list_prices(store: Store, product_id: UUID) -> list[Price]:
    """Return the prices of a product, the newest first."""
    store.require("product.read")
    store.get(Product, product_id)
    wanted = select(Price).where(Price.product_id == product_id)
    return store.scalars(wanted.order_by(Price.valid_from.desc(), Price.currency))


def prices_now(store: Store, product_ids: Sequence[UUID], at: datetime) -> dict[UUID, dict[str, int]]:
    """Return what each product costs at a moment, by currency."""
    found: dict[UUID, dict[str, int]] = {product_id: {} for product_id in product_ids}
    wanted = select(Price).where(Price.product_id.in_(product_ids), Price.valid_from <= at)
    for price in store.scalars(wanted.order_by(Price.valid_from)):
        found[price.product_id][price.currency] = price.amount_minor
    return found
