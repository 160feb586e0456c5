"""What is wrong with one row or with the whole file, in words a person can act on."""

from __future__ import annotations

from typing import NamedTuple

from retinue.errors import Invalid, TooLarge

__all__ = ["BadValue", "Fault", "Invalid", "TooLarge"]


class Fault(NamedTuple):
    """One complaint about one cell or row: it goes to the error file and never stops the others.

    `row` is the number a spreadsheet shows (the heading is row 1), `column` the heading, empty for the
    whole row. `fatal` says whether the row stays out; a fault that is not fatal only leaves its value out.
    """

    row: int
    column: str
    reason: str
    remedy: str = ""
    code: str = "invalid"
    fatal: bool = True

    def sentence(self) -> str:
        """Reason and remedy as one text for a table or an error file."""
        return f"{self.reason} {self.remedy}".strip()


class BadValue(ValueError):
    """Raised by the parsers of single values; the draft builder adds row and column."""

    def __init__(self, code: str, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.remedy = remedy

    def at(self, row: int, column: str, *, fatal: bool = True) -> Fault:
        """The same complaint with its place."""
        return Fault(row, column, self.reason, self.remedy, self.code, fatal)
