"""What the staff's pages show of surveys; what they change goes through the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.access import Account, Team
from retinue.contacts import Contact
from retinue.errors import Invalid, NotFound
from retinue.lists import ListField, list_views
from retinue_nps import asking, embedding, following, occasions, parts, results, service
from retinue_nps.models import ACTIVE, DRAFT, Invitation, Standing, Survey
from retinue_nps.patterns import PATTERNS
from retinue_nps.questions import KINDS

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
        "ces": "CES", "poll": _("whatever you write"), "": "–", "rest": _("asked lately"),
        "relational-first": _("a larger survey is due"),
        "scale": _("a number"), "single": _("one of some"), "multiple": _("several of some"), "text": _("words"),
        "not-there": _("contact is gone"), "withdrawn": _("withdrawn"), "cancelled": _("order cancelled"),
    }  # fmt: skip


def show_surveys(store: Store, _request: Any) -> dict[str, Any]:
    """Return the surveys, each with what it found, and the low scores that wait."""
    found = service.list_surveys(store)
    return {
        "surveys": [(survey, results.show_results(store, survey.id)) for survey in found[:50]],
        "follow_ups": _named(store, following.list_follow_ups(store, "open")),
        "loop": following.describe_loop(following.list_follow_ups(store)),
        "patterns": PATTERNS, "days": occasions.date_fields(store), "yearly": occasions.date_fields(store, yearly=True),
        "fields": store.declared["catalogues"].of(store, "contact").fields, "words": _words, "tones": TONES,
        "changes": store.may("survey.change"), "follows": store.may("survey.follow"),
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
    fields = parts.part_fields(store)
    by = by if any(field.name == by for field in fields) else ""
    invites = store.may("survey.invite") and survey.status == ACTIVE
    link = asking.open_link_of(store, survey) if invites else ""
    described = service.describe_survey(store, survey)
    return {
        "survey": described, "results": results.show_results(store, survey.id),
        "answers": answers, "names": names, "more": "|".join(more) if more else "", "group": group, "by": by,
        "parts": parts.break_down(store, survey.id, by) if by else [],
        "called": _called(store, fields, by), "fields": fields, "words": _words, "tones": TONES,
        "changes": store.may("survey.change"), "exports": store.may("survey.export"), "kinds": KINDS, "link": link,
        "snippets": embedding.snippets(store, survey, link) if link else {}, "fresh": survey.status == DRAFT,
        "views": list_views(store, "contact") if invites and store.may("view.read") else [], "fault": _fault(store, survey),
        "occasion": _occasion, "labels": {field.name: field.label for field in fields}, "said_at": _said_at,
        "chosen": {q["key"] for q in described["questions"] if q["kind"] in ("scale", "single", "multiple")},
    }  # fmt: skip


def _called(store: Store, fields: Sequence[ListField], by: str) -> dict[str, str]:
    """Return what accounts and teams are called, where a field holds them."""
    kind = next((field.kind for field in fields if field.name == by), "")
    model: Any = {"account": Account, "team": Team}.get(kind)
    rows = store.rows(select(model.id, model.name).limit(parts.MOST)) if model is not None else []
    return {str(one): name for one, name in rows}


def _fault(store: Store, survey: Survey) -> str:
    """Say what keeps a survey from asking: a field that went with its plugin."""
    try:
        occasions.check_trigger(store, survey.trigger)
    except Invalid as wrong:
        return wrong.problems[0].detail
    return ""


def _occasion(
    _: Callable[[str], str], say: Callable[[str], str], labels: Mapping[str, str], trigger: str
) -> str:
    """Return in words what a survey is asked after."""
    said = {
        "order.paid": _("an order was paid"), "order.completed": _("an order was delivered"),
        "interaction.call": _("a call"), "interaction.meeting": _("a meeting"),
    }  # fmt: skip
    name = trigger.partition(".")[2]
    if trigger.startswith(occasions.ONCE):
        return _("the day of “%(field)s”") % {"field": say(labels.get(name, name))}
    if trigger.startswith(occasions.YEARLY):
        return _("every year on the day of “%(field)s”") % {"field": say(labels.get(name, name))}
    return said.get(trigger, trigger)


def _said_at(survey: Mapping[str, Any], key: str, value: Any) -> str:
    """Return what was chosen at a question, in the words that are asked now; what they lack stands by its key."""
    own = survey["texts"][survey["language"]]["questions"][key].get("choices") or {}
    return ", ".join(str(own.get(one, one)) for one in (value if isinstance(value, list) else [value]))


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
