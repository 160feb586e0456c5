"""``/api/v1/webhooks``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store, WebhookEvent
from retinue.web import ListParams, Page, delete, get, patch, post
from retinue_webhooks import service
from retinue_webhooks.models import Endpoint
from retinue_webhooks.schemas import (
    WebhookChangeSchema,
    WebhookCreatedSchema,
    WebhookDeliverySchema,
    WebhookDraftSchema,
    WebhookEventSchema,
    WebhookSchema,
    WebhookSecretSchema,
)

WEBHOOK, DRAFT, CHANGE = WebhookSchema(), WebhookDraftSchema(), WebhookChangeSchema(partial=True)
CREATED, SECRET, DELIVERY = WebhookCreatedSchema(), WebhookSecretSchema(), WebhookDeliverySchema()
EVENT = WebhookEventSchema()
_TAGS = ["webhooks"]


@get("/", permission="webhook.read", gives=WEBHOOK, tags=_TAGS)
def list_webhooks(store: Store) -> list[Endpoint]:
    """List all webhooks."""
    return service.list_endpoints(store)


@post("/", permission="webhook.create", takes=DRAFT, gives=CREATED, location="/{id}", tags=_TAGS)
def create_webhook(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Create a webhook; the answer shows its secret this once."""
    endpoint, secret = service.create_endpoint(store, data)
    return {**{name: getattr(endpoint, name) for name in WEBHOOK.fields}, "secret": secret}


@get("/events", permission="webhook.read", gives=EVENT, tags=_TAGS)
def list_webhook_events(store: Store) -> list[WebhookEvent]:
    """List the events to subscribe to."""
    return service.list_events(store)


@get("/{webhook_id:uuid}", permission="webhook.read", gives=WEBHOOK, tags=_TAGS)
def get_webhook(store: Store, webhook_id: UUID) -> Endpoint:
    """Return one webhook."""
    return service.get_endpoint(store, webhook_id)


@patch("/{webhook_id:uuid}", permission="webhook.change", takes=CHANGE, gives=WEBHOOK, tags=_TAGS)
def change_webhook(store: Store, webhook_id: UUID, data: dict[str, Any], version: int | None) -> Endpoint:
    """Change a webhook, or switch it off and on."""
    return service.change_endpoint(store, webhook_id, data, version)


@delete("/{webhook_id:uuid}", permission="webhook.remove", tags=_TAGS)
def remove_webhook(store: Store, webhook_id: UUID, version: int | None) -> None:
    """Remove a webhook with its secrets and deliveries."""
    service.remove_endpoint(store, webhook_id, version)


@post("/{webhook_id:uuid}/secret", permission="webhook.change", gives=SECRET, status=200, tags=_TAGS)
def rotate_webhook_secret(store: Store, webhook_id: UUID) -> dict[str, str]:
    """Make a new secret; for 24 hours both sign."""
    return {"secret": service.rotate_secret(store, webhook_id)}


@post("/{webhook_id:uuid}/test", permission="webhook.change", gives=DELIVERY, status=202, tags=_TAGS)
def test_webhook(store: Store, webhook_id: UUID) -> dict[str, Any]:
    """Send the event `webhook.test` to this webhook."""
    return service.send_test(store, webhook_id)


@get("/{webhook_id:uuid}/deliveries", permission="webhook.read", gives=DELIVERY, tags=_TAGS)
def list_webhook_deliveries(store: Store, webhook_id: UUID, params: ListParams) -> Page[dict[str, Any]]:
    """List the deliveries of a webhook, newest first."""
    items, following = service.list_deliveries(store, webhook_id, after=params.after(), limit=params.limit)
    return Page(items, next=following)


@post(
    "/deliveries/{delivery_id:uuid}/resend",
    permission="webhook.change",
    gives=DELIVERY,
    status=202,
    tags=_TAGS,
)
def resend_webhook_delivery(store: Store, delivery_id: UUID) -> dict[str, Any]:
    """Send a delivery again, under the same id."""
    return service.resend_delivery(store, delivery_id)


ROUTES = [
    list_webhooks,
    create_webhook,
    list_webhook_events,
    get_webhook,
    change_webhook,
    remove_webhook,
    rotate_webhook_secret,
    test_webhook,
    list_webhook_deliveries,
    resend_webhook_delivery,
]
