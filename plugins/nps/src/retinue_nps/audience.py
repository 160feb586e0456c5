"""Asking everybody of a saved view, a piece in each transaction, as whoever asks sees the view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid
from retinue.jobs import DONE, BatchJob, RunningJob
from retinue.lists import count_view, get_view, view_ids
from retinue_nps.asking import BY_HAND, order_invitations
from retinue_nps.models import ACTIVE, Survey

INVITE: Final = "nps.invite_view"
SEND: Final = "nps.send_due"
PIECE: Final = 1000
_COUNTED: Final = 1_000_000


def start_inviting(store: Store, survey_id: UUID, view_id: UUID, cause: str = "") -> dict[str, Any]:
    """Invite everybody of a saved view by a job; returns its id and how many the view finds.

    Each is asked once for a `cause`, the day unless it is given. Raises Conflict for a survey that is not open and for
    a view that finds nobody or has stopped, Invalid for a view that lists no contacts.
    """
    store.require("survey.invite")
    survey = store.get(Survey, survey_id)
    _check(survey)
    view = get_view(store, view_id)
    if view.entity != "contact":
        problem = Problem("/view_id", f'the view "{view.name}" lists no contacts', "entity")
        raise Invalid("the invitation is not valid", problems=[problem])
    count = count_view(store, store.declared["catalogues"], view.id, _COUNTED)
    if not count:
        raise Conflict(
            "The view finds nobody.",
            code="audience-empty",
            remedy="Choose another view, or change its filter.",
        )
    cause = f"{BY_HAND} {cause}" if cause else f"{BY_HAND} {store.now:%Y-%m-%d}"
    payload = {"survey_id": str(survey.id), "view_id": str(view.id), "cause": cause}
    job_id = store.later(INVITE, payload, as_actor=True)
    return {"job_id": job_id, "count": count}


def _check(survey: Survey) -> None:
    if survey.status != ACTIVE:
        raise Conflict("The survey is not open.", code="survey-state", remedy="Open it first.")


class InviteView(BatchJob):
    """The job that invites a view; killed, it goes on behind the last piece that was committed."""

    def step(self, store: Store, payload: dict[str, Any], state: Any, job: RunningJob) -> Any:
        """Invite the next piece."""
        following = invite_piece(store, payload, state)
        if following is not DONE:
            job.progress(following["total"])
        return following


def invite_piece(store: Store, payload: Mapping[str, Any], state: Mapping[str, Any] | None) -> Any:
    """Plan the invitations of the next contacts of a view; returns the state after it, or DONE."""
    survey = store.get(Survey, UUID(payload["survey_id"]))
    _check(survey)
    after = UUID(state["after"]) if state else None
    catalogues = store.declared["catalogues"]
    ids = next(view_ids(store, catalogues, UUID(payload["view_id"]), size=PIECE, after=after), [])
    store.require("survey.invite", *store.scalars(select(Contact).where(Contact.id.in_(ids))))
    own = store.system("ask a view")
    order_invitations(own, [survey], [(one, payload["cause"]) for one in ids])
    if len(ids) == PIECE:
        return {"after": str(ids[-1]), "total": (state["total"] if state else 0) + len(ids)}
    own.later(SEND, {})
    return DONE
