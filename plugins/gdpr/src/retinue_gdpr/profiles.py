"""Profiles of law: the terms and duties that differ between the GDPR and the Russian law 152-FZ, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from retinue_gdpr.clock import add_months, add_working_days

if TYPE_CHECKING:
    from retinue import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one law demands. Terms are in months or in working days, whichever is not 0."""

    key: str
    law: str
    answer_months: int = 0
    answer_days: int = 0
    extension_months: int = 0
    extension_days: int = 0
    notice_days: int
    breach_hours: int
    needs_own_text: bool
    needs_act: bool
    destruction_days: int

    def due_on(self, received: date) -> date:
        """Return the last day to answer a request that came in on `received`."""
        return add_working_days(add_months(received, self.answer_months), self.answer_days)

    def extended_due_on(self, received: date) -> date:
        """Return the last day to answer once the asker was told of an extension."""
        if self.extension_days:
            return add_working_days(self.due_on(received), self.extension_days)
        return add_months(received, self.answer_months + self.extension_months)


PROFILES: Final = {
    profile.key: profile
    for profile in (
        Profile(
            key="eu-gdpr",
            law="Regulation (EU) 2016/679",
            answer_months=1,
            extension_months=2,
            notice_days=30,
            breach_hours=72,
            needs_own_text=False,
            needs_act=False,
            destruction_days=30,
        ),
        Profile(
            key="ru-152fz",
            law="Federal Law 152-FZ of 27 July 2006",
            answer_days=10,
            extension_days=5,
            notice_days=30,
            breach_hours=24,
            needs_own_text=True,
            needs_act=True,
            destruction_days=30,
        ),
    )
}
"""The shipped profiles. 152-FZ: consent in a document of its own, destruction proven by an act with an extract of the log."""


def profile_of(store: Store) -> Profile:
    """Return the profile that the installation is set to."""
    return PROFILES[store.settings("gdpr")["profile"]]
