"""Retention: rules by group, what is due and why, runs that do exactly what the dry run said, signed reports."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import func, select

from retinue import Problem, Store
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid, RetinueError
from retinue.jobs import DONE, BatchJob
from retinue.lists import ListRequest, check_list, from_json, select_ids
from retinue.web import sign_bytes
from retinue_gdpr.answering import restrict_person
from retinue_gdpr.clock import add_months
from retinue_gdpr.duty_models import ERASE, RESTRICT, Decision, Review, Rule, Run
from retinue_gdpr.erasing import erase_ended, erase_person
from retinue_gdpr.purposes import refuse_stale

_CHUNK: Final = 1000
_SECONDS: Final = 1.0
"""How long one step of a run works before it commits."""
CHANGEABLE: Final = ("name", "filter", "anchor", "months", "action", "grounds", "active")


# ---- rules ----
def list_rules(store: Store) -> list[Rule]:
    """Return the rules by key."""
    store.require("retention.read")
    return store.scalars(select(Rule).order_by(Rule.key))


def create_rule(store: Store, values: Mapping[str, Any]) -> Rule:
    """Create a rule; raises Conflict for a key that is taken, Invalid for a group that cannot be read."""
    store.require("retention.change")
    if store.first(select(Rule.id).where(Rule.key == values["key"])):
        raise Conflict(f"there is a rule {values['key']} already", code="rule-exists")
    _check(store, values)
    rule = Rule(key=values["key"], created_at=store.now, **{n: values[n] for n in CHANGEABLE if n in values})
    store.add(rule)
    store.flush()
    return rule


def change_rule(store: Store, rule_id: UUID, values: Mapping[str, Any], version: int | None = None) -> Rule:
    """Change a rule; runs that were made keep what it was in their reports."""
    store.require("retention.change")
    rule = store.get(Rule, rule_id, lock=True)
    refuse_stale(rule, version)
    _check(store, values)
    for name in CHANGEABLE:
        if name in values:
            setattr(rule, name, values[name])
    rule.version += 1
    store.flush()
    return rule


def _check(store: Store, values: Mapping[str, Any]) -> None:
    if "months" in values and not 0 < values["months"] <= 1200:
        raise Invalid("the rule is not valid", problems=[Problem("/months", "from 1 to 1200")])
    if values.get("filter"):
        catalogue = store.declared["catalogues"].of(store, "contact")
        check_list(store, catalogue, ListRequest(tree=from_json(values["filter"])))


# ---- what is due ----
def find_due(store: Store, rule: Rule, today: date | None = None) -> list[tuple[UUID, datetime]]:
    """Return the contacts of a rule's group whose time is over on `today`, each with the moment it is counted from.

    Who was never spoken with counts from the day the contact was created.
    """
    own = store.system("retention")
    start = getattr(Contact, rule.anchor)
    anchor = func.coalesce(start, Contact.created_at)
    last = add_months(today or store.now.date(), -rule.months) + timedelta(days=1)
    chosen = (
        select(Contact.id, anchor).where(anchor < datetime.combine(last, clock(), UTC)).order_by(Contact.id)
    )
    rows = [(row[0], row[1]) for row in own.rows(chosen)]
    if not rule.filter or not rows:
        return rows
    catalogue = store.declared["catalogues"].of(own, "contact")
    request = ListRequest(tree=from_json(rule.filter), today=today)
    group = {one for part in select_ids(own, catalogue, request) for one in part}
    return [row for row in rows if row[0] in group]


def find_kept(store: Store, ids: list[UUID]) -> dict[UUID, tuple[str, str]]:
    """Return who of `ids` must not be erased, with code and reason: holds, and what plugins say (an open invoice)."""
    own, kept = store.system("retention"), {}
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        for refusal in store.hooks.erasure_refusals(store=own, contact_ids=part):
            kept[refusal.contact_id] = refusal.code, refusal.reason
    return kept


def preview_rule(
    store: Store, rule_id: UUID, *, today: date | None = None, limit: int = 200
) -> dict[str, Any]:
    """Return what a run would do on `today`, and for whom and why; nothing is written."""
    store.require("retention.read")
    rule = store.get(Rule, rule_id)
    due = find_due(store, rule, today)
    kept = find_kept(store, [one for one, _ in due]) if rule.action == ERASE else {}
    shown = due[:limit]
    named = select(Contact.id, Contact.name).where(Contact.id.in_([one for one, _ in shown]))
    names = dict(tuple(row) for row in store.rows(named))
    items = [
        {
            "contact_id": one, "name": names.get(one), "counted_from": at, "kept": one in kept,
            "reason": kept[one][1] if one in kept else f"{rule.key}: {rule.months} months after {rule.anchor}",
        }
        for one, at in shown
    ]  # fmt: skip
    return {
        "rule": rule.key,
        "action": rule.action,
        "due": len(due) - len(kept),
        "kept": len(kept),
        "items": items,
    }


# ---- runs ----
def start_run(store: Store, rule_id: UUID, *, today: date | None = None, job: bool = True) -> Run:
    """Decide whom a rule concerns now, and let a job carry it out; every decision is kept with the rule.

    Raises Conflict while a run of the same rule is under way.
    """
    store.require("retention.run")
    rule = store.get(Rule, rule_id, lock=True)
    if store.first(select(Run.id).where(Run.rule_id == rule_id, Run.finished_at.is_(None))):
        raise Conflict("a run of this rule is under way", code="run-open")
    run = Run(rule_id=rule_id, started_at=store.now)
    store.add(run)
    store.flush()
    due = find_due(store, rule, today)
    kept = find_kept(store, [one for one, _ in due]) if rule.action == ERASE else {}
    run.due = len(due) - len(kept)
    run.kept = len(kept)
    rows = [
        {
            "run_id": run.id, "rule_id": rule_id, "subject_id": one, "at": store.now,
            "decision": "kept" if one in kept else "pending", "code": kept[one][0] if one in kept else rule.key,
        }
        for one, _ in due
    ]  # fmt: skip
    store.system("retention").insert_many(Decision, rows)
    if job:
        store.later("gdpr.run_retention", {"run_id": str(run.id)})
    return run


def step_run(store: Store, run_id: UUID) -> bool:
    """Carry out a part of a run; returns whether anything is left."""
    own = store.system("retention")
    run, deadline = own.get(Run, run_id, lock=True), time.monotonic() + _SECONDS
    if run.finished_at is not None:
        return False
    rule = own.get(Rule, run.rule_id)
    waiting = select(Decision).where(Decision.run_id == run_id, Decision.decision == "pending")
    for decision in own.scalars(waiting.order_by(Decision.id).limit(200)):
        decision.decision, decision.code = _decide(store, rule, decision.subject_id, decision.code)
        decision.at = store.now
        own.flush()
        if time.monotonic() > deadline:
            break
    if own.first(waiting.limit(1)) is not None:
        return True
    _finish(store, own, run, rule)
    return False


def _decide(store: Store, rule: Rule, contact_id: UUID, code: str) -> tuple[str, str]:
    """Do to one contact what the rule says, or say why not; a failure undoes what was done to this one alone."""
    own = store.system("retention")
    if own.find(Contact, contact_id) is None:
        return "kept", "gone"
    try:
        with store.savepoint():
            if rule.action == ERASE:
                manifest = erase_person(own, contact_id, grounds=f"retention {rule.key}", rule_id=rule.id)
                return ("partial" if manifest.kept else "erased"), code
            if rule.action == RESTRICT:
                restrict_person(own, contact_id)
                return "restricted", code
            _ask_review(own, rule, contact_id)
            return "reviewed", code
    except RetinueError as error:
        return ("kept" if error.status < 500 else "failed"), error.code[:60]


def _ask_review(own: Store, rule: Rule, contact_id: UUID) -> None:
    waiting = select(Review.id).where(
        Review.contact_id == contact_id, Review.rule_id == rule.id, Review.done_at.is_(None)
    )
    if own.first(waiting) is None:
        own.add(Review(contact_id=contact_id, rule_id=rule.id, created_at=own.now))


def _finish(store: Store, own: Store, run: Run, rule: Rule) -> None:
    counted = dict(
        tuple(row)
        for row in own.rows(
            select(Decision.decision, func.count())
            .where(Decision.run_id == run.id)
            .group_by(Decision.decision)
        )
    )
    run.finished_at = datetime.now(UTC)
    run.kept, run.failed = counted.get("kept", 0), counted.get("failed", 0)
    run.done = sum(counted.values()) - run.kept - run.failed
    lines = hashlib.sha256()
    for line in _lines(own, run.id):
        lines.update(line)
    run.report = {
        "run": str(run.id), "rule": rule.key, "grounds": rule.grounds, "anchor": rule.anchor, "months": rule.months,
        "action": rule.action, "started_at": run.started_at.isoformat(), "finished_at": run.finished_at.isoformat(),
        "decisions": counted, "decisions_sha256": lines.hexdigest(),
    }  # fmt: skip
    run.signature = _sign(store, run)
    own.flush()


def _sign(store: Store, run: Run) -> str:
    data = msgspec.json.encode(run.report, order="deterministic")
    return sign_bytes(store, "retention report", data).hex()


class RunRetention(BatchJob):
    """Carry a run out, a second's work to a transaction; killed, it goes on where it was."""

    def step(self, store: Any, payload: dict[str, Any], state: Any, job: Any) -> Any:
        """Do the next part."""
        done = int(state or 0) + 1
        job.progress(done)
        return done if step_run(store, UUID(payload["run_id"])) else DONE


def apply_rules(store: Store, _payload: dict[str, Any]) -> int:
    """Start the active rules, and erase what was held and is not any more; returns how many runs began."""
    erase_ended(store)
    began = 0
    open_runs = set(store.scalars(select(Run.rule_id).where(Run.finished_at.is_(None))))
    for rule in store.scalars(select(Rule).where(Rule.active).order_by(Rule.key)):
        if rule.id not in open_runs and find_due(store, rule):
            start_run(store, rule.id)
            began += 1
    return began


# ---- reading ----
def list_runs(store: Store, *, rule_id: UUID | None = None, limit: int = 50) -> list[Run]:
    """Return runs, the newest first."""
    store.require("retention.read")
    chosen = select(Run).order_by(Run.started_at.desc(), Run.id.desc()).limit(limit)
    return store.scalars(chosen if rule_id is None else chosen.where(Run.rule_id == rule_id))


def list_decisions(store: Store, run_id: UUID, *, limit: int = 1000) -> list[Decision]:
    """Return what a run decided, contact by contact."""
    store.require("retention.read")
    store.get(Run, run_id)
    return store.scalars(select(Decision).where(Decision.run_id == run_id).order_by(Decision.id).limit(limit))


def check_run(store: Store, run_id: UUID) -> dict[str, Any]:
    """Say whether the report of a run is as it was signed, and its decisions are those it was made of."""
    store.require("retention.read")
    run = store.get(Run, run_id)
    if run.report is None:
        raise Conflict("this run is not finished", code="run-open")
    lines = hashlib.sha256()
    for line in _lines(store, run_id):
        lines.update(line)
    good = run.signature == _sign(store, run) and lines.hexdigest() == run.report["decisions_sha256"]
    return {"run_id": run_id, "good": good, "report": run.report, "signature": run.signature}


def _lines(store: Store, run_id: UUID) -> Iterator[bytes]:
    chosen = select(Decision.subject_id, Decision.decision).where(Decision.run_id == run_id)
    for row in store.rows(chosen.order_by(Decision.subject_id)):
        yield f"{row[0]} {row[1]}\n".encode()


def list_reviews(store: Store, *, limit: int = 200) -> list[dict[str, Any]]:
    """Return the reviews that wait, the oldest first."""
    store.require("retention.read")
    chosen = (
        select(Review, Contact.name, Rule.name)
        .join(Contact, Contact.id == Review.contact_id)
        .join(Rule, Rule.id == Review.rule_id)
        .where(Review.done_at.is_(None))
        .order_by(Review.created_at, Review.id)
    )
    return [
        {
            "id": review.id,
            "contact_id": review.contact_id,
            "name": name,
            "rule": rule,
            "created_at": review.created_at,
        }
        for review, name, rule in store.rows(chosen.limit(limit))
    ]


def finish_review(store: Store, review_id: UUID) -> None:
    """Say that somebody looked and the data are right; raises Conflict if that was said before."""
    store.require("retention.review")
    review = store.get(Review, review_id)
    if review.done_at is not None:
        raise Conflict("this review is done already", code="review-done")
    review.done_at = store.now
    store.flush()
