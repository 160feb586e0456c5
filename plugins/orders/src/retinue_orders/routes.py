"""``/api/v1/orders``: orders, their deeds, and the door for shops that sign what they send."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import PUBLIC, ListParams, Page, delete, get, post
from retinue_orders import service, sources
from retinue_orders.models import Order, Refund, Source
from retinue_orders.schemas import (
    OrderBatchSchema,
    OrderDeedSchema,
    OrderDraftSchema,
    OrderSchema,
    OrderWithLinesSchema,
    PaymentSchema,
    RefundDraftSchema,
    RefundSchema,
    SourceCreatedSchema,
    SourceDraftSchema,
    SourceSchema,
)

ORDER, DRAFT, FULL, BATCH = OrderSchema(), OrderDraftSchema(), OrderWithLinesSchema(), OrderBatchSchema()
DEED, PAYMENT, REFUND_DRAFT, REFUND = OrderDeedSchema(), PaymentSchema(), RefundDraftSchema(), RefundSchema()
SOURCE_DRAFT, SOURCE, SOURCE_CREATED = SourceDraftSchema(), SourceSchema(), SourceCreatedSchema()
_TAGS = ["orders"]


@get("/", permission="order.read", gives=ORDER, tags=_TAGS)
def list_orders(store: Store, params: ListParams, contact_id: UUID | None = None) -> Page[Order]:
    """List orders, newest first; `contact_id` gives one customer's."""
    rows, following = service.list_orders(
        store, contact_id=contact_id, after=params.after(str(contact_id)), limit=params.limit
    )
    return Page(rows, next=following, binding=str(contact_id))


@post("/", permission="order.record", takes=DRAFT, gives=ORDER, location="/{id}", tags=_TAGS)
def record_order(store: Store, data: dict[str, Any]) -> Order:
    """Take one order in; sent again unchanged it is the same order."""
    return service.record_orders(store, [data])[0]


@post("/batch", permission="order.record", takes=BATCH, gives=ORDER, tags=_TAGS)
def record_order_batch(store: Store, data: dict[str, Any]) -> list[Order]:
    """Take up to 1,000 orders in, all or none."""
    return service.record_orders(store, data["orders"])


@get("/{order_id:uuid}", permission="order.read", gives=FULL, tags=_TAGS)
def get_order(store: Store, order_id: UUID) -> dict[str, Any]:
    """Return one order with its lines."""
    order = service.get_order(store, order_id)
    lines = service.lines_of(store, [order.id])[order.id]
    return {**{name: getattr(order, name) for name in ORDER.fields}, "lines": lines}


@post("/{order_id:uuid}/pay", permission="order.change", takes=PAYMENT, gives=ORDER, status=200, tags=_TAGS)
def pay_order(store: Store, order_id: UUID, data: dict[str, Any], version: int | None) -> Order:
    """Note that an order was paid."""
    return service.pay_order(store, order_id, version=version, **data)


@post("/{order_id:uuid}/ship", permission="order.change", takes=DEED, gives=ORDER, status=200, tags=_TAGS)
def ship_order(store: Store, order_id: UUID, data: dict[str, Any], version: int | None) -> Order:  # noqa: ARG001  # the version is taken out of the body
    """Note that a paid order left the house."""
    return service.ship_order(store, order_id, version)


@post("/{order_id:uuid}/complete", permission="order.change", takes=DEED, gives=ORDER, status=200, tags=_TAGS)
def complete_order(store: Store, order_id: UUID, data: dict[str, Any], version: int | None) -> Order:  # noqa: ARG001  # as above
    """Note that a paid order arrived."""
    return service.complete_order(store, order_id, version)


@post("/{order_id:uuid}/cancel", permission="order.change", takes=DEED, gives=ORDER, status=200, tags=_TAGS)
def cancel_order(store: Store, order_id: UUID, data: dict[str, Any], version: int | None) -> Order:  # noqa: ARG001  # as above
    """Call an order off; what was paid goes back."""
    return service.cancel_order(store, order_id, version)


@post("/{order_id:uuid}/refunds", permission="order.refund", takes=REFUND_DRAFT, gives=REFUND, tags=_TAGS)
def refund_order(store: Store, order_id: UUID, data: dict[str, Any], version: int | None) -> Refund:
    """Record a refund, of all that is left or of a part; the same key is the same refund."""
    return service.refund_order(store, order_id, data, version)


@get("/sources", permission="order_source.change", gives=SOURCE, tags=_TAGS)
def list_order_sources(store: Store) -> list[Source]:
    """List the shops that send orders."""
    return sources.list_sources(store)


@post("/sources", permission="order_source.change", takes=SOURCE_DRAFT, gives=SOURCE_CREATED, tags=_TAGS)
def create_order_source(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Open a shop; the answer shows its secret this once."""
    source, secret = sources.create_source(store, data["name"])
    return {"id": source.id, "name": source.name, "created_at": source.created_at, "secret": secret}


@delete("/sources/{source_id:uuid}", permission="order_source.change", tags=_TAGS)
def remove_order_source(store: Store, source_id: UUID) -> None:
    """Close a shop; what it sends is refused from now on."""
    sources.remove_source(store, source_id)


@post("/intake/{source:str}", permission=PUBLIC, takes=BATCH, gives=ORDER, status=200, tags=_TAGS)
def take_signed_orders(
    store: Store, source: str, data: dict[str, Any], raw: bytes, request: Any
) -> list[Order]:
    """Take orders from a shop that signs them after Standard Webhooks; sent twice they are the same orders."""
    own = store.system("orders")
    sources.check_signature(own, source, request.headers, raw)
    return service.record_orders(own, [{**draft, "source": source} for draft in data["orders"]])


ORDERS = [
    list_orders,
    record_order,
    record_order_batch,
    list_order_sources,
    create_order_source,
    remove_order_source,
    take_signed_orders,
    get_order,
    pay_order,
    ship_order,
    complete_order,
    cancel_order,
    refund_order,
]
