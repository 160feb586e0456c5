"""Every night: remove files whose time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, select

from retinue import Store
from retinue_io.files import remove_file
from retinue_io.models import PENDING, RUNNING, Export, Import, Rejection

IMPORTS_KEPT: Final = timedelta(days=30)
"""How long the file and the rejected rows of an import are kept, so that they can be corrected."""
EXPORTS_KEPT: Final = timedelta(days=7)
"""How long the file of an export can be fetched."""


def forget_files(store: Store, _payload: dict[str, Any]) -> None:
    """Remove the files of old imports and exports, and rejected rows; the records of both stay."""
    system = store.system("remove old files")
    over = (PENDING, RUNNING)
    old = select(Import.id).where(Import.status.not_in(over), Import.created_at < store.now - IMPORTS_KEPT)
    for import_id in system.scalars(old):
        remove_file(system, import_id)
        system.change(delete(Rejection).where(Rejection.import_id == import_id))
    taken = select(Export.id).where(Export.status.not_in(over), Export.created_at < store.now - EXPORTS_KEPT)
    for export_id in system.scalars(taken):
        remove_file(system, export_id)
