"""One-time codes of an authenticator app (RFC 6238): seed, address and picture to enrol, check of a code."""

from __future__ import annotations

import hmac
from datetime import datetime

import pyotp

from retinue.web.codes import draw_code

STEP = 30


def new_seed() -> str:
    """Return a new seed of 160 bits in base 32."""
    return pyotp.random_base32(32)


def enrolment_address(seed: str, *, login: str, issuer: str) -> str:
    """Return the ``otpauth:`` address an authenticator app takes."""
    return pyotp.TOTP(seed).provisioning_uri(name=login, issuer_name=issuer)


def enrolment_picture(address: str) -> str:
    """Return the QR code of `address` as an SVG element without scripts, styles or outside references."""
    return draw_code(address)


def step_at(moment: datetime) -> int:
    """Return the number of the 30-second step `moment` lies in."""
    return int(moment.timestamp()) // STEP


def matching_step(seed: str, code: str, moment: datetime, *, skew: int = 0) -> int | None:
    """Return the step whose code `code` is, None if it is none of those allowed.

    Only the current step counts, and `skew` steps before it for people who type slowly. The caller refuses a
    step that was used before: that makes each code good for one time.
    """
    typed = "".join(code.split())
    now = step_at(moment)
    generator = pyotp.TOTP(seed)
    found = None
    for step in range(now, now - skew - 1, -1):
        same = hmac.compare_digest(generator.generate_otp(step).encode(), typed.encode("utf-8", "replace"))
        found = step if same and found is None else found
    return found
