"""Regular letters: at the hour of their place whatever its clocks do, once each time, and never without a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from email_kit import make_template, make_view, people, set_up

from retinue_email import series
from retinue_email.models import Series

SQLITE = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _made(crm: Any, user: Any, **more: Any) -> dict[str, Any]:
    draft = {
        "name": "Digest", "template_id": str(make_template(crm)), "view_id": make_view(crm), "days": ["mon"],
        "clock": "09:00", "zone": "Europe/Prague", **more,
    }  # fmt: skip
    answer = user.client.post("/email/series", draft)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def _run(crm: Any, user: Any, one: dict[str, Any], now: datetime) -> UUID | None:
    """Let the job of the next time run at an instant, as who set the letters up."""
    with crm.house.store(user.actor, plugin="email") as store:
        store.now = now
        return series.start_due(store, {"series_id": one["id"], "version": one["version"]})


def _one(user: Any) -> dict[str, Any]:
    (found,) = user.client.get("/email/series").json()
    return dict(found)


def test_monday_at_nine_stays_nine_when_the_clocks_change() -> None:
    """EM-04: a digest each Monday 09:00 Europe/Prague: across 2026-10-25 both go at 09:00 local."""
    row = Series(days=["mon"], month_day=None, clock="09:00", zone="Europe/Prague")
    first = series.next_time(row, _at("2026-10-18T12:00:00+02:00"))
    second = series.next_time(row, first)
    assert (first, second) == (_at("2026-10-19T09:00:00+02:00"), _at("2026-10-26T09:00:00+01:00"))
    assert second - first == timedelta(days=7, hours=1)


@pytest.mark.parametrize(
    ("days", "month_day", "clock", "zone", "after", "due"),
    [
        (["mon", "thu"], None, "09:00", "UTC", "2026-11-30T09:00:00+00:00", "2026-12-03T09:00:00+00:00"),
        ([], 1, "00:00", "Asia/Kathmandu", "2026-12-15T00:00:00+00:00", "2026-12-31T18:15:00+00:00"),
        (["sun"], None, "02:30", "Europe/Berlin", "2026-03-28T12:00:00+01:00", "2026-03-29T03:30:00+02:00"),
        (["sun"], None, "02:30", "Europe/Berlin", "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00"),
    ],
)  # fmt: skip
def test_next_time_is_of_the_place(
    days: list[str], month_day: int | None, clock: str, zone: str, after: str, due: str
) -> None:
    """Two days a week, a day of the month, an hour that is skipped, and one that is there twice."""
    row = Series(days=days, month_day=month_day, clock=clock, zone=zone)
    assert series.next_time(row, _at(after)) == _at(due)


def test_each_time_is_a_campaign_and_told_again_it_is_one(crm: Any) -> None:
    """EM-04: the view is found anew each time; the job of an old plan does nothing."""
    set_up(crm)
    user = crm.user()
    people(crm, "Ada")
    one = _made(crm, user)
    due = datetime.fromisoformat(one["next_at"])
    assert due.astimezone(UTC) > datetime.now(UTC)
    assert _run(crm, user, one, due - timedelta(hours=1)) is None, "too early: planned once more"
    one = _one(user)
    made = _run(crm, user, one, due + timedelta(seconds=5))
    assert made is not None
    campaign = user.client.get(f"/email/campaigns/{made}").json()
    assert (campaign["state"], campaign["name"]) == ("preparing", f"Digest {due:%Y-%m-%d}")
    assert _run(crm, user, one, due + timedelta(seconds=9)) is None
    following = _one(user)
    assert timedelta(days=6) < datetime.fromisoformat(following["next_at"]) - due < timedelta(days=8)
    assert len(user.client.get("/email/campaigns").json()) == 1


@SQLITE
def test_missed_empty_and_resting_letters_go_to_nobody_and_say_why(crm: Any) -> None:
    """Two hours late: held; nobody in the view: stopped with the reason; at rest: no time at all."""
    set_up(crm)
    user = crm.user()
    one = _made(crm, user)
    due = datetime.fromisoformat(one["next_at"])
    made = _run(crm, user, one, due + timedelta(hours=2))
    held = user.client.get(f"/email/campaigns/{made}").json()
    assert (held["state"], "2 h" in held["reason"]) == ("held", True)
    one = _one(user)
    made = _run(crm, user, one, datetime.fromisoformat(one["next_at"]))
    stopped = user.client.get(f"/email/campaigns/{made}").json()
    assert (stopped["state"], "empty" in stopped["reason"]) == ("stopped", True)
    one = _one(user)
    assert "empty" in one["reason"]
    rested = user.client.patch(f"/email/series/{one['id']}", {"active": False})
    assert (rested.json()["next_at"], rested.json()["reason"]) == (None, "")
    assert _run(crm, user, rested.json(), due + timedelta(days=30)) is None


@SQLITE
def test_days_hours_and_zones_that_are_none_are_refused_by_name(crm: Any) -> None:
    set_up(crm)
    user = crm.user()
    one = _made(crm, user)
    for change, pointer in (
        ({"days": []}, "/days"), ({"month_day": 3}, "/days"), ({"clock": "25:00"}, "/clock"), ({"zone": "Mars/Base"}, "/zone"),
        ({"days": ["noday"]}, "/days/0"), ({"month_day": 31, "days": []}, "/month_day"),
    ):  # fmt: skip
        refused = user.client.patch(f"/email/series/{one['id']}", change)
        assert refused.status_code == 422, change
        assert refused.json()["errors"][0]["pointer"] == pointer, change
    assert _one(user)["version"] == one["version"], "nothing was changed"
    reader = crm.user({"campaign.read": "all"})
    assert reader.client.post("/email/series", {"name": "x"}).status_code == 403
