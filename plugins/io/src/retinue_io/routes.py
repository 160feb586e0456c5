"""``/api/v1/imports`` and ``/api/v1/exports``."""

from __future__ import annotations

import io
from pathlib import PurePath
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.errors import BadRequest
from retinue.web import Download, ListParams, Page, delete, get, post, put
from retinue_io import columns, exporting, reviewing, schemas, service
from retinue_io.error_file import error_file
from retinue_io.exporting import Wanted
from retinue_io.models import Export, SavedMapping
from retinue_io.readers import Reading

IMPORT, PREVIEW, MAPPING = schemas.ImportSchema(), schemas.PreviewSchema(), schemas.MappingDraftSchema()
REJECTION, PAIR, DECISION = schemas.RejectionSchema(), schemas.PairSchema(), schemas.DecisionSchema()
REVIEW, CORRECTIONS = schemas.ReviewSchema(), schemas.CorrectionsDraftSchema()
SAVED, EXPORT, DRAFT = schemas.SavedMappingSchema(), schemas.ExportSchema(), schemas.ExportDraftSchema()
_MAY, _TAKE = "contact.import", "contact.export"
_IN, _OUT = ["imports"], ["exports"]


# ---- imports -----------------------------------------------------------------------------------
@post("/", permission=_MAY, gives=IMPORT, location="/{id}", tags=_IN)
def upload_import(
    store: Store, upload: Any, what: str = "contacts", encoding: str = "", locale: str = ""
) -> dict[str, Any]:
    """Upload a file of contacts or interactions; nothing is brought in yet."""
    reading = Reading(encoding=encoding, locale=locale)
    row = service.start_upload(store, upload.file, upload.filename or "file", what=what, reading=reading)
    return service.describe_import(store, row)


@get("/", permission=_MAY, gives=IMPORT, tags=_IN)
def list_imports(store: Store, params: ListParams) -> Page[dict[str, Any]]:
    """List imports, newest first."""
    found = service.list_imports(store, after=_id_after(params), limit=params.limit + 1)
    page = found[: params.limit]
    more = [str(page[-1].id)] if len(found) > params.limit else None
    return Page([service.describe_import(store, row) for row in page], next=more)


@get("/{import_id:uuid}", permission=_MAY, gives=IMPORT, tags=_IN)
def get_import(store: Store, import_id: UUID) -> dict[str, Any]:
    """Return one import with its progress."""
    return service.describe_import(store, service.get_import(store, import_id))


@get("/{import_id:uuid}/preview", permission=_MAY, gives=PREVIEW, tags=_IN)
def preview_import(
    store: Store, import_id: UUID, encoding: str = "", delimiter: str = "", sheet: str = ""
) -> dict[str, Any]:
    """Look into the file: encodings with samples, headings, first rows, the proposed mapping."""
    reading = {"encoding": encoding, "delimiter": delimiter, "sheet": sheet}
    return service.preview_import(store, import_id, reading=reading)


@put("/{import_id:uuid}/mapping", permission=_MAY, takes=MAPPING, gives=IMPORT, tags=_IN)
def set_import_mapping(store: Store, import_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Say what the columns are, and whether contacts are created, updated or both."""
    return service.describe_import(store, service.set_mapping(store, import_id, data))


@get("/{import_id:uuid}/values", permission=_MAY, gives=REVIEW, tags=_IN)
def review_import_values(store: Store, import_id: UUID) -> dict[str, Any]:
    """List the values that the last check found at fault, the most frequent first, and what is taken instead."""
    return service.review_values(store, import_id)


@put("/{import_id:uuid}/values", permission=_MAY, takes=CORRECTIONS, gives=IMPORT, tags=_IN)
def correct_import_values(store: Store, import_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Say what is taken instead of values, all of them at once; the file is to be checked again."""
    return service.describe_import(store, service.correct_values(store, import_id, data["values"]))


@post("/{import_id:uuid}/check", permission=_MAY, gives=IMPORT, status=200, tags=_IN)
def check_import(store: Store, import_id: UUID) -> dict[str, Any]:
    """Find out what a run would do; no contact is written. For a large file `check` is filled in later."""
    return service.describe_import(store, service.check_import(store, import_id))


@post("/{import_id:uuid}/run", permission=_MAY, gives=IMPORT, status=202, tags=_IN)
def run_import(store: Store, import_id: UUID) -> dict[str, Any]:
    """Start the import, or take up one that was stopped or failed."""
    return service.describe_import(store, service.run_import(store, import_id))


@post("/{import_id:uuid}/stop", permission=_MAY, gives=IMPORT, status=202, tags=_IN)
def stop_import(store: Store, import_id: UUID) -> dict[str, Any]:
    """Stop after the batch that is being written."""
    return service.describe_import(store, service.stop_import(store, import_id))


@post("/{import_id:uuid}/revert", permission="change_set.revert", gives=IMPORT, status=202, tags=_IN)
def revert_import(store: Store, import_id: UUID) -> dict[str, Any]:
    """Undo the whole import; what was changed since stays. A large one is undone by a job."""
    return service.describe_import(store, service.revert_import(store, import_id))


@delete("/{import_id:uuid}", permission=_MAY, tags=_IN)
def remove_import(store: Store, import_id: UUID) -> None:
    """Forget an import and its file; the contacts it brought stay."""
    service.remove_import(store, import_id)


@get("/{import_id:uuid}/rejections", permission=_MAY, gives=REJECTION, tags=_IN)
def list_rejections(store: Store, import_id: UUID, params: ListParams) -> Page[dict[str, Any]]:
    """List rejected rows with the reason."""
    position = params.after()
    after = int(position[0]) if position else 0
    found = service.list_rejections(store, import_id, after=after, limit=params.limit + 1)
    page = found[: params.limit]
    return Page(page, next=[str(page[-1]["row"])] if len(found) > params.limit else None)


@get("/{import_id:uuid}/errors", permission=_MAY, tags=_IN)
def download_errors(store: Store, import_id: UUID) -> Download:
    """Download the rejected rows as CSV: correct them there and upload that file."""
    name = PurePath(service.get_import(store, import_id).file_name).stem
    return Download(error_file(store, import_id), f"{name}-errors.csv", "text/csv; charset=utf-8")


@get("/{import_id:uuid}/duplicates", permission=_MAY, gives=PAIR, tags=_IN)
def list_import_duplicates(
    store: Store, import_id: UUID, params: ListParams, decided: bool = False
) -> Page[dict[str, Any]]:
    """List suspected duplicates, the most probable first."""
    position = params.after()
    try:
        after = (float(position[0]), UUID(str(position[1]))) if position else None
    except (ValueError, IndexError):
        raise BadRequest("the cursor cannot be read") from None
    found = reviewing.list_pairs(store, import_id, after=after, limit=params.limit + 1, decided=decided)
    page = found[: params.limit]
    more = [page[-1]["score"], str(page[-1]["id"])] if len(found) > params.limit else None
    return Page(page, next=more)


@post(
    "/{import_id:uuid}/duplicates/{pair_id:uuid}",
    permission=_MAY,
    takes=DECISION,
    gives=PAIR,
    status=200,
    tags=_IN,
)
def decide_duplicate(store: Store, import_id: UUID, pair_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Merge two suspected duplicates, or keep both."""
    return reviewing.decide_pair(store, import_id, pair_id, data["decision"])


@get("/mappings", permission=_MAY, gives=SAVED, tags=_IN)
def list_import_mappings(store: Store) -> list[SavedMapping]:
    """List the saved mappings."""
    return columns.list_mappings(store)


@delete("/mappings/{mapping_id:uuid}", permission=_MAY, tags=_IN)
def remove_import_mapping(store: Store, mapping_id: UUID) -> None:
    """Forget a saved mapping."""
    columns.remove_mapping(store, mapping_id)


# ---- exports -----------------------------------------------------------------------------------
@post("/", permission=_TAKE, takes=DRAFT, gives=EXPORT, status=202, location="/{id}", tags=_OUT)
def start_export(store: Store, data: dict[str, Any]) -> Export:
    """Ask for an export of any size; fetch its file when its status is complete."""
    return exporting.start_export(store, Wanted.of(data))


@post("/download", permission=_TAKE, takes=DRAFT, status=200, tags=_OUT)
def download_export(store: Store, data: dict[str, Any]) -> Download:
    """Export up to 2,000 contacts and get the file at once."""
    wanted, out = Wanted.of(data), io.BytesIO()
    exporting.export_now(store, wanted, out, limit=exporting.SMALL)
    return Download(out.getvalue(), wanted.file_name, wanted.media_type)


@get("/", permission=_TAKE, gives=EXPORT, tags=_OUT)
def list_exports(store: Store, params: ListParams) -> Page[Export]:
    """List your exports, newest first."""
    found = exporting.list_exports(store, after=_id_after(params), limit=params.limit + 1)
    page = found[: params.limit]
    return Page(page, next=[str(page[-1].id)] if len(found) > params.limit else None)


@get("/{export_id:uuid}", permission=_TAKE, gives=EXPORT, tags=_OUT)
def get_export(store: Store, export_id: UUID) -> Export:
    """Return one export."""
    return exporting.get_export(store, export_id)


@get("/{export_id:uuid}/file", permission=_TAKE, tags=_OUT)
def download_export_file(store: Store, export_id: UUID) -> Download:
    """Fetch the file of an export; it is kept for a week."""
    row, content = exporting.read_export(store, export_id)
    wanted = Wanted.of(row.request)
    return Download(content, wanted.file_name, wanted.media_type)


def _id_after(params: ListParams) -> UUID | None:
    position = params.after()
    try:
        return UUID(str(position[0])) if position else None
    except (ValueError, IndexError):
        raise BadRequest("the cursor cannot be read") from None


IMPORTS = [
    upload_import, list_imports, get_import, preview_import, set_import_mapping, check_import,
    review_import_values, correct_import_values, run_import,
    stop_import, revert_import, remove_import, list_rejections, download_errors, list_import_duplicates,
    decide_duplicate, list_import_mappings, remove_import_mapping,
]  # fmt: skip
EXPORTS = [start_export, download_export, list_exports, get_export, download_export_file]
