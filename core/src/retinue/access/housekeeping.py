"""What a daily job throws away: sessions, devices and approvals that ended, counters nobody touches any more."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from retinue.access.models import Approval, Challenge, Device, SignInSession, TryCounter
from retinue.access.rules import AccessRules
from retinue.storage import Store

KEPT = timedelta(days=30)


def forget_expired(store: Store, rules: AccessRules) -> int:
    """Delete ended sessions and approvals after 30 days, forgotten devices, and counters past their quiet time."""
    store.require("session.revoke")
    system, quiet = store.system("forget expired sign-ins"), store.now - rules.quiet
    idle = TryCounter.since.is_(None) | (TryCounter.since < quiet)
    open_again = TryCounter.until.is_(None) | (TryCounter.until < quiet)
    return (
        system.change(delete(Approval).where(Approval.expires_at < store.now - KEPT))
        + system.change(delete(Challenge).where(Challenge.expires_at < store.now))
        + system.change(delete(SignInSession).where(SignInSession.expires_at < store.now - KEPT))
        + system.change(delete(Device).where(Device.expires_at < store.now))
        + system.change(delete(TryCounter).where(idle, open_again))
    )
