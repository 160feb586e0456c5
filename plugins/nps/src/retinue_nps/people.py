"""What happens to surveys when people are merged, erased, or ask for their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update

from retinue import ContactExport, Store, new_id
from retinue.contacts import Contact
from retinue_nps.answering import renew_standing
from retinue_nps.models import Answer, Comment, FollowUp, Invitation, Rest, Review, Standing, Survey

_MOVED: Any = (Invitation, Answer, FollowUp, Comment, Review)


def move_answers(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Give what merged contacts were asked and said to the one that stays; each row remembers whose it was."""
    own, ids = store.system("surveys"), [contact.id for contact in merged]
    reviewed = own.first(select(Review.id).where(Review.contact_id == survivor.id)) is not None
    for contact_id in ids:
        _rename_twins(own, survivor.id, contact_id)
        for model in (Invitation, Answer, FollowUp):
            mine = (model.contact_id == contact_id,)
            own.change(update(model).where(*mine, model.merged_from.is_(None)).values(merged_from=contact_id))
            own.change(update(model).where(*mine).values(contact_id=survivor.id))
        for comment in own.scalars(select(Comment).where(Comment.contact_id == contact_id)):
            _hand_over(own, comment, survivor.id, "texts")
        review: Review | None = own.first(select(Review).where(Review.contact_id == contact_id))
        if review is not None and not reviewed:  # one is asked once: a second one stays where it was
            _hand_over(own, review, survivor.id, "words")
            reviewed = True
    for contact_id in (survivor.id, *ids):
        _renew(own, contact_id)


def _rename_twins(own: Store, survivor_id: UUID, contact_id: UUID) -> None:
    """Tell invitations because of the same thing apart, so that one contact can have both."""
    chosen = select(Invitation.survey_id, Invitation.cause).where(Invitation.contact_id == survivor_id)
    taken = {tuple(row) for row in own.rows(chosen)}
    for row in own.scalars(select(Invitation).where(Invitation.contact_id == contact_id)):
        if (row.survey_id, row.cause) in taken:
            row.cause = f"{row.id.hex} {row.cause}"[:80]
    own.flush()


def _hand_over(own: Store, row: Any, contact_id: UUID, name: str, *, back: bool = False) -> None:
    """Seal a row anew, under the key of another contact."""
    own.unseal([row])
    said, before = getattr(row, name), row.contact_id
    row.contact_id = contact_id
    row.merged_from = None if back else row.merged_from or before
    setattr(row, name, dict(said))
    own.flush()


def _renew(own: Store, contact_id: UUID) -> None:
    """Work the standing and the rest of a contact out anew."""
    renew_standing(own, contact_id)
    last = own.rows(select(func.max(Invitation.sent_at)).where(Invitation.contact_id == contact_id))[0][0]
    own.change(delete(Rest).where(Rest.contact_id == contact_id))
    if last is not None:
        own.insert_many(Rest, [{"id": new_id(), "contact_id": contact_id, "sent_at": last}])


def part_answers(store: Store) -> None:
    """Give answers back to contacts whose merge was undone, and work every standing out anew."""
    own = store.system("surveys")
    moved: set[UUID] = set()
    for model in _MOVED:
        moved |= set(own.scalars(select(model.merged_from).where(model.merged_from.is_not(None)).distinct()))
    back = own.scalars(select(Contact.id).where(Contact.id.in_(moved), Contact.merged_into.is_(None)))
    touched: set[UUID] = set(back)
    for contact_id in back:
        for model in (Invitation, Answer, FollowUp):
            mine = (model.merged_from == contact_id,)
            touched |= set(own.scalars(select(model.contact_id).where(*mine, model.contact_id.is_not(None))))
            own.change(update(model).where(*mine).values(contact_id=contact_id, merged_from=None))
        for sealed_model, name in ((Comment, "texts"), (Review, "words")):
            for row in own.scalars(select(sealed_model).where(sealed_model.merged_from == contact_id)):
                _hand_over(own, row, contact_id, name, back=True)
    for contact_id in touched:
        _renew(own, contact_id)


def forget_people(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Take erased persons off their answers and delete what they wrote; the numbers stay, by the day."""
    own = store.system("surveys")
    for model in (Comment, Review, FollowUp, Standing, Rest):
        own.change(delete(model).where(model.contact_id.in_(contact_ids)))
    gone = update(Answer).where(Answer.contact_id.in_(contact_ids))
    own.change(
        gone.values(
            contact_id=None,
            invitation_id=None,
            answered_at=None,
            changed_at=None,
            language="",
            merged_from=None,
        )
    )
    own.change(delete(Invitation).where(Invitation.contact_id.in_(contact_ids)))


def export_answers(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Return what each contact was asked and said, for the copy of their data."""
    own = store.system("surveys")
    names = dict(tuple(row) for row in own.rows(select(Survey.id, Survey.name)))
    found: dict[UUID, list[dict[str, Any]]] = {}
    asked = select(Invitation).where(Invitation.contact_id.in_(contact_ids)).order_by(Invitation.created_at)
    for one in own.scalars(asked):
        found.setdefault(one.contact_id, []).append(
            {
                "survey": names[one.survey_id], "invitation": one.state, "reason": one.reason,
                "sent_at": one.sent_at.isoformat() if one.sent_at else None,
            }
        )  # fmt: skip
    comments = own.scalars(select(Comment).where(Comment.contact_id.in_(contact_ids)))
    reviews = own.scalars(select(Review).where(Review.contact_id.in_(contact_ids)))
    own.unseal([*comments, *reviews])
    words = {comment.answer_id: comment.texts for comment in comments}
    chosen = select(Answer).where(Answer.contact_id.in_(contact_ids)).order_by(Answer.answered_at)
    for answer in own.scalars(chosen):
        found.setdefault(answer.contact_id, []).append(
            {
                "survey": names[answer.survey_id], "answered_at": answer.answered_at.isoformat() if answer.answered_at else None,
                "score": answer.score, "answers": answer.values, "texts": words.get(answer.id, {}),
            }
        )  # fmt: skip
    for review in reviews:
        given = {"review": review.words.get("text", ""), "may_be_published": review.publish}
        record = {"asked_for_a_review": review.asked_at.isoformat(), **given}
        found.setdefault(review.contact_id, []).append(record)
    return [ContactExport(contact_id, "surveys", records) for contact_id, records in found.items()]
