"""The arithmetic, against figures that were worked out elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue_nps.scoring import compare_waves, group_of, score_ces, score_csat, score_nps


def test_nps_of_ten_answers_is_their_promoters_less_their_detractors() -> None:
    """NP-01, NP-x2: 0 is a detractor and 9 a promoter; nobody's answers have no value."""
    answers = [10, 10, 9, 9, 8, 7, 7, 6, 3, 0]
    groups = [group_of(score) for score in answers]
    counts = [groups.count(name) for name in ("promoter", "passive", "detractor")]
    assert counts == [4, 3, 3]
    assert score_nps(*counts).value == pytest.approx(10)
    assert score_nps(0, 0, 0).value is None


@pytest.mark.parametrize(
    ("counts", "value", "error", "low", "high"),
    [
        ((50, 30, 20), 30.0, 7.8102, 14.05, 44.20),
        ((162, 108, 54), 33.333, 4.1409, 24.95, 41.11),
        ((18, 11, 2), 51.613, 11.0537, 25.51, 68.61),
        ((5, 3, 2), 30.0, 24.698, -19.05, 65.21),
        ((1, 0, 0), 100.0, 0.0, -48.5, 98.5),
        ((36, 0, 0), 100.0, 0.0, 81.92, 100.0),
    ],
)
def test_nps_has_an_adjusted_wald_interval(
    counts: tuple[int, int, int], value: float, error: float, low: float, high: float
) -> None:
    """NP-x1"""
    found = score_nps(*counts)
    assert found.value == pytest.approx(value, abs=0.001)
    assert found.error == pytest.approx(error, abs=0.0005)
    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(high, abs=0.006)


def test_csat_is_the_share_of_the_two_best_with_a_wilson_interval() -> None:
    """NP-07, NP-x8"""
    assert score_csat(7, 10).value == pytest.approx(70.0)
    found = score_csat(45, 50)
    assert (found.value, found.low, found.high) == pytest.approx((90.0, 78.64, 95.65), abs=0.006)
    none = score_csat(0, 10)
    assert (none.low, none.high) == pytest.approx((0.0, 27.75), abs=0.006)
    assert score_csat(0, 0).value is None


def test_ces_is_a_mean_and_a_share() -> None:
    mean, share = score_ces({7: 2, 5: 1, 2: 1})
    assert mean == pytest.approx(21 / 4)
    assert share.value == pytest.approx(75)


def test_waves_differ_by_z_on_the_difference() -> None:
    """NP-x9"""
    first, second = score_nps(500, 300, 200), score_nps(450, 300, 250)
    assert (first.error, second.error) == pytest.approx((2.4698, 2.5690), abs=0.0001)
    apart = compare_waves(first, second)
    assert apart is not None
    assert (apart.points, apart.margin, apart.error, apart.z) == pytest.approx(
        (10, 6.98, 3.5637, 2.806), abs=0.005
    )
    assert apart.significant
    assert compare_waves(first, score_nps(0, 0, 0)) is None


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_an_interval_stays_within_the_scale_and_in_order(
    promoters: int, passives: int, detractors: int
) -> None:
    found = score_nps(promoters, passives, detractors)
    if found.value is None:
        assert promoters + passives + detractors == 0
        return
    assert found.low is not None and found.high is not None  # noqa: PT018  # there is a value
    assert -100 <= found.low < found.high <= 100
    turned = score_nps(detractors, passives, promoters)
    assert turned.value == pytest.approx(-found.value)
    assert turned.low == pytest.approx(-found.high)
