"""Row ids: UUIDv7, made on the client, so that sealing can bind to them before the insert."""

from __future__ import annotations

import sys
from typing import Final
from uuid import UUID

if sys.version_info >= (3, 14):  # pragma: no cover
    from uuid import uuid7
else:
    from uuid_utils.compat import uuid7

SYSTEM_SUBJECT: Final = UUID(int=0)
"""The subject whose key seals what belongs to no contact: secrets of settings, seeds, webhooks."""

INDEX_SUBJECT: Final = UUID(int=1)
"""The subject whose key makes blind-index tokens."""


def new_id() -> UUID:
    """Return a fresh UUIDv7 (RFC 9562): unique, and growing with time."""
    return uuid7()
