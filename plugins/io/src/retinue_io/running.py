"""The run: one transaction a batch, its effects and the place to go on from in the same commit.

The state of a run stands in the import's row, not in the process: a worker, another worker after a crash, or
the command take it up where the last commit left it. What a process keeps besides (an opened file, a search
for duplicates) only saves time and is made anew if it does not fit.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import delete

from retinue import Store, new_id
from retinue.errors import Invalid, RetinueError, Unavailable
from retinue.jobs import DONE, BatchJob, RunningJob
from retinue_io.batches import Batch, Outcome
from retinue_io.checking import Check, counts_of
from retinue_io.detection import Detection, Suspects
from retinue_io.event_batches import EventBatch
from retinue_io.faults import Fault
from retinue_io.files import PRINTS, PieceStream, add_note, open_file, read_note, remove_file
from retinue_io.models import COMPLETE, FAILED, PENDING, RUNNING, STOPPED, Import, Pair, Rejection
from retinue_io.plan import Plan, Reader
from retinue_io.readers import Reading, Row, open_source
from retinue_io.row_batches import RowBatch

RUN, CHECK = "io.run_import", "io.check_import"
SLICE = 1.0
"""Seconds of one step of the search for duplicates: on SQLite nobody else writes meanwhile."""
_PAIRS = 200
_KEPT = 4
T = TypeVar("T")


class Kept:
    """Things a process keeps between the steps of an import; whoever takes one has it alone."""

    def __init__(self) -> None:
        self._things: OrderedDict[tuple[str, UUID], Any] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, kind: str, import_id: UUID) -> Any:
        """Take a thing out, None if it is not there."""
        with self._lock:
            return self._things.pop((kind, import_id), None)

    def put(self, kind: str, import_id: UUID, thing: Any) -> None:
        """Keep a thing for the next step."""
        with self._lock:
            self._things[kind, import_id] = thing
            while len(self._things) > _KEPT:
                self._things.popitem(last=False)


KEPT = Kept()


@dataclass(slots=True)
class OpenFile:
    """An import's file, opened, at some place."""

    below: PieceStream
    reader: Reader

    @classmethod
    def at(cls, store: Store, row: Import, position: int) -> OpenFile:
        """Return the file behind `position` rows: the one this process has open, or opened anew."""
        kept: OpenFile | None = KEPT.take("file", row.id)
        if kept is not None and kept.reader.position == position:
            kept.below.store = store
            return kept
        below, stream = open_file(store, row.id, row.size)
        source = open_source(stream, row.file_name, Reading(**row.reading))
        return cls(below, Reader(source, skip=position))


def system_of(store: Store) -> Store:
    """Return the store that reads and writes the plugin's own tables."""
    return store.system("the records of an import")


class RunImport(BatchJob):
    """The job of a run."""

    def step(self, store: Store, payload: dict[str, Any], _state: Any, job: RunningJob) -> Any:
        """Do the next batch."""
        return advance(store, UUID(payload["import_id"]), job.progress)


class CheckImport(BatchJob):
    """The job of a check; it keeps its findings in memory and begins again after a crash."""

    def step(self, store: Store, payload: dict[str, Any], _state: Any, job: RunningJob) -> Any:
        """Check the next rows."""
        return advance_check(store, UUID(payload["import_id"]), job.progress)


def advance(store: Store, import_id: UUID, progress: Callable[..., None] | None = None) -> Any:
    """Do the next batch of an import in the caller's transaction; returns the state after it, or DONE."""
    row = system_of(store).get(Import, import_id, lock=True)
    if row.status not in (PENDING, RUNNING):
        return DONE
    if row.stop_asked:
        return _end(store, row, STOPPED)
    row.status, row.started_at = RUNNING, row.started_at or store.now
    assert row.change_set_id is not None  # given when the run was asked for
    kind = PurePath(row.file_name).suffix.lstrip(".").lower()
    words = (
        f"{row.what} {kind}".strip()
    )  # never the file's name: it may name a person, and history is not rewritten
    store.join_deed(row.change_set_id, "contact.import", words[:200])
    try:
        with store.savepoint():
            done = _next_rows(store, row) if row.phase == "rows" else _next_pairs(store, row)
    except Unavailable:
        raise  # another try may help
    except RetinueError as fault:
        row.failure = fault.detail[:500]
        return _end(store, row, FAILED)
    if progress is not None:
        progress(row.position, row.total, f"{row.phase}: {row.counts.get('created', 0)} created")
    return _end(store, row, COMPLETE) if done else {"row": row.position, "counts": dict(row.counts)}


def _end(store: Store, row: Import, status: str) -> Any:
    row.status, row.finished_at, row.stop_asked = status, store.now, False
    if status == COMPLETE:
        remove_file(store, row.id, PRINTS)
        detail = {"import_id": str(row.id), "mode": row.mode, **counts_of(row.counts)}
        store.record("contact.import", detail=detail)
    system_of(store).flush()
    return DONE


def _next_rows(store: Store, row: Import) -> bool:
    plan = Plan.of(store, row)
    plan.require(store)
    opened = OpenFile.at(system_of(store), row, row.position)
    rows = plan.take(opened.reader)
    if rows:
        batch = _batch_of(store, plan)
        _note(store, row, batch.take(rows), opened.reader.position)
        KEPT.put("file", row.id, opened)
        return False
    if row.total is None:
        row.total = row.position
    row.phase = "pairs"
    return plan.duplicates != "review" or plan.what != "contacts"


def _batch_of(store: Store, plan: Plan) -> Batch | EventBatch | RowBatch:
    if plan.target is not None:
        return RowBatch(store, plan)
    return EventBatch(store, plan) if plan.what == "interactions" else Batch(store, plan)


def _note(store: Store, row: Import, out: Outcome, position: int) -> None:
    """Write down what became of a batch, in its own transaction."""
    row.position = position
    row.counts = counts_of(Counter(row.counts) + out.counts)
    system = system_of(store)
    system.insert_many(Rejection, [_rejection(row.id, one, faults) for one, faults in out.rejected])
    if out.prints or out.hits:
        add_note(store, row.id, PRINTS, {"prints": out.prints, "hits": out.hits})


def _rejection(import_id: UUID, row: Row, faults: tuple[Fault, ...]) -> dict[str, Any]:
    columns = "; ".join(dict.fromkeys(fault.column for fault in faults if fault.column))
    return {
        "import_id": import_id,
        "row": row.number,
        "column": columns[:300],
        "code": faults[0].code[:40],
        "cells": dict(row.cells),
        "reason": " ".join(fault.sentence() for fault in faults),
    }


def _next_pairs(store: Store, row: Import) -> bool:
    """Search for a second or so; begins anew if another process had begun it."""
    found: Search | None = KEPT.take("pairs", row.id)
    if found is None:
        system_of(store).change(delete(Pair).where(Pair.import_id == row.id))
        row.counts = {**row.counts, "suspected": 0}
        found = Search(row)
    until = monotonic() + SLICE
    while not found.done and monotonic() < until:
        pairs = found.advance(store)
        if pairs:
            store.insert_many(Pair, pairs)
            row.counts = {**row.counts, "suspected": row.counts.get("suspected", 0) + len(pairs)}
    KEPT.put("pairs", row.id, found)
    return found.done


class Search:
    """The search for duplicates of one run, in portions: notes of the run, pages of the base, then pairs."""

    def __init__(self, row: Import) -> None:
        self._import_id, self._detection = row.id, Detection()
        self._note, self._phase = 0, "notes"

    @property
    def done(self) -> bool:
        """Say whether nothing is left to find."""
        return self._phase == "done"

    def advance(self, store: Store) -> list[dict[str, Any]]:
        """Do the next portion and return the pairs it found."""
        if self._phase == "notes":
            note = read_note(store, self._import_id, PRINTS, self._note)
            self._note += 1
            if note is not None:
                self._detection.add(note)
            else:
                self._phase = "done" if self._detection.is_empty else "base"
        elif self._phase == "base":
            self._phase = "base" if self._detection.read_base(store) else "pairs"
        elif (found := self._detection.suspects(_PAIRS)) is not None:
            return [self._row(one) for one in found]
        else:
            self._phase = "done"
        return []

    def _row(self, one: Suspects) -> dict[str, Any]:
        return {"id": new_id(), "import_id": self._import_id, **one._asdict(), "reasons": list(one.reasons)}


# ---- check -------------------------------------------------------------------------------------
def advance_check(store: Store, import_id: UUID, progress: Callable[..., None] | None = None) -> Any:
    """Check the next rows for about a second; at the end the import says what a run would do."""
    row = system_of(store).get(Import, import_id, lock=True)
    kept: tuple[Check, OpenFile] | None = KEPT.take("check", import_id)
    if kept is None:
        plan = Plan.of(store, row)
        plan.require(store)
        opened = OpenFile.at(system_of(store), row, 0)
        kept = Check(plan, opened.reader), opened
    check, opened = kept
    opened.below.store = system_of(store)
    until, more = monotonic() + SLICE, True
    while more and monotonic() < until:
        more = check.advance(store)
    if progress is not None:
        progress(check.counts["rows"], row.total)
    if more:
        KEPT.put("check", import_id, kept)
        return {"row": check.counts["rows"]}
    finish_check(row, check)
    check.review.keep(store, row.id)
    system_of(store).flush()
    return DONE


def finish_check(row: Import, check: Check) -> None:
    """Put what a check found on the import."""
    row.checked = {**check.result, "of": row.mode}
    if not check.failure:
        row.total = check.counts["rows"]


def require_standby(row: Import, *statuses: str) -> None:
    """Raise Invalid unless the import is in one of `statuses`."""
    if row.status not in statuses:
        raise Invalid(
            f"This import is {row.status}.", code="status", remedy=f"It must be {' or '.join(statuses)}."
        )
