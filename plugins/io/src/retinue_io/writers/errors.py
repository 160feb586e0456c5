"""The file of rejected rows: the original columns as they were, and where and why. It can be imported as it
is.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from retinue_io.faults import Fault
from retinue_io.guard import guard
from retinue_io.mapping import ERROR_COLUMNS
from retinue_io.writers.delimited import TextOver


class ErrorWriter:
    """Writes rejected rows as they come; `count` tells how many. Use as a context manager or call `close`."""

    def __init__(self, stream: BinaryIO, headings: Sequence[str], *, delimiter: str = ",") -> None:
        self._headings = original_headings(headings)
        self._text = TextOver(stream, "utf-8-sig")
        self._writer = csv.writer(self._text, delimiter=delimiter)
        self._writer.writerow([guard(heading) for heading in (*self._headings, *ERROR_COLUMNS)])
        self.count = 0

    def write(self, cells: Mapping[str, str], faults: Sequence[Fault]) -> None:
        """One rejected row with everything that is wrong with it."""
        values = [guard(cells.get(heading, "")) for heading in self._headings]
        columns = "; ".join(dict.fromkeys(fault.column for fault in faults if fault.column))
        reasons = " ".join(fault.sentence() for fault in faults)
        number = faults[0].row if faults else 0
        self._writer.writerow([*values, str(number), guard(columns), guard(reasons)])
        self.count += 1

    def close(self) -> None:
        """Flush; the caller's stream stays open."""
        self._text.flush()
        self._text.detach()

    def __enter__(self) -> ErrorWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def original_headings(headings: Sequence[str]) -> tuple[str, ...]:
    """The headings without the three that an earlier error file added."""
    own = tuple(headings)
    return own[: -len(ERROR_COLUMNS)] if own[-len(ERROR_COLUMNS) :] == ERROR_COLUMNS else own
