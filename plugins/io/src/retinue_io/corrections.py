"""Values of a file that do not fit, one by one, and what a person takes instead: reviewed between check and run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from retinue import Problem, Store
from retinue.errors import Invalid
from retinue_io.faults import Fault
from retinue_io.files import add_note, read_note, remove_file
from retinue_io.limits import MAX_CORRECTIONS, MAX_REVIEWED
from retinue_io.readers import Row

Corrections = Dict[str, Dict[str, str]]
"""What is taken instead, by column and by what stands there; an empty text leaves the value out."""
VALUES, REVIEW = "values", "review"
_LONGEST: Final = 2000


@dataclass(slots=True)
class _Found:
    """How often a value is at fault, and why."""

    rows: int
    code: str
    reason: str


class Review:
    """Collects values at fault while a file is checked: each once, however many rows hold it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Found] = {}
        self.more = 0

    def add(self, row: Row, fault: Fault) -> None:
        """Note a complaint, unless it is about a row as a whole or an empty cell, where there is no value to exchange."""
        text = row.cells.get(fault.column, "").strip() if fault.column else ""
        if not text or len(text) > _LONGEST:
            return
        found = self._found.get((fault.column, text))
        if found is not None:
            found.rows += 1
        elif len(self._found) < MAX_REVIEWED:
            self._found[fault.column, text] = _Found(1, fault.code, fault.sentence())
        else:
            self.more += 1

    def keep(self, store: Store, import_id: UUID) -> None:
        """Keep what was found sealed beside the file, since it may be about people."""
        remove_file(store, import_id, REVIEW)
        found = sorted(self._found.items(), key=lambda entry: -entry[1].rows)
        values = [
            {"column": column, "value": text, "rows": one.rows, "code": one.code, "reason": one.reason}
            for (column, text), one in found
        ]
        if values:
            add_note(store, import_id, REVIEW, {"values": values, "more": self.more})


def corrected(rows: Sequence[Row], corrections: Corrections) -> list[Row]:
    """Return rows in which the values that were corrected are exchanged."""
    return [_corrected(row, corrections) for row in rows]


def _corrected(row: Row, corrections: Corrections) -> Row:
    changed = {
        heading: instead[text]
        for heading, instead in corrections.items()
        if (text := row.cells.get(heading, "").strip()) in instead
    }
    return row._replace(cells={**row.cells, **changed}) if changed else row


def read_corrections(store: Store, import_id: UUID) -> Corrections:
    """Return what was corrected of an import."""
    found: Corrections = read_note(store, import_id, VALUES, 0) or {}
    return found


def list_values(store: Store, import_id: UUID) -> dict[str, Any]:
    """Return the values that the last check found at fault, the most frequent first, and those that are corrected.

    ``more`` says how many further rows hold values beyond those listed.
    """
    review = read_note(store, import_id, REVIEW, 0) or {"values": [], "more": 0}
    corrections = read_corrections(store, import_id)
    known = {(one["column"], one["value"]) for one in review["values"]}
    settled = [
        {"column": column, "value": text, "rows": 0, "code": "", "reason": "", "instead": instead}
        for column, texts in corrections.items()
        for text, instead in texts.items()
        if (column, text) not in known
    ]
    return {
        "values": [*({**one, "instead": None} for one in review["values"]), *settled],
        "more": review["more"],
    }


def keep_corrections(
    store: Store, import_id: UUID, values: Iterable[Dict[str, Any]], headings: Iterable[str]
) -> None:
    """Keep what is taken instead of values, in place of what was kept before; the check is void with it.

    Args:
        values: ``column``, ``value`` and ``instead``: another text, empty to leave the value out, None to leave it as it is.
        headings: the columns of the file.

    Raises Invalid for a column that the file has not, a text that is too long, and too many corrections.
    """
    known, problems = set(headings), []
    kept: dict[str, dict[str, str]] = {}
    for place, one in enumerate(values):
        if one["column"] not in known:
            problems.append(Problem(f"/values/{place}/column", "the file has no such column", "heading"))
        elif len(one["value"]) > _LONGEST or len(one["instead"] or "") > _LONGEST:
            problems.append(Problem(f"/values/{place}/instead", f"at most {_LONGEST} characters", "too_long"))
        elif one["instead"] is not None and one["instead"].strip() != one["value"].strip():
            kept.setdefault(one["column"], {})[one["value"].strip()] = one["instead"].strip()
        if place >= MAX_CORRECTIONS:
            problems.append(Problem("/values", f"at most {MAX_CORRECTIONS:,} values", "too_many"))
            break
    if problems:
        remedy = "Correct what errors names; a file with more faults is better corrected where it comes from."
        raise Invalid("These values cannot be exchanged.", problems=problems, remedy=remedy)
    remove_file(store, import_id, VALUES, REVIEW)
    if kept:
        add_note(store, import_id, VALUES, {column: _followed(texts) for column, texts in kept.items()})


def _followed(texts: Dict[str, str]) -> dict[str, str]:
    """Return the exchange in one step: what was corrected into something that is corrected too ends at the last."""
    ends = {}
    for text, instead in texts.items():
        passed = {text}
        while instead in texts and instead not in passed:
            passed.add(instead)
            instead = texts[instead]
        ends[text] = instead
    return ends
