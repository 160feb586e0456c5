"""The hook this plugin publishes: whoever sells answers it, so that points that were missed can be made up for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from retinue import Store, hook


@hook(mode="ask", phase="read", on_failure="abort", since="0.1")
def sales_missed(store: Store, since: datetime, after: str, limit: int) -> Sequence[Mapping[str, Any]]:
    """Return paid sales that changed since a moment, the longest ago first, at most `limit` behind the cursor `after`.

    Each is a mapping with ``cursor``, ``ref``, ``contact_id``, ``currency``, ``total_minor``, ``tax_minor``,
    ``shipping_minor``, ``paid_at``, ``told_at`` (when listeners were told), ``lines`` as (category, amount),
    ``returns`` as (key, moment, amount), ``cancelled_at`` or None, and ``completed``.
    """
    raise NotImplementedError
