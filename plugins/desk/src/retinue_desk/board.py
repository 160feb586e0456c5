"""A list as a board: one column for each choice of a field, and one for those without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from retinue.lists import ListField, Test, both, select_page
from retinue_desk.listing import Listing
from retinue_desk.words import Speech

CARDS: Final = 25
"""How many cards a column shows; the heading counts all, up to `COUNTED`."""
COUNTED: Final = 1000
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the choice (empty for those without), its label, how many there are, and the first of them."""

    value: str
    label: str
    count: int
    cards: tuple[dict[str, Any], ...]


def board_fields(listing: Listing) -> list[ListField]:
    """Return the fields a board can be grouped by: choices that can be filtered by and changed."""
    fixed = ("kind", *listing.store.actor.locked_fields)
    fields = [f for f in listing.fields.values() if f.kind == "choice" and f.choices and f.filterable]
    return [f for f in fields if f.name not in fixed and f"contact.{f.name}" not in fixed]


def read_board(listing: Listing, by: ListField, speech: Speech) -> list[Column]:
    """Return the columns of the listing's contacts by one field."""
    choices = [(value, speech.say(value), Test(by.name, "eq", value)) for value in by.choices[:_MOST]]
    choices.append(("", speech.say("not chosen"), Test(by.name, "is_empty", None)))
    found = []
    for value, label, test in choices:
        wanted = replace(
            listing.request, tree=both(listing.request.tree, test), limit=CARDS, after=None, count_cap=COUNTED
        )
        page = select_page(listing.store, listing.catalogue, wanted)
        cards = tuple(
            {
                "id": row["id"],
                "name": row.get("name") or "—",
                "kind": row.get("kind") or "person",
                "second": row.get("job_title") or row.get("city") or "",
            }
            for row in page.rows
        )
        found.append(Column(value, label, page.count or 0, cards))
    return found
