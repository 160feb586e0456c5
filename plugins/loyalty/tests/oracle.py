"""A second, simpler account of points: lists and loops, one day after the other, no ledger. The tests compare."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


@dataclass(eq=False)
class Heap:
    """Points earned together."""

    number: int
    earned: datetime
    usable: datetime
    expires: datetime | None
    left: int
    had: int
    lapsed: int = 0
    source: str = ""

    def is_live(self, at: datetime) -> bool:
        """Say whether it may be spent from."""
        return self.usable <= at and not self.is_over(at)

    def is_over(self, at: datetime) -> bool:
        """Say whether it has expired."""
        return self.expires is not None and at >= self.expires


@dataclass
class Oracle:
    """One member, as time goes by; deeds come in the order of time."""

    spent_policy: str = "negative"
    restore: str = "expire"
    grace: int = 5
    heaps: list[Heap] = field(default_factory=list)
    debt: int = 0
    spends: dict[str, list[tuple[Heap, int]]] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)

    def pass_to(self, at: datetime) -> None:
        """Let everything happen that is due by `at`, in the order it is due."""
        due = [(h.usable, 0, h.number, h) for h in self.heaps if h.usable <= at]
        due += [(h.expires, 1, h.number, h) for h in self.heaps if h.expires is not None and h.expires <= at]
        for _, what, _, heap in sorted(due, key=lambda item: item[:3]):
            if what:
                heap.lapsed += heap.left
                heap.left = 0
            else:
                self._repay(heap)

    def _repay(self, heap: Heap) -> None:
        paid = min(self.debt, heap.left)
        self.debt -= paid
        heap.left -= paid

    def add(
        self, at: datetime, points: int, usable: datetime, expires: datetime | None, source: str = ""
    ) -> None:
        """Earn."""
        self.pass_to(at)
        heap = Heap(len(self.heaps), at, usable, expires, points, points, source=source)
        self.heaps.append(heap)
        if usable <= at:
            self._repay(heap)

    def balance(self, at: datetime) -> int:
        """Return what may be spent, debts taken off."""
        return sum(h.left for h in self.heaps if h.is_live(at)) - self.debt

    def held(self, at: datetime) -> int:
        """Return what is on hold."""
        return sum(h.left for h in self.heaps if h.usable > at and not h.is_over(at))

    def _take(self, at: datetime, points: int, heaps: list[Heap]) -> list[tuple[Heap, int]]:
        far = at + timedelta(days=10**5)
        taken = []
        for heap in sorted(heaps, key=lambda h: (h.expires or far, h.earned, h.number)):
            part = min(points, heap.left) if heap.is_live(at) else 0
            if part:
                heap.left -= part
                points -= part
                taken.append((heap, part))
        return taken

    def spend(self, at: datetime, points: int, key: str) -> bool:
        """Redeem; False if there are not as many."""
        self.pass_to(at)
        if points > self.balance(at):
            return False
        self.spends[key] = self._take(at, points, self.heaps)
        return True

    def restore_spend(self, at: datetime, key: str, points: int) -> bool:
        """Give a redemption back; False for more than is left of it."""
        self.pass_to(at)
        if points > sum(part for _, part in self.spends[key]):
            return False
        rest = []
        for heap, part in reversed(self.spends[key]):
            given = min(part, points)
            points -= given
            rest.append((heap, part - given))
            if given and not heap.is_over(at):
                heap.left += given
                self._repay(heap)
            elif given and self.restore == "grace":
                self.add(at, given, at, at + timedelta(days=self.grace))
            elif given:
                heap.lapsed += given
        self.spends[key] = list(reversed(rest))
        return True

    def take_back(self, at: datetime, source: str, points: int) -> None:
        """Claw back what an order had earned."""
        self.pass_to(at)
        own = next((h for h in self.heaps if h.source == source), None)
        if own is None:
            return
        wanted = min(points, own.had - self.back.get(source, 0) - own.lapsed)
        part = min(own.left, wanted)
        own.left -= part
        others = self._take(at, wanted - part, [h for h in self.heaps if h is not own])
        short = wanted - part - sum(amount for _, amount in others)
        if self.spent_policy == "negative":
            self.debt += short
            self.back[source] = self.back.get(source, 0) + wanted
        else:
            self.back[source] = self.back.get(source, 0) + wanted - short

    def facts(self, at: datetime) -> dict[str, Any]:
        """Return what the member sees."""
        return {"balance": self.balance(at), "pending": self.held(at)}
