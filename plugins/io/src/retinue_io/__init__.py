"""Import and export of contacts: CSV, XLSX, ODS, vCard and JSON Lines.

The pure half stands here and needs no database: readers, headings, mappings, values, drafts, duplicates,
writers.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from retinue import Store, hookimpl
from retinue_io import erasing

__version__ = "0.1.0"


@hookimpl
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Let no file outlive the person."""
    erasing.forget_people(store, contact_ids)
