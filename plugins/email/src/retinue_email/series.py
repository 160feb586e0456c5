"""Regular letters: a template to whomever a view finds on certain days at an hour of a place, each time a campaign of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from retinue import Problem, Store, new_id
from retinue.errors import Invalid, RetinueError, Stale, Unavailable
from retinue.lists import Day
from retinue_email import campaigns
from retinue_email.models import AT_MOST_ONCE, HELD, STOPPED, Campaign, Series, Template

RUN: Final = "email.start_series"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LATE: Final = timedelta(hours=1)
_LONGEST_DELAY: Final = timedelta(days=20)
_CHANGING: Final = ("name", "template_id", "view_id", "days", "month_day", "clock", "zone", "active")


def list_series(store: Store) -> list[dict[str, Any]]:
    """Return the regular letters by name, each with its template and when it goes next."""
    store.require("campaign.read")
    chosen = select(Series, Template.name).join(Template, Template.id == Series.template_id)
    return [_described(row, name) for row, name in store.rows(chosen.order_by(Series.name, Series.id))]


def _described(row: Series, template: str) -> dict[str, Any]:
    names = ("id", *_CHANGING, "next_at", "reason", "version", "created_at")
    return {**{name: getattr(row, name) for name in names}, "template": template}


def create_series(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Set regular letters up: each goes as a campaign, in the eyes of who set it up.

    Raises Invalid for days, an hour or a zone that are none, and as a campaign does for its template and view.
    """
    store.require("campaign.start")
    row = Series(
        id=new_id(), name="", template_id=draft["template_id"], view_id=draft["view_id"], days=[], month_day=None,
        clock="", zone="UTC", active=True, reason="", created_at=store.now, version=0,
    )  # fmt: skip
    store.add(row)
    return _set(store, row, draft)


def change_series(
    store: Store, series_id: UUID, changes: Mapping[str, Any], version: int | None = None
) -> dict[str, Any]:
    """Change regular letters, or let them rest; from then on they go in the eyes of who changed them.

    Raises Stale if `version` is not the current one.
    """
    store.require("campaign.start")
    row = store.get(Series, series_id, lock=True)
    if version is not None and version != row.version:
        raise Stale("the regular letters were changed by someone else", extra={"version": row.version})
    return _set(store, row, changes)


def _set(store: Store, row: Series, values: Mapping[str, Any]) -> dict[str, Any]:
    for name in _CHANGING:
        if name in values:
            setattr(row, name, values[name])
    _check(row)
    template = campaigns.check_template(store, row.template_id)
    campaigns.check_view(store, row.view_id)
    row.reason = ""
    _plan(store, row, store.now)
    store.deed("campaign.start", row.name)
    return _described(row, template.name)


def _check(row: Series) -> None:
    problems = []
    if bool(row.days) == (row.month_day is not None):
        problems.append(
            Problem("/days", "give days of the week, or one day of the month, and not both", "days")
        )
    try:
        time.fromisoformat(row.clock)
    except ValueError:
        problems.append(Problem("/clock", "write the hour as 09:00", "clock"))
    try:
        Day.at(datetime.now(UTC), row.zone)
    except ValueError as fault:
        problems.append(Problem("/zone", str(fault), "time-zone"))
    if problems:
        raise Invalid("the regular letters do not fit", problems=problems)


def next_time(row: Series, after: datetime) -> datetime:
    """Return when regular letters go the first time after an instant.

    The hour is that of the place, whatever its clocks do: one that is skipped comes at the end of the gap, and one that
    is there twice counts the first time.
    """
    zone, clock = ZoneInfo(row.zone), time.fromisoformat(row.clock)
    day = after.astimezone(zone).date()
    while True:
        on_week = row.month_day is None and DAYS[day.weekday()] in row.days
        if on_week or day.day == row.month_day:
            due = datetime.combine(day, clock, zone).astimezone(UTC)
            if due > after:
                return due
        day += timedelta(days=1)


def _plan(store: Store, row: Series, after: datetime) -> None:
    """Write down when they go next, and leave the job of that time; earlier ones find another version."""
    row.version += 1
    row.next_at = next_time(row, after) if row.active else None
    store.flush()
    if row.next_at is not None:
        wait = max(timedelta(), min(row.next_at - store.now, _LONGEST_DELAY))
        payload = {"series_id": str(row.id), "version": row.version}
        key = f"email series {row.id} {row.version} {store.now + wait:%Y%m%d%H%M}"
        store.later(RUN, payload, key=key, delay=wait.total_seconds(), as_actor=True)


def start_due(store: Store, payload: Mapping[str, Any]) -> UUID | None:
    """Job: start the campaign of this time, as whoever set the letters up, and plan the next; returns its id.

    A time that was missed by more than an hour makes a campaign that is held, until somebody starts it; one that cannot
    go, since its view is empty for instance, is stopped with the reason.
    """
    row = store.find(Series, UUID(payload["series_id"]), lock=True)
    if row is None or row.version != payload["version"] or not row.active or row.next_at is None:
        return None
    if row.next_at > store.now:
        _plan(store, row, store.now)
        return None
    due = row.next_at
    try:
        made = _start(store, row, due)
    except Unavailable:
        raise  # another try may help
    except RetinueError as fault:
        row.active, row.reason, made = False, fault.detail[:300], None
    _plan(store, row, max(due, store.now))
    return made


def _start(store: Store, row: Series, due: datetime) -> UUID:
    local = due.astimezone(ZoneInfo(row.zone))
    draft = {
        "name": f"{row.name[:100]} {local:%Y-%m-%d}", "template_id": row.template_id, "view_id": row.view_id,
        "policy": AT_MOST_ONCE,
    }  # fmt: skip
    made: UUID = campaigns.create_campaign(store, draft)["id"]
    campaign = store.get(Campaign, made, lock=True)
    if store.now - due > LATE:
        hours = int((store.now - due).total_seconds() // 3600)
        reason = f"its time was missed by {hours} h; start it if it is still meant"
        campaigns.stop_campaign(store, campaign, HELD, reason)
        return made
    try:
        campaigns.start_campaign(store, made)
    except Unavailable:
        raise
    except RetinueError as fault:
        campaigns.stop_campaign(store, campaign, STOPPED, fault.detail)
        row.reason = fault.detail[:300]
    else:
        row.reason = ""
    return made
