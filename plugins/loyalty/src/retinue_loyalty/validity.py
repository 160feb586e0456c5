"""When earned points may be used and when they expire, by the rules and the days of the programme."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from retinue_loyalty.ledger import Validity
from retinue_loyalty.programmes import Scheme
from retinue_loyalty.rules import Earning
from retinue_loyalty.when import Period, day_of, midnight


def validity_of(scheme: Scheme, earning: Earning, at: datetime) -> Validity:
    """Return the validity of points earned at a moment: usable at the midnight after the hold, until a midnight."""
    day = day_of(at, scheme.zone)
    available = midnight(day + timedelta(days=earning.hold_days), scheme.zone) if earning.hold_days else at
    if earning.expires is None:
        return Validity(available, None)
    return Validity(
        available, midnight(_end(earning.expires.after(day), earning.expires_at_end_of), scheme.zone)
    )


def _end(day: date, unit: str) -> date:
    if unit == "month":
        return Period(months=1).after(day.replace(day=1))
    if unit == "year":
        return date(day.year + 1, 1, 1)
    return day
