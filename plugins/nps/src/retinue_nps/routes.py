"""``/api/v1/surveys``: surveys, whom they ask, what was answered, what it comes to, and low scores to follow up."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import Download, ListParams, Page, draw_code, get, patch, post
from retinue_nps import answering, asking, audience, embedding, exporting, following, parts, results, service
from retinue_nps.models import FollowUp, Invitation, Survey
from retinue_nps.schemas import (
    AnswerSchema,
    FollowUpSchema,
    InvitationSchema,
    InvitingSchema,
    LoopSchema,
    PartSchema,
    SurveyChangeSchema,
    SurveyDraftSchema,
    SurveyInviteSchema,
    SurveyLineSchema,
    SurveyLinkSchema,
    SurveyResultsSchema,
    SurveySchema,
    SurveyViewSchema,
    ToldAnswerSchema,
    WavesSchema,
)

SURVEY, LINE, DRAFT, CHANGES = (
    SurveySchema(),
    SurveyLineSchema(),
    SurveyDraftSchema(),
    SurveyChangeSchema(partial=True),
)
INVITE, INVITATION, LINK = (
    SurveyInviteSchema(),
    InvitationSchema(),
    SurveyLinkSchema(),
)
ANSWER, TOLD, RESULTS, PART = AnswerSchema(), ToldAnswerSchema(), SurveyResultsSchema(), PartSchema()
WAVES, FOLLOW_UP, LOOP = WavesSchema(), FollowUpSchema(), LoopSchema()
VIEW, INVITING = SurveyViewSchema(), InvitingSchema()
_TAGS = ["surveys"]


@get("/", permission="survey.read", gives=LINE, tags=_TAGS)
def list_surveys(store: Store) -> list[Survey]:
    """List the surveys, the newest first."""
    return service.list_surveys(store)


@post("/", permission="survey.change", takes=DRAFT, gives=SURVEY, location="/{id}", tags=_TAGS)
def create_survey(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Draft a survey; nobody is asked before it is opened."""
    return service.create_survey(store, data)


@get("/follow-ups", permission="survey.read", gives=FOLLOW_UP, tags=_TAGS)
def list_follow_ups(store: Store, status: str = "") -> list[FollowUp]:
    """List low scores to follow up, the first due first."""
    return following.list_follow_ups(store, status)


@get("/follow-ups/loop", permission="survey.read", gives=LOOP, tags=_TAGS)
def show_loop(store: Store) -> dict[str, Any]:
    """Return how well low scores are followed up."""
    return following.describe_loop(following.list_follow_ups(store))


@post(
    "/follow-ups/{follow_up_id:uuid}/close",
    permission="survey.follow",
    gives=FOLLOW_UP,
    status=200,
    tags=_TAGS,
)
def close_follow_up(store: Store, follow_up_id: UUID) -> FollowUp:
    """Note that a low score was followed up."""
    return following.close_follow_up(store, follow_up_id)


@get("/{survey_id:uuid}", permission="survey.read", gives=SURVEY, tags=_TAGS)
def get_survey(store: Store, survey_id: UUID) -> dict[str, Any]:
    """Return one survey with the questions and words that are asked now."""
    return service.describe_survey(store, service.get_survey(store, survey_id))


@patch("/{survey_id:uuid}", permission="survey.change", takes=CHANGES, gives=SURVEY, tags=_TAGS)
def change_survey(store: Store, survey_id: UUID, data: dict[str, Any], version: int | None) -> dict[str, Any]:
    """Change a survey; other questions or words make a new edition."""
    return service.change_survey(store, survey_id, data, version)


@post("/{survey_id:uuid}/open", permission="survey.change", gives=SURVEY, status=200, tags=_TAGS)
def open_survey(store: Store, survey_id: UUID) -> dict[str, Any]:
    """Open a survey: it is asked from now on."""
    return service.open_survey(store, survey_id)


@post("/{survey_id:uuid}/close", permission="survey.change", gives=SURVEY, status=200, tags=_TAGS)
def close_survey(store: Store, survey_id: UUID) -> dict[str, Any]:
    """Close a survey: nobody is asked any more."""
    return service.close_survey(store, survey_id)


@post("/{survey_id:uuid}/invitations", permission="survey.invite", takes=INVITE, gives=INVITATION, tags=_TAGS)
def invite_contacts(store: Store, survey_id: UUID, data: dict[str, Any]) -> list[Invitation]:
    """Invite contacts; who may not be asked, or was asked lately, is skipped and says why."""
    return asking.invite(store, survey_id, data["contact_ids"], data["cause"])


@post(
    "/{survey_id:uuid}/audience",
    permission="survey.invite",
    takes=VIEW,
    gives=INVITING,
    status=202,
    tags=_TAGS,
)
def invite_view(store: Store, survey_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Invite everybody of a saved view, by a job; who may not be asked is skipped and says why."""
    return audience.start_inviting(store, survey_id, data["view_id"], data["cause"])


@get("/{survey_id:uuid}/link", permission="survey.invite", gives=LINK, tags=_TAGS)
def get_survey_link(store: Store, survey_id: UUID) -> dict[str, Any]:
    """Return an address for everybody, to hand out or embed, and its QR code."""
    survey = service.get_survey(store, survey_id)
    link = asking.open_link_of(store, survey)
    return {"link": link, "qr": draw_code(link), **embedding.snippets(store, survey, link)}


@post(
    "/{survey_id:uuid}/invitations/{invitation_id:uuid}/link",
    permission="survey.invite",
    gives=LINK,
    status=200,
    tags=_TAGS,
)
def make_invitation_link(store: Store, survey_id: UUID, invitation_id: UUID) -> dict[str, Any]:
    """Return the address at which one invitation is answered, to hand over."""
    link = asking.hand_over(store, survey_id, invitation_id)
    return {"link": link, "qr": draw_code(link), "row": "", "frame": ""}


@post("/{survey_id:uuid}/answers", permission="survey.answer", takes=TOLD, gives=ANSWER, tags=_TAGS)
def record_answer(store: Store, survey_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Take an answer that somebody was told, by telephone or at the counter."""
    return results.describe_answer(answering.record_answer(store, survey_id, data))


@get("/{survey_id:uuid}/answers", permission="survey.read", gives=ANSWER, tags=_TAGS)
def list_answers(store: Store, survey_id: UUID, params: ListParams, group: str = "") -> Page[dict[str, Any]]:
    """List answers, newest first; `group` gives promoters, passives or detractors alone."""
    binding = f"{survey_id} {group}"
    found, following_ = results.list_answers(
        store, survey_id, after=params.after(binding), limit=params.limit, group=group
    )
    return Page(found, next=following_, binding=binding)


@post("/{survey_id:uuid}/answers/file", permission="survey.export", status=200, tags=_TAGS)
def export_answers(store: Store, survey_id: UUID) -> Download:
    """Take the answers away as a CSV file, a column for each question; that it was taken is kept in the audit."""
    name, content = exporting.export_csv(store, survey_id)
    return Download(content, name, "text/csv")


@get("/{survey_id:uuid}/results", permission="survey.read", gives=RESULTS, tags=_TAGS)
def get_results(
    store: Store, survey_id: UUID, since: date | None = None, until: date | None = None
) -> dict[str, Any]:
    """Return what a survey found between two days."""
    return results.show_results(store, survey_id, since=since, until=until)


@get("/{survey_id:uuid}/parts", permission="survey.read", gives=PART, tags=_TAGS)
def break_results_down(
    store: Store, survey_id: UUID, by: str = "", since: date | None = None, until: date | None = None
) -> list[dict[str, Any]]:
    """Return the measure for each value of a field, of the contacts, custom, or a plugin's; parts of fewer than five
    answers have no numbers."""
    return parts.break_down(store, survey_id, by, since=since, until=until)


@get("/{survey_id:uuid}/waves", permission="survey.read", gives=WAVES, tags=_TAGS)
def compare_waves(store: Store, survey_id: UUID, first: str = "", second: str = "") -> dict[str, Any]:
    """Compare two waves, each given as two days with two points between them: ``2026-01-01..2026-04-01``."""
    return results.compare(
        store, survey_id, results.read_days("first", first), results.read_days("second", second)
    )


ROUTES = [
    list_surveys, create_survey, list_follow_ups, show_loop, close_follow_up, get_survey, change_survey, open_survey,
    close_survey, invite_contacts, invite_view, get_survey_link, make_invitation_link, record_answer, list_answers,
    export_answers, get_results, break_results_down, compare_waves,
]  # fmt: skip
