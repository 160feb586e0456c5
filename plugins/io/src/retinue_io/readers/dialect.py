"""Delimiter and quotation mark of a text table, found by trying them on the first rows."""

from __future__ import annotations

import csv
from collections import Counter

_DELIMITERS = ",;\t|"
_RARE_DELIMITERS = ":~^#!&/ "
_TRIES = 60


def guess_dialect(text: str) -> tuple[str, str]:
    """Delimiter and quote of a decoded sample; a comma when the table has one column only."""
    declared = declared_delimiter(text)
    quote = _guess_quote(text)
    if declared:
        return declared, quote
    best = max(((_score(text, d, quote), -i, d) for i, d in enumerate(_DELIMITERS)), default=(0.0, 0, ","))
    if best[0] <= 0:
        rare = max((_score(text, d, quote), -i, d) for i, d in enumerate(_RARE_DELIMITERS))
        best = rare if rare[0] >= 2.9 else (0.0, 0, ",")
    return best[2], quote


def declared_delimiter(text: str) -> str:
    """The delimiter from a first line ``sep=;`` as some spreadsheet programs write it, else empty."""
    line = text.split("\n", 1)[0].strip().strip('"')
    return line[4] if len(line) == 5 and line.lower().startswith("sep=") else ""


def _guess_quote(text: str) -> str:
    first = text.lstrip().split("\n", 1)[0].strip()
    single = first.startswith("'") and first.endswith("'") and first.count("'") >= 4
    return "'" if single and '"' not in first else '"'


def _score(text: str, delimiter: str, quote: str) -> float:
    """Number of columns times the share of rows that agree with it; 0 when it does not split at all."""
    lines = text.splitlines(keepends=True)
    try:
        rows = [
            row
            for _, row in zip(
                range(_TRIES), csv.reader(lines, delimiter=delimiter, quotechar=quote), strict=False
            )
        ]
    except csv.Error:
        return 0.0
    if rows and len(rows) > 1 and len(lines) > len(rows) and len(rows) < _TRIES:
        rows = rows[:-1]  # the sample's end may cut the last record
    widths = Counter(len(row) for row in rows if row)
    if not widths:
        return 0.0
    width, count = max(widths.items(), key=lambda item: (item[1] * item[0], item[0]))
    if width < 2:
        return 0.0
    heading = len(next(row for row in rows if row))
    agreement = count / sum(widths.values())
    return width * agreement**2 * (1.0 if heading >= width else 0.6)
