"""One value of a field, as a person reads it: which template shows it, and with which words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.lists import ListField
from retinue_desk.people import account_names, team_names
from retinue_desk.words import Speech

BADGES = {"status", "kind"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A value ready to be shown: `how` names the form, `text` the words, `parts` several of them."""

    how: str
    text: str = ""
    parts: tuple[str, ...] = ()
    title: str = ""


EMPTY = Shown("empty")


@dataclass
class Names:
    """Names of the accounts and teams that the values of a page point at, read with one question each."""

    accounts: Mapping[UUID, str] = field(default_factory=dict)
    teams: Mapping[UUID, str] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store, columns: Iterable[ListField], rows: Iterable[Mapping[str, Any]]) -> Names:
        """Return the names that `rows` need."""
        rows, columns = list(rows), list(columns)
        accounts = {row.get(c.name) for c in columns if c.kind == "account" for row in rows}
        teams = {row.get(c.name) for c in columns if c.kind == "team" for row in rows}
        return cls(account_names(store, accounts), team_names(store, teams))


@dataclass(frozen=True, slots=True)
class Wording:
    """What values are put into words with: the reader's language, names of accounts and teams, labels of fields."""

    speech: Speech
    names: Names = field(default_factory=Names)
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, name: str) -> str:
        """Return the label of a field."""
        return self.speech.say(self.labels.get(name, name))


def show_value(kind: str, name: str, value: Any, wording: Wording) -> Shown:
    """Return how the value of a field is shown."""
    if value in (None, "", [], {}, ()):
        return EMPTY
    maker = _MAKERS.get(kind)
    if maker is not None:
        return maker(value, wording.speech, wording.names)
    return _plain(kind, name, value, wording.speech)


def _plain(kind: str, name: str, value: Any, speech: Speech) -> Shown:
    if isinstance(value, bool):
        return Shown("text", speech.say("yes") if value else speech.say("no"))
    if isinstance(value, datetime):
        return Shown("ago", speech.ago(value), title=speech.moment(value))
    if isinstance(value, date):
        return Shown("text", speech.day(value))
    if isinstance(value, int | float | Decimal):
        return Shown("number", speech.number(value))
    if name == "country":
        return Shown("text", speech.land(str(value)))
    if name == "language":
        return Shown("text", speech.tongue(str(value)))
    text = speech.say(str(value)) if kind == "choice" else str(value)
    return Shown("badge" if name in BADGES else "text", text)


def _many(value: Any, speech: Speech, _: Names) -> Shown:
    return Shown("tags", parts=tuple(speech.say(str(v)) for v in value))


def _emails(value: Any, _: Speech, __: Names) -> Shown:
    return Shown("emails", parts=tuple(entry["value"] for entry in value))


def _phones(value: Any, _: Speech, __: Names) -> Shown:
    return Shown("phones", parts=tuple(entry["value"] for entry in value))


def _account(value: Any, _: Speech, names: Names) -> Shown:
    return Shown("person", names.accounts.get(value, "—"), title=str(value))


def _team(value: Any, _: Speech, names: Names) -> Shown:
    return Shown("text", names.teams.get(value, "—"))


def _link(value: Any, _: Speech, __: Names) -> Shown:
    return Shown("link", str(value))


_MAKERS = {
    "tags": _many,
    "multi_choice": _many,
    "email_list": _emails,
    "phone_list": _phones,
    "account": _account,
    "team": _team,
    "url": _link,
}
