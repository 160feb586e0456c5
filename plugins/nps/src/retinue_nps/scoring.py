"""The arithmetic of scores: NPS, CSAT and CES with their intervals, and the difference of two waves.

Sources: F. Reichheld 2003 (promoters 9–10, detractors 0–6); adjusted Wald with three added answers after B. Rocks 2016,
as compared by J. Lewis and J. Sauro 2021; E. Wilson 1927 for shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Z: Final = 1.959963984540054
"""The normal quantile of a two-sided interval of 95 %."""
BOUNDS: Final[Mapping[str, tuple[int, int]]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""The least and the greatest score of each measure."""
PROMOTER, PASSIVE, DETRACTOR = "promoter", "passive", "detractor"
GROUPS: Final = (PROMOTER, PASSIVE, DETRACTOR)


@dataclass(frozen=True, slots=True)
class Score:
    """One measure over `answered` answers; `low` and `high` bound it with 95 % confidence. None where nobody answered."""

    answered: int
    value: float | None
    low: float | None
    high: float | None
    error: float | None = None


def group_of(score: int) -> str:
    """Return the group of an NPS answer; `score` is a whole number from 0 to 10."""
    if score >= 9:
        return PROMOTER
    return PASSIVE if score >= 7 else DETRACTOR


def score_nps(promoters: int, passives: int, detractors: int) -> Score:
    """Return the net promoter score, −100 to 100, with its standard error and adjusted-Wald interval."""
    n = promoters + passives + detractors
    if not n:
        return Score(0, None, None, None)
    p, d = promoters / n, detractors / n
    error = math.sqrt(_spread(p, d) / n)
    p_adjusted, d_adjusted = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    centre = p_adjusted - d_adjusted
    half = Z * math.sqrt(_spread(p_adjusted, d_adjusted) / (n + 3))
    low, high = max(-1.0, centre - half), min(1.0, centre + half)
    return Score(n, 100 * (p - d), 100 * low, 100 * high, 100 * error)


def _spread(p: float, d: float) -> float:
    return max(0.0, p + d - (p - d) ** 2)


def score_csat(satisfied: int, answered: int) -> Score:
    """Return the share, 0 to 100, of answers 4 and 5 of 5, with its Wilson interval."""
    return _share(satisfied, answered)


def score_ces(counts: Mapping[int, int]) -> tuple[float | None, Score]:
    """Return the mean of answers 1 to 7, and the share that gave 5 or more with its Wilson interval."""
    n = sum(counts.values())
    mean = sum(score * count for score, count in counts.items()) / n if n else None
    return mean, _share(sum(count for score, count in counts.items() if score >= 5), n)


def _share(hits: int, n: int) -> Score:
    if not n:
        return Score(0, None, None, None)
    share, weight = hits / n, 1 + Z * Z / n
    centre = (share + Z * Z / (2 * n)) / weight
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / weight
    error = 100 * math.sqrt(share * (1 - share) / n)
    return Score(n, 100 * share, 100 * max(0.0, centre - half), 100 * min(1.0, centre + half), error)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two waves lie apart: in points, ± `margin`, and whether chance alone would seldom make it so far."""

    points: float
    error: float
    margin: float
    z: float | None
    significant: bool


def compare_waves(first: Score, second: Score) -> Difference | None:
    """Return how far two waves lie apart, by z on the difference; None if nobody answered one of them.

    Whether their intervals overlap says nothing: intervals of waves that differ clearly may overlap.
    """
    if first.value is None or second.value is None or first.error is None or second.error is None:
        return None
    points = first.value - second.value
    error = math.hypot(first.error, second.error)
    z = points / error if error else None
    return Difference(points, error, Z * error, z, z is not None and abs(z) > Z)
