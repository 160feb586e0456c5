"""What was done, and taking it back: changes, merging, jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from litestar import Response

from retinue import Store
from retinue.errors import BadRequest
from retinue.history import list_change_sets
from retinue.jobs import list_jobs
from retinue.lists import Catalogues
from retinue_desk.base_routes import AnyRequest, Handlers, Pages
from retinue_desk.merging import compare_contacts

ACTIONS: Final = {
    "contact.create": "Contacts created",
    "contact.change": "Contact changed",
    "contact.remove": "Put in the bin",
    "contact.merge": "Contacts merged",
    "contact.import": "File imported",
    "contact.tag": "Tags changed",
    "contact.batch": "Several contacts changed",
    "contact.bulk_tag": "Tag put on many",
    "contact.bulk_untag": "Tag taken off many",
    "contact.bulk_assign": "Many given to another owner",
    "contact.bulk_remove": "Many put in the bin",
    "contact.hand_over": "Contacts handed over",
    "interaction.create": "Interaction written down",
    "interaction.correct": "Interaction corrected",
    "interaction.withdraw": "Interaction withdrawn",
    "relation.create": "Relation added",
    "relation.remove": "Relation removed",
    "view.create": "View saved",
    "view.change": "View changed",
    "view.remove": "View removed",
    "change_set.revert": "Change undone",
}
"""Deeds as people read them; one that is not here is shown by its name."""
_PAGE: Final = 40


def change_routes(pages: Pages) -> Handlers:
    """Return the routes of changes, merging and jobs."""
    catalogues: Catalogues = pages.front.house.catalogues

    @pages.get("/merge", permission="contact.merge")
    def merge_page(store: Store, request: AnyRequest, ids: str = "") -> Response[Any]:
        speech = pages.front.speech(store)
        found = compare_contacts(store, catalogues.of(store, "contact"), _ids(ids), speech)
        return pages.answer(store, request, "desk/merge.html", found=found)

    @pages.get("/changes", permission="change_set.read")
    def changes_page(
        store: Store, request: AnyRequest, mine: bool = False, before: str = ""
    ) -> Response[Any]:
        found = list_change_sets(store, mine=mine, before=_moment(before), limit=_PAGE + 1)
        values = {"changes": found[:_PAGE], "actions": ACTIONS, "mine": mine}
        following = found[_PAGE - 1].at.isoformat() if len(found) > _PAGE else ""
        return pages.answer(store, request, "desk/changes.html", following=following, **values)

    @pages.get("/jobs", permission="job.read")
    def jobs_page(store: Store, request: AnyRequest, status: str = "") -> Response[Any]:
        found = list_jobs(store, state=status or None, name=None, limit=100)
        if request.headers.get("hx-request"):
            return pages.part(store, "desk/jobs_table.html", jobs=found)
        return pages.answer(store, request, "desk/jobs.html", jobs=found, status=status)

    return [merge_page, changes_page, jobs_page]


def _ids(text: str) -> list[UUID]:
    try:
        return [UUID(part) for part in text.split(",") if part]
    except ValueError:
        raise BadRequest("The contacts to merge cannot be read.") from None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise BadRequest("The place in the list cannot be read.") from None
