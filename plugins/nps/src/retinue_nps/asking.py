"""Asking: who is to be asked when and because of what, who is left in peace and why, and the links that are answered.

An invitation is written down when something happens and goes when its hour has come: only then is it known whether the
contact may be asked, and whether somebody else has asked in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import or_, select, update

from retinue import Problem, Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid
from retinue.web import make_link
from retinue_nps.models import (
    ACTIVE,
    EXPIRED,
    RELATIONAL,
    SENT,
    SKIPPED,
    TRANSACTIONAL,
    WAITING,
    Invitation,
    Rest,
    Survey,
)

ASKED: Final = "survey"
ANONYMOUS: Final = "survey anonymous"
OPEN_LINK: Final = "survey open"
PURPOSE: Final = "survey"
EVENT: Final = "survey.asked"
BY_HAND: Final = "by hand"
_PIECE: Final = 200
_AT_ONCE: Final = 50
_MOST: Final = 1000


# ---- what is to be asked ----
def invite(store: Store, survey_id: UUID, contact_ids: Sequence[UUID], cause: str = "") -> list[Invitation]:
    """Invite contacts by hand, each once for a `cause`; returns their invitations, sent or skipped with a reason.

    Raises Conflict for a survey that is not open, Invalid for more than a thousand contacts.
    """
    store.require("survey.invite")
    survey = store.get(Survey, survey_id)
    if survey.status != ACTIVE:
        raise Conflict("The survey is not open.", code="survey-state", remedy="Open it first.")
    if not 1 <= len(contact_ids) <= _MOST:
        problem = Problem("/contact_ids", f"must be 1 to {_MOST} contacts", "count")
        raise Invalid("the invitation is not valid", problems=[problem])
    contacts = [store.get(Contact, contact_id) for contact_id in dict.fromkeys(contact_ids)]
    store.require("survey.invite", *contacts)
    own = store.system("ask by hand")
    ids = [contact.id for contact in contacts]
    cause = f"{BY_HAND} {cause}".strip() if cause else f"{BY_HAND} {store.now:%Y-%m-%d}"
    order_invitations(own, [survey], [(contact_id, cause) for contact_id in ids])
    send_invitations(own, survey.id)
    return find_invitations(own, survey_id, ids, cause)


def find_invitations(own: Store, survey_id: UUID, ids: Sequence[UUID], cause: str) -> list[Invitation]:
    """Return the invitations of contacts because of one thing."""
    own.flush()
    chosen = select(Invitation).where(
        Invitation.survey_id == survey_id, Invitation.contact_id.in_(ids), Invitation.cause == cause
    )
    return own.scalars(chosen.order_by(Invitation.id))


def notice(store: Store, trigger: str, happened: Iterable[tuple[UUID | None, str]]) -> None:
    """Plan what is asked after something happened: `happened` has contact and cause, such as ``order 1b9d…``."""
    wanted = [(contact_id, cause) for contact_id, cause in happened if contact_id is not None]
    if not wanted:
        return
    own = store.system("surveys")
    surveys = own.scalars(select(Survey).where(Survey.trigger == trigger, Survey.status == ACTIVE))
    order_invitations(own, surveys, wanted)


def call_off(store: Store, causes: Iterable[str], reason: str) -> None:
    """Ask nobody about what did not happen after all."""
    own = store.system("surveys")
    wanted = list(causes)
    for start in range(0, len(wanted), _PIECE):
        waiting = (Invitation.cause.in_(wanted[start : start + _PIECE]), Invitation.state == WAITING)
        own.change(update(Invitation).where(*waiting).values(state=SKIPPED, reason=reason))


def order_invitations(own: Store, surveys: Sequence[Survey], wanted: Sequence[tuple[UUID, str]]) -> None:
    """Write down who is to be asked; known ones are left as they are."""
    for survey in surveys:
        for start in range(0, len(wanted), _PIECE):
            piece = dict.fromkeys(wanted[start : start + _PIECE])
            chosen = select(Invitation.contact_id, Invitation.cause).where(
                Invitation.survey_id == survey.id,
                Invitation.contact_id.in_({contact_id for contact_id, _ in piece}),
                Invitation.cause.in_({cause for _, cause in piece}),
            )
            known = {tuple(row) for row in own.rows(chosen)}
            due = own.now + timedelta(hours=survey.delay_hours)
            rows = [
                {
                    "id": new_id(), "survey_id": survey.id, "contact_id": contact_id, "cause": cause,
                    "state": WAITING, "reason": "", "due_at": due, "created_at": own.now,
                }
                for contact_id, cause in piece
                if (contact_id, cause) not in known
            ]  # fmt: skip
            own.insert_many(Invitation, rows)


# ---- when its hour has come ----
def send_due(store: Store, _payload: Mapping[str, Any]) -> int:
    """Job: send the invitations whose hour has come, and let old ones expire; returns how many were sent."""
    return send_invitations(store)


def send_invitations(store: Store, survey_id: UUID | None = None) -> int:
    """Send what is due, of one survey if it is given; returns how many were sent, the others say why not."""
    own = store.system("surveys")
    _expire(own)
    chosen = select(Invitation).where(Invitation.state == WAITING, Invitation.due_at <= own.now)
    if survey_id is not None:
        chosen = chosen.where(Invitation.survey_id == survey_id)
    due = own.scalars(chosen.order_by(Invitation.due_at, Invitation.id).limit(_MOST))
    surveys = {survey.id: survey for survey in own.scalars(select(Survey))}
    due.sort(key=lambda one: (surveys[one.survey_id].kind != RELATIONAL, one.due_at, one.id))
    there = _there(own, {one.contact_id for one in due})
    refused = _refused(own, there)
    sent: list[Invitation] = []
    for one in due:
        survey = surveys[one.survey_id]
        reason = "not-there" if one.contact_id not in there else refused.get(one.contact_id, "")
        if survey.status != ACTIVE:
            reason = "closed"
        reason = reason or _relational_first(own, surveys, one)
        if not reason and not take_turn(own, one.contact_id, survey.rest_days):
            reason = "rest"
        one.state, one.reason = (SKIPPED, reason) if reason else (SENT, "")
        one.sent_at = None if reason else own.now
        if not reason:
            sent.append(one)
    own.flush()
    for start in range(0, len(sent), _AT_ONCE):
        items = [
            {"id": str(one.id), "contact_id": str(one.contact_id)} for one in sent[start : start + _AT_ONCE]
        ]
        own.hooks.events_announced(store=own, event=EVENT, items=items)
    if len(due) == _MOST:
        own.later("nps.send_due", {})
    return len(sent)


def _there(own: Store, ids: set[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    wanted = list(ids)
    for start in range(0, len(wanted), _PIECE):
        found |= set(own.scalars(select(Contact.id).where(Contact.id.in_(wanted[start : start + _PIECE]))))
    return found


def _refused(own: Store, ids: set[UUID]) -> dict[UUID, str]:
    """Return why some may not be asked: every plugin is asked, the first reason counts."""
    found: dict[UUID, str] = {}
    if ids:
        for refusal in own.hooks.contact_refusals(store=own, contact_ids=list(ids), purpose=PURPOSE):
            found.setdefault(refusal.contact_id, refusal.code[:40])
    return found


def _relational_first(own: Store, surveys: Mapping[UUID, Survey], one: Invitation) -> str:
    """Say that a survey of the whole relation is due within the days of rest: it asks, and the smaller one waits for none."""
    survey = surveys[one.survey_id]
    if survey.kind != TRANSACTIONAL:
        return ""
    relational = [found.id for found in surveys.values() if found.kind == RELATIONAL]
    until = own.now + timedelta(days=survey.rest_days)
    planned = select(Invitation.id).where(
        Invitation.contact_id == one.contact_id, Invitation.state == WAITING, Invitation.due_at <= until,
        Invitation.survey_id.in_(relational),
    )  # fmt: skip
    return "relational-first" if relational and own.first(planned.limit(1)) else ""


def take_turn(own: Store, contact_id: UUID, days: int) -> bool:
    """Take the contact's turn to be asked, by one statement that only one of several can win; False within the rest.

    Counted from when something was last sent, by whichever survey and way.
    """
    own.flush()
    over = or_(Rest.sent_at <= own.now - timedelta(days=days), Rest.sent_at > own.now)
    if own.change(update(Rest).where(Rest.contact_id == contact_id, over).values(sent_at=own.now)):
        return True
    if own.first(select(Rest.id).where(Rest.contact_id == contact_id)):
        return False
    own.add(Rest(id=new_id(), contact_id=contact_id, sent_at=own.now))
    own.flush()
    return True


def _expire(own: Store) -> None:
    for survey in own.scalars(select(Survey)):
        over = own.now - timedelta(days=survey.open_days)
        old = (Invitation.survey_id == survey.id, Invitation.state == SENT, Invitation.sent_at <= over)
        own.change(update(Invitation).where(*old).values(state=EXPIRED))


# ---- links ----
def link_of(own: Store, survey: Survey, invitation: Invitation) -> str:
    """Return the address at which an invitation is answered; an anonymous survey's names the survey alone."""
    sent = invitation.sent_at or own.now
    lasts = sent + timedelta(days=survey.open_days) - own.now
    purpose, subject = (ANONYMOUS, survey.id) if survey.anonymous else (ASKED, invitation.id)
    return address_of(own, make_link(own, purpose, subject, lasts=lasts))


def hand_over(store: Store, survey_id: UUID, invitation_id: UUID) -> str:
    """Return the address of one invitation for somebody of the staff to hand over.

    Raises Conflict for an invitation that was not sent, or is over.
    """
    store.require("survey.invite")
    invitation = store.get(Invitation, invitation_id)
    survey = store.get(Survey, survey_id)
    if invitation.survey_id != survey.id or invitation.state != SENT:
        raise Conflict("There is nothing to answer.", code="invitation-state", remedy="Invite the contact.")
    store.record("survey.hand_over", detail={"invitation": str(invitation.id)})
    return link_of(store.system("links of surveys"), survey, invitation)


def open_link_of(store: Store, survey: Survey) -> str:
    """Return an address for everybody: to hand out, as a QR code, to embed; it lives for a year."""
    store.require("survey.invite")
    return address_of(store, make_link(store, OPEN_LINK, survey.id, lasts=timedelta(days=365)))


def address_of(store: Store, token: str) -> str:
    """Return the address of a page behind a token."""
    return f"{str(store.settings('nps')['site_url']).rstrip('/')}/survey/{token}"


def links_for_letters(store: Store, contact_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Word of letters: where each contact answers what they were asked last."""
    own = store.system("links of surveys")
    chosen = select(Invitation).where(Invitation.contact_id.in_(contact_ids), Invitation.state == SENT)
    newest = {one.contact_id: one for one in own.scalars(chosen.order_by(Invitation.sent_at, Invitation.id))}
    surveys = {
        survey.id: survey
        for survey in own.scalars(select(Survey).where(Survey.id.in_({o.survey_id for o in newest.values()})))
    }
    return {
        contact_id: link_of(own, surveys[one.survey_id], one)
        for contact_id, one in newest.items()
        if surveys[one.survey_id].status == ACTIVE
    }
