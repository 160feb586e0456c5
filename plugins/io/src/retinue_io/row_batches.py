"""One batch of rows for an import target: contacts found, handed over together, what is refused taken out again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

from retinue import Problem, Store
from retinue.errors import Invalid
from retinue_io.batches import Outcome
from retinue_io.faults import Fault
from retinue_io.matching import Mark, find_contacts, name_mark
from retinue_io.plan import Plan
from retinue_io.readers import Row
from retinue_io.rows import Cells, RowMapping, group_of, read_rows

Group = tuple[str, ...]


class _Undone(Exception):
    """Ends the savepoint of a check, so that nothing stays."""


class Seen:
    """What earlier batches of a check held: there they were not written, so later ones have to be told."""

    def __init__(self) -> None:
        self._digests: dict[bytes, bytes] = {}

    def note(self, group: Group, cells: Sequence[Cells]) -> bool | None:
        """Note a group; None if it is new, else whether it came with the same rows before."""
        name, digest = _digest(group), _digest([sorted(one.values.items()) for one in cells])
        known = self._digests.setdefault(name, digest)
        return None if known is digest else known == digest


def _digest(value: object) -> bytes:
    return hashlib.sha256(repr(value).encode()).digest()[:16]


class RowBatch:
    """Takes rows and hands them to their target; with `seen` it takes everything back and only counts."""

    def __init__(self, store: Store, plan: Plan, seen: Seen | None = None) -> None:
        assert plan.rows is not None  # as the plan was built
        self.store, self.plan, self.seen = store, plan, seen
        self.mapping: RowMapping = plan.rows
        self.target = plan.target
        self.out = Outcome()

    def take(self, rows: Sequence[Row]) -> Outcome:
        """Decide `rows` and return what became of them."""
        self.out.counts["rows"] += len(rows)
        read = self._with_contacts(read_rows(rows, self.mapping, self.target))
        good = self._whole([cells for cells in read if not cells.faults], read)
        if self.seen is not None:
            good = self._fresh(good)
        self._hand_over(good)
        return self.out

    # ---- contacts ------------------------------------------------------------------------------
    def _with_contacts(self, read: list[Cells]) -> list[Cells]:
        by = self.mapping.contact_by
        for name in self.target.contacts:
            texts = {text for cells in read if (text := cells.values.get(name))}
            marks = {text: self._mark(text) for text in texts}
            found = find_contacts(self.store, by, marks.values(), self.plan.system)
            read = [
                self._placed(cells, name, found.get(marks.get(cells.values.get(name, ""), b""), []))
                for cells in read
            ]
        return read

    def _mark(self, text: str) -> Mark:
        by = self.mapping.contact_by
        if by in ("email", "phone"):
            return self.store.blind_token(by, text.lstrip("+") if by == "phone" else text)
        return name_mark(by, text)

    def _placed(self, cells: Cells, name: str, contacts: list[UUID]) -> Cells:
        if not cells.values.get(name):
            return cells
        if len(contacts) == 1:
            return cells._replace(values={**cells.values, name: str(contacts[0])})
        reason = f"{len(contacts)} contacts are called so." if contacts else "No contact is called so."
        remedy = "Merge them first." if contacts else "Import the contact first, with the same key."
        code = "ambiguous" if contacts else "not-found"
        fault = Fault(cells.row.number, self.mapping.heading(name), reason, remedy, code)
        return cells._replace(faults=(*cells.faults, fault))

    # ---- rows that stand together --------------------------------------------------------------
    def _group(self, cells: Cells) -> Group:
        return group_of(cells.values, self.target)

    def _whole(self, good: list[Cells], read: Sequence[Cells]) -> list[Cells]:
        """Reject the faulty rows, and with them those they stand together with; returns the others."""
        faulty = [cells for cells in read if cells.faults]
        for cells in faulty:
            self.out.reject(cells.row, cells.faults)
        return self._without_mates(good, faulty)

    def _without_mates(self, good: list[Cells], faulty: Sequence[Cells]) -> list[Cells]:
        broken = {group: cells.row.number for cells in faulty if any(group := self._group(cells))}
        kept = []
        for cells in good:
            first = broken.get(self._group(cells))
            if first is None:
                kept.append(cells)
                continue
            reason = f"It stands together with row {first}, which is at fault."
            self.out.reject(cells.row, [Fault(cells.row.number, "", reason, "Correct that one.", "together")])
        return kept

    def _fresh(self, good: list[Cells]) -> list[Cells]:
        """Count, in a check, the rows of groups that stood in an earlier batch already."""
        assert self.seen is not None  # only a check asks
        groups: dict[Group, list[Cells]] = {}
        for cells in good:
            groups.setdefault(self._group(cells), []).append(cells)
        kept = []
        for group, members in groups.items():
            same = self.seen.note(group, members) if any(group) else None
            if same is None:
                kept += members
            elif same:
                self.out.counts["unchanged"] += len(members)
            for cells in members if same is False else ():
                reason = "Rows of the same name stand further up, with other content."
                self.out.reject(
                    cells.row, [Fault(cells.row.number, "", reason, "Put them together.", "apart")]
                )
        return sorted(kept, key=lambda cells: cells.row.number)

    # ---- handing over --------------------------------------------------------------------------
    def _hand_over(self, good: list[Cells]) -> None:
        while good:
            try:
                self.out.counts.update(self._filled([cells.values for cells in good]))
                return
            except Invalid as refused:
                good = self._without(good, refused)

    def _filled(self, rows: list[dict[str, str]]) -> list[str]:
        plugins, answers = self.store.declared["plugins"], list[str]()
        if self.seen is None:
            return list(plugins.import_rows(self.store, self.target.name, rows))
        try:
            with self.store.savepoint():
                answers = plugins.import_rows(self.store, self.target.name, rows)
                raise _Undone
        except _Undone:
            return list(answers)

    def _without(self, good: list[Cells], refused: Invalid) -> list[Cells]:
        """Reject the rows that complaints name, and those they stand together with; returns the others."""
        about: dict[int, list[Problem]] = {}
        for problem in refused.problems:
            place = problem.pointer.strip("/").partition("/")[0]
            if not place.isdigit() or int(place) >= len(good):
                raise refused  # about none of the rows
            about.setdefault(int(place), []).append(problem)
        if not about:
            raise refused
        for at, found in sorted(about.items()):
            row = good[at].row
            self.out.reject(row, [self._fault(problem, row.number) for problem in found])
        faulty = [good[at] for at in sorted(about)]
        rest = [cells for place, cells in enumerate(good) if place not in about]
        return self._without_mates(rest, faulty)

    def _fault(self, problem: Problem, row: int) -> Fault:
        name = problem.pointer.strip("/").partition("/")[2].partition("/")[0]
        heading = self.mapping.heading(name)
        reason = problem.detail if heading or not name else f"{name}: {problem.detail}"
        return Fault(row, heading, f"{reason[:1].upper()}{reason[1:]}.".replace("..", "."), code=problem.code)
