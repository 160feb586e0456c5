"""Surveys: drafted, opened, changed by new editions, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store, new_id
from retinue.errors import Conflict, NotFound, Stale
from retinue_nps.drafting import settle
from retinue_nps.models import ACTIVE, CLOSED, DRAFT, RELATIONAL, Edition, Survey
from retinue_nps.occasions import check_trigger
from retinue_nps.patterns import fill_pattern
from retinue_nps.questions import measure_of

REST: Final = {"relational": 180, "transactional": 90}
"""Days between two invitations of a contact, by kind of the later one, unless a survey says otherwise."""
_OWN: Final = (
    "name", "kind", "anonymous", "trigger", "delay_hours", "rest_days", "open_days", "edit_hours", "follow_hours",
    "review_url", "reward",
)  # fmt: skip
_NOTHING: Final[Mapping[str, Any]] = {"questions": (), "texts": {}, "language": "en"}


def list_surveys(store: Store) -> list[Survey]:
    """Return the surveys, the newest first."""
    store.require("survey.read")
    return store.scalars(select(Survey).order_by(Survey.created_at.desc(), Survey.id))


def get_survey(store: Store, survey_id: UUID) -> Survey:
    """Return one survey."""
    store.require("survey.read")
    return store.get(Survey, survey_id)


def survey_by_key(store: Store, name: str) -> Survey:
    """Return a survey by its key; raises NotFound."""
    store.require("survey.read")
    found: Survey | None = store.first(select(Survey).where(Survey.key == name))
    if found is None:
        raise NotFound(f"There is no survey {name}.", remedy="See `retinue nps surveys`.")
    return found


def edition_of(store: Store, survey: Survey, number: int | None = None) -> Edition:
    """Return an edition of a survey, the one that is asked now unless a number is given."""
    chosen = select(Edition).where(
        Edition.survey_id == survey.id, Edition.number == (survey.edition if number is None else number)
    )
    found: Edition | None = store.first(chosen)
    if found is None:
        raise NotFound("There is no such edition of the survey.")
    return found


def describe_survey(store: Store, survey: Survey) -> dict[str, Any]:
    """Return a survey with the questions and words that are asked now."""
    edition = edition_of(store, survey)
    names = ("id", "key", "status", "edition", "version", "created_at", *_OWN)
    asked = ("language", "measure", "questions", "texts")
    return {**{n: getattr(survey, n) for n in names}, **{n: getattr(edition, n) for n in asked}}


def create_survey(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Draft a survey; nobody is asked before it is opened. Raises Invalid per field, Conflict for a key that is taken.

    A `pattern` gives the questions and words that the draft does not.
    """
    store.require("survey.change")
    draft = {**(fill_pattern(draft["pattern"]) if draft.get("pattern") else _NOTHING), **draft}
    draft |= settle(draft)
    check_trigger(store, draft.get("trigger", ""))
    if store.first(select(Survey.id).where(Survey.key == draft["key"])):
        raise Conflict(
            f"There is a survey {draft['key']} already.", code="survey-known", remedy="Choose another key."
        )
    own = {name: draft[name] for name in _OWN if draft.get(name) is not None}
    own.setdefault("kind", RELATIONAL)
    own.setdefault("rest_days", REST[own["kind"]])
    survey = Survey(
        id=new_id(), key=draft["key"], status=DRAFT, edition=1, version=1, created_at=store.now, **own
    )
    store.add(survey)
    store.deed("survey.change", survey.name)
    store.flush()
    _add_edition(store, survey, draft)
    return describe_survey(store, survey)


def change_survey(
    store: Store, survey_id: UUID, changes: Mapping[str, Any], version: int | None = None
) -> dict[str, Any]:
    """Change a survey; other questions or words make a new edition, and the answers so far keep theirs.

    Raises Stale if somebody changed it in between, Conflict for another measure than the one that was asked.
    """
    store.require("survey.change")
    survey = store.get(Survey, survey_id, lock=True)
    if version is not None and version != survey.version:
        raise Stale("Somebody changed the survey.", remedy="Read it again.", extra={"current": survey})
    check_trigger(store, changes.get("trigger", ""))
    if "anonymous" in changes and changes["anonymous"] != survey.anonymous and survey.status != DRAFT:
        raise Conflict(
            "Who was promised to stay unknown stays so: a survey that was opened keeps this.", code="anonymous",
            remedy="Make another survey.",
        )  # fmt: skip
    for name in _OWN:
        if name in changes:
            setattr(survey, name, changes[name])
    now = edition_of(store, survey)
    asked = {name: changes.get(name, getattr(now, name)) for name in ("questions", "texts", "language")}
    if any(name in changes for name in asked):
        asked = settle(asked)
    if any(asked[name] != getattr(now, name) for name in asked):
        if survey.status != DRAFT and measure_of(asked["questions"]) != now.measure:
            raise Conflict(
                "The survey would measure something else.",
                code="measure",
                remedy="Make another survey for that.",
            )
        survey.edition += 1
        _add_edition(store, survey, asked)
    survey.version += 1
    store.deed("survey.change", survey.name)
    store.flush()
    return describe_survey(store, survey)


def _add_edition(store: Store, survey: Survey, asked: Mapping[str, Any]) -> None:
    store.add(
        Edition(
            id=new_id(), survey_id=survey.id, number=survey.edition, language=asked["language"],
            measure=measure_of(asked["questions"]), questions=[dict(one) for one in asked["questions"]],
            texts=dict(asked["texts"]), created_at=store.now,
        )
    )  # fmt: skip
    store.flush()


def open_survey(store: Store, survey_id: UUID) -> dict[str, Any]:
    """Open a survey: from now on it is asked, and its links are answered."""
    return _set_status(store, survey_id, ACTIVE)


def close_survey(store: Store, survey_id: UUID) -> dict[str, Any]:
    """Close a survey: nobody is asked any more, and its links say so."""
    return _set_status(store, survey_id, CLOSED)


def _set_status(store: Store, survey_id: UUID, status: str) -> dict[str, Any]:
    store.require("survey.change")
    survey = store.get(Survey, survey_id, lock=True)
    if survey.status != status:
        survey.status = status
        survey.version += 1
        store.deed("survey.change", survey.name)
        store.flush()
    return describe_survey(store, survey)
