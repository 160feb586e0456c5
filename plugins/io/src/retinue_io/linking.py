"""What a row says that is no value of the contact itself: who looks after it, since when, and where a person works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store, fold
from retinue.access import find_accounts, find_teams
from retinue.contacts import Contact, create_contacts, judge_drafts
from retinue.relations import relate_many
from retinue_io.faults import Fault
from retinue_io.mapping import Column
from retinue_io.matching import CHUNK, Overlay, name_mark
from retinue_io.plan import Plan

_STAFF = {"owner": "owner_id", "team": "team_id"}
_WORDS = {
    "owner": ("Nobody here is called", "Use the login of somebody who has an account."),
    "team": ("There is no team called", "Use the name of a team, or make it first."),
}


class Staff:
    """The accounts and teams that a file names, each looked up once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, dict[str, UUID | None]] = {"owner": {}, "team": {}}

    def place(
        self, plan: Plan, row: int, links: Mapping[str, Any], values: dict[str, Any]
    ) -> tuple[Fault, ...]:
        """Put owner and team of one row into `values`; returns what names nobody."""
        faults = []
        for target, field in _STAFF.items():
            text = links.get(target)
            if not text:
                continue
            found = self._find(target, str(text))
            if found is not None:
                values[field] = found
                continue
            column = _column(plan, target)
            reason, remedy = _WORDS[target]
            fatal = column.on_fault == "reject"
            faults.append(Fault(row, column.heading, f"{reason} {text}.", remedy, f"no-{target}", fatal))
        return tuple(faults)

    def _find(self, target: str, text: str) -> UUID | None:
        known = self._known[target]
        if text not in known:
            look = find_accounts if target == "owner" else find_teams
            known[text] = look(self._store, [text]).get(text)
        return known[text]


def _column(plan: Plan, target: str) -> Column:
    columns = plan.mapping.columns if plan.mapping else ()
    return next((column for column in columns if column.target == target), Column(heading=target))


# ---- where people work ---------------------------------------------------------------------------
class Employers:
    """The organisations that a file names: found by their name, or made once, and linked with their people."""

    def __init__(self, store: Store, plan: Plan, overlay: Overlay | None) -> None:
        self.store, self.plan, self.overlay = store, plan, overlay

    def link(self, named: Sequence[tuple[UUID, str]], left_out: Counter[str]) -> int:
        """Link people with the organisations of these names; returns how many had to be made.

        A name that cannot become an organisation (a mandatory field is missing, or no right to create one) is
        counted as left out of its column: the person is in all the same.
        """
        names: dict[str, str] = {}
        for _, name in named:
            if folded := fold(name)[:300]:
                names.setdefault(folded, name.strip()[:300])  # the first spelling names it
        known = self._find(names)
        missing = [folded for folded in names if folded not in known and not self._is_planned(folded)]
        made = self._make({folded: names[folded] for folded in missing})
        known |= made
        pairs = []
        for contact_id, name in named:
            folded = fold(name)[:300]
            if folded in known:
                pairs.append((contact_id, known[folded]))
            elif folded and not self._is_planned(folded):
                left_out[_column(self.plan, "organisation").heading] += 1
        if self.overlay is None and pairs:
            relate_many(self.store, "works_at", pairs)
        return len(made)

    def _find(self, names: Iterable[str]) -> dict[str, UUID]:
        """Return the visible organisations by folded name; of several the oldest."""
        wanted, found = list(names), {}
        for start in range(0, len(wanted), CHUNK):
            chosen = select(Contact.sort_name, Contact.id).where(
                Contact.kind == "organisation", Contact.sort_name.in_(wanted[start : start + CHUNK])
            )
            for folded, contact_id in self.store.rows(chosen.order_by(Contact.id.desc())):
                found[folded] = contact_id
        return found

    def _is_planned(self, folded: str) -> bool:
        return self.overlay is not None and self.overlay.find(name_mark("organisation", folded)) is not None

    def _make(self, names: Mapping[str, str]) -> dict[str, UUID]:
        if not names or not self.store.may("contact.create"):
            return {}
        drafts = [{"kind": "organisation", "name": name} for name in names.values()]
        _, problems = judge_drafts(self.store, drafts)
        faulty = {_place(problem) for problem in problems}
        good = [folded for place, folded in enumerate(names) if place not in faulty]
        if self.overlay is not None:
            ids = [UUID(int=0)] * len(good)  # a check makes nothing, and links nothing
            for folded in good:
                self.overlay.put(ids[0], None, [name_mark("organisation", folded)])
        else:
            fine = [draft for place, draft in enumerate(drafts) if place not in faulty]
            ids = create_contacts(self.store, fine, on_duplicate="allow").ids if fine else []
        return dict(zip(good, ids, strict=True))


def _place(problem: Problem) -> int:
    first = problem.pointer.strip("/").split("/")[0]
    return int(first) if first.isdigit() else -1
