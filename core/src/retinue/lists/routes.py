"""The API of saved views: ``/api/v1/views``."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from litestar.handlers import HTTPRouteHandler

from retinue.errors import NotFound
from retinue.lists import merging, schemas, service
from retinue.lists.models import SavedView
from retinue.lists.parse import Order, tree_of
from retinue.lists.queries import ListPage, ListRequest
from retinue.lists.service import Catalogues
from retinue.storage import Store
from retinue.web import ListParams, Page, delete, get, patch, post

VIEW: Final = schemas.ViewSchema()
DRAFT: Final = schemas.ViewDraftSchema()
CHANGES: Final = schemas.ViewChangesSchema(partial=True)
ROW: Final = schemas.ViewRowSchema()
FIELD: Final = schemas.ListFieldSchema()
MERGE_FIELD: Final = schemas.MergeFieldSchema()
LETTER: Final = schemas.LetterSchema()
MERGED: Final = schemas.MergedSchema()
MEMBERS: Final = schemas.MembersSchema()
MEMBERS_CHANGED: Final = schemas.MembersChangedSchema()


def request_of(params: ListParams) -> ListRequest:
    """Return what list parameters ask for; raises Invalid (422) naming each faulty one."""
    return ListRequest(
        tree=tree_of(params),
        sort=tuple(Order(key.field, key.descending) for key in params.sort),
        columns=params.fields,
        limit=params.limit,
        after=params.after(),
        count_cap=params.count_cap if params.wants_count else 0,
    )


def page_of(found: ListPage) -> Page[dict[str, Any]]:
    """Return a page of a list as it goes over the wire."""
    rows = [
        {"id": row["id"], "values": {k: _plain(v) for k, v in row.items() if k != "id"}} for row in found.rows
    ]
    return Page(items=rows, next=found.next, count=found.count)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value


def view_routes(catalogues: Catalogues) -> list[HTTPRouteHandler]:
    """Return the routes of saved views over the installation's catalogues."""
    return [*_reading(catalogues), *_writing(catalogues), list_merge_fields, try_letter]


@get("/merge-fields", permission="contact.read", gives=MERGE_FIELD)
def list_merge_fields(store: Store) -> list[merging.MergeWord]:
    """List the fields that letters may name, those of plugins with them."""
    return merging.list_merge_fields(store)


@post("/merge-fields/letter", permission="contact.read", takes=LETTER, gives=MERGED, status=200)
def try_letter(store: Store, data: dict[str, Any]) -> dict[str, str]:
    """Return a letter as one contact would read it."""
    merging.check_letter(store, data["text"])
    merged = merging.merge_letter(store, data["text"], [data["contact_id"]])
    if data["contact_id"] not in merged:
        raise NotFound(f"there is no contact {data['contact_id']}")
    return {"text": merged[data["contact_id"]]}


def _reading(catalogues: Catalogues) -> list[HTTPRouteHandler]:
    @get("/views", permission="view.read", gives=VIEW)
    def list_views(store: Store, entity: str = "") -> list[SavedView]:
        """List the saved views you may see."""
        return service.list_views(store, entity)

    @get("/views/fields", permission="view.read", gives=FIELD)
    def list_view_fields(store: Store, entity: str = "contact") -> list[dict[str, Any]]:
        """List the fields by which rows can be listed, filtered and sorted."""
        return service.describe_fields(catalogues.of(store, entity), store.actor)

    @get("/views/{view_id:uuid}", permission="view.read", gives=VIEW)
    def get_view(store: Store, view_id: UUID) -> SavedView:
        """Return one saved view."""
        return service.get_view(store, view_id)

    @get("/views/{view_id:uuid}/rows", permission="view.read", gives=ROW)
    def run_view(store: Store, view_id: UUID, params: ListParams, columns: str = "") -> Page[dict[str, Any]]:
        """Run a saved view, narrowed by further filters; `columns` names others than its own."""
        names = tuple(name.strip() for name in columns.split(",") if name.strip())
        request = replace(request_of(params), columns=names)
        return page_of(service.run_view(store, catalogues, view_id, request))

    return [list_views, list_view_fields, get_view, run_view]


def _writing(catalogues: Catalogues) -> list[HTTPRouteHandler]:
    @post("/views", permission="view.create", takes=DRAFT, gives=VIEW, location="/views/{id}")
    def create_view(store: Store, data: dict[str, Any]) -> SavedView:
        """Save a view."""
        return service.create_view(store, catalogues, data)

    @patch("/views/{view_id:uuid}", permission="view.change", takes=CHANGES, gives=VIEW)
    def change_view(store: Store, view_id: UUID, data: dict[str, Any], version: int | None) -> SavedView:
        """Change a saved view."""
        return service.change_view(store, catalogues, view_id, data, version=version)

    @delete("/views/{view_id:uuid}", permission="view.remove")
    def remove_view(store: Store, view_id: UUID) -> None:
        """Remove a saved view."""
        service.remove_view(store, view_id)

    @post("/views/{view_id:uuid}/members", permission="view.change", takes=MEMBERS, gives=MEMBERS_CHANGED)
    def change_view_members(store: Store, view_id: UUID, data: dict[str, Any]) -> dict[str, int]:
        """Put contacts on a fixed list and take others off."""
        added, removed = service.change_members(store, view_id, add=data["add"], remove=data["remove"])
        return {"added": added, "removed": removed}

    return [create_view, change_view, remove_view, change_view_members]
