"""One batch of interactions: whose they are, which are known already, and which do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.contacts import Contact
from retinue.errors import Denied, Invalid, NotFound
from retinue.interactions import Interaction, judge_interaction, known_kinds, record_interactions
from retinue_io.batches import Outcome
from retinue_io.events import Event, EventMapping, build_events
from retinue_io.faults import Fault
from retinue_io.matching import CHUNK, Mark, Overlay, find_contacts, name_mark
from retinue_io.plan import Plan
from retinue_io.readers import Row

_FIELDS = {"at": "at", "source_key": "source_key", "subject": "subject", "body": "body"}
Place = tuple[Event, Row, UUID]


class EventBatch:
    """Takes rows and records them; with an `overlay` only counts."""

    def __init__(self, store: Store, plan: Plan, overlay: Overlay | None = None) -> None:
        self.store, self.plan, self.overlay = store, plan, overlay
        self.out = Outcome()

    @property
    def mapping(self) -> EventMapping:
        """Return the mapping; plans of interactions have one."""
        assert self.plan.events is not None  # as the plan was built
        return self.plan.events

    def take(self, rows: Sequence[Row]) -> Outcome:
        """Decide `rows` and return what became of them."""
        self.out.counts["rows"] += len(rows)
        read = []
        for row, event in zip(rows, build_events(rows, self.mapping), strict=True):
            if event.faults:
                self.out.reject(row, event.faults)
            else:
                read.append((event, row))
        waiting = self._reachable(self._with_contacts(read))
        while waiting:
            now, waiting = self._without_known(waiting)
            self._record(now)
        return self.out

    def _with_contacts(self, read: list[tuple[Event, Row]]) -> list[Place]:
        by = self.mapping.contact_by
        marks = {event.row: self._mark(event.contact) for event, _ in read}
        found = find_contacts(self.store, by, marks.values(), self.plan.system)
        placed = []
        for event, row in read:
            contacts = found.get(marks[event.row], [])
            if len(contacts) == 1:
                placed.append((event, row, contacts[0]))
                continue
            reason = f"{len(contacts)} contacts are called so." if contacts else "No contact is called so."
            remedy = "Merge them first." if contacts else "Import the contact first, with the same key."
            code = "ambiguous" if contacts else "not-found"
            self.out.reject(row, [Fault(event.row, self.mapping.contact, reason, remedy, code)])
        return placed

    def _mark(self, text: str) -> Mark:
        by = self.mapping.contact_by
        if by in ("email", "phone"):
            return self.store.blind_token(by, text.lstrip("+") if by == "phone" else text)
        return name_mark(by, text)

    def _reachable(self, placed: list[Place]) -> list[Place]:
        """Reject rows about contacts that the actor may see but not record anything for."""
        if self.store.require("interaction.create").word == "all":
            return placed
        allowed: dict[UUID, bool] = {}
        for contact_id in {contact for _, _, contact in placed}:
            try:
                self.store.require("interaction.create", self.store.get(Contact, contact_id))
                allowed[contact_id] = True
            except (Denied, NotFound):
                allowed[contact_id] = False
        for event, row, contact in placed:
            if not allowed[contact]:
                fault = Fault(
                    event.row, "", "You may not record this for this contact.", "Ask its owner.", "denied"
                )
                self.out.reject(row, [fault])
        return [place for place in placed if allowed[place[2]]]

    def _without_known(self, placed: list[Place]) -> tuple[list[Place], list[Place]]:
        """Count interactions recorded before as unchanged; a key that stands twice here waits."""
        keyed = [place for place in placed if place[0].values.get("source_key")]
        known: set[tuple[UUID, str]] = set()
        for start in range(0, len(keyed), CHUNK):
            part = keyed[start : start + CHUNK]
            chosen = select(Interaction.contact_id, Interaction.source_key).where(
                Interaction.kind == self.mapping.kind,
                Interaction.contact_id.in_({contact for _, _, contact in part}),
                Interaction.source_key.in_([event.values["source_key"] for event, _, _ in part]),
            )
            known.update((contact, key) for contact, key in self.store.rows(chosen))
        fresh, later, begun = [], [], set()
        for event, row, contact in placed:
            key = event.values.get("source_key")
            place = (contact, key)
            mark = f"event:{contact}:{key}".encode()
            if key and (place in known or (self.overlay is not None and self.overlay.find(mark) is not None)):
                self.out.counts["unchanged"] += 1
            elif key and place in begun:
                later.append((event, row, contact))
            else:
                begun.add(place)
                fresh.append((event, row, contact))
        return fresh, later

    def _record(self, placed: list[Place]) -> None:
        done = not placed
        while not done:
            drafts = [{**event.values, "contact_id": contact} for event, _, contact in placed]
            problems = self._try(drafts)
            places = {int(problem.pointer.strip("/").split("/")[0]) for problem in problems}
            for place in sorted(places):
                event, row, _ = placed[place]
                about = [p for p in problems if p.pointer.strip("/").split("/")[0] == str(place)]
                self.out.reject(row, [self._fault(p, event.row) for p in about])
            placed = [one for place, one in enumerate(placed) if place not in places]
            done = not problems or not placed
        self.out.counts["created"] += len(placed)
        for event, _, contact in placed:
            if self.overlay is not None and event.values.get("source_key"):
                self.overlay.put(contact, None, [f"event:{contact}:{event.values['source_key']}".encode()])

    def _try(self, drafts: list[dict[str, Any]]) -> list[Problem]:
        """Record all or none and return the complaints; a check asks the same rules."""
        if self.overlay is not None:
            return self._judge(drafts)
        try:
            record_interactions(self.store, drafts)
        except Invalid as fault:
            if not fault.problems or any(not p.pointer.strip("/")[:1].isdigit() for p in fault.problems):
                raise  # about none of the rows
            return list(fault.problems)
        return []

    def _judge(self, drafts: list[dict[str, Any]]) -> list[Problem]:
        kinds = known_kinds(self.store)
        problems = [
            p for n, draft in enumerate(drafts) for p in judge_interaction(self.store, draft, kinds, f"/{n}")
        ]
        return [*problems, *self.store.hooks.interaction_errors(store=self.store, interactions=drafts)]

    def _fault(self, problem: Problem, row: int) -> Fault:
        name = problem.pointer.strip("/").split("/")[1] if problem.pointer.count("/") > 1 else ""
        heading = getattr(self.mapping, _FIELDS.get(name, ""), "") if name in _FIELDS else ""
        return Fault(row, heading, f"{problem.detail[:1].upper()}{problem.detail[1:]}.", code=problem.code)
