"""Writing rows: CSV, XLSX, vCard, JSON Lines, and the file of rejected rows. All of them stream."""

from __future__ import annotations

from retinue_io.writers.base import OutColumn, flatten, out_column
from retinue_io.writers.delimited import write_csv
from retinue_io.writers.errors import ErrorWriter
from retinue_io.writers.jsonl import write_jsonl
from retinue_io.writers.sheet import write_xlsx
from retinue_io.writers.vcard import write_vcard

__all__ = [
    "ErrorWriter",
    "OutColumn",
    "flatten",
    "out_column",
    "write_csv",
    "write_jsonl",
    "write_vcard",
    "write_xlsx",
]
