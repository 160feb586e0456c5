"""Lists of contacts over HTTP: here contacts and lists meet, which do not know each other."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar.handlers import HTTPRouteHandler
from marshmallow import Schema, fields, validate

from retinue.app import bulk
from retinue.jobs import JobInfo, Jobs
from retinue.lists.queries import ListPage, select_page
from retinue.lists.routes import request_of
from retinue.lists.service import Catalogues, get_view, request_of_view
from retinue.storage import Store
from retinue.web import ListParams, Page, get, post


class ContactRowSchema(Schema):
    """One contact of a list: the columns asked for, by their names; what you may not read is absent."""

    id = fields.UUID()
    values = fields.Dict(keys=fields.String())


class BulkListSchema(Schema):
    """A list whose contacts are meant, all of them."""

    view = fields.UUID(allow_none=True)
    filter = fields.Dict(allow_none=True, metadata={"description": "A filter tree; absent means everybody."})


class BulkSchema(Schema):
    """One deed for many contacts."""

    action = fields.String(required=True, validate=validate.OneOf(bulk.ACTIONS))
    ids = fields.List(fields.UUID(), validate=validate.Length(max=1000))
    list_ = fields.Nested(BulkListSchema, data_key="list", attribute="list", allow_none=True)
    tag = fields.String(allow_none=True, validate=validate.Length(1, 80))
    owner_id = fields.UUID(allow_none=True)


class BulkResultSchema(Schema):
    """What was done, or the job that does it; reverting the change set takes all of it back."""

    job_id = fields.UUID(allow_none=True)
    change_set_id = fields.UUID()
    total = fields.Integer()
    done = fields.Integer()
    skipped = fields.Integer(metadata={"description": "Contacts that you may not change so."})


class BulkProgressSchema(Schema):
    """How far a bulk job is."""

    id = fields.UUID()
    state = fields.String()
    done = fields.Integer()
    total = fields.Integer(allow_none=True)


ROW: Final = ContactRowSchema()
BULK: Final = BulkSchema()
BULK_RESULT: Final = BulkResultSchema()
BULK_PROGRESS: Final = BulkProgressSchema()


def list_page(store: Store, catalogues: Catalogues, params: ListParams) -> ListPage:
    """Return a page of contacts: by filters, by a saved view, or both."""
    catalogue, request = catalogues.of(store, "contact"), request_of(params)
    if params.view:
        view = get_view(store, UUID(params.view))
        request = request_of_view(store, catalogue, view, request)
    return select_page(store, catalogue, replace(request, columns=request.columns or catalogue.columns))


def page_of(found: ListPage) -> Page[dict[str, Any]]:
    """Return a page as it goes over the wire; ids, decimals and dates are written by the encoder itself."""
    items = []
    for row in found.rows:
        values = {
            name: value.isoformat() if type(value) is datetime else value for name, value in row.items()
        }
        items.append({"id": values.pop("id"), "values": values})
    return Page(items=items, next=found.next, count=found.count)


def contact_list_routes(catalogues: Catalogues, jobs: Jobs) -> list[HTTPRouteHandler]:
    """Return the routes that list contacts."""

    @get("/contacts", permission="contact.read", gives=ROW, narrow=False)
    def list_contacts(store: Store, params: ListParams) -> Page[dict[str, Any]]:
        """List contacts: ``city=Praha``, ``age__gte=30``, ``tag__has=vip``, ``q=…``, ``filter={…}``, ``view=…``."""
        return page_of(list_page(store, catalogues, params))

    @post("/contacts/list", permission="contact.read", gives=ROW, narrow=False)
    def list_contacts_by_tree(store: Store, params: ListParams) -> Page[dict[str, Any]]:
        """List contacts by a filter tree too long for a URL."""
        return page_of(list_page(store, catalogues, params))

    @post("/contacts/bulk", permission="contact.read", takes=BULK, gives=BULK_RESULT, status=200)
    def change_contacts_bulk(store: Store, data: dict[str, Any]) -> dict[str, Any]:
        """Tag, untag, assign or remove many contacts: those named, or all a list holds; many become a job."""
        return bulk.change_many(store, catalogues, data)

    @get("/contacts/bulk/{job_id:uuid}", permission="contact.read", gives=BULK_PROGRESS)
    def get_bulk_progress(store: Store, job_id: UUID) -> JobInfo:
        """Return how far a bulk job of one's own is."""
        return bulk.read_progress(store, job_id)

    @post("/contacts/bulk/{job_id:uuid}/stop", permission="contact.read", gives=BULK_PROGRESS, status=200)
    def stop_bulk_change(store: Store, job_id: UUID) -> JobInfo:
        """Stop a bulk job of one's own after the step it is in; what was changed stays."""
        return bulk.stop_own(store, jobs, job_id)

    return [list_contacts, list_contacts_by_tree, change_contacts_bulk, get_bulk_progress, stop_bulk_change]
