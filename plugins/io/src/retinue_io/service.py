"""What people do with an import: upload, look, map, check, run, stop, take up again, revert."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from sqlalchemy import delete, select

from retinue import Problem, Reach, Store, new_id
from retinue.contacts import revert_change_set
from retinue.errors import Conflict, Invalid, NotFound
from retinue.jobs import show_job
from retinue_io.columns import choose_mapping, missing_fields, propose, sample_rows, save_mapping
from retinue_io.corrections import REVIEW, keep_corrections, list_values
from retinue_io.encodings import rank_encodings, sample_bytes
from retinue_io.events import propose_events
from retinue_io.files import open_file, remove_file, write_file
from retinue_io.models import (
    COMPLETE,
    DUPLICATES,
    FAILED,
    KEYS,
    MODES,
    PENDING,
    REVERTED,
    RUNNING,
    STANDBY,
    STOPPED,
    WHATS,
    Import,
    Rejection,
)
from retinue_io.plan import Plan
from retinue_io.readers import Reading, Source, open_source
from retinue_io.rows import list_targets, propose_rows, target_named
from retinue_io.running import CHECK, RUN, advance_check, require_standby, system_of

SHOWN_ROWS = 10
SMALL_BYTES = 256 * 1024
"""A file up to this size is checked while the person waits; a larger one by a job."""
SMALL_REVERT = 2000


# ---- upload and look ---------------------------------------------------------------------------
def start_upload(
    store: Store, stream: BinaryIO, file_name: str, *, what: str = "contacts", reading: Reading | None = None
) -> Import:
    """Find out kind, encoding and headings of a file, then store it; raises Invalid or TooLarge."""
    store.require("contact.import")
    if what not in WHATS:
        _check_what(store, what)
    source = open_source(stream, file_name, _with_locale(store, reading or Reading()))
    sample_rows(source)  # a file whose first rows cannot be read is refused now
    row = Import(
        id=new_id(),
        file_name=file_name[-255:] or "file",
        size=0,
        what=what,
        reading=msgspec.to_builtins(source.reading),
        mode="create",
        duplicates="review",
        system="",
        status=STANDBY,
        counts={},
        account_id=store.author.id if store.author.kind in ("person", "token") else None,
        account_name=store.author.name,
        created_at=store.now,
    )
    stream.seek(0)
    row.size = write_file(store, row.id, stream)
    system = system_of(store)
    system.add(row)
    system.flush()
    store.record("contact.upload", detail={"import_id": str(row.id), "bytes": row.size})
    return row


def _check_what(store: Store, what: str) -> None:
    known = (*WHATS, *(target.name for target in list_targets(store)))
    if what not in known:
        raise Invalid(
            f"A file cannot be imported into {what}.",
            remedy=f"Choose one of: {', '.join(known)}.",
            problems=[Problem("/what", f"none of: {', '.join(known)}", "what")],
        )


def _with_locale(store: Store, reading: Reading) -> Reading:
    config = store.declared.get("config")
    if reading.locale or config is None:
        return reading
    defaults = config.defaults
    locale = f"{defaults.language}-{defaults.country}" if defaults.country else defaults.language
    return msgspec.structs.replace(reading, locale=locale)


def preview_import(store: Store, import_id: UUID, *, reading: Dict[str, Any] | None = None) -> dict[str, Any]:
    """Return encodings with samples, headings, first rows, proposed mapping; `reading` tries another way."""
    row = get_import(store, import_id)
    tried = Reading(**{**row.reading, **{k: v for k, v in (reading or {}).items() if v not in (None, "")}})
    _, stream = open_file(system_of(store), row.id, row.size)
    source = open_source(stream, row.file_name, tried)
    return {**describe_source(store, source, what=row.what), "encodings": _encodings(store, row, tried)}


def describe_source(store: Store, source: Source, *, what: str = "contacts") -> dict[str, Any]:
    """Return what an opened file looks like, with a proposal of what its columns are."""
    rows = sample_rows(source)
    sample = [row.cells for row in rows]
    proposed: Any
    if what not in WHATS:
        proposed = propose_rows(target_named(store, what), source.headings, sample)
    elif what == "interactions":
        proposed = propose_events(source.headings, sample)
    else:
        proposed = propose(store, source, sample)
    return {
        "reading": msgspec.to_builtins(source.reading),
        "headings": list(source.headings),
        "notices": list(source.notices),
        "rows": [{"row": row.number, "cells": dict(row.cells)} for row in rows[:SHOWN_ROWS]],
        "mapping": msgspec.to_builtins(proposed),
        "missing_fields": missing_fields(store, proposed) if what == "contacts" else [],
    }


def _encodings(store: Store, row: Import, reading: Reading) -> list[dict[str, Any]]:
    if reading.kind != "csv":
        return []
    _, stream = open_file(system_of(store), row.id, row.size)
    found = rank_encodings(sample_bytes(stream), locale=reading.locale)
    return [{"encoding": one.encoding, "language": one.language, "sample": list(one.sample)} for one in found]


# ---- mapping -----------------------------------------------------------------------------------
def set_mapping(store: Store, import_id: UUID, data: Dict[str, Any]) -> Import:
    """Say what the columns are and what is to be done: mode, key, duplicates, reading; raises Invalid.

    Without ``mapping`` the proposed one is taken; ``saved`` names one of the saved mappings. With
    ``create_fields`` custom fields that are missing are declared, if the actor may do that.
    """
    row = get_import(store, import_id)
    require_standby(row, STANDBY, FAILED)
    if row.position:
        raise Conflict("This import has begun.", remedy="Revert it and upload the file again.", code="status")
    set_options(row, data)
    if data.get("reading"):
        row.reading = {**row.reading, **{k: v for k, v in data["reading"].items() if v is not None}}
    _, stream = open_file(system_of(store), row.id, row.size)
    source = open_source(stream, row.file_name, Reading(**row.reading))
    row.reading = msgspec.to_builtins(source.reading)
    mapping = choose_mapping(store, source, data, what=row.what)
    row.mapping, row.checked, row.status = msgspec.to_builtins(mapping), None, STANDBY
    remove_file(store, row.id, REVIEW)
    Plan.of(store, row).require(store)
    if data.get("save_as"):
        save_mapping(store, data["save_as"], row.what, row.mapping)
    system_of(store).flush()
    return row


def review_values(store: Store, import_id: UUID) -> dict[str, Any]:
    """Return the values that the last check found at fault, and what is taken instead."""
    return list_values(store, get_import(store, import_id).id)


def correct_values(store: Store, import_id: UUID, values: list[dict[str, Any]]) -> Import:
    """Say what is taken instead of values at fault, all of them; the file is to be checked again. Raises Invalid."""
    row = get_import(store, import_id, lock=True)
    require_standby(row, STANDBY, FAILED)
    if row.position:
        raise Conflict("This import has begun.", remedy="Revert it and upload the file again.", code="status")
    _, stream = open_file(system_of(store), row.id, row.size)
    source = open_source(stream, row.file_name, Reading(**row.reading))
    keep_corrections(store, row.id, values, source.headings)
    row.checked = None
    system_of(store).flush()
    return row


def set_options(row: Import, data: Dict[str, Any]) -> None:
    """Put mode, key and the treatment of duplicates on an import; raises Invalid."""
    choices = {"mode": MODES, "key": KEYS, "duplicates": DUPLICATES}
    for name, known in choices.items():
        if data.get(name) is not None and data[name] not in known:
            raise Invalid(
                "not a valid choice", problems=[Problem(f"/{name}", f"none of: {', '.join(known)}")]
            )
    row.mode = data.get("mode") or row.mode
    row.key_field = data.get("key") or (None if row.mode == "create" else row.key_field)
    row.duplicates = data.get("duplicates") or row.duplicates
    row.system = str(data["system"]) if data.get("system") is not None else row.system
    if row.mode != "create" and not row.key_field and row.what == "contacts":
        detail = f"{row.mode} needs a key by which contacts are found: {', '.join(KEYS)}"
        raise Invalid("the key is missing", problems=[Problem("/key", detail, "required")])
    if row.mode == "create":
        row.key_field = None


# ---- check, run, stop, revert ------------------------------------------------------------------
def check_import(store: Store, import_id: UUID) -> Import:
    """Find out what a run would do: at once for a small file, by a job for a large one; writes no contact."""
    row = get_import(store, import_id)
    require_standby(row, STANDBY)
    Plan.of(store, row).require(store)
    if row.size > SMALL_BYTES:
        row.checked = None
        row.job_id = store.later(CHECK, {"import_id": str(row.id)}, as_actor=True)
        system_of(store).flush()
        return row
    while isinstance(advance_check(store, row.id), dict):
        pass
    return row


def run_import(store: Store, import_id: UUID, *, here: bool = False) -> Import:
    """Start an import, or take one up that was stopped or failed; `here` leaves the steps to the caller."""
    row = get_import(store, import_id, lock=True)
    require_standby(row, STANDBY, STOPPED, FAILED)
    Plan.of(store, row).require(store)
    row.status, row.failure, row.stop_asked, row.finished_at = PENDING, "", False, None
    row.change_set_id, row.runs = row.change_set_id or new_id(), row.runs + 1
    if not here:
        key = f"{row.id}:{row.runs}"
        row.job_id = store.later(RUN, {"import_id": str(row.id)}, key=key, as_actor=True)
    system_of(store).flush()
    return row


def stop_import(store: Store, import_id: UUID) -> Import:
    """Stop an import after the batch it is in; `run_import` takes it up again."""
    row = get_import(store, import_id, lock=True)
    if row.status == PENDING:
        row.status, row.finished_at = STOPPED, store.now
    elif row.status == RUNNING:
        row.stop_asked = True
    else:
        require_standby(row, PENDING, RUNNING)
    system_of(store).flush()
    return row


def resume_import(store: Store, import_id: UUID) -> Import:
    """Take up an import whose process died: the caller does the steps."""
    row = get_import(store, import_id, lock=True)
    if row.status in (PENDING, RUNNING):
        row.stop_asked = False
        return row
    return run_import(store, import_id, here=True)


def revert_import(store: Store, import_id: UUID) -> Import:
    """Undo a whole import; what was changed since stays. A large one by a job."""
    row = get_import(store, import_id, lock=True)
    require_standby(row, COMPLETE, STOPPED, FAILED)
    if row.change_set_id is None:
        raise Conflict("This import has changed nothing.", code="status")
    store.require("change_set.revert")
    if sum(row.counts.get(name, 0) for name in ("created", "updated")) > SMALL_REVERT:
        row.job_id = store.later(
            "io.revert_import", {"import_id": str(row.id)}, key=f"{row.id}", as_actor=True
        )
        return row
    return revert_now(store, row)


def revert_soon(store: Store, payload: dict[str, Any]) -> dict[str, Any]:
    """Undo an import: the job of `revert_import`."""
    row = revert_now(store, get_import(store, UUID(payload["import_id"]), lock=True))
    return {"import_id": str(row.id)}


def revert_now(store: Store, row: Import) -> Import:
    """Undo an import in this transaction."""
    if row.status == REVERTED:
        return row
    if row.change_set_id is not None and any(row.counts.get(n) for n in ("created", "updated")):
        if row.what in WHATS:
            revert_change_set(store, row.change_set_id)
        else:
            store.declared["plugins"].undo_import(store, row.what, row.change_set_id)
    row.status, row.finished_at = REVERTED, store.now
    remove_file(store, row.id)
    system_of(store).flush()
    return row


# ---- look and clean up -------------------------------------------------------------------------
def get_import(store: Store, import_id: UUID, *, lock: bool = False) -> Import:
    """Return an import of the actor's own, or any for who may undo everybody's changes; raises NotFound."""
    store.require("contact.import")
    row: Import = system_of(store).get(Import, import_id, lock=lock)
    if not _is_seen(store, row):
        raise NotFound(f"import {import_id} does not exist")
    return row


def _is_seen(store: Store, row: Import) -> bool:
    everything = store.actor.kind == "system" or store.actor.reach("change_set.revert") is Reach.ALL
    return everything or (row.account_id is not None and row.account_id == store.author.id)


def list_imports(store: Store, *, after: UUID | None = None, limit: int = 50) -> list[Import]:
    """Return imports, newest first."""
    store.require("contact.import")
    chosen = select(Import).order_by(Import.id.desc()).limit(limit)
    if store.actor.kind != "system" and store.actor.reach("change_set.revert") is not Reach.ALL:
        chosen = chosen.where(Import.account_id == store.author.id)
    if after is not None:
        chosen = chosen.where(Import.id < after)
    return system_of(store).scalars(chosen)


def describe_import(store: Store, row: Import) -> dict[str, Any]:
    """Return an import for the wire; a run whose job gave up is shown as failed."""
    names = (
        "id", "file_name", "size", "what", "reading", "mapping", "mode", "duplicates", "system", "status",
        "phase", "total", "counts", "failure", "change_set_id", "job_id", "account_id", "account_name",
        "created_at", "started_at", "finished_at",
    )  # fmt: skip
    shown = {name: getattr(row, name) for name in names}
    shown |= {"key": row.key_field, "rows_read": row.position, "check": row.checked}
    if row.status in (PENDING, RUNNING) and row.job_id is not None:
        try:
            connection = store.raw_connection()  # retinue: allow SEC004 because show_job takes a connection
            dead = show_job(connection, row.job_id).state == "dead"
        except NotFound:
            dead = False
        if dead:
            shown |= {"status": FAILED, "failure": "The job gave up; its trace stands under the job's id."}
    return shown


def list_rejections(
    store: Store, import_id: UUID, *, after: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Return rejected rows in the order of the file."""
    row = get_import(store, import_id)
    chosen = select(Rejection).where(Rejection.import_id == row.id, Rejection.row > after)
    system = system_of(store)
    found = system.scalars(chosen.order_by(Rejection.row).limit(limit))
    system.unseal(found)
    return [
        {"row": r.row, "column": r.column, "code": r.code, "reason": r.reason, "cells": r.cells}
        for r in found
    ]


def remove_import(store: Store, import_id: UUID) -> None:
    """Forget an import that is not running, with its file; what it brought in stays."""
    row = get_import(store, import_id, lock=True)
    require_standby(row, STANDBY, COMPLETE, FAILED, STOPPED, REVERTED)
    _forget(system_of(store), row.id)


def _forget(system: Store, import_id: UUID) -> None:
    remove_file(system, import_id)
    system.change(delete(Import).where(Import.id == import_id))
