"""``/api/v1/gdpr``: requests, erasure, restriction, holds, retention, records of processing, breaches."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import Download, get, patch, post
from retinue_gdpr import answering, breaches, copying, erasing, holds, records, requests, retention
from retinue_gdpr import duty_schemas as s
from retinue_gdpr.duty_models import (
    Breach,
    Decision,
    Hold,
    Manifest,
    RecordsVersion,
    Request,
    Rule,
    Run,
    Step,
)

REQUEST, REQUEST_DRAFT, VERIFY = s.RequestSchema(), s.RequestDraftSchema(), s.VerifySchema()
REASON, CARRY_OUT, STEP, MANIFEST = s.ReasonSchema(), s.CarryOutSchema(), s.StepSchema(), s.ManifestSchema()
HOLD, HOLD_DRAFT = s.HoldSchema(), s.HoldDraftSchema()
RULE, RULE_DRAFT, RULE_CHANGE = s.RuleSchema(), s.RuleDraftSchema(), s.RuleChangeSchema()
PREVIEW, RUN, RUN_CHECK, DECISION = s.PreviewSchema(), s.RunSchema(), s.RunCheckSchema(), s.DecisionSchema()
REVIEW, DOCUMENT, VERDICT = s.ReviewSchema(), s.DocumentSchema(), s.GoodSchema()
RECORDS_VERSION, DIFFERENCE = s.RecordsVersionSchema(), s.DifferenceSchema()
BREACH, BREACH_DRAFT, BREACH_CHANGE = s.BreachSchema(), s.BreachDraftSchema(), s.BreachChangeSchema()
_TAGS = ["gdpr"]
_REQUEST, _RULE = "/requests/{request_id:uuid}", "/rules/{rule_id:uuid}"
_DECIDE: dict[str, Any] = {"gives": REQUEST, "status": 200, "tags": _TAGS}


# ---- requests ----
@get("/requests", permission="request.read", gives=REQUEST, tags=_TAGS)
def list_requests(store: Store, status: str = "", live: bool = False) -> list[Request]:
    """List requests by their due day."""
    return requests.list_requests(store, state=status, live=live)


@post("/requests", permission="request.create", takes=REQUEST_DRAFT, gives=REQUEST, tags=_TAGS)
def receive_request(store: Store, data: dict[str, Any]) -> Request:
    """Take a request in; one that repeats an open one says so."""
    return requests.receive_request(store, data)


@get(_REQUEST, permission="request.read", gives=REQUEST, tags=_TAGS)
def get_request(store: Store, request_id: UUID) -> Request:
    """Return a request."""
    return requests.get_request(store, request_id)


@get(f"{_REQUEST}/steps", permission="request.read", gives=STEP, tags=_TAGS)
def list_request_steps(store: Store, request_id: UUID) -> list[Step]:
    """Return what a request meant for each plugin."""
    return requests.list_steps(store, request_id)


@post(f"{_REQUEST}/verify", takes=VERIFY, permission="request.decide", **_DECIDE)
def verify_request(store: Store, request_id: UUID, data: dict[str, Any], version: int | None) -> Request:
    """Note how the identity of the asker was checked."""
    return requests.verify_request(store, request_id, {**data, "version": version})


@post(f"{_REQUEST}/extend", takes=REASON, permission="request.decide", **_DECIDE)
def extend_request(store: Store, request_id: UUID, data: dict[str, Any], version: int | None) -> Request:
    """Extend the term, with the reason."""
    return requests.extend_request(store, request_id, reason=data["reason"], version=version)


@post(f"{_REQUEST}/pause", takes=REASON, permission="request.decide", **_DECIDE)
def pause_request(store: Store, request_id: UUID, data: dict[str, Any], version: int | None) -> Request:
    """Stop the clock while something is awaited from the asker."""
    return requests.pause_request(store, request_id, reason=data["reason"], version=version)


@post(f"{_REQUEST}/resume", permission="request.decide", **_DECIDE)
def resume_request(store: Store, request_id: UUID, version: int | None) -> Request:
    """Let the clock run on."""
    return requests.resume_request(store, request_id, version)


@post(f"{_REQUEST}/refuse", takes=REASON, permission="request.decide", **_DECIDE)
def refuse_request(store: Store, request_id: UUID, data: dict[str, Any], version: int | None) -> Request:
    """Refuse a request, with the reason."""
    return requests.refuse_request(store, request_id, reason=data["reason"], version=version)


@post(f"{_REQUEST}/cancel", permission="request.decide", **_DECIDE)
def cancel_request(store: Store, request_id: UUID, version: int | None) -> Request:
    """Close a request that its asker took back."""
    return requests.cancel_request(store, request_id, version)


@post(f"{_REQUEST}/carry-out", takes=CARRY_OUT, permission="request.decide", **_DECIDE)
def carry_out_request(store: Store, request_id: UUID, data: dict[str, Any]) -> Request:
    """Do what is asked for, all or nothing; state ``error`` is to be tried again."""
    return answering.carry_out(store, request_id, data)


# ---- persons ----
@post("/contacts/{contact_id:uuid}/copy", permission="contact.export", status=200, tags=_TAGS)
def fetch_copy(store: Store, contact_id: UUID) -> Download:
    """Send the copy of a person's data as a ZIP."""
    return Download(copying.build_copy(store, contact_id), f"{contact_id}.zip", "application/zip")


@post("/contacts/{contact_id:uuid}/restrict", permission="contact.restrict", tags=_TAGS)
def restrict_contact(store: Store, contact_id: UUID) -> None:
    """Restrict what is done with a person's data: nothing but the desk of requests sees them."""
    answering.restrict_person(store, contact_id)


@post("/contacts/{contact_id:uuid}/unrestrict", permission="contact.restrict", tags=_TAGS)
def lift_restriction(store: Store, contact_id: UUID) -> None:
    """Lift a restriction."""
    answering.unrestrict_person(store, contact_id)


@get("/manifests", permission="request.read", gives=MANIFEST, tags=_TAGS)
def list_manifests(store: Store, subject_id: UUID | None = None) -> list[Manifest]:
    """List the manifests of erasures."""
    return erasing.list_manifests(store, subject_id=subject_id)


@get("/manifests/{manifest_id:uuid}/act", permission="request.read", gives=DOCUMENT, tags=_TAGS)
def build_act(store: Store, manifest_id: UUID) -> dict[str, Any]:
    """Return the act of destruction with the extract of the log."""
    return {"document": records.build_act(store, manifest_id)}


@post("/acts/check", permission="request.read", takes=DOCUMENT, gives=VERDICT, status=200, tags=_TAGS)
def check_act(store: Store, data: dict[str, Any]) -> dict[str, bool]:
    """Say whether an act of destruction is ours and unchanged."""
    return {"good": records.check_act(store, data["document"])}


# ---- holds ----
@get("/holds", permission="hold.read", gives=HOLD, tags=_TAGS)
def list_holds(store: Store, contact_id: UUID | None = None) -> list[Hold]:
    """List the holds in force."""
    return holds.list_holds(store, contact_id=contact_id)


@post("/holds", permission="hold.change", takes=HOLD_DRAFT, gives=HOLD, tags=_TAGS)
def set_hold(store: Store, data: dict[str, Any]) -> Hold:
    """Keep a contact, or its rows in some tables, from erasure."""
    return holds.set_hold(store, data)


@post("/holds/{hold_id:uuid}/lift", permission="hold.change", gives=HOLD, status=200, tags=_TAGS)
def lift_hold(store: Store, hold_id: UUID, version: int | None) -> Hold:
    """Lift a hold."""
    return holds.lift_hold(store, hold_id, version)


# ---- retention ----
@get("/rules", permission="retention.read", gives=RULE, tags=_TAGS)
def list_rules(store: Store) -> list[Rule]:
    """List the retention rules."""
    return retention.list_rules(store)


@post("/rules", permission="retention.change", takes=RULE_DRAFT, gives=RULE, tags=_TAGS)
def create_rule(store: Store, data: dict[str, Any]) -> Rule:
    """Create a retention rule."""
    return retention.create_rule(store, data)


@patch(_RULE, permission="retention.change", takes=RULE_CHANGE, gives=RULE, tags=_TAGS)
def change_rule(store: Store, rule_id: UUID, data: dict[str, Any], version: int | None) -> Rule:
    """Change a retention rule."""
    return retention.change_rule(store, rule_id, data, version)


@get(f"{_RULE}/preview", permission="retention.read", gives=PREVIEW, tags=_TAGS)
def preview_rule(store: Store, rule_id: UUID, today: date | None = None) -> dict[str, Any]:
    """Return what a run would do today or on another day; nothing is written."""
    return retention.preview_rule(store, rule_id, today=today)


@post(f"{_RULE}/run", permission="retention.run", gives=RUN, tags=_TAGS)
def start_run(store: Store, rule_id: UUID) -> Run:
    """Start a run of a rule; a job carries it out."""
    return retention.start_run(store, rule_id)


@get("/runs", permission="retention.read", gives=RUN, tags=_TAGS)
def list_runs(store: Store, rule_id: UUID | None = None) -> list[Run]:
    """List runs, the newest first."""
    return retention.list_runs(store, rule_id=rule_id)


@get("/runs/{run_id:uuid}/decisions", permission="retention.read", gives=DECISION, tags=_TAGS)
def list_decisions(store: Store, run_id: UUID) -> list[Decision]:
    """Return what a run decided, contact by contact."""
    return retention.list_decisions(store, run_id)


@get("/runs/{run_id:uuid}/check", permission="retention.read", gives=RUN_CHECK, tags=_TAGS)
def check_run(store: Store, run_id: UUID) -> dict[str, Any]:
    """Say whether the report of a run is as it was signed."""
    return retention.check_run(store, run_id)


@get("/reviews", permission="retention.read", gives=REVIEW, tags=_TAGS)
def list_reviews(store: Store) -> list[dict[str, Any]]:
    """List contacts whose data somebody has to look at."""
    return retention.list_reviews(store)


@post("/reviews/{review_id:uuid}/done", permission="retention.review", tags=_TAGS)
def finish_review(store: Store, review_id: UUID) -> None:
    """Say that somebody looked."""
    retention.finish_review(store, review_id)


# ---- records and breaches ----
@get("/records", permission="ropa.read", gives=DOCUMENT, tags=_TAGS)
def build_records(store: Store) -> dict[str, Any]:
    """Return the records of processing (Art. 30)."""
    return {"document": records.build_records(store)}


@get("/records/versions", permission="ropa.read", gives=RECORDS_VERSION, tags=_TAGS)
def list_records_versions(store: Store) -> list[RecordsVersion]:
    """List the versions of the records that were kept, the newest first."""
    return records.list_versions(store)


@post("/records/versions", permission="ropa.keep", gives=RECORDS_VERSION, tags=_TAGS)
def keep_records(store: Store) -> RecordsVersion:
    """Keep the records as they are now; unchanged ones are not kept twice."""
    return records.keep_records(store)


@get("/records/changes", permission="ropa.read", gives=DIFFERENCE, tags=_TAGS)
def compare_records(store: Store) -> list[dict[str, Any]]:
    """List what has changed since the version that was kept last, place by place."""
    return records.compare_records(store)


@get("/breaches", permission="breach.read", gives=BREACH, tags=_TAGS)
def list_breaches(store: Store) -> list[Breach]:
    """List breaches."""
    return breaches.list_breaches(store)


@post("/breaches", permission="breach.change", takes=BREACH_DRAFT, gives=BREACH, tags=_TAGS)
def register_breach(store: Store, data: dict[str, Any]) -> Breach:
    """Register a breach; its clock runs from when it was known."""
    return breaches.register_breach(store, data)


@patch(
    "/breaches/{breach_id:uuid}", permission="breach.change", takes=BREACH_CHANGE, gives=BREACH, tags=_TAGS
)
def change_breach(store: Store, breach_id: UUID, data: dict[str, Any], version: int | None) -> Breach:
    """Change what is known of a breach, note who was told, or close it."""
    return breaches.change_breach(store, breach_id, data, version)


DUTIES = [
    list_requests, receive_request, get_request, list_request_steps, verify_request, extend_request, pause_request,
    resume_request, refuse_request, cancel_request, carry_out_request, fetch_copy, restrict_contact, lift_restriction,
    list_manifests, build_act, check_act, list_holds, set_hold, lift_hold, list_rules, create_rule, change_rule, preview_rule,
    start_run, list_runs, list_decisions, check_run, list_reviews, finish_review, build_records,
    list_records_versions, keep_records, compare_records, list_breaches,
    register_breach, change_breach,
]  # fmt: skip
