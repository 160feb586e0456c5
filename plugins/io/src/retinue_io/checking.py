"""The check: every row is decided as a run would decide it, and nothing is written."""

from __future__ import annotations

from collections import Counter
from typing import Any

from retinue import Store
from retinue.errors import RetinueError, Unavailable
from retinue_io.batches import Batch, Outcome
from retinue_io.corrections import Review
from retinue_io.detection import Detection
from retinue_io.event_batches import EventBatch
from retinue_io.faults import Fault
from retinue_io.matching import Overlay
from retinue_io.models import COUNTS
from retinue_io.plan import Plan, Reader
from retinue_io.readers import Row
from retinue_io.row_batches import RowBatch, Seen

SHOWN = 20


class Check:
    """One check, a batch at a time; once `advance` says no, `result` tells what a run would do."""

    def __init__(self, plan: Plan, reader: Reader) -> None:
        self.plan, self.reader = plan, reader
        self.counts: Counter[str] = Counter()
        self.columns: dict[str, Counter[str]] = {}
        self.examples: list[dict[str, Any]] = []
        self.suspects: list[dict[str, Any]] = []
        self.rejected: list[tuple[Row, tuple[Fault, ...]]] | None = None  # a list: rejected rows are kept
        self.review = Review()
        self.failure = ""
        self._overlay, self._detection, self._phase = Overlay(), Detection(), "rows"
        self._seen = Seen()

    def advance(self, store: Store) -> bool:
        """Do the next portion; returns whether more is left."""
        if self._phase == "rows":
            self._rows(store)
        elif self._phase == "base":
            self._phase = "base" if self._detection.read_base(store) else "pairs"
        elif self._phase == "pairs":
            self._pairs()
        return self._phase != "done"

    def _rows(self, store: Store) -> None:
        try:
            rows = self.plan.take(self.reader)
        except Unavailable:
            raise
        except RetinueError as fault:  # the file cannot be read on from here: a run would end here too
            self.failure, rows = fault.detail, []
        if not rows:
            look = self.plan.duplicates == "review" and not self._detection.is_empty and not self.failure
            self._phase = "base" if look else "done"
            return
        if self.plan.target is not None:
            out = RowBatch(store, self.plan, self._seen).take(rows)
        elif self.plan.what == "interactions":
            out = EventBatch(store, self.plan, self._overlay).take(rows)
        else:
            out = Batch(store, self.plan, self._overlay).take(rows)
        self._count(out)
        self._detection.add(out)

    def _count(self, out: Outcome) -> None:
        self.counts.update(out.counts)
        for row, faults in out.rejected:
            if self.rejected is not None:
                self.rejected.append((row, faults))
            for fault in faults:
                self.review.add(row, fault)
                self.columns.setdefault(fault.column, Counter())["rejected"] += 1
            if len(self.examples) < SHOWN:
                self.examples += [fault_of(fault) for fault in faults[:1]]
        for row, fault in out.spoilt:
            self.review.add(row, fault)
        for column, number in out.left_out.items():
            self.columns.setdefault(column, Counter())["left_out"] += number

    def _pairs(self) -> None:
        found = self._detection.suspects(500)
        if found is None:
            self._phase = "done"
            return
        self.counts["suspected"] += len(found)
        for one in found[: SHOWN - len(self.suspects)]:
            shown = {"row": one.first_row, "other_row": one.second_row, "score": one.score}
            other = None if one.second_row is not None else str(one.second_id)
            self.suspects.append({**shown, "contact_id": other, "reasons": list(one.reasons)})

    @property
    def result(self) -> dict[str, Any]:
        """Return counts, faults by column, and the first rejected rows and suspects."""
        return {
            "counts": counts_of(self.counts),
            "columns": [{"column": c, **n} for c, n in sorted(self.columns.items())],
            "examples": self.examples,
            "suspects": self.suspects,
            "failure": self.failure,
        }


def counts_of(counts: Counter[str] | dict[str, int]) -> dict[str, int]:
    """Return all counts, those that are zero too."""
    return {name: counts.get(name, 0) for name in COUNTS}


def fault_of(fault: Fault) -> dict[str, Any]:
    """Return a fault as plain values."""
    return {"row": fault.row, "column": fault.column, "code": fault.code, "reason": fault.sentence()}
