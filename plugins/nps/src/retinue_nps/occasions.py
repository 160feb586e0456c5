"""Days that ask: a date of the contact has come, once or every year.

The job looks at the last three days, so that a server that stood still over a weekend's night asks nobody less; the day
is part of the cause, so that nobody is asked twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select

from retinue import Problem, Store
from retinue.errors import Invalid
from retinue.lists import Catalogue, Day, ListRequest, Test, select_ids
from retinue_nps.asking import order_invitations
from retinue_nps.models import ACTIVE, Survey

ONCE: Final = "date."
YEARLY: Final = "anniversary."
EVENTS: Final = ("order.paid", "order.completed")
_DAYS_BACK: Final = 2
_log: Final = logging.getLogger(__name__)


def check_trigger(store: Store, trigger: str) -> None:
    """Raise Invalid for what nothing ever sets off.

    A trigger is empty, one of `EVENTS`, ``interaction.`` and a kind, ``date.`` and a field of the contact that is a
    date or a moment, or ``anniversary.`` and one that is a date.
    """
    if not trigger or trigger in EVENTS or trigger.startswith("interaction."):
        return
    prefix, name = _parts(trigger)
    if not prefix:
        words = (
            f"must be empty, {', '.join(EVENTS)}, interaction. and a kind, date. and a field, "
            "or anniversary. and a field"
        )
        raise Invalid("the survey is not valid", problems=[Problem("/trigger", words, "trigger")])
    known = date_fields(store, yearly=prefix == YEARLY)
    if name not in known:
        words = f"{name[:60]} is no date of a contact; there are {', '.join(known) or 'none'}"
        raise Invalid("the survey is not valid", problems=[Problem("/trigger", words, "unknown-field")])


def date_fields(store: Store, *, yearly: bool = False) -> list[str]:
    """Return the fields of contacts whose days can ask, those of other plugins too; `yearly` ones come again."""
    wanted = "anniversary_in_days" if yearly else "exactly_days_ago"
    return [field.name for field in _catalogue(store).visible(store.actor) if wanted in field.operators]


def _catalogue(store: Store) -> Catalogue:
    found: Catalogue = store.declared["catalogues"].of(store, "contact")
    return found


def _parts(trigger: str) -> tuple[str, str]:
    for prefix in (ONCE, YEARLY):
        if trigger.startswith(prefix):
            return prefix, trigger.removeprefix(prefix)
    return "", ""


def look_at_days(store: Store, _payload: Mapping[str, Any]) -> int:
    """Job: plan what is asked on a day of the contact; returns how many contacts had one.

    A survey whose field is not there, since its plugin is off, asks nobody and stops none of the others.
    """
    own = store.system("surveys of a day")
    found = 0
    for survey in own.scalars(select(Survey).where(Survey.status == ACTIVE).order_by(Survey.id)):
        prefix, name = _parts(survey.trigger)
        if not prefix:
            continue
        try:
            found += _look(own, survey, prefix, name)
        except Invalid:
            _log.warning("survey %s asks by a field that is not there", survey.key)
    return found


def _look(own: Store, survey: Survey, prefix: str, name: str) -> int:
    zone = str(own.settings("nps")["time_zone"])
    today = Day.at(own.now, zone).today
    test = Test(name, "anniversary_in_days", "0") if prefix == YEARLY else Test(name, "exactly_days_ago", "0")
    found = 0
    for back in range(_DAYS_BACK, -1, -1):
        day = today - timedelta(days=back)
        request = ListRequest(tree=test, zone=zone, today=day)
        for ids in select_ids(own, _catalogue(own), request):
            order_invitations(own, [survey], [(one, f"{name} {day}") for one in ids])
            found += len(ids)
    return found
