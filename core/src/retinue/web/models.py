"""The answers kept for Idempotency-Key, sealed, for a day."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped

from retinue.storage import Access, Base, Sealed, UtcDateTime, field, key, personal, sealed


class IdempotencyKey(Base, Sealed):
    """One answered request, found by a digest of who sent it and its key.

    Neither the key nor the request stands in clear: clients put order numbers and addresses into both. The
    answer may hold personal data of many people, so it is sealed under the system's key and purged after a
    day.
    """

    __tablename__ = "idempotency_key"
    __access__ = Access.system()
    __audited__ = False  # technical: the deed it repeats is audited itself, and the row is gone after a day
    __subject__ = None
    __table_args__ = (UniqueConstraint("claim"),)

    id: Mapped[UUID] = key()
    claim: Mapped[bytes] = field(LargeBinary(32), label="Digest of sender and key", filterable=False)
    request: Mapped[bytes] = field(LargeBinary(32), label="Digest of the request", filterable=False)
    expires_at: Mapped[datetime] = field(UtcDateTime, label="Kept until", index=True)
    answer: dict[str, Any] = sealed(
        label="Answer",
        kind="json",
        privacy=personal(
            "repeating the answer of a request that was sent twice", export=False, erase="delete"
        ),
    )
