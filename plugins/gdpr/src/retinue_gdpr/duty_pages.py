"""What the staff's pages show of the company's own duties: purposes, letters, retention, records, breaches, blocked addresses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from retinue.errors import BadRequest
from retinue_gdpr.answering import list_restricted
from retinue_gdpr.breaches import list_breaches
from retinue_gdpr.duty_models import ACTIONS, ANCHORS, Breach, Rule
from retinue_gdpr.forms import list_forms
from retinue_gdpr.letters import list_letters
from retinue_gdpr.models import BASES, Consent, Purpose, Wording
from retinue_gdpr.notices import list_overdue
from retinue_gdpr.pages import id_of, names_of
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import list_purposes, list_wordings, named_data
from retinue_gdpr.records import build_records, compare_records, last_version
from retinue_gdpr.retention import check_run, list_reviews, list_rules, list_runs, preview_rule
from retinue_gdpr.service import YES
from retinue_gdpr.suppression import count_suppressed

if TYPE_CHECKING:
    from retinue import Store


def show_blocked(store: Store, _request: Any) -> dict[str, Any]:
    """Return how many addresses are blocked and why, and who is restricted."""
    return {
        "counts": count_suppressed(store),
        "restricted": list_restricted(store) if store.may("contact.restrict") else None,
    }


# ---- purposes and letters ----
def show_purposes(store: Store, _request: Any) -> dict[str, Any]:
    """Return the purposes with the languages that have a text, and the forms."""
    texts: dict[Any, list[str]] = {}
    for wording in list_wordings(store, kind="consent"):
        if wording.language not in texts.setdefault(wording.purpose_id, []):
            texts[wording.purpose_id].append(wording.language)
    return {
        "purposes": list_purposes(store, retired=True),
        "texts": texts,
        "forms": list_forms(store) if store.may("consent_form.read") else None,
        "bases": BASES,
    }


def show_purpose(store: Store, request: Any) -> dict[str, Any]:
    """Return one purpose with its texts by language, the newest first, and how many consents cover it."""
    purpose = store.get(Purpose, id_of(request.path["purpose_id"], "purpose"))
    wordings = list_wordings(store, kind="consent", purpose_id=purpose.id)
    return {
        "p": purpose,
        "texts": _by_language(wordings),
        "wording": {"kind": "consent", "purpose_id": str(purpose.id)},
        "bases": BASES,
        "counts": _count_consents(store, purpose) if store.may("consent.read") else None,
        "changes": store.may("purpose.change"),
        "holders": named_data(store),
    }


def _by_language(wordings: Sequence[Wording]) -> list[tuple[str, list[Wording]]]:
    grouped: dict[str, list[Wording]] = {}
    for wording in wordings:
        grouped.setdefault(wording.language, []).append(wording)
    return sorted(grouped.items())


def _count_consents(store: Store, purpose: Purpose) -> dict[str, int]:
    """Return how many people's consents cover a purpose now, and how many are to an older version of it."""
    given = select(func.count(Consent.contact_id.distinct())).where(
        Consent.purpose_id == purpose.id, Consent.state.in_(YES)
    )
    over = Consent.expires_at.is_(None) | (Consent.expires_at > store.now)
    now = store.scalar(given.where(Consent.number == purpose.number, over))
    return {"now": now or 0, "old": store.scalar(given.where(Consent.number < purpose.number)) or 0}


def show_letters(store: Store, _request: Any) -> dict[str, Any]:
    """Return the letters that wait, who was not told in time, and the text of the notice."""
    letters, reads = list_letters(store), store.may("purpose.read")
    return {
        "letters": letters,
        "names": names_of(store, (letter.contact_id for letter in letters)),
        "overdue": list_overdue(store),
        "texts": _by_language(list_wordings(store, kind="notice")) if reads else None,
        "wording": {"kind": "notice"},
        "changes": store.may("purpose.change"),
    }


# ---- retention ----
def show_retention(store: Store, _request: Any) -> dict[str, Any]:
    """Return the rules, and the contacts whose data somebody has to look at."""
    return {
        "rules": list_rules(store), "reviews": list_reviews(store), "anchors": ANCHORS, "actions": ACTIONS,
    }  # fmt: skip


def show_rule(store: Store, request: Any) -> dict[str, Any]:
    """Return one rule with its dry run as of ``today`` in the query, and its runs; ``run`` verifies the report of one."""
    rule = store.get(Rule, id_of(request.path["rule_id"], "rule"))
    today = _day(request.query.get("today", "")) or store.now.date()
    run = request.query.get("run", "")
    checked = check_run(store, id_of(run, "run")) if run else None
    return {
        "rule": rule,
        "today": today,
        "preview": preview_rule(store, rule.id, today=today, limit=100),
        "runs": list_runs(store, rule_id=rule.id),
        "checked": {"id": checked["run_id"], "good": checked["good"]} if checked else {"id": None},
        "anchors": ANCHORS,
        "actions": ACTIONS,
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadRequest(f"{text[:20]!r} is no day.", remedy="Write it as 2026-12-31.") from None


# ---- records and breaches ----
def show_records(store: Store, _request: Any) -> dict[str, Any]:
    """Return the records of processing, and what has changed in them since the version that was kept last."""
    return {
        "document": build_records(store), "last": last_version(store), "changes": compare_records(store),
    }  # fmt: skip


def show_breaches(store: Store, _request: Any) -> dict[str, Any]:
    """Return the register of breaches, those whose clock runs first."""
    return {"breaches": list_breaches(store), "now": store.now, "hours": profile_of(store).breach_hours}


def show_breach(store: Store, request: Any) -> dict[str, Any]:
    """Return one breach with its clock."""
    return {"b": store.get(Breach, id_of(request.path["breach_id"], "breach")), "now": store.now}
