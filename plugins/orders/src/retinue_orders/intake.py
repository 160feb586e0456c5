"""What an order must be to be taken in: amounts that add up, a currency, a customer who exists."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.errors import Invalid, Problem
from retinue.money import CURRENCY, LARGEST
from retinue_orders.models import NEW, PAID, UNPAID, Price, Product

_AMOUNTS = ("tax_minor", "shipping_minor", "discount_minor")


@dataclass(slots=True)
class Draft:
    """One order that may be written; `fingerprint` is a digest of all that came in."""

    source: str
    number: str
    contact_id: UUID | None
    currency: str
    placed_at: datetime
    fingerprint: str
    total_minor: int = 0
    amounts: dict[str, int] = field(default_factory=dict)
    payment: str = UNPAID
    paid_at: datetime | None = None
    means: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> tuple[str, str]:
        """Return shop and number: the order's name outside."""
        return self.source, self.number

    def row(self) -> dict[str, Any]:
        """Return the values of the order's own row, without id and time of recording."""
        return {
            "source": self.source, "number": self.number, "contact_id": self.contact_id,
            "currency": self.currency, "placed_at": self.placed_at, "fingerprint": self.fingerprint,
            "total_minor": self.total_minor, **self.amounts, "refunded_minor": 0, "means": self.means,
            "status": NEW, "payment": self.payment, "paid_at": self.paid_at, "version": 1,
        }  # fmt: skip


def judge_drafts(store: Store, drafts: Sequence[Mapping[str, Any]]) -> list[Draft]:
    """Return the drafts ready to write; raises Invalid with all complaints, each with its pointer."""
    catalogue = _catalogue(store, drafts)
    known = _known_contacts(store, {d["contact_id"] for d in drafts if d.get("contact_id")})
    problems: list[Problem] = []
    judged = []
    for place, given in enumerate(drafts):
        draft = _draft(given, catalogue)
        at = f"/{place}" if len(drafts) > 1 else ""
        problems += [Problem(at + p.pointer, p.detail, p.code) for p in _faults(draft, given, known)]
        judged.append(draft)
    if problems:
        raise Invalid("The order is not valid.", remedy="Correct what errors names.", problems=problems)
    return judged


def _draft(given: Mapping[str, Any], catalogue: Mapping[str, Any]) -> Draft:
    paid = given.get("payment") == PAID
    made = Draft(
        source=given.get("source", ""),
        number=given["number"],
        contact_id=given.get("contact_id"),
        currency=given["currency"],
        placed_at=given["placed_at"],
        fingerprint=hashlib.sha256(msgspec.json.encode(dict(given), order="sorted")).hexdigest(),
        payment=PAID if paid else UNPAID,
        paid_at=(given.get("paid_at") or given["placed_at"]) if paid else None,
        means=given.get("means", ""),
        amounts={name: given.get(name, 0) for name in _AMOUNTS},
    )
    made.lines = [_line(line, made, catalogue) for line in given.get("lines") or ()]
    amounts = made.amounts
    whole = sum(line["amount_minor"] or 0 for line in made.lines)
    made.total_minor = given.get("total_minor", whole + amounts["shipping_minor"] - amounts["discount_minor"])
    if not made.lines:
        made.lines = [_whole(made)]
    return made


def _whole(draft: Draft) -> dict[str, Any]:
    """Return the one line of an order that came without: every order has what was sold for how much."""
    goods = draft.total_minor - draft.amounts["shipping_minor"] + draft.amounts["discount_minor"]
    return {
        "product_id": None,
        "sku": "",
        "name": "",
        "category": "",
        "quantity": 1,
        "amount_minor": max(goods, 0),
    }


def _line(given: Mapping[str, Any], draft: Draft, catalogue: Mapping[str, Any]) -> dict[str, Any]:
    sku, quantity = given.get("sku", ""), given.get("quantity", 1)
    product = catalogue.get(sku)
    amount = given.get("amount_minor")
    if amount is None:
        unit = given.get("unit_minor")
        unit = product.price(draft.currency, draft.placed_at) if unit is None and product else unit
        amount = None if unit is None else unit * quantity
    return {
        "product_id": product.id if product else None, "sku": sku, "quantity": quantity, "amount_minor": amount,
        "name": given.get("name") or (product.name if product else ""),
        "category": given.get("category") or (product.category if product else ""),
    }  # fmt: skip


def _faults(draft: Draft, given: Mapping[str, Any], known: set[UUID]) -> Iterator[Problem]:
    if not CURRENCY.fullmatch(draft.currency):
        yield Problem("/currency", "must be an ISO 4217 code such as EUR", "currency")
    if draft.contact_id is not None and draft.contact_id not in known:
        yield Problem("/contact_id", "there is no such contact", "unknown-contact")
    for name in (*_AMOUNTS, "total_minor"):
        if not 0 <= draft.amounts.get(name, draft.total_minor) <= LARGEST:
            yield Problem(f"/{name}", "must not be negative, nor beyond all bounds", "amount")
    unpriced = False
    for place, line in enumerate(draft.lines):
        if line["amount_minor"] is None:
            unpriced = True
            yield Problem(
                f"/lines/{place}",
                "has no amount, and the catalogue no price for it in this currency",
                "price",
            )
    if given.get("lines") and not unpriced and "total_minor" in given:
        whole = sum(line["amount_minor"] for line in draft.lines)
        whole += draft.amounts["shipping_minor"] - draft.amounts["discount_minor"]
        if whole != draft.total_minor:
            yield Problem(
                "/total_minor", f"lines, delivery and discount make {whole}, not {draft.total_minor}", "sum"
            )


@dataclass(slots=True)
class _Sold:
    """A product with its prices, oldest first."""

    id: UUID
    name: str
    category: str
    prices: list[tuple[str, datetime, int]] = field(default_factory=list)

    def price(self, currency: str, at: datetime) -> int | None:
        """Return the price in force at a moment."""
        found = [amount for code, since, amount in self.prices if code == currency and since <= at]
        return found[-1] if found else None


def _catalogue(store: Store, drafts: Sequence[Mapping[str, Any]]) -> dict[str, _Sold]:
    skus = sorted({line.get("sku", "") for draft in drafts for line in draft.get("lines") or ()} - {""})
    found: dict[UUID, tuple[str, _Sold]] = {}
    for start in range(0, len(skus), 500):
        wanted = select(Product.id, Product.sku, Product.name, Product.category)
        for product_id, sku, name, category in store.rows(
            wanted.where(Product.sku.in_(skus[start : start + 500]))
        ):
            found[product_id] = sku, _Sold(product_id, name, category)
    ids = list(found)
    for start in range(0, len(ids), 500):
        prices = select(Price).where(Price.product_id.in_(ids[start : start + 500]))
        for price in store.scalars(prices.order_by(Price.valid_from)):
            found[price.product_id][1].prices.append((price.currency, price.valid_from, price.amount_minor))
    return dict(found.values())


def _known_contacts(store: Store, ids: set[UUID]) -> set[UUID]:
    wanted, found = list(ids), set[UUID]()
    for start in range(0, len(wanted), 500):
        found.update(store.scalars(select(Contact.id).where(Contact.id.in_(wanted[start : start + 500]))))
    return found
