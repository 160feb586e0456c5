"""Profiles of law: the terms and duties that differ between the GDPR and the Russian law 152-FZ, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from retinue_gdpr.clock import add_months, add_working_days
from retinue_gdpr.duty_models import ACHIEVED, ERASURE, NEEDLESS, RECTIFICATION, REVOKED, UNLAWFUL

if TYPE_CHECKING:
    from retinue import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How long there is to answer, and for how long that can be extended once: months, days and working days add up."""

    months: int = 0
    days: int = 0
    working_days: int = 0
    extension_months: int = 0
    extension_working_days: int = 0

    def due_on(self, received: date) -> date:
        """Return the last day to answer what came in on `received`."""
        return add_working_days(
            add_months(received, self.months) + timedelta(days=self.days), self.working_days
        )

    def extended_due_on(self, received: date) -> date | None:
        """Return the last day once the asker was told of an extension; None where the law gives none."""
        if self.extension_working_days:
            return add_working_days(self.due_on(received), self.extension_working_days)
        if self.extension_months:
            return add_months(received, self.months + self.extension_months)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one law demands.

    `terms` are by kind of request, for an erasure also by its grounds as ``erasure:unlawful``; `term` is for the rest.
    `act_years` says how long an act of destruction must be kept, 0 where none is demanded. Where `withdrawal_erases`, who
    withdraws all consents has their data destroyed unless kept on another basis: an erasure is opened, to be decided.
    """

    key: str
    law: str
    term: Term
    terms: Mapping[str, Term]
    notice_days: int
    breach_hours: int
    needs_own_text: bool
    act_years: int
    withdrawal_erases: bool

    def term_of(self, kind: str, grounds: str = "") -> Term:
        """Return the term of a request of `kind`, of an erasure on its `grounds`."""
        return self.terms.get(f"{kind}:{grounds}") or self.terms.get(kind) or self.term


PROFILES: Final = {
    profile.key: profile
    for profile in (
        Profile(
            key="eu-gdpr",
            law="Regulation (EU) 2016/679",
            term=Term(months=1, extension_months=2),
            terms={},
            notice_days=30,
            breach_hours=72,
            needs_own_text=False,
            act_years=0,
            withdrawal_erases=False,
        ),
        Profile(
            key="ru-152fz",
            law="Federal Law 152-FZ of 27 July 2006",
            term=Term(working_days=10, extension_working_days=5),
            terms={
                RECTIFICATION: Term(working_days=7),
                ERASURE: Term(working_days=7),
                f"{ERASURE}:{NEEDLESS}": Term(working_days=7),
                f"{ERASURE}:{UNLAWFUL}": Term(working_days=10),
                f"{ERASURE}:{REVOKED}": Term(days=30),
                f"{ERASURE}:{ACHIEVED}": Term(days=30),
            },
            notice_days=30,
            breach_hours=24,
            needs_own_text=True,
            act_years=3,
            withdrawal_erases=True,
        ),
    )
}
"""The shipped profiles. GDPR: Art. 12(3), 14(3), 33(1). 152-FZ: Art. 20(1) and 21(5.1) ten working days and five more; 20(3)
seven working days to correct, or to destroy what is needless or was got unlawfully, as the person shows; 21(3) ten working
days to destroy what is processed unlawfully; 21(4) and 21(5) thirty days once the purpose is achieved or consent withdrawn.
Consent in a document of its own, destruction proven by an act with an extract of the log, kept three years (Roskomnadzor
No. 179 of 28 October 2022)."""


def profile_of(store: Store) -> Profile:
    """Return the profile that the installation is set to."""
    return PROFILES[store.settings("gdpr")["profile"]]
