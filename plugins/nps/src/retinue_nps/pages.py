"""What the staff's pages show of surveys; what they change goes through the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.errors import NotFound
from retinue_nps import asking, following, results, service
from retinue_nps.models import ACTIVE, Invitation, Standing, Survey
from retinue_nps.patterns import PATTERNS

TONES = {
    "draft": "secondary",
    "active": "green",
    "closed": "secondary",
    "open": "orange",
    "done": "green",
    "changed": "blue",
}


def _words(_: Callable[[str], str]) -> dict[str, str]:
    """Return what states, kinds, measures and reasons are called."""
    return {
        "draft": _("draft"), "active": _("active"), "closed": _("closed"), "relational": _("the whole relation"),
        "transactional": _("one event"), "waiting": _("waiting"), "sent": _("asked"), "answered": _("answered"),
        "skipped": _("not asked"), "expired": _("expired"), "open": _("open"), "done": _("done"), "changed": _("changed"),
        "promoter": _("promoters"), "passive": _("passives"), "detractor": _("detractors"), "nps": "NPS", "csat": "CSAT",
        "ces": "CES", "": "–", "rest": _("asked lately"), "relational-first": _("a larger survey is due"),
        "not-there": _("contact is gone"), "withdrawn": _("withdrawn"), "cancelled": _("order cancelled"),
    }  # fmt: skip


def show_surveys(store: Store, _request: Any) -> dict[str, Any]:
    """Return the surveys, each with what it found, and the low scores that wait."""
    found = service.list_surveys(store)
    return {
        "surveys": [(survey, results.show_results(store, survey.id)) for survey in found[:50]],
        "follow_ups": _named(store, following.list_follow_ups(store, "open")),
        "loop": following.describe_loop(following.list_follow_ups(store)),
        "patterns": PATTERNS, "words": _words, "tones": TONES, "changes": store.may("survey.change"),
        "follows": store.may("survey.follow"),
    }  # fmt: skip


def _named(store: Store, rows: list[Any]) -> list[tuple[Any, str]]:
    ids = {row.contact_id for row in rows if row.contact_id is not None}
    names: dict[UUID, str] = {}
    if ids and store.may("contact.read"):
        chosen = select(Contact.id, Contact.name).where(Contact.id.in_(ids))
        names = dict(tuple(row) for row in store.rows(chosen))
    return [(row, names.get(row.contact_id, "")) for row in rows]


def show_survey(store: Store, request: Any) -> dict[str, Any]:
    """Return one survey: what it found, by month and part, its words, and its answers."""
    try:
        survey = service.get_survey(store, UUID(request.path["survey_id"]))
        after = request.query.get("after", "").split("|")
        group = request.query.get("group", "")
        answers, more = results.list_answers(
            store, survey.id, after=after if len(after) == 2 else None, limit=25, group=group
        )
    except ValueError:
        raise NotFound("there is no such survey") from None
    by = request.query.get("by", "")
    ids = {answer["contact_id"] for answer in answers if answer["contact_id"]}
    chosen = select(Contact.id, Contact.name).where(Contact.id.in_(ids))
    names = dict(tuple(row) for row in store.rows(chosen)) if ids and store.may("contact.read") else {}
    found = service.describe_survey(store, survey)
    return {
        "survey": found, "results": results.show_results(store, survey.id), "answers": answers, "names": names,
        "more": "|".join(more) if more else "", "group": group, "by": by if by in results.PARTS else "",
        "parts": results.break_down(store, survey.id, by) if by in results.PARTS else [], "fields": results.PARTS,
        "words": _words, "tones": TONES, "changes": store.may("survey.change"), "invites": store.may("survey.invite"),
        "link": asking.open_link_of(store, survey) if store.may("survey.invite") and survey.status == ACTIVE else "",
    }  # fmt: skip


def show_panel(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return what a contact was asked and said last; None for who was never asked."""
    answers = results.answers_of(store, contact_id)
    chosen = select(Invitation, Survey.name).join(Survey, Survey.id == Invitation.survey_id)
    mine = chosen.where(Invitation.contact_id == contact_id).order_by(Invitation.id.desc()).limit(5)
    invitations = [tuple(row) for row in store.rows(mine)]
    active = select(Survey).where(Survey.status == ACTIVE, Survey.anonymous.is_(False)).order_by(Survey.name)
    open_surveys = store.scalars(active) if store.may("survey.invite") else []
    if not answers and not invitations and not open_surveys:
        return None
    standing = store.first(select(Standing).where(Standing.contact_id == contact_id))
    return {
        "standing": standing, "answers": answers, "invitations": invitations, "surveys": open_surveys,
        "contact_id": str(contact_id), "words": _words,
    }  # fmt: skip
