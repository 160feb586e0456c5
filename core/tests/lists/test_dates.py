from datetime import UTC, date, datetime

import pytest

from retinue.lists.dates import Day, Span, anniversaries, span_aged, span_named, span_relative, years_before

TODAY = date(2026, 6, 30)


def test_more_than_120_days_leaves_the_120th_day_out():
    """SG-01: 176, 140 and 141 days are in, exactly 120 is out."""
    span = span_relative("more_than_days_ago", 120, TODAY)
    assert span == Span(None, date(2026, 3, 2))
    assert span_relative("exactly_days_ago", 120, TODAY) == Span(date(2026, 3, 2), date(2026, 3, 3))
    assert span_relative("less_than_days_ago", 120, TODAY) == Span(date(2026, 3, 3), date(2026, 7, 1))


def test_in_next_days_begins_today():
    assert span_relative("in_next_days", 0, TODAY) == Span(TODAY, date(2026, 7, 1))
    assert span_relative("in_next_days", 7, TODAY) == Span(TODAY, date(2026, 7, 8))


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("today", date(2026, 6, 30), date(2026, 7, 1)),
        ("yesterday", date(2026, 6, 29), date(2026, 6, 30)),
        ("tomorrow", date(2026, 7, 1), date(2026, 7, 2)),
        ("this_week", date(2026, 6, 29), date(2026, 7, 6)),
        ("last_week", date(2026, 6, 22), date(2026, 6, 29)),
        ("next_month", date(2026, 7, 1), date(2026, 8, 1)),
        ("this_month", date(2026, 6, 1), date(2026, 7, 1)),
        ("last_quarter", date(2026, 1, 1), date(2026, 4, 1)),
        ("next_quarter", date(2026, 7, 1), date(2026, 10, 1)),
        ("last_year", date(2025, 1, 1), date(2026, 1, 1)),
    ],
)
def test_period_is_a_span(period, start, end):
    assert span_named(period, TODAY) == Span(start, end)


def test_period_crosses_the_year():
    assert span_named("next_month", date(2026, 12, 31)) == Span(date(2027, 1, 1), date(2027, 2, 1))
    assert span_named("last_month", date(2026, 1, 31)) == Span(date(2025, 12, 1), date(2026, 1, 1))


def test_day_begins_at_midnight_of_its_zone():
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert Day.at(late, "Europe/Prague").today == date(2026, 7, 1)
    assert Day.at(late, "America/New_York").today == date(2026, 6, 30)
    assert Day.at(late, "Europe/Prague").starts(date(2026, 7, 1)) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert Day.at(late, "Europe/Prague").starts(date(2026, 1, 1)) == datetime(2025, 12, 31, 23, tzinfo=UTC)
    with pytest.raises(ValueError, match="Europe/Prague"):
        Day.at(late, "Mars/Olympus")


def test_birthday_of_29_february_falls_on_the_28th_in_other_years():
    """AU-09: born 29 Feb 1992, greeted on 28 Feb 2027 and on 29 Feb 2028."""
    born = date(1992, 2, 29)
    assert born in anniversaries(0, 0, date(2027, 2, 28))
    assert born not in anniversaries(0, 0, date(2027, 3, 1))
    assert born not in anniversaries(0, 0, date(2028, 2, 28))
    assert born in anniversaries(0, 0, date(2028, 2, 29))


def test_anniversaries_look_ahead_and_leave_the_first_day_out():
    found = anniversaries(0, 7, date(2026, 12, 28))
    assert date(1990, 1, 4) in found
    assert date(1990, 1, 5) not in found
    assert date(1990, 12, 28) in found
    assert date(1990, 12, 27) not in found
    assert date(2026, 12, 28) not in found
    assert len(found) == len(set(found))


def test_age_is_full_years():
    """C-01: born 1990-07-01 is 35 on 2026-06-30 and 36 a day later."""
    born = date(1990, 7, 1)
    for day, age in ((date(2026, 6, 30), 35), (date(2026, 7, 1), 36)):
        span = span_aged(age, age, day)
        assert span.start <= born < span.end
        older = span_aged(age + 1, None, day)
        assert not born < older.end


def test_age_agrees_with_counting():
    for today in (date(2027, 2, 28), date(2027, 3, 1), date(2028, 2, 29), date(2026, 12, 31)):
        for born in (date(1992, 2, 29), date(1992, 2, 28), date(1992, 3, 1), date(1991, 12, 31)):
            age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
            span = span_aged(age, age, today)
            assert span.start <= born < span.end
            assert years_before(today, age) >= born
