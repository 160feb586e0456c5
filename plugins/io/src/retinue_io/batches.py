"""One batch of rows: decided by one set of rules, whether it is then written or only counted.

A row that needs what an earlier row of the same batch makes (the same key twice) waits for the next round, so
that the order of the file decides and a check comes to the same counts as the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from retinue import Problem, Store, new_id
from retinue.contacts import Contact, change_contact, create_contacts, judge_drafts
from retinue.errors import Denied, Invalid, NotFound
from retinue_io.changes import changes_of, current_values, judge_changes, merged
from retinue_io.drafts import Draft, build_drafts
from retinue_io.faults import Fault
from retinue_io.fingerprints import fingerprint, pack
from retinue_io.linking import Employers, Staff
from retinue_io.matching import Mark, Overlay, exact_marks, find_contacts, find_external, key_marks, name_mark
from retinue_io.models import ExternalId
from retinue_io.plan import Plan
from retinue_io.readers import Row


@dataclass(slots=True)
class Outcome:
    """What became of a batch: counts, rejected rows with their faults, and what the detector will need."""

    counts: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[Row, tuple[Fault, ...]]] = field(default_factory=list)
    prints: list[tuple[int, bool, str, str]] = field(
        default_factory=list
    )  # row, new, contact id, packed print
    hits: list[tuple[str, str, str]] = field(default_factory=list)  # base contact, email or phone, text
    left_out: Counter[str] = field(default_factory=Counter)  # column → values left out
    spoilt: list[tuple[Row, Fault]] = field(default_factory=list)  # whose value was left out, and why

    def leave_out(self, row: Row, faults: Iterable[Fault]) -> None:
        """Note values that stay out while their row comes in."""
        for fault in faults:
            self.left_out[fault.column] += 1
            self.spoilt.append((row, fault))

    def reject(self, row: Row, faults: Sequence[Fault]) -> None:
        """Note a row that stays out."""
        self.counts["rejected"] += 1
        self.rejected.append((row, tuple(faults)))


@dataclass(slots=True)
class _Item:
    """One row on its way through a batch."""

    row: Row
    draft: Draft
    values: dict[str, Any]
    keys: list[Mark]
    exact: dict[Mark, tuple[str, str]]
    external: str
    target: UUID | None = None
    changes: dict[str, Any] | None = None
    current: dict[str, Any] | None = None

    @property
    def external_mark(self) -> Mark:
        """Return the mark of the external ID."""
        return name_mark("external_id", self.external)


class Batch:
    """Takes rows and decides them; writes through `store` unless an `overlay` stands for the database."""

    def __init__(self, store: Store, plan: Plan, overlay: Overlay | None = None) -> None:
        self.store, self.plan, self.overlay = store, plan, overlay
        self.out, self._staff = Outcome(), Staff(store)
        self._named: list[tuple[UUID, str]] = []

    def take(self, rows: Sequence[Row]) -> Outcome:
        """Decide `rows` and return what became of them."""
        assert self.plan.mapping is not None  # plans of contacts have one
        self.out.counts["rows"] += len(rows)
        waiting: list[_Item] = []
        drafts = build_drafts(rows, self.plan.mapping, choices=self.plan.choices)
        for row, draft in zip(rows, drafts, strict=True):
            self.out.leave_out(row, (fault for fault in draft.faults if not fault.fatal))
            fatal = [
                fault
                for fault in draft.faults
                if fault.fatal and not (self.plan.key and fault.code == "nameless")
            ]
            if fatal:  # with a key, a row without a name may be about a contact that has one
                self.out.reject(row, fatal)
            elif (item := self._item(row, draft)) is not None:
                waiting.append(item)
        while waiting:
            now, waiting = self._round(waiting)
            self._decide(now)
        if self._named:
            made = Employers(self.store, self.plan, self.overlay).link(self._named, self.out.left_out)
            self.out.counts["organisations"] += made
        return self.out

    def _item(self, row: Row, draft: Draft) -> _Item | None:
        values = dict(draft.contact)
        faults = self._staff.place(self.plan, row.number, draft.links, values)
        if fatal := [fault for fault in faults if fault.fatal]:
            self.out.reject(row, fatal)
            return None
        self.out.leave_out(row, faults)
        external = str(draft.links.get("external_id") or "").strip()[:200]
        exact = exact_marks(self.store, values) if self.plan.duplicates != "ignore" else {}
        keys = key_marks(self.store, self.plan.key, values, draft.links) if self.plan.key else []
        return _Item(row, draft, values, keys, exact, external)

    def _round(self, items: list[_Item]) -> tuple[list[_Item], list[_Item]]:
        """Split into rows that can be decided together and rows that wait for what these make."""
        pending: set[Mark] = set()
        now: list[_Item] = []
        later: list[_Item] = []
        for item in items:
            marks = self._own_marks(item)
            (later if pending.intersection(marks) else now).append(item)
            pending.update(marks)
        return now, later

    def _own_marks(self, item: _Item) -> set[Mark]:
        marks = set(item.keys)
        if self.plan.duplicates == "skip":
            marks.update(item.exact)
        if item.external:
            marks.add(item.external_mark)
        return marks

    def _decide(self, items: list[_Item]) -> None:
        if self.plan.key:
            items = self._match(items)
        items = self._check_external(items)
        again = self._change([item for item in items if item.target is not None])
        fresh = [item for item in items if item.target is None]
        if self.plan.duplicates != "ignore":
            fresh = self._look_up(fresh)
        self._create(fresh)
        if again:  # rows about a contact that another row of this round has changed
            self._decide(again)

    # ---- which contact --------------------------------------------------------------------------
    def _match(self, items: list[_Item]) -> list[_Item]:
        """Give each row the contact it is about; reject those without one where one is needed."""
        plan, decided = self.plan, []
        found = find_contacts(self.store, plan.key, [m for item in items for m in item.keys], plan.system)
        for item in items:
            targets = {contact for mark in item.keys for contact in found.get(mark, ())}
            if self.overlay is not None:
                targets |= {c for mark in item.keys if (c := self.overlay.find(mark)) is not None}
            if fault := self._no_target(item, len(targets)):
                self.out.reject(item.row, [fault])
                continue
            item.target = next(iter(targets), None)
            decided.append(item)
        return decided

    def _no_target(self, item: _Item, found: int) -> Fault | None:
        plan, row = self.plan, item.row.number
        if found > 1:
            reason = f"{found} contacts have this {plan.key_name}."
            return Fault(row, "", reason, "Merge them first, or choose another key.", "ambiguous")
        if found or (plan.mode == "upsert" and plan.key != "id"):
            return None
        if not item.keys and plan.mode == "upsert":
            return None
        if not item.keys:
            return Fault(row, "", f"The row has no {plan.key_name}.", "Fill it in.", "no-key")
        return Fault(
            row, "", f"No contact has this {plan.key_name}.", "Correct it, or create it.", "not-found"
        )

    def _check_external(self, items: list[_Item]) -> list[_Item]:
        """Reject rows whose external ID another contact has."""
        named = [item for item in items if item.external]
        if not named or self.plan.key == "external_id":
            return items
        found = find_external(self.store, [item.external_mark for item in named], self.plan.system)
        kept = []
        for item in items:
            holders = set(found.get(item.external_mark, ())) if item.external else set()
            if item.external and self.overlay is not None and (one := self.overlay.find(item.external_mark)):
                holders.add(one)
            if holders - {item.target}:
                reason = f"Another contact has the external ID {item.external} already."
                remedy = "Choose “external ID” as the key to update it."
                self.out.reject(item.row, [Fault(item.row.number, "", reason, remedy, "external-id-taken")])
            else:
                kept.append(item)
        return kept

    def _look_up(self, items: list[_Item]) -> list[_Item]:
        """Find contacts with the same e-mail or telephone: suspects, or reasons to leave the row out."""
        found = find_contacts(self.store, "email", [mark for item in items for mark in item.exact])
        kept = []
        for item in items:
            known = [mark for mark in item.exact if mark in found or self._seen(mark)]
            if known and self.plan.duplicates == "skip":
                kind, text = item.exact[known[0]]
                reason = f"A contact has this {'e-mail' if kind == 'email' else 'telephone'} already: {text}."
                self.out.reject(
                    item.row, [Fault(item.row.number, "", reason, "It was left out.", "duplicate")]
                )
                continue
            for mark in known:
                self.out.hits += [(str(contact), *item.exact[mark]) for contact in found.get(mark, ())]
            kept.append(item)
        return kept

    def _seen(self, mark: Mark) -> bool:
        return self.overlay is not None and self.overlay.find(mark) is not None

    # ---- create ---------------------------------------------------------------------------------
    def _create(self, items: list[_Item]) -> None:
        if not items:
            return
        ids: list[UUID] | None = None
        while items and ids is None:
            ids, problems = self._try_create(items)
            items = self._without(items, problems)
        for item, contact_id in zip(items, ids or (), strict=True):
            self.out.counts["created"] += 1
            self._remember(item, contact_id, new=True)
        named = [(item, contact) for item, contact in zip(items, ids or (), strict=True) if item.external]
        self._keep_external(named)

    def _try_create(self, items: list[_Item]) -> tuple[list[UUID] | None, list[Problem]]:
        """Create all or none; a check only judges them, with the same result."""
        drafts = [{**item.values, **_since(item)} for item in items]
        if self.overlay is not None:
            cleaned, problems = judge_drafts(self.store, drafts)
            for item, draft in zip(items, cleaned, strict=True):
                item.changes = draft.values
            return (None, problems) if problems else ([new_id() for _ in drafts], [])
        try:
            return create_contacts(self.store, drafts, on_duplicate="allow").ids, []
        except Invalid as fault:
            if not fault.problems or not all(_place(p).isdigit() for p in fault.problems):
                raise  # about none of the rows
            return None, list(fault.problems)

    def _without(self, items: list[_Item], problems: Iterable[Problem]) -> list[_Item]:
        """Reject the rows that problems name and return the others."""
        faults: dict[int, list[Fault]] = {}
        for problem in problems:
            place = int(_place(problem))
            faults.setdefault(place, []).append(self.plan.fault_of(problem, items[place].row.number))
        for place, found in faults.items():
            self.out.reject(items[place].row, found)
        return [item for place, item in enumerate(items) if place not in faults]

    def _keep_external(self, named: list[tuple[_Item, UUID]]) -> None:
        if not named or self.overlay is not None:
            return
        rows = [{"contact_id": c, "system": self.plan.system, "external_id": i.external} for i, c in named]
        self.store.insert_many(ExternalId, rows)

    def _remember(self, item: _Item, contact_id: UUID, *, new: bool) -> None:
        """Note what the detector and later rows of a check will ask for."""
        if (organisation := item.draft.links.get("organisation")) and item.values.get(
            "kind"
        ) != "organisation":
            self._named.append((contact_id, organisation))
        if self.plan.duplicates == "review":
            packed = pack(fingerprint(str(item.row.number), item.draft.contact))
            self.out.prints.append((item.row.number, new, str(contact_id), packed))
        if self.overlay is not None:
            marks = self._own_marks(item)
            if marks or not new:
                values = merged(item.current or {"custom": {}}, item.changes or {})
                self.overlay.put(contact_id, values if self.plan.key else None, marks)

    # ---- change ---------------------------------------------------------------------------------
    def _change(self, items: list[_Item]) -> list[_Item]:
        """Change contacts; returns the rows whose contact an earlier row has just changed."""
        first: dict[UUID, _Item] = {}
        again = []
        for item in items:
            if item.target in first:
                again.append(item)
            elif item.target is not None:
                first[item.target] = item
        todo = self._allowed(self._judged(list(first.items())))
        for contact_id, item in todo:
            self._apply(contact_id, item)
        return again

    def _judged(self, items: list[tuple[UUID, _Item]]) -> list[tuple[UUID, _Item]]:
        """Clean what rows say of known contacts, and work out what is new in it."""
        if not items:
            return []
        state = current_values(self.store, [contact_id for contact_id, _ in items])
        raws = [(contact_id, self._raw(item)) for contact_id, item in items]
        cleaned, problems = judge_changes(self.store, raws)
        faulty = {int(_place(problem)) for problem in problems}
        self._without([item for _, item in items], problems)
        kept = []
        for place, ((contact_id, item), values) in enumerate(zip(items, cleaned, strict=True)):
            if place in faulty:
                continue
            earlier = self.overlay.values(contact_id) if self.overlay is not None else None
            item.current = earlier or state.get(contact_id, {"custom": {}})
            item.changes = changes_of(item.current, values)
            kept.append((contact_id, item))
        return kept

    def _raw(self, item: _Item) -> dict[str, Any]:
        """Return what a row says; the kind only if a column says it, since else it is a guess."""
        mapped = self.plan.mapping is not None and any(c.target == "kind" for c in self.plan.mapping.columns)
        return item.values if mapped else {k: v for k, v in item.values.items() if k != "kind"}

    def _allowed(self, items: list[tuple[UUID, _Item]]) -> list[tuple[UUID, _Item]]:
        """Reject rows about contacts that the actor may read but not change."""
        if not items:
            return []
        kept = []
        narrow = self.store.require("contact.change").word != "all"
        for contact_id, item in items:
            contact = self.store.find(Contact, contact_id) if narrow else None
            try:
                if contact is not None:
                    self.store.require("contact.change", contact)
                kept.append((contact_id, item))
            except (Denied, NotFound):
                fault = Fault(
                    item.row.number, "", "You may not change this contact.", "Ask its owner.", "denied"
                )
                self.out.reject(item.row, [fault])
        return kept

    def _apply(self, contact_id: UUID, item: _Item) -> None:
        named = (
            bool(item.external) and self.plan.key != "external_id" and not self._is_named(contact_id, item)
        )
        if item.changes and self.overlay is None:
            change_contact(self.store, contact_id, item.changes)
        if named:
            self._keep_external([(item, contact_id)])
        self.out.counts["updated" if item.changes or named else "unchanged"] += 1
        self._remember(item, contact_id, new=False)

    def _is_named(self, contact_id: UUID, item: _Item) -> bool:
        if self.overlay is not None and self.overlay.find(item.external_mark) == contact_id:
            return True
        known = find_external(self.store, [item.external_mark], self.plan.system)
        return contact_id in known.get(item.external_mark, ())


def _since(item: _Item) -> dict[str, Any]:
    """Return since when another system has known the contact, if the file says it: for new ones only."""
    since = item.draft.links.get("created_at")
    return {} if since is None else {"created_at": since}


def _place(problem: Problem) -> str:
    """Return the first part of a pointer, the row's place in the batch: ``/3/emails/0`` gives 3."""
    return problem.pointer.strip("/").split("/")[0]
