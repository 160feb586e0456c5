"""The file of rejected rows: what they held, where and why; corrected, it is imported as it is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue_io.faults import Fault
from retinue_io.files import open_file
from retinue_io.models import Rejection
from retinue_io.readers import Reading, open_source
from retinue_io.running import system_of
from retinue_io.service import get_import
from retinue_io.writers import ErrorWriter

_PAGE = 500


def write_error_file(store: Store, import_id: UUID, stream: BinaryIO) -> int:
    """Write the rejected rows of an import as CSV and return their number."""
    row = get_import(store, import_id)
    _, file = open_file(system_of(store), row.id, row.size)
    source = open_source(file, row.file_name, Reading(**row.reading))
    delimiter = source.reading.delimiter or ","
    with ErrorWriter(stream, source.headings, delimiter=delimiter) as writer:
        for one in _rejections(store, row.id):
            writer.write(one.cells, [Fault(one.row, one.column, one.reason)])
    return writer.count


def _rejections(store: Store, import_id: UUID) -> Iterator[Rejection]:
    system, last = system_of(store), -1
    while True:
        chosen = select(Rejection).where(Rejection.import_id == import_id, Rejection.row > last)
        found = system.scalars(chosen.order_by(Rejection.row).limit(_PAGE))
        if not found:
            return
        system.unseal(found)
        last = found[-1].row
        yield from found


def error_file(store: Store, import_id: UUID) -> bytes:
    """Return the file of rejected rows."""
    out = io.BytesIO()
    write_error_file(store, import_id, out)
    return out.getvalue()
