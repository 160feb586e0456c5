"""Following up: a low score is a promise to its customer, with an owner and a day, and is measured until it is closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update

from retinue import Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict
from retinue.interactions import keep_promise, record_interaction
from retinue_nps.models import CHANGED, DONE, OPEN, Answer, FollowUp, Survey
from retinue_nps.scoring import DETRACTOR, group_of

PROMISE: Final = "promise"


def judge(own: Store, survey: Survey, answer: Answer, before: int | None, *, fresh: bool) -> None:
    """Open, close or leave a follow-up as the score of an answer asks for, in the transaction of the answer.

    `before` is the score that a `fresh` answer has not.
    """
    assert answer.score is not None and answer.contact_id is not None  # noqa: PT018  # the caller has looked
    mine = select(FollowUp).where(FollowUp.answer_id == answer.id)
    known: FollowUp | None = None if fresh else own.first(mine)
    low = group_of(answer.score) == DETRACTOR
    if known is None:
        if fresh:
            _note_later_score(own, answer)
        if low:
            _open(own, survey, answer)
    elif not low and known.state == OPEN:
        keep_promise(own, known.interaction_id)
        known.state, known.closed_at, known.later_score = CHANGED, own.now, answer.score
    elif low and before != answer.score:
        known.score = answer.score
    own.flush()


def _open(own: Store, survey: Survey, answer: Answer) -> None:
    contact = own.get(Contact, answer.contact_id)
    due = own.now + timedelta(hours=survey.follow_hours)
    promise = record_interaction(
        own,
        contact.id,
        {
            "kind": PROMISE, "subject": f"{survey.name}: {answer.score}", "data": {"due": due.date().isoformat()},
            "source_key": f"nps {answer.id.hex}",
        },
    )  # fmt: skip
    own.add(
        FollowUp(
            id=new_id(), answer_id=answer.id, contact_id=contact.id, interaction_id=promise.id,
            owner_id=contact.owner_id, state=OPEN, score=answer.score, opened_at=own.now, due_at=due,
        )
    )  # fmt: skip


def _note_later_score(own: Store, answer: Answer) -> None:
    waiting = (FollowUp.contact_id == answer.contact_id, FollowUp.later_score.is_(None))
    own.change(update(FollowUp).where(*waiting).values(later_score=answer.score))


def notice_contact(store: Store, interactions: Sequence[Any]) -> None:
    """Note when somebody first spoke to a customer whose low score is open; a promise kept by hand closes it."""
    spoken = {one.contact_id for one in interactions if one.plugin != "nps" and one.counts and not one.hidden}
    kept = {one.corrects_id for one in interactions if one.kind == PROMISE and one.corrects_id}
    if not spoken and not kept:
        return
    own = store.system("follow-ups")
    if spoken:
        first = (FollowUp.contact_id.in_(spoken), FollowUp.state == OPEN, FollowUp.contacted_at.is_(None))
        own.change(update(FollowUp).where(*first).values(contacted_at=own.now))
    if kept:
        done = (FollowUp.interaction_id.in_(kept), FollowUp.state == OPEN)
        own.change(update(FollowUp).where(*done).values(state=DONE, closed_at=own.now))


def list_follow_ups(store: Store, state: str = "") -> list[FollowUp]:
    """Return the follow-ups of the contacts that the reader sees, the first due first; at most 200."""
    store.require("survey.read")
    chosen = select(FollowUp)
    if state:
        chosen = chosen.where(FollowUp.state == state)
    return store.scalars(chosen.order_by(FollowUp.due_at, FollowUp.id).limit(200))


def close_follow_up(store: Store, follow_up_id: UUID) -> FollowUp:
    """Note that a low score was followed up; the promise is kept. Raises Conflict if it is closed already."""
    store.require("survey.follow")
    row = store.get(FollowUp, follow_up_id, lock=True)
    store.require("survey.follow", store.get(Contact, row.contact_id))
    if row.state != OPEN:
        raise Conflict("The follow-up is closed already.", code="follow-up-state", remedy="Read it again.")
    own = store.system("follow-ups")
    keep_promise(own, row.interaction_id)
    row.state, row.closed_at = DONE, store.now
    store.flush()
    return row


def describe_loop(rows: Iterable[FollowUp]) -> dict[str, Any]:
    """Return how the loop is closed: how many, hours to the first contact (median), and scores before and after."""
    found = list(rows)
    hours = sorted(
        (one.contacted_at - one.opened_at).total_seconds() / 3600
        for one in found
        if one.contacted_at is not None
    )
    again = [(one.score, one.later_score) for one in found if one.later_score is not None]
    return {
        "opened": len(found),
        "closed": sum(one.state != OPEN for one in found),
        "contacted": len(hours),
        "median_hours": _median(hours),
        "asked_again": len(again),
        "mean_before": sum(before for before, _ in again) / len(again) if again else None,
        "mean_after": sum(after for _, after in again) / len(again) if again else None,
    }


def _median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
