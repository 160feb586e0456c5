"""JSON Lines: one object a row, values as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from retinue_io.writers.base import OutColumn, Rows


def write_jsonl(stream: BinaryIO, columns: Sequence[OutColumn], rows: Rows) -> int:
    """Write one JSON object a line, keyed by the columns' keys; gives the number of rows."""
    encoder = msgspec.json.Encoder(decimal_format="string")
    keys = [column.key for column in columns]
    count = 0
    for row in rows:
        stream.write(encoder.encode({key: row.get(key) for key in keys}))
        stream.write(b"\n")
        count += 1
    return count
