"""Which lots a debit takes from: the one that expires first, then the one earned first; never one that is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class LotLike(Protocol):
    """What must be known of a lot to choose it."""

    id: UUID
    earned_at: datetime
    available_at: datetime
    expires_at: datetime | None
    remaining: int


@dataclass(frozen=True, slots=True)
class Take:
    """So many points out of one lot."""

    lot_id: UUID
    amount: int


def is_live(lot: LotLike, at: datetime) -> bool:
    """Say whether a lot's points may be spent at a moment: at the moment it expires they may not."""
    return lot.available_at <= at and (lot.expires_at is None or at < lot.expires_at)


def is_pending(lot: LotLike, at: datetime) -> bool:
    """Say whether a lot's points are still on hold at a moment."""
    return lot.available_at > at and (lot.expires_at is None or at < lot.expires_at)


def in_order(lots: Iterable[LotLike]) -> list[LotLike]:
    """Return lots in the order they are consumed."""
    return sorted(lots, key=lambda lot: (lot.expires_at or _NEVER, lot.earned_at, lot.id))


def choose(lots: Sequence[LotLike], amount: int, at: datetime) -> list[Take]:
    """Return what to take for `amount` at a moment; less in sum if the live lots do not hold as much."""
    takes = []
    for lot in in_order(lots):
        if amount <= 0:
            break
        taken = min(lot.remaining, amount) if is_live(lot, at) else 0
        if taken > 0:
            takes.append(Take(lot.id, taken))
            amount -= taken
    return takes
