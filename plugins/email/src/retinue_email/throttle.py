"""Mail domains that want few connections and few letters a second: kept by all processes together, in the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, or_, select, update

from retinue import Problem, Store, new_id
from retinue.errors import Invalid
from retinue_email.models import RESERVED, STARTED, Delivery, Pace
from retinue_email.suppression import domain_token

_ENTRY: Final = re.compile(
    r"(?P<domain>[^\s=/,]+\.[^\s=/,]+)\s*=\s*(?P<rate>\d{1,4}(?:\.\d{1,3})?)(?:/(?P<lines>\d{1,2}))?"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many letters a second a mail domain takes, and on how many lines at a time."""

    per_second: float
    lines: int

    @property
    def at_once(self) -> int:
        """Return how many of them one line takes: what half a second allows, so that others never wait for them long."""
        return max(1, int(self.per_second / 2))


Limits = Mapping[bytes, Limit]
"""Limits by the token of the domain."""


def read_limits(store: Store) -> Limits:
    """Return the limits that are set; raises Invalid for a setting that cannot be read: no limit is ever overlooked."""
    return {
        domain_token(store, domain): limit
        for domain, limit in parse_limits(store.settings("email")["domain_limits"]).items()
    }


def parse_limits(text: str) -> dict[str, Limit]:
    """Return limits written as ``gmail.com=10/2, seznam.cz=5``: letters a second, and lines after a stroke."""
    found: dict[str, Limit] = {}
    for entry in filter(None, (part.strip() for part in re.split(r"[,;\n]", text))):
        match = _ENTRY.fullmatch(entry)
        if match is None or not float(match["rate"]) or match["lines"] == "0":
            detail = f'"{entry[:60]}" is no limit; write gmail.com=10/2: letters a second, lines at a time'
            problem = Problem("/domain_limits", detail, "domain-limit")
            raise Invalid(
                "the limits of mail domains cannot be read", code="domain-limit", problems=[problem]
            )
        domain = match["domain"].casefold()
        plain = domain if domain.isascii() else domain.encode("idna").decode()
        for name in {domain, plain}:
            found[name] = Limit(float(match["rate"]), int(match["lines"] or 1))
    return found


def closed_domains(own: Store, line: UUID, limits: Limits) -> set[bytes]:
    """Return the domains that other lines carry on as many lines as is allowed; until the commit nobody takes more."""
    known = {row.domain for row in own.scalars(select(Pace).where(Pace.domain.in_(limits)).with_for_update())}
    new = [{"id": new_id(), "domain": one, "next_at": own.now} for one in limits if one not in known]
    if new:
        own.insert_many(Pace, new)
    holding = (
        select(Delivery.domain, func.count(func.distinct(Delivery.held_by)))
        .where(Delivery.held_by.is_not(None), Delivery.held_by != line)
        .where(Delivery.state.in_((RESERVED, STARTED)), Delivery.domain.in_(limits))
        .group_by(Delivery.domain)
    )
    return {domain for domain, lines in own.rows(holding) if lines >= limits[domain].lines}


def choose_due(
    own: Store, statement: Select[Any], limit: int, *, limits: Limits, closed: set[bytes]
) -> tuple[list[UUID], bool]:
    """Return what is due of a statement of ids, of limited domains only what they take now; and whether some must wait.

    `closed` grows by the domains of which enough were taken, so that the others are found behind them.
    """
    found: list[UUID] = []
    taken: dict[bytes, int] = {}
    while len(found) < limit:
        chosen = statement.add_columns(Delivery.domain)
        if closed:
            chosen = chosen.where(or_(Delivery.domain.is_(None), Delivery.domain.not_in(closed)))
        rows = own.rows(chosen.where(Delivery.id.not_in(found)).limit(limit - len(found)))
        overflow = False
        for one, domain in rows:
            allowed = limits.get(domain)
            if allowed is not None and taken.get(domain, 0) >= allowed.at_once:
                closed.add(domain)
                overflow = True
                continue
            if allowed is not None:
                taken[domain] = taken.get(domain, 0) + 1
            found.append(one)
        if not overflow:
            break
    return found, bool(closed)


def take_turn(own: Store, domain: bytes, limit: Limit) -> float:
    """Take the next place of a domain's letters; returns 0, or how many seconds are left until there is one."""
    step = timedelta(seconds=1 / limit.per_second)
    due = update(Pace).where(Pace.domain == domain, Pace.next_at <= own.now)
    if own.change(due.values(next_at=own.now + step)):
        return 0.0
    next_at = own.first(select(Pace.next_at).where(Pace.domain == domain))
    return 0.0 if next_at is None else max(0.001, (next_at - own.now).total_seconds())
