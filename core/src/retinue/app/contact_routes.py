"""Lists of contacts over HTTP: here contacts and lists meet, which do not know each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from litestar.handlers import HTTPRouteHandler
from marshmallow import Schema, fields

from retinue.lists.queries import ListPage, select_page
from retinue.lists.routes import request_of
from retinue.lists.service import Catalogues, get_view, request_of_view
from retinue.storage import Store
from retinue.web import ListParams, Page, get, post


class ContactRowSchema(Schema):
    """One contact of a list: the columns asked for, by their names; what you may not read is absent."""

    id = fields.UUID()
    values = fields.Dict(keys=fields.String())


ROW: Final = ContactRowSchema()


def list_page(store: Store, catalogues: Catalogues, params: ListParams) -> ListPage:
    """Return a page of contacts: by filters, by a saved view, or both."""
    catalogue, request = catalogues.of(store, "contact"), request_of(params)
    if params.view:
        view = get_view(store, UUID(params.view))
        request = request_of_view(store, catalogue, view, request)
    return select_page(store, catalogue, replace(request, columns=request.columns or catalogue.columns))


def page_of(found: ListPage) -> Page[dict[str, Any]]:
    """Return a page as it goes over the wire: each value by its own type, asked for once per value."""
    items = []
    for row in found.rows:
        values = {name: _WIRE.get(type(value), _same)(value) for name, value in row.items()}
        items.append({"id": values.pop("id"), "values": values})
    return Page(items=items, next=found.next, count=found.count)


def _same(value: Any) -> Any:
    return value


_WIRE: Final[dict[type[Any], Callable[[Any], Any]]] = {
    UUID: str,
    Decimal: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
}


def contact_list_routes(catalogues: Catalogues) -> list[HTTPRouteHandler]:
    """Return the routes that list contacts."""

    @get("/contacts", permission="contact.read", gives=ROW, narrow=False)
    def list_contacts(store: Store, params: ListParams) -> Page[dict[str, Any]]:
        """List contacts: ``city=Praha``, ``age__gte=30``, ``tag__has=vip``, ``q=…``, ``filter={…}``, ``view=…``."""
        return page_of(list_page(store, catalogues, params))

    @post("/contacts/list", permission="contact.read", gives=ROW, narrow=False)
    def list_contacts_by_tree(store: Store, params: ListParams) -> Page[dict[str, Any]]:
        """List contacts by a filter tree too long for a URL."""
        return page_of(list_page(store, catalogues, params))

    return [list_contacts, list_contacts_by_tree]
