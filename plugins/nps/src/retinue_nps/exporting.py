"""Answers as a file: one line each, a column for each question that was ever asked, for any spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.errors import Conflict
from retinue_nps.models import Edition, Survey
from retinue_nps.results import list_answers

MOST: Final = 200_000
_PIECE: Final = 1000
_FIRST: Final = ("day", "answered_at", "contact_id", "customer", "language", "way", "edition", "score")
_SIGNS: Final = tuple("=+-@\t\r\n|%")


def export_csv(store: Store, survey_id: UUID) -> tuple[str, bytes]:
    """Return name and bytes of a CSV file with the answers of the contacts that the reader sees, and unknown ones.

    What was written is in it for a reader who may read that. Texts that a spreadsheet would take for a formula get an
    apostrophe in front. Raises Conflict for more than two hundred thousand answers.
    """
    store.require("survey.export")
    survey = store.get(Survey, survey_id)
    asked = dict.fromkeys(
        question["key"]
        for edition in store.scalars(
            select(Edition).where(Edition.survey_id == survey.id).order_by(Edition.number)
        )
        for question in edition.questions
    )
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*_FIRST, *asked])
    count = 0
    for piece in _pieces(store, survey.id):
        count += len(piece)
        if count > MOST:
            raise Conflict(
                f"the survey has more than {MOST} answers", code="export-too-large",
                remedy="Fetch them page by page instead.",
            )  # fmt: skip
        names = _names(store, piece)
        writer.writerows(_line(answer, names, list(asked)) for answer in piece)
    store.record("survey.export", detail={"survey": str(survey.id), "answers": count})
    return f"{survey.key}.csv", out.getvalue().encode("utf-8-sig")


def _pieces(store: Store, survey_id: UUID) -> Iterator[list[dict[str, Any]]]:
    after: Sequence[Any] | None = None
    while True:
        found, after = list_answers(store, survey_id, after=after, limit=_PIECE)
        if found:
            yield found
        if after is None:
            return


def _names(store: Store, piece: Sequence[Mapping[str, Any]]) -> dict[UUID, str]:
    ids = {one["contact_id"] for one in piece if one["contact_id"]}
    if not ids or not store.may("contact.read"):
        return {}
    return dict(tuple(row) for row in store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(ids))))


def _line(answer: Mapping[str, Any], names: Mapping[UUID, str], asked: Sequence[str]) -> list[Any]:
    said = {**answer["values"], **answer["texts"]}
    own = [
        answer["on_day"].isoformat(), answer["answered_at"].isoformat() if answer["answered_at"] else "",
        answer["contact_id"] or "", names.get(answer["contact_id"], ""), answer["language"], answer["way"],
        answer["edition"], answer["score"],
    ]  # fmt: skip
    return [_cell(value) for value in (*own, *(said.get(name) for name in asked))]


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value.lstrip().startswith(_SIGNS):
        return f"'{value}"
    return "" if value is None else value
