"""Exports: what a person sees and may take away, as a file; every one leaves one entry in the audit."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final, cast
from uuid import UUID

from sqlalchemy import select

from retinue import Reach, Store, new_id
from retinue.errors import Invalid, NotFound, Problem, TooLarge
from retinue.lists import (
    EVERYBODY,
    Catalogue,
    ListRequest,
    Node,
    Or,
    SavedView,
    Test,
    both,
    check_list,
    count_rows,
    from_json,
    parse_sort,
    request_of_view,
    tests_of,
    to_json,
)
from retinue_io.exported import PAGE, Listed, Whole
from retinue_io.files import RESULT, PieceSink, open_file
from retinue_io.models import COMPLETE, FAILED, FORMATS, PENDING, Export
from retinue_io.writers import write_csv, write_jsonl, write_vcard, write_xlsx

EXPORT = "io.export_contacts"
SMALL: Final = 2000
"""Contacts that are sent at once; more of them are a job with a file to fetch."""
KEPT_DAYS: Final = 7
_TYPES: Final = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "vcard": ("text/vcard; charset=utf-8", "vcf"),
    "jsonl": ("application/jsonl", "jsonl"),
}
_WRITERS: Final[dict[str, Callable[..., int]]] = {
    "csv": write_csv,
    "xlsx": write_xlsx,
    "vcard": write_vcard,
    "jsonl": write_jsonl,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be exported: a view or a filter (or both), columns, an order, and the form of the file."""

    format: str = "csv"
    view: UUID | None = None
    tree: Node = EVERYBODY
    sort: str = ""
    columns: tuple[str, ...] = ()
    delimiter: str = ","

    @classmethod
    def of(cls, data: dict[str, Any]) -> Wanted:
        """Read it from plain data; raises Invalid."""
        form = data.get("format") or "csv"
        if form not in FORMATS:
            raise Invalid(
                "the format is not known", problems=[Problem("/format", f"none of: {', '.join(FORMATS)}")]
            )
        tree = from_json(data["filter"]) if data.get("filter") else EVERYBODY
        view = data.get("view")
        return cls(
            format=form,
            view=UUID(str(view)) if view else None,
            tree=tree,
            sort=data.get("sort") or "",
            columns=tuple(data.get("columns") or ()),
            delimiter=data.get("delimiter") or ",",
        )

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data: the reverse of `of`."""
        return {
            "format": self.format,
            "view": str(self.view) if self.view else None,
            "filter": to_json(self.tree),
            "sort": self.sort,
            "columns": list(self.columns),
            "delimiter": self.delimiter,
        }

    @property
    def file_name(self) -> str:
        """Return the name of the file."""
        return f"contacts.{_TYPES[self.format][1]}"

    @property
    def media_type(self) -> str:
        """Return the type of the file."""
        return _TYPES[self.format][0]


# ---- what people do ----------------------------------------------------------------------------
def export_now(store: Store, wanted: Wanted, stream: BinaryIO, *, limit: int | None = None) -> Export:
    """Write an export into `stream` and keep its record; raises TooLarge above `limit`."""
    store.require("contact.export")
    catalogue, request = _list_of(store, wanted)
    if limit is not None and count_rows(store, catalogue, request, limit + 1) > limit:
        raise TooLarge(
            f"More than {limit:,} contacts are a job.",
            code="export-large",
            remedy="POST it to /exports, then fetch its file.",
        )
    row = _record(store, wanted, COMPLETE)
    _write(store, row, wanted, stream)
    return row


def start_export(store: Store, wanted: Wanted) -> Export:
    """Ask for an export of any size: a job writes its file, as the person who asks."""
    store.require("contact.export")
    catalogue, request = _list_of(store, wanted)
    check_list(store, catalogue, request)
    row = _record(store, wanted, PENDING)
    store.later(EXPORT, {"export_id": str(row.id)}, key=str(row.id), as_actor=True)
    return row


def export_soon(store: Store, payload: dict[str, Any]) -> dict[str, Any]:
    """Write the file of an export: the job of `start_export`."""
    row = get_export(store, UUID(payload["export_id"]))
    if row.status == PENDING:
        sink = PieceSink(store, row.id, RESULT)
        with io.BufferedWriter(sink, 64 * 1024) as stream:
            _write(store, row, Wanted.of(row.request), cast(BinaryIO, stream))
        row.size, row.status = sink.size, COMPLETE
        _system(store).flush()
    return {"count": row.count}


def get_export(store: Store, export_id: UUID) -> Export:
    """Return an export of the actor's own; raises NotFound."""
    store.require("contact.export")
    row: Export = _system(store).get(Export, export_id)
    if store.actor.kind != "system" and row.account_id != store.author.id:
        raise NotFound(f"export {export_id} does not exist")
    return row


def list_exports(store: Store, *, after: UUID | None = None, limit: int = 50) -> list[Export]:
    """Return the actor's own exports, newest first."""
    store.require("contact.export")
    chosen = select(Export).order_by(Export.id.desc()).limit(limit)
    if store.actor.kind != "system":
        chosen = chosen.where(Export.account_id == store.author.id)
    if after is not None:
        chosen = chosen.where(Export.id < after)
    return _system(store).scalars(chosen)


def read_export(store: Store, export_id: UUID) -> tuple[Export, bytes]:
    """Return an export with its file; raises NotFound until it is written, and after it was removed."""
    row = get_export(store, export_id)
    content = (
        open_file(_system(store), row.id, row.size or 0, use=RESULT)[1].read()
        if row.status == COMPLETE
        else b""
    )
    if not content:
        why = row.failure or ("it is not written yet" if row.status != FAILED else "it failed")
        raise NotFound(
            f"export {export_id} has no file: {why if row.status != COMPLETE else 'it was removed'}"
        )
    return row, content


# ---- what is in it -----------------------------------------------------------------------------
def _list_of(store: Store, wanted: Wanted) -> tuple[Catalogue, ListRequest]:
    catalogue: Catalogue = store.declared["catalogues"].of(store, "contact")
    try:
        sort = parse_sort(wanted.sort) if wanted.sort else ()
    except ValueError as fault:
        raise Invalid("the order cannot be read", problems=[Problem("/sort", str(fault), "sort")]) from fault
    request = ListRequest(tree=wanted.tree, sort=sort, columns=wanted.columns, limit=PAGE)
    if wanted.view is not None:
        store.require("view.read")
        request = request_of_view(store, catalogue, store.get(SavedView, wanted.view), request)
    return catalogue, replace(request, tree=both(request.tree, _within_reach(store)))


def _within_reach(store: Store) -> Node:
    """Return the filter of the contacts that the actor may export, of those that it sees."""
    reach = store.require("contact.export")
    if reach is Reach.ALL:
        return EVERYBODY
    own = Test("owner_id", "eq", str(store.actor.id))
    teams = (
        [Test("team_id", "eq", str(team)) for team in sorted(store.actor.team_ids)]
        if reach is Reach.TEAM
        else []
    )
    return Or((own, *teams)) if teams else own


def _record(store: Store, wanted: Wanted, status: str) -> Export:
    row = Export(
        id=new_id(),
        status=status,
        format=wanted.format,
        account_id=store.author.id if store.author.kind in ("person", "token") else None,
        account_name=store.author.name,
        created_at=store.now,
    )
    system = _system(store)
    system.add(row)
    row.request = wanted.as_data()
    system.flush()
    return row


def _write(store: Store, row: Export, wanted: Wanted, stream: BinaryIO) -> None:
    """Write the file, then one entry in the audit: by whom, which fields were asked for, how many."""
    catalogue, request = _list_of(store, wanted)
    own = wanted.columns or (request.columns if wanted.view else ())
    listed = Listed(store, catalogue, request, own) if own else Whole(store, catalogue, request)
    options = {"delimiter": wanted.delimiter} if wanted.format == "csv" else {}
    row.count = _WRITERS[wanted.format](stream, listed.columns(), listed.rows(), **options)
    row.finished_at, row.size = store.now, row.size
    detail = {
        "export_id": str(row.id),
        "format": wanted.format,
        "count": row.count,
        "view": str(wanted.view) if wanted.view else None,
        "filter": [f"{test.field} {test.op}" for test in tests_of(wanted.tree)],
        "columns": [column.key for column in listed.columns()],
    }
    store.record("contact.export", detail=detail)
    _system(store).flush()


def _system(store: Store) -> Store:
    return store.system("the records of an export")
