"""Campaigns: one template for everybody a saved view finds; drafted, tried, started once, paused, cancelled, counted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, update

from retinue import Problem, Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid, Stale
from retinue.lists import SavedView, count_view, get_view
from retinue_email import service
from retinue_email.models import (
    AT_MOST_ONCE,
    CANCELLED,
    DRAFT,
    HELD,
    OPEN_STATES,
    PAUSED,
    PLANNED,
    PREPARING,
    QUEUED,
    RESERVED,
    SENDING,
    SENT,
    STOPPED,
    Campaign,
    Delivery,
    DeliveryEvent,
    Template,
)
from retinue_email.sending import close_campaigns
from retinue_email.templates import newest_texts
from retinue_email.throttle import read_limits

PREPARE: Final = "email.prepare_campaign"
NOT_BEGUN: Final = (DRAFT, STOPPED, HELD)
"""States in which a campaign can be changed and started: nothing of it was sent."""
SLACK: Final = 10
"""So many recipients more than expected are no reason to stop, nor is a tenth more."""
_CHANGING: Final = ("name", "template_id", "view_id", "policy")
_SHOWN: Final = (
    "id", "name", "template_id", "view_id", "purpose", "state", "reason", "policy", "start_at", "expected", "total",
    "created_at", "started_at", "finished_at", "version",
)  # fmt: skip


def list_campaigns(store: Store, *, state: str = "", limit: int = 200) -> list[dict[str, Any]]:
    """Return the campaigns, the newest first, each with the name of its template and how many letters are done."""
    store.require("campaign.read")
    chosen = select(Campaign).order_by(Campaign.id.desc()).limit(limit)
    rows = store.scalars(chosen.where(Campaign.state == state) if state else chosen)
    counted = select(Delivery.campaign_id, Delivery.state, func.count()).group_by(
        Delivery.campaign_id, Delivery.state
    )
    done: dict[UUID, dict[str, int]] = {}
    for campaign_id, became, count in store.rows(
        counted.where(Delivery.campaign_id.in_([row.id for row in rows]))
    ):
        done.setdefault(campaign_id, {})[became] = count
    return [
        {**one, "sent": done.get(one["id"], {}).get(SENT, 0), "open": _open(done.get(one["id"], {}))}
        for one in _described(store, rows)
    ]


def _open(states: Mapping[str, int]) -> int:
    return sum(states.get(state, 0) for state in OPEN_STATES)


def get_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Return one campaign."""
    store.require("campaign.read")
    return _described(store, [store.get(Campaign, campaign_id)])[0]


def _described(store: Store, rows: list[Campaign]) -> list[dict[str, Any]]:
    named = select(Template.id, Template.name).where(Template.id.in_({row.template_id for row in rows}))
    names: dict[UUID, str] = {row.id: row.name for row in store.rows(named)} if rows else {}
    views = {row.view_id for row in rows if row.view_id is not None}
    called = select(SavedView.id, SavedView.name).where(SavedView.id.in_(views))
    titles: dict[UUID, str] = {row.id: row.name for row in store.rows(called)} if views else {}
    return [
        {
            **{name: getattr(row, name) for name in _SHOWN},
            "template": names[row.template_id], "view": titles.get(row.view_id) if row.view_id else None,
        }
        for row in rows
    ]  # fmt: skip


def create_campaign(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Draft a campaign; raises Invalid for a template that cannot go to many, NotFound for a view nobody shows you."""
    store.require("campaign.change")
    row = Campaign(
        id=new_id(), name="", template_id=draft["template_id"], texts={}, view_id=None, purpose="", state=DRAFT, reason="",
        policy=AT_MOST_ONCE, total=0, hold=False, created_at=store.now, version=1,
    )  # fmt: skip
    _fill(store, row, draft)
    store.add(row)
    store.deed("campaign.change", row.name)
    store.flush()
    return get_campaign(store, row.id)


def change_campaign(
    store: Store, campaign_id: UUID, changes: Mapping[str, Any], version: int | None = None
) -> dict[str, Any]:
    """Change a campaign of which nothing was sent; raises Stale if `version` is not the current one."""
    store.require("campaign.change")
    row = store.get(Campaign, campaign_id, lock=True)
    if version is not None and version != row.version:
        raise Stale("the campaign was changed by someone else", extra={"version": row.version})
    _require_state(row, *NOT_BEGUN)
    _fill(store, row, changes)
    _move(store, row, DRAFT)
    store.deed("campaign.change", row.name)
    return get_campaign(store, row.id)


def _fill(store: Store, row: Campaign, values: Mapping[str, Any]) -> None:
    for name in _CHANGING:
        if name in values:
            setattr(row, name, values[name])
    row.purpose = check_template(store, row.template_id).purpose
    if row.view_id is not None:
        check_view(store, row.view_id)


def check_template(store: Store, template_id: UUID) -> Template:
    """Return a template that can go to many; raises Conflict for one that is put away, Invalid for one with own words."""
    template = store.get(Template, template_id)
    if template.retired_at is not None:
        raise Conflict(f"the template {template.key} is put away", code="template-put-away")
    if template.words:
        detail = f"the template {template.key} has words of its own, which come with single letters only"
        raise Invalid("the campaign does not fit", problems=[Problem("/template_id", detail, "own-words")])
    if not newest_texts(store, template.id):
        raise Invalid(
            "the campaign does not fit", problems=[Problem("/template_id", "it has no text", "no-text")]
        )
    return template


def check_view(store: Store, view_id: UUID) -> SavedView:
    """Return the saved view of an audience; raises Invalid for one that does not list contacts."""
    view = get_view(store, view_id)
    if view.entity != "contact":
        problem = Problem("/view_id", f'the view "{view.name}" lists no contacts', "entity")
        raise Invalid("the campaign does not fit", problems=[problem])
    return view


# ---- its way --------------------------------------------------------------------------------------------------------
def send_test(store: Store, campaign_id: UUID, contact_id: UUID) -> dict[str, Any]:
    """Send the letter to one contact, as that contact reads it, through the same gate; the campaign counts it not."""
    store.require("campaign.change")
    contact = store.get(Contact, contact_id)
    store.require("email.send", contact)
    template = check_template(store, store.get(Campaign, campaign_id).template_id)
    key = f"test {campaign_id.hex} {new_id().hex}"
    return service.order_letter(store, template, contact.id, values={}, key=key)


def start_campaign(
    store: Store, campaign_id: UUID, *, expected: int | None = None, at: datetime | None = None, hold: bool = False
) -> dict[str, Any]:  # fmt: skip
    """Start a campaign, now or `at` a time: its audience is fixed by a job, in the eyes of who starts it.

    `expected` is the number of recipients somebody has seen: an audience that is larger by more than a tenth stops the
    campaign, now and at its time. With `hold` it waits, once the audience is fixed, until it is resumed. Raises Conflict
    for a campaign that was begun, and for an audience that is empty, too large or whose view has stopped.
    """
    store.require("campaign.start")
    row = store.get(Campaign, campaign_id, lock=True)
    _require_state(row, *NOT_BEGUN)
    template = check_template(store, row.template_id)
    read_limits(store)
    row.purpose, row.expected, row.hold = template.purpose, expected, hold
    row.texts = {language: str(text.id) for language, text in newest_texts(store, template.id).items()}
    row.start_at, row.reason, row.total = at, "", 0
    row.started_by = store.author.id if store.author.kind == "person" else None
    if row.view_id is None:
        raise Conflict(
            "the campaign has no audience", code="audience-missing", remedy="Choose a saved view for it."
        )
    check_size(store, row, _count(store, row.view_id), whole=True)
    _move(store, row, PLANNED if at is not None else PREPARING)
    wait = max(0.0, (at - store.now).total_seconds()) if at is not None else 0.0
    payload = {"campaign_id": str(row.id), "version": row.version}
    store.later(PREPARE, payload, key=f"email campaign {row.id} {row.version}", delay=wait, as_actor=True)
    store.deed("campaign.start", row.name)
    return get_campaign(store, row.id)


def _count(store: Store, view_id: UUID) -> int:
    check_view(store, view_id)
    cap: int = store.settings("email")["most_recipients"] + 1
    return count_view(store, store.declared["catalogues"], view_id, cap)


def check_size(store: Store, row: Campaign, count: int, *, whole: bool) -> None:
    """Raise Conflict for an audience that is empty (if it is `whole`), larger than allowed, or than was expected."""
    most = store.settings("email")["most_recipients"]
    if not count and whole:
        raise Conflict("the audience is empty: the view finds nobody", code="audience-empty")
    if count > most:
        raise Conflict(
            f"the audience has more than {most} recipients, the most that is allowed",
            code="audience-too-large", remedy="Narrow the view, or raise the setting most_recipients.",
        )  # fmt: skip
    if row.expected is not None and count > max(row.expected + SLACK, row.expected * 11 // 10):
        raise Conflict(
            f"the audience has {count} recipients or more, and {row.expected} were expected", code="audience-grown",
            remedy="Look at the audience again, and start with the number you mean.",
        )  # fmt: skip


def pause_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Let nothing more of a campaign begin; letters that are on the wire at this moment arrive."""
    row = _steer(store, campaign_id, SENDING)
    _move(store, row, PAUSED)
    return get_campaign(store, row.id)


def resume_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Go on with a paused campaign; those that were reached before are not written to again."""
    row = _steer(store, campaign_id, PAUSED)
    _move(store, row, SENDING)
    close_campaigns(store.system("close campaigns"))
    store.later(service.DELIVER, {})
    return get_campaign(store, row.id)


def cancel_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """End a campaign for good: whoever was not written to is not; what was sent stays sent."""
    row = _steer(store, campaign_id, DRAFT, PLANNED, PREPARING, SENDING, PAUSED, STOPPED, HELD)
    waiting = (Delivery.campaign_id == row.id, Delivery.state.in_((QUEUED, RESERVED)))
    own = store.system("cancel letters")
    own.change(update(Delivery).where(*waiting).values(state=CANCELLED, reason="cancelled", held_by=None))
    row.finished_at = store.now
    _move(store, row, CANCELLED)
    return get_campaign(store, row.id)


def _steer(store: Store, campaign_id: UUID, *states: str) -> Campaign:
    store.require("campaign.start")
    row = store.get(Campaign, campaign_id, lock=True)
    _require_state(row, *states)
    store.deed("campaign.start", row.name)
    return row


def _require_state(row: Campaign, *states: str) -> None:
    if row.state not in states:
        raise Conflict(
            f"the campaign is {row.state}", code="campaign-state", remedy=f"This needs it to be {' or '.join(states)}.",
            extra={"state": row.state},
        )  # fmt: skip


def _move(store: Store, row: Campaign, state: str) -> None:
    row.state, row.version = state, row.version + 1
    if state in (DRAFT, PREPARING, SENDING):
        row.reason = ""
    store.flush()


# ---- what became of it ----------------------------------------------------------------------------------------------
def report_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Return a campaign with its letters counted by what became of them and why, and what came back.

    Every number counts the rows that ``/email/letters`` opens with its ``query``: those to contacts the actor sees.
    """
    store.require("email.read")
    found = get_campaign(store, campaign_id)
    mine = Delivery.campaign_id == campaign_id
    grouped = select(Delivery.state, Delivery.reason, func.count()).where(mine)
    outcomes = [
        {"state": state, "reason": reason, "count": count, "query": {"became": state, "reason": reason}}
        for state, reason, count in store.rows(grouped.group_by(Delivery.state, Delivery.reason))
    ]
    heard = (
        select(DeliveryEvent.kind, func.count(func.distinct(DeliveryEvent.delivery_id)))
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .where(mine)
        .group_by(DeliveryEvent.kind)
    )
    events = [{"kind": kind, "count": count, "query": {"event": kind}} for kind, count in store.rows(heard)]
    return {
        **found,
        "outcomes": sorted(outcomes, key=lambda one: (-one["count"], one["state"], one["reason"])),
        "events": sorted(events, key=lambda one: one["kind"]),
    }


def hold_missed(own: Store, late: timedelta = timedelta(hours=1)) -> int:
    """Hold planned campaigns whose time was missed, whatever became of their jobs; returns how many."""
    missed = select(Campaign).where(Campaign.state == PLANNED, Campaign.start_at < own.now - late)
    rows = own.scalars(missed.with_for_update(skip_locked=True))
    for row in rows:
        hours = int((own.now - row.start_at).total_seconds() // 3600)
        reason = f"its time was missed by {hours} h; start it again if it is still meant"
        stop_campaign(own, row, HELD, reason)
    return len(rows)


def stop_campaign(own: Store, row: Campaign, state: str, reason: str) -> None:
    """Let a campaign stand still before anything of it is sent, and say why."""
    row.reason = reason[:300]
    _move(own, row, state)
