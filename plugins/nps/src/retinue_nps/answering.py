"""Answering: what a link opens, and one answer for each, changed for a while by whoever gave it.

Opening a link changes nothing, whoever opens it: only a form that was fetched, filled in and sent is an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update

from retinue import Problem, Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Denied, Invalid
from retinue.web import make_link, read_link
from retinue_nps import following
from retinue_nps.asking import ANONYMOUS, ASKED, OPEN_LINK
from retinue_nps.models import (
    ACTIVE,
    ANSWERED,
    EXPIRED,
    SENT,
    Answer,
    Comment,
    Edition,
    Invitation,
    Note,
    Review,
    Standing,
    Survey,
)
from retinue_nps.questions import read_answers
from retinue_nps.scoring import PROMOTER, group_of
from retinue_nps.service import edition_of

PAGE: Final = "survey page"
REWARD: Final = "loyalty.record_events"
"""A job of the plugin loyalty; while that is off, the news waits for it."""
_PAGE_LASTS: Final = timedelta(days=1)
_KINDS: Final = {"asked": ASKED, "anonymous": ANONYMOUS, "open": OPEN_LINK}


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link is about; `answer` is what was given by it, `mark` what tells an anonymous link from others."""

    survey: Survey
    edition: Edition
    kind: str
    invitation: Invitation | None = None
    answer: Answer | None = None
    mark: bytes | None = None


def open_link(store: Store, token: str, *, lock: bool = False) -> Opened:
    """Return what a link is about; raises Denied if it is none of ours, over, or answered beyond change.

    `lock` holds others who answer the same off until the transaction ends.
    """
    own = store.system("answer")
    kind, link = _read_any(own, token)
    if kind != "asked":
        survey = own.find(Survey, link.subject, lock=lock)
        mark = None if kind == "open" else _digest(link.mark)
        _check_open(survey)
        assert survey is not None  # the line before
        if mark is not None and own.first(select(Answer.id).where(Answer.mark == mark)):
            raise _answered()
        return Opened(survey, edition_of(own, survey), kind, mark=mark)
    invitation = own.find(Invitation, link.subject, lock=lock)
    if invitation is None:  # the contact was erased, and what they were asked with them
        raise Denied("This link is no longer valid.", code="link-expired", remedy="Ask for a new one.")
    survey = own.get(Survey, invitation.survey_id)
    _check_open(survey)
    answer: Answer | None = own.first(select(Answer).where(Answer.invitation_id == invitation.id))
    if answer is None and invitation.state not in (SENT, EXPIRED, ANSWERED):
        raise Denied("This link is not valid.", code="link-invalid", remedy="Ask for a new one.")
    if answer is not None and not _may_change(own, survey, answer):
        raise _answered()
    edition = edition_of(own, survey, answer.edition if answer is not None else None)
    return Opened(survey, edition, kind, invitation, answer)


def _read_any(own: Store, token: str) -> tuple[str, Any]:
    refusal: Denied | None = None
    for kind, purpose in _KINDS.items():
        try:
            return kind, read_link(own, purpose, token)
        except Denied as fault:
            if refusal is None or fault.code == "link-expired":
                refusal = fault
    assert refusal is not None  # there are three kinds
    raise refusal


def _check_open(survey: Survey | None) -> None:
    if survey is None or survey.status != ACTIVE:
        raise Denied("This survey is closed.", code="survey-closed", remedy="Thank you for your interest.")


def _answered() -> Conflict:
    return Conflict("This was answered already.", code="answered", remedy="Thank you: nothing is left to do.")


def _may_change(own: Store, survey: Survey, answer: Answer) -> bool:
    return answer.answered_at is not None and own.now < answer.answered_at + timedelta(
        hours=survey.edit_hours
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def make_page_token(store: Store, opened: Opened) -> str:
    """Return what a form carries, to show that it was fetched before it was sent."""
    return make_link(store, PAGE, opened.survey.id, lasts=_PAGE_LASTS)


def answer_link(
    store: Store, token: str, given: Mapping[str, Any], *, page: str, language: str = ""
) -> Answer:
    """Take the answer that a form sends; a second one changes the first while it may be changed.

    Raises Denied for a link or form that is none of ours, Conflict for one answered beyond change, Invalid per answer.
    """
    opened = open_link(store, token, lock=True)
    own = store.system("answer")
    try:
        form = read_link(own, PAGE, page)
    except Denied:
        form = None
    if form is None or form.subject != opened.survey.id:
        raise Invalid("Send it once more, please: this page had been open for too long.", code="page")
    mark = opened.mark if opened.kind != "open" else _digest(form.mark)
    if opened.kind == "open":
        own.get(Survey, opened.survey.id, lock=True)
        if own.first(select(Answer.id).where(Answer.mark == mark)):
            raise _answered()
    contact_id = opened.invitation.contact_id if opened.invitation is not None else None
    answer = opened.answer or _blank(own, opened, contact_id=contact_id, mark=mark)
    return _write(own, opened, answer, given, exact=False, language=language)


def record_answer(store: Store, survey_id: UUID, draft: Mapping[str, Any]) -> Answer:
    """Take an answer that somebody of the staff was told, by telephone or at the counter.

    Raises Conflict for a survey that is not open or anonymous, Invalid per answer.
    """
    store.require("survey.answer")
    contact = store.get(Contact, draft["contact_id"])
    store.require("survey.answer", contact)
    survey = store.get(Survey, survey_id)
    if survey.status != ACTIVE or survey.anonymous:
        words = (
            "The survey is anonymous: nobody answers it for somebody."
            if survey.anonymous
            else "The survey is not open."
        )
        raise Conflict(words, code="survey-state", remedy="Choose another survey, or open it.")
    own = store.system("answer")
    opened = Opened(survey, edition_of(own, survey), "told")
    answer = _blank(own, opened, contact_id=contact.id, mark=None)
    return _write(own, opened, answer, draft["answers"], exact=True, language="")


def _blank(own: Store, opened: Opened, *, contact_id: UUID | None, mark: bytes | None) -> Answer:
    known = contact_id is not None
    return Answer(
        id=new_id() if known else uuid4(),  # ours tell the time
        survey_id=opened.survey.id, edition=opened.edition.number, contact_id=contact_id, mark=mark,
        invitation_id=opened.invitation.id if opened.invitation is not None else None,
        on_day=own.now.date(), answered_at=own.now if known else None, values={},
    )  # fmt: skip


def _write(
    own: Store,
    opened: Opened,
    answer: Answer,
    given: Mapping[str, Any],
    *,
    exact: bool,
    language: str,
) -> Answer:
    questions = opened.edition.questions
    read = read_answers(questions, given, exact=exact)
    kinds = {question["key"]: question["kind"] for question in questions}
    texts = {name: value for name, value in read.items() if kinds[name] == "text"}
    measured = next((name for name, kind in kinds.items() if kind == opened.edition.measure), None)
    before = answer.score
    fresh = opened.answer is None
    answer.values = {name: value for name, value in read.items() if name not in texts}
    answer.score = read.get(measured) if measured else None
    answer.language, answer.way = language, opened.kind
    if fresh:
        own.add(answer)
    else:
        answer.changed_at = own.now
    if opened.invitation is not None:
        opened.invitation.state = ANSWERED
    own.flush()
    _keep_words(own, answer, texts, fresh=fresh)
    if answer.contact_id is not None and opened.edition.measure == "nps" and answer.score is not None:
        if fresh:
            _stand(own, answer)
        else:
            renew_standing(own, answer.contact_id)
        following.judge(own, opened.survey, answer, None if fresh else before, fresh=fresh)
        _ask_for_review(own, opened.survey, answer)
    if fresh and answer.contact_id is not None:
        item = {"id": str(answer.id), "contact_id": str(answer.contact_id)}
        own.hooks.events_announced(store=own, event="survey.answered", items=[item])
        if opened.survey.reward:  # the score is no part of it: who is paid for a nine gives nines
            told = {"contact_id": item["contact_id"], "key": f"survey {answer.id}"}
            own.later(REWARD, {"on": "survey", "items": [told]})
    return answer


def _keep_words(own: Store, answer: Answer, texts: Mapping[str, str], *, fresh: bool) -> None:
    for model in () if fresh else (Comment, Note):
        own.change(delete(model).where(model.answer_id == answer.id))
    if not texts:
        return
    if answer.contact_id is not None:
        own.add(Comment(id=new_id(), answer_id=answer.id, contact_id=answer.contact_id, texts=dict(texts)))
    else:
        own.add(Note(id=uuid4(), answer_id=answer.id, texts=dict(texts)))
    own.flush()


def _stand(own: Store, answer: Answer) -> None:
    """Make an answer of this moment the contact's last one."""
    assert answer.score is not None  # the caller has looked
    values = {
        "last_score": answer.score,
        "last_answered": answer.answered_at,
        "group": group_of(answer.score),
    }
    if not own.change(update(Standing).where(Standing.contact_id == answer.contact_id).values(**values)):
        own.insert_many(Standing, [{"id": new_id(), "contact_id": answer.contact_id, **values}])


def renew_standing(own: Store, contact_id: UUID) -> None:
    """Work the fields of a contact out anew: the last NPS answer, or none."""
    chosen = (
        select(Answer)
        .join(Edition, (Edition.survey_id == Answer.survey_id) & (Edition.number == Answer.edition))
        .where(Answer.contact_id == contact_id, Edition.measure == "nps", Answer.score.is_not(None))
    )
    last: Answer | None = own.first(chosen.order_by(Answer.answered_at.desc(), Answer.id.desc()).limit(1))
    own.change(delete(Standing).where(Standing.contact_id == contact_id))
    if last is None or last.score is None or last.answered_at is None:
        return
    own.insert_many(
        Standing,
        [
            {
                "id": new_id(), "contact_id": contact_id, "last_score": last.score,
                "last_answered": last.answered_at, "group": group_of(last.score),
            }
        ],
    )  # fmt: skip


# ---- a word for others ----
def _ask_for_review(own: Store, survey: Survey, answer: Answer) -> None:
    """Note that a promoter is asked for a review: once, whatever they answer later."""
    if answer.score is None or group_of(answer.score) != PROMOTER or not survey.review_url:
        return
    if own.first(select(Review.id).where(Review.contact_id == answer.contact_id)) is None:
        own.add(Review(id=new_id(), contact_id=answer.contact_id, answer_id=answer.id, asked_at=own.now))
        own.flush()


def review_of(store: Store, answer: Answer) -> Review | None:
    """Return the review that the giver of an answer is asked for by it, if they are."""
    found: Review | None = store.system("answer").first(select(Review).where(Review.answer_id == answer.id))
    return found


def give_review(store: Store, token: str, text: str, *, publish: bool) -> Review:
    """Keep the words of a promoter with the consent that stands beside them; without it they are not published.

    Raises Denied for who was not asked, Invalid for no words or more than four thousand characters.
    """
    opened = open_link(store, token, lock=True)
    review = review_of(store, opened.answer) if opened.answer is not None else None
    if review is None:
        raise Denied("This link is not valid.", code="link-invalid", remedy="Ask for a new one.")
    words = text.replace("\r\n", "\n").strip()
    if not 1 <= len(words) <= 4000 or "\x00" in words:
        problem = Problem("/words", "must be 1 to 4,000 characters", "length")
        raise Invalid("the review is not valid", problems=[problem])
    own = store.system("answer")
    review.words, review.publish, review.given_at = {"text": words}, publish, own.now
    own.flush()
    return review
