"""Results: the score with its interval, the response rate, months, waves, and who said what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select

from retinue import Problem, Store
from retinue.contacts import Contact
from retinue.errors import Invalid
from retinue_nps.models import ANSWERED, EXPIRED, SENT, SKIPPED, Answer, Comment, Invitation, Note, Survey
from retinue_nps.questions import bounds_of
from retinue_nps.scoring import Score, compare_waves, score_ces, score_csat, score_nps
from retinue_nps.service import edition_of


def show_results(
    store: Store, survey_id: UUID, *, since: date | None = None, until: date | None = None
) -> dict[str, Any]:
    """Return what a survey found between two days, the last one left out: numbers over all contacts, nobody's answers."""
    store.require("survey.read")
    survey = store.get(Survey, survey_id)
    own, edition = store.system("results"), edition_of(store, survey)
    measure = edition.measure
    counts: dict[int, int] = {}
    months: dict[str, dict[int, int]] = {}
    given = 0
    within = _within(since, until)
    for (day, score), count in tally(own, (Answer.on_day, Answer.score), survey_id, within).items():
        given += count
        if score is None:
            continue
        month = months.setdefault(f"{day:%Y-%m}", {})
        month[score] = month.get(score, 0) + count
        counts[score] = counts.get(score, 0) + count
    return {
        "survey_id": survey.id, "measure": measure, "given": given, **describe_counts(measure, counts),
        "counts": {str(score): count for score, count in sorted(counts.items())},
        "months": [
            {"month": month, **describe_counts(measure, found)} for month, found in sorted(months.items())
        ],
        "questions": _by_question(own, survey_id, edition.questions, within),
        **_response(own, survey, (since, until)),
    }  # fmt: skip


def _by_question(
    own: Store, survey_id: UUID, questions: Sequence[Mapping[str, Any]], given: Sequence[ColumnElement[bool]]
) -> list[dict[str, Any]]:
    """Count what was chosen at the questions beside the score; a choice that nobody took is there with none."""
    counted = {q["key"]: q for q in questions if q["kind"] in ("scale", "single", "multiple")}
    if not counted:
        return []
    found: dict[str, Counter[str]] = {key: Counter() for key in counted}
    answered: Counter[str] = Counter()
    whole = cast(Answer.values, Text)  # few differ: what was written is not in them
    for (text,), count in tally(own, (whole,), survey_id, given, model=Answer).items():
        for key, value in msgspec.json.decode(text).items():
            if key in counted:
                answered[key] += count
                for one in value if isinstance(value, list) else [value]:
                    found[key][str(one)] += count
    return [
        {
            "key": key, "kind": q["kind"], "answered": answered[key],
            "counts": {one: found[key][one] for one in _all_choices(q, found[key])},
        }
        for key, q in counted.items()
    ]  # fmt: skip


def _all_choices(question: Mapping[str, Any], found: Mapping[str, int]) -> list[str]:
    """Return what could be chosen, then what only earlier editions had."""
    least, most = bounds_of(question)
    offered = question.get("choices") or [str(number) for number in range(least, most + 1)]
    return [*offered, *sorted(one for one in found if one not in offered)]


def tally(
    own: Store,
    columns: Sequence[Any],
    survey_id: UUID,
    more: Sequence[ColumnElement[bool]] = (),
    *,
    model: Any = None,
) -> Counter[tuple[Any, ...]]:
    """Count the rows of a survey by columns of one table: everybody's, less those of contacts that may not be used.

    To ask of each row whether its contact is in the bin or restricted would cost ten times as much as to count along an
    index and to take the few that are off again. What comes back is numbers alone.
    """
    raw, model = own.raw("count answers"), model or columns[0].class_
    counted = select(*columns, func.count()).where(*more).group_by(*columns)
    found = Counter(
        {tuple(row[:-1]): row[-1] for row in raw.rows(counted.where(model.survey_id == survey_id))}
    )
    hidden = or_(Contact.removed_at.is_not(None), Contact.restricted_at.is_not(None))
    ids = raw.scalars(select(Contact.id).where(hidden))
    theirs = select(model.survey_id, *columns, func.count()).where(*more).group_by(model.survey_id, *columns)
    for start in range(0, len(ids), 200):
        for row in raw.rows(theirs.where(model.contact_id.in_(ids[start : start + 200]))):
            if row[0] == survey_id:
                found[tuple(row[1:-1])] -= row[-1]
    return +found


def _within(since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(Answer.on_day >= since)
    if until is not None:
        found.append(Answer.on_day < until)
    return found


def span_of(survey_id: UUID, since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    """Return the conditions of the answers to a survey between two days, the last one left out."""
    return [Answer.survey_id == survey_id, *_within(since, until)]


def _counts(own: Store, span: Sequence[ColumnElement[bool]]) -> dict[int, int]:
    chosen = select(Answer.score, func.count()).where(*span, Answer.score.is_not(None)).group_by(Answer.score)
    return dict(tuple(row) for row in own.rows(chosen))


def describe_counts(measure: str, counts: Mapping[int, int]) -> dict[str, Any]:
    """Return the measure over answers counted by score: value, interval, standard error, and its parts."""
    parts: dict[str, Any] = {}
    if measure == "nps":
        promoters = sum(count for score, count in counts.items() if score >= 9)
        detractors = sum(count for score, count in counts.items() if score <= 6)
        passives = sum(counts.values()) - promoters - detractors
        found = score_nps(promoters, passives, detractors)
        parts = {"promoters": promoters, "passives": passives, "detractors": detractors}
    elif measure == "ces":
        parts["mean"], found = score_ces(counts)
    elif measure == "csat":
        found = score_csat(sum(count for score, count in counts.items() if score >= 4), sum(counts.values()))
    else:
        found = Score(sum(counts.values()), None, None, None)
    return {
        "answered": found.answered, "value": found.value, "low": found.low, "high": found.high, "error": found.error,
        **parts,
    }  # fmt: skip


def _response(own: Store, survey: Survey, days: tuple[date | None, date | None]) -> dict[str, Any]:
    """Count who was asked in a span and who of them answered; what was skipped, dismissed or expired is no answer."""
    since, until = days
    asked = [Invitation.sent_at >= _instant(since)] if since is not None else []
    asked += [Invitation.sent_at < _instant(until)] if until is not None else []
    found = tally(own, (Invitation.state,), survey.id, asked)
    sent, answered = sum(found[(state,)] for state in (SENT, ANSWERED, EXPIRED)), found[(ANSWERED,)]
    if survey.anonymous:  # no invitation says that it was answered
        unknown = (
            select(func.count())
            .select_from(Answer)
            .where(*span_of(survey.id, *days), Answer.way == "anonymous")
        )
        answered = own.rows(unknown)[0][0]
    skipped = select(Invitation.reason, func.count()).where(
        Invitation.survey_id == survey.id, Invitation.state == SKIPPED
    )
    return {
        "sent": sent,
        "responses": answered,
        "response_rate": 100 * answered / sent if sent else None,
        "skipped": dict(tuple(row) for row in own.rows(skipped.group_by(Invitation.reason))),
    }


def _instant(day: date) -> Any:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def compare(
    store: Store, survey_id: UUID, first: tuple[date, date], second: tuple[date, date]
) -> dict[str, Any]:
    """Return two waves of a survey and how far they lie apart, by z on the difference.

    Raises Invalid for a survey whose measure has no standard error.
    """
    store.require("survey.read")
    survey = store.get(Survey, survey_id)
    measure, own = edition_of(store, survey).measure, store.system("results")
    if measure not in ("nps", "csat"):
        problem = Problem("/survey_id", "measures nothing whose waves can be compared", "measure")
        raise Invalid("the waves cannot be compared", problems=[problem])
    waves = [describe_counts(measure, _counts(own, span_of(survey_id, *days))) for days in (first, second)]
    scores = [Score(w["answered"], w["value"], w["low"], w["high"], w["error"]) for w in waves]
    apart = compare_waves(*scores)
    names = ("points", "error", "margin", "z", "significant")
    return {
        "first": waves[0], "second": waves[1],
        "difference": {name: getattr(apart, name) for name in names} if apart is not None else None,
    }  # fmt: skip


def read_days(name: str, text: str) -> tuple[date, date]:
    """Return the first day of a wave and the day after its last; raises Invalid for what is no ``2026-01-01..2026-04-01``."""
    since, _, until = text.partition("..")
    try:
        days = date.fromisoformat(since), date.fromisoformat(until)
    except ValueError:
        days = None
    if days is None or days[0] >= days[1]:
        problem = Problem(
            f"/{name}", "must be two days, as 2026-01-01..2026-04-01, the later one left out", "days"
        )
        raise Invalid("the waves cannot be compared", problems=[problem])
    return days


def list_answers(
    store: Store, survey_id: UUID, *, after: Sequence[Any] | None = None, limit: int = 50, group: str = ""
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Return answers of the contacts that the reader sees, and unknown ones, newest first, with what was written beside
    them if the reader may read that, and where the next page starts after."""
    store.require("survey.read")
    chosen = select(Answer).where(Answer.survey_id == survey_id)
    if group:
        bounds = {"promoter": (9, 10), "passive": (7, 8), "detractor": (0, 6)}
        if group not in bounds:
            problem = Problem("/group", f"must be one of {', '.join(bounds)}", "unknown")
            raise Invalid("the group is unknown", problems=[problem])
        chosen = chosen.where(Answer.score.between(*bounds[group]))
    if after is not None:
        day, last = date.fromisoformat(after[0]), UUID(after[1])
        chosen = chosen.where(or_(Answer.on_day < day, and_(Answer.on_day == day, Answer.id < last)))
    rows: list[Answer] = store.scalars(
        chosen.order_by(Answer.on_day.desc(), Answer.id.desc()).limit(limit + 1)
    )
    shown = rows[:limit]
    words = _words(store, shown) if store.may("survey_comment.read") else {}
    found = [describe_answer(one, words.get(one.id)) for one in shown]
    return found, [shown[-1].on_day.isoformat(), str(shown[-1].id)] if len(rows) > limit else None


def _words(store: Store, answers: Sequence[Answer]) -> dict[UUID, Mapping[str, str]]:
    ids, found = [one.id for one in answers], dict[UUID, Mapping[str, str]]()
    for model in (Comment, Note):
        rows = store.scalars(select(model).where(model.answer_id.in_(ids)))
        store.unseal(rows)
        found |= {row.answer_id: row.texts for row in rows}
    return found


def describe_answer(answer: Answer, words: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return an answer as it is shown; `words` are what was written, None for a reader who may not see it."""
    names = (
        "id",
        "survey_id",
        "edition",
        "contact_id",
        "score",
        "values",
        "on_day",
        "answered_at",
        "language",
        "way",
    )
    return {
        **{name: getattr(answer, name) for name in names},
        "texts": dict(words) if words is not None else {},
    }


def answers_of(store: Store, contact_id: UUID) -> list[tuple[Answer, str]]:
    """Return a contact's last ten answers, each with the survey's name."""
    store.require("survey.read")
    chosen = select(Answer, Survey.name).join(Survey, Survey.id == Answer.survey_id)
    rows = store.rows(
        chosen.where(Answer.contact_id == contact_id).order_by(Answer.answered_at.desc()).limit(10)
    )
    return [(answer, name) for answer, name in rows]
