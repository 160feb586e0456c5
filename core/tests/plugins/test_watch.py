"""What hooks cost, as counts that add up over processes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retinue.plugins import Digest, Watch, slowest_first

TIMES = st.lists(st.integers(0, 10**12), min_size=1, max_size=200)


def digest_of(times: list[int]) -> Digest:
    made = Digest()
    for taken in times:
        made.note(taken)
    return made


@given(TIMES, st.sampled_from([50, 95, 100]))
def test_percentile_of_a_digest_is_at_most_seven_percent_off(times: list[int], percent: int) -> None:
    """EX-10: what is told is what was measured."""
    digest, ordered = digest_of(times), sorted(times)
    exact = ordered[max(1, -(-len(ordered) * percent // 100)) - 1]
    assert abs(digest.at(percent) - exact) <= max(1, exact * 0.07)
    assert (digest.calls, digest.total, digest.longest) == (len(times), sum(times), max(times))


@given(TIMES, TIMES)
def test_digests_of_two_processes_add_up(one: list[int], two: list[int]) -> None:
    both = digest_of(one)
    both.add(digest_of(two))
    assert both == digest_of([*one, *two])


def test_watch_gives_each_call_once_and_takes_back_what_could_not_be_written() -> None:
    watch = Watch()
    watch.samples_of("points", "contacts_created").extend([1000, 2000])
    watch.note("points", "1.0", "contacts_created", ValueError("Jan owes 500"))
    digests, failures = watch.take()
    assert digests["points", "contacts_created"].calls == 2
    assert [failure.error for failure in failures] == ["ValueError"]
    assert watch.take() == ({}, [])
    watch.give_back(digests, failures)
    watch.samples_of("points", "contacts_created").append(3000)
    again, same = watch.take()
    assert (again["points", "contacts_created"].calls, same) == (3, failures)


def test_timings_come_slowest_first() -> None:
    found = slowest_first({("b", "x"): digest_of([10]), ("a", "x"): digest_of([99]), ("c", "x"): Digest()})
    assert [timing.plugin for timing in found] == ["a", "b"]
