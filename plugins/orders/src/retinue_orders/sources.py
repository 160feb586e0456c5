"""Shops that send orders by a signed request, after Standard Webhooks: checked over the raw bytes, within minutes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select

from retinue import Store, new_id
from retinue.errors import Conflict, Unauthenticated
from retinue_orders.models import Source

TOLERANCE = 300
_PREFIX = "whsec_"


def create_source(store: Store, name: str) -> tuple[Source, str]:
    """Open a shop and return it with its secret, which is never shown again; raises Conflict for a taken name."""
    store.require("order_source.change")
    own = store.system("orders")
    if own.first(select(Source.id).where(Source.name == name)) is not None:
        raise Conflict(f"There is a shop {name} already.", remedy="Close it first, or name another.")
    secret = _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    source = Source(id=new_id(), name=name, secret=secret, created_at=store.now)
    own.add(source)
    own.flush()
    return source, secret


def list_sources(store: Store) -> list[Source]:
    """Return the shops, without their secrets."""
    store.require("order_source.change")
    return store.system("orders").scalars(select(Source).order_by(Source.name))


def remove_source(store: Store, source_id: UUID) -> None:
    """Close a shop: what it sends is refused from now on; its orders stay."""
    store.require("order_source.change")
    own = store.system("orders")
    own.remove(own.get(Source, source_id))
    own.flush()


def check_signature(own: Store, name: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise Unauthenticated unless the shop called `name` has signed `body` within the last five minutes."""
    source: Source | None = own.first(select(Source).where(Source.name == name))
    stamp = headers.get("webhook-timestamp", "")
    fresh = stamp.isascii() and stamp.isdigit() and abs(own.now.timestamp() - int(stamp[:12])) <= TOLERANCE
    secret = (
        source.secret.removeprefix(_PREFIX) if source is not None else base64.b64encode(bytes(32)).decode()
    )
    signed = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    wanted = base64.b64encode(hmac.digest(base64.b64decode(secret), signed, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split(" ")
    good = any(hmac.compare_digest(("v1," + wanted).encode(), one.encode()) for one in given)
    if source is None or not fresh or not good:
        raise Unauthenticated(
            "The signature does not fit.",
            code="signature",
            remedy="Sign the raw body with this shop's secret, after Standard Webhooks, with the time of now.",
        )
