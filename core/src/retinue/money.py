"""Money as whole minor units with an ISO 4217 code; text such as ``1234.50`` only at the edges."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

CURRENCY: Final = re.compile(r"[A-Z]{3}")
LARGEST: Final = 10**15
DIGITS: Final[dict[str, int]] = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
"""The currencies that have not two decimal places (ISO 4217, list one)."""


def digits_of(currency: str) -> int:
    """Return how many decimal places the currency has."""
    return DIGITS.get(currency, 2)


def to_minor(text: str, currency: str) -> int:
    """Return ``100.00`` as minor units; raises ValueError for what is no exact amount of the currency."""
    try:
        value = Decimal(str(text).strip().replace(" ", "").replace("\u00a0", ""))
    except InvalidOperation:
        raise ValueError(f"{text!r} is no amount; write it with a point, as in 12.50") from None
    scaled = value.scaleb(digits_of(currency)) if value.is_finite() else value
    if not value.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{text!r} is no exact amount in {currency}")
    if abs(scaled) > LARGEST:
        raise ValueError(f"{text!r} is out of range")
    return int(scaled)


def to_text(minor: int, currency: str) -> str:
    """Return minor units as ``100.00``."""
    places = digits_of(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def to_major(minor: int, currency: str) -> float:
    """Return minor units as a number of the currency's main unit, for filters and charts only."""
    return float(Decimal(minor).scaleb(-digits_of(currency)))


def divide(minor: int, parts: int) -> int:
    """Return `minor` / `parts`, rounded half up."""
    return int((Decimal(minor) / parts).to_integral_value(ROUND_HALF_UP))
