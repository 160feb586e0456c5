"""When a schedule is due next, in its own zone, across the hours that clocks skip or repeat.

A time of day such as ``30 2 * * *`` runs once each day: in the night that skips 02:30 it runs at the end of
the gap (03:00), in the night that has 02:30 twice it runs at the first. A rule with ``*`` or a step in the
hour or minute field counts real time: it has nothing to run in the gap and runs in both repeated hours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from retinue.errors import Misconfigured


def check_cron(name: str, cron: str, zone: str) -> None:
    """Refuse a schedule whose rule or zone cannot be read."""
    try:
        next_after(cron, zone, datetime.now(UTC))
    except (CronSimError, StopIteration) as wrong:
        raise Misconfigured(
            f"Schedule {name!r}: {cron!r} is no cron rule: {wrong}.",
            remedy="Write minute, hour, day of month, month, day of week: `30 2 * * *`.",
        ) from wrong
    except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
        raise Misconfigured(f"Schedule {name!r}: there is no time zone {zone!r}.") from wrong


def next_after(cron: str, zone: str, moment: datetime) -> datetime:
    """Return the first instant (UTC) after `moment` at which `cron` is due in `zone`."""
    for due in CronSim(cron, moment.astimezone(ZoneInfo(zone))):
        instant = due.astimezone(UTC)
        if instant > moment:  # inside a repeated hour the rule may name the first pass, which is over
            return instant
    raise StopIteration


def last_before(cron: str, zone: str, due: datetime, moment: datetime) -> datetime:
    """Return the latest instant not after `moment` at which the rule was due, given one: `due`.

    Looks a day back at most: whatever is older is late by any measure, and its exact hour says nothing.
    """
    latest = due
    following = next_after(cron, zone, max(due, moment - timedelta(days=1)))
    while following <= moment:
        latest, following = following, next_after(cron, zone, following)
    return latest
