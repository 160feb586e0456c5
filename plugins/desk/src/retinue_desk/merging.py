"""Records side by side: for each field the values of all, and which of them a merge would keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from retinue import Store
from retinue.errors import Invalid, Problem
from retinue.lists import Catalogue
from retinue_desk.card import Card, Line
from retinue_desk.showing import EMPTY, Shown
from retinue_desk.words import Speech

MOST: Final = 10
PICKED: Final = (
    "name", "kind", "title_before", "given_name", "middle_name", "family_name", "title_after", "sex", "birth_date",
    "job_title", "business_line", "status", "source", "website", "language", "country", "region", "city",
    "postal_code", "preferred_channel", "time_zone", "note",
)  # fmt: skip
JOINED: Final = ("emails", "phones", "addresses", "socials", "tag")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of all records; `chosen` is the place of the record whose value a merge keeps."""

    name: str
    label: str
    values: Sequence[Shown]
    chosen: int
    differs: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Records side by side; the first is the one that stays unless another is chosen."""

    cards: Sequence[Card]
    fields: Sequence[Field]
    joined: Sequence[Field]


def compare_contacts(store: Store, catalogue: Catalogue, ids: Sequence[UUID], speech: Speech) -> Comparison:
    """Return two or more contacts side by side; raises Invalid for fewer, or for too many to look at."""
    wanted = list(dict.fromkeys(ids))
    if not 2 <= len(wanted) <= MOST:
        raise Invalid("these cannot be merged", problems=[Problem("?ids", f"name 2 to {MOST} contacts")])
    cards = [Card(store, catalogue, contact_id, speech=speech) for contact_id in wanted]
    lines = [
        {line.name: line for line in (*card.naming(), *card.business(), *card.reach())} for card in cards
    ]
    fields = [_field(name, lines) for name in PICKED]
    joined = [_field(name, lines) for name in JOINED]
    return Comparison(cards, [f for f in fields if f is not None], [f for f in joined if f is not None])


def _field(name: str, lines: Sequence[dict[str, Line]]) -> Field | None:
    found = [line.get("tags" if name == "tag" else name) for line in lines]
    shown = [line.shown if line is not None else EMPTY for line in found]
    filled = [place for place, value in enumerate(shown) if value.how != "empty"]
    label = next((line.label for line in found if line is not None), name)
    if not filled:
        return None
    return Field(name, label, shown, filled[0], len({(v.text, v.parts) for v in shown}) > 1)
