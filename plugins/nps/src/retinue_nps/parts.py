"""Parts of the customers: the measure for each value of a field, of the contact or of any plugin's, but for small parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, Select, cast, extract, func, select

from retinue import Problem, Store
from retinue.contacts import Contact
from retinue.errors import Invalid
from retinue.lists import Catalogue, ListField
from retinue_nps.models import Answer, Survey
from retinue_nps.results import describe_counts, span_of
from retinue_nps.service import edition_of

LEAST: Final = 5
"""Fewer answers than this are shown for no part: one could tell who gave them."""
MOST: Final = 500
_KINDS: Final = frozenset(
    {"text", "choice", "boolean", "integer", "account", "team", "contact", "tags", "date", "datetime"}
)
_NOTHING: Final = {"answered": None, "value": None, "low": None, "high": None}


def part_fields(store: Store) -> list[ListField]:
    """Return the fields by which the reader can take answers apart: of the contact, custom, and of plugins."""
    return [field for field in _catalogue(store).visible(store.actor) if _usable(field)]


def _catalogue(store: Store) -> Catalogue:
    found: Catalogue = store.declared["catalogues"].of(store, "contact")
    return found


def _usable(field: ListField) -> bool:
    return field.kind in _KINDS and bool(field.operators) and (field.link or field.expression) is not None


def break_down(
    store: Store, survey_id: UUID, by: str, *, since: date | None = None, until: date | None = None
) -> list[dict[str, Any]]:
    """Return the measure for each value of a field; parts of fewer than five answers have no numbers.

    Dates go by their year; a contact with two tags is in both parts. Raises Invalid for a field that is none, is not for
    the reader, or has more than five hundred values.
    """
    store.require("survey.read")
    survey = store.get(Survey, survey_id)
    field = _catalogue(store).find(by, store.actor)
    if field is None or not _usable(field):
        known = ", ".join(field.name for field in part_fields(store))
        raise _refused(f"must be one of {known}", "unknown")
    measure = edition_of(store, survey).measure
    chosen = _selected(field, (*span_of(survey_id, since, until), Answer.score.is_not(None)))
    counts: dict[str, dict[int, int]] = {}
    for value, score, count in store.system("results").rows(chosen):
        part = counts.setdefault(_named(value), {})
        part[score] = part.get(score, 0) + count
    if len(counts) > MOST:
        raise _refused(f"has more than {MOST} values", "too-many")
    return list(_described(measure, counts))


def _refused(detail: str, code: str) -> Invalid:
    return Invalid("the parts are unknown", problems=[Problem("/by", detail, code)])


def _selected(field: ListField, where: Sequence[Any]) -> Select[Any]:
    """Return the select of value, score and number of answers."""
    value: Any = field.link.name if field.link is not None else field.expression
    if field.kind in ("date", "datetime"):
        value = cast(extract("year", value), Integer)
    chosen = select(value, Answer.score, func.count()).select_from(Answer)
    chosen = chosen.join(Contact, Contact.id == Answer.contact_id)
    if field.link is not None:
        link = field.link
        tied = link.owner.class_
        chosen = chosen.outerjoin(tied, link.owner == Contact.id).outerjoin(
            link.key.class_, link.item == link.key
        )
    if field.facet is not None:
        chosen = chosen.outerjoin(field.facet.model, field.facet.owner == Contact.id)
    return chosen.where(*where).group_by(value, Answer.score)


def _named(value: Any) -> str:
    if value is None or value == "":
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _described(measure: str, counts: dict[str, dict[int, int]]) -> Iterable[dict[str, Any]]:
    for part, found in sorted(counts.items()):
        shown = describe_counts(measure, found) if sum(found.values()) >= LEAST else _NOTHING
        yield {"part": part, **shown}
