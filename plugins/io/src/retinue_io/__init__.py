"""Import and export of contacts: CSV, XLSX, ODS, vCard and JSON Lines.

The pure half stands here and needs no database: readers, headings, mappings, values, drafts, duplicates,
writers.
"""

from __future__ import annotations

__version__ = "0.1.0"
