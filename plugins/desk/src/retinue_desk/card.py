"""One contact as its page shows it: who it is, how to reach it, what follows, and who belongs to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact, describe_contact, exact_tokens, holders_of, read_facts
from retinue.errors import Denied
from retinue.lists import Catalogue, ListField
from retinue.relations import Link, list_relations
from retinue_desk.people import account_names, active_accounts, team_names
from retinue_desk.showing import Names, Shown, Wording, show_value
from retinue_desk.words import Speech

NAMES: Final = (
    "title_before",
    "given_name",
    "middle_name",
    "family_name",
    "title_after",
    "sex",
    "birth_date",
)
BUSINESS: Final = ("job_title", "business_line", "status", "source", "tag", "owner_id", "team_id", "note")
REACH: Final = (
    "emails", "phones", "addresses", "website", "socials", "language", "country", "region", "city", "postal_code",
    "preferred_channel", "time_zone",
)  # fmt: skip
_LISTS: Final = {"email_list", "phone_list", "social_list"}
_EDITORS: Final = {
    **dict.fromkeys(_LISTS, "entries"),
    **dict.fromkeys(("integer", "decimal"), "number"),
    **{kind: kind for kind in ("boolean", "date", "choice")},
    "long_text": "long",
    "address_list": "addresses",
    "multi_choice": "many",
}
_PLACING: Final = frozenset({"owner_id", "team_id"})


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the card: how it is shown, and how it is edited (an empty `editor` is not)."""

    name: str
    label: str
    shown: Shown
    raw: Any
    kind: str
    editor: str
    choices: Sequence[tuple[str, str]] = ()
    entries: tuple[tuple[str, str], ...] = ()


class Card:
    """Everything about one contact that the reader may see, read once."""

    def __init__(
        self, store: Store, catalogue: Catalogue, contact_id: UUID, *, speech: Speech, looked_at: bool = False
    ) -> None:
        self.store, self.catalogue, self.speech = store, catalogue, speech
        self.contact: Contact = store.get(Contact, contact_id)
        self.values = describe_contact(store, self.contact, looked_at=looked_at)
        self.fields = {f.name: f for f in catalogue.visible(store.actor)}
        accounts = account_names(store, [self.contact.owner_id])
        self.names = Names(accounts, team_names(store, [self.contact.team_id]))
        self.relations: list[Link] = self._relations()
        self.facts = read_facts(store, self.contact, store.now)

    def _relations(self) -> list[Link]:
        if not self.store.may("relation.read"):
            return []
        try:
            return list_relations(self.store, self.contact.id)
        except Denied:
            return []

    @property
    def name(self) -> str:
        """Return the name, if the reader may know it."""
        return str(self.values.get("name") or "—")

    @property
    def employer(self) -> Link | None:
        """Return the organisation the person works at, if that is known."""
        return next((link for link in self.relations if link.kind in ("works_at", "head_of")), None)

    @property
    def zone(self) -> str:
        """Return the time zone that is the contact's own."""
        return str(self.values.get("time_zone") or "")

    # ---- lines --------------------------------------------------------------------------------------------------
    def business(self) -> list[Line]:
        """Return the lines of the business part, custom fields behind core's."""
        custom = [name for name in self.fields if name.startswith("custom.")]
        return list(self._lines([*BUSINESS, *custom]))

    def reach(self) -> list[Line]:
        """Return the lines of the contact part; a person's names first."""
        names = NAMES if self.values.get("kind") == "person" else ("name",)
        return list(self._lines([*names, *REACH]))

    def naming(self) -> list[Line]:
        """Return the whole name and the kind, which the page shows in its head."""
        return list(self._lines(("name", "kind")))

    def _lines(self, names: Sequence[str]) -> Iterator[Line]:
        for name in names:
            field = self.fields.get(name)
            if field is not None:
                yield self._line(field)

    def _line(self, field: ListField) -> Line:
        raw = self._raw(field.name)
        shown = self._shown(field, raw)
        entries = tuple((e["value"], e.get("label", "")) for e in raw or ()) if field.kind in _LISTS else ()
        choices = [(c, self.speech.say(c)) for c in field.choices]
        name = "tags" if field.name == "tag" else field.name
        return Line(
            name,
            self.speech.say(field.label),
            shown,
            raw,
            field.kind,
            editor_of(self.store, field),
            choices,
            entries,
        )

    def _raw(self, name: str) -> Any:
        if name == "tag":
            return self.values.get("tags")
        if name.startswith("custom."):
            return (self.values.get("custom") or {}).get(name.removeprefix("custom."))
        return self.values.get(name)

    def _shown(self, field: ListField, raw: Any) -> Shown:
        if field.kind == "address_list" and raw:
            order = ("street", "postal_code", "city", "region")
            lines = [", ".join(a[p] for p in order if a.get(p)) for a in raw]
            lands = [self.speech.land(a.get("country")) for a in raw]
            return Shown(
                "lines", parts=tuple(", ".join(filter(None, pair)) for pair in zip(lines, lands, strict=True))
            )
        if field.kind == "social_list" and raw:
            return Shown("lines", parts=tuple(entry["value"] for entry in raw))
        if field.kind == "long_text" and raw:
            return Shown("long", str(raw))
        return show_value(field.kind, field.name, raw, Wording(self.speech, self.names))

    # ---- what follows ---------------------------------------------------------------------------------------------
    def raw_values(self) -> dict[str, Any]:
        """Return the values of the editable lines as the API has them."""
        lines = [line for line in (*self.business(), *self.reach()) if line.editor]
        return {line.name: line.raw for line in lines}

    def doubles(self) -> list[tuple[UUID, str]]:
        """Return other visible contacts that have one of its e-mails or phones."""
        known = {"emails": self.values.get("emails") or [], "phones": self.values.get("phones") or []}
        tokens = exact_tokens(self.store, known)
        found = {i for ids in holders_of(self.store, tokens).values() for i in ids} - {self.contact.id}
        rows = (
            self.store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(found)).limit(5))
            if found
            else []
        )
        return [(row[0], row[1]) for row in rows]

    def accounts(self) -> list[tuple[str, str]]:
        """Return who can own the contact."""
        return [(str(key), name) for key, name in active_accounts(self.store)]

    def analysis(self) -> list[tuple[str, str]]:
        """Return what core derives about the contact, in words."""
        say, facts = self.speech.say, self.facts
        found: list[tuple[str, str]] = []
        if facts.get("age") is not None:
            found.append((say("Age"), self.speech.number(facts["age"])))
        if self.values.get("last_interaction_at"):
            found.append((say("Last interaction"), self.speech.ago(self.values["last_interaction_at"])))
        if self.values.get("created_at"):
            found.append((say("Known since"), self.speech.day(self.values["created_at"])))
        if facts.get("is_open") is not None:
            found.append((say("Now"), say("open") if facts["is_open"] else say("closed")))
        found += [(say("May be called from") if c == "phone" else f"{say(c)}", self.speech.moment(at, "short"))
                  for c, at in (facts.get("next_allowed") or {}).items() if at]  # fmt: skip
        found += [
            (self.speech.capital(say(o.get("label", ""))), self._next(o))
            for o in facts.get("occasions") or ()
        ]
        return found

    def _next(self, occasion: Mapping[str, Any]) -> str:
        return self.speech.day(date.fromisoformat(occasion["next"]))


def editor_of(store: Store, field: ListField) -> str:
    """Return how a field of a contact is edited; nothing for one the reader may not change."""
    is_own = field.name in (*NAMES, *BUSINESS, *REACH) or field.name.startswith("custom.")
    bare = "tags" if field.name == "tag" else field.name
    if not is_own or not store.may("contact.change") or f"contact.{bare}" in store.actor.locked_fields:
        return ""
    if field.name in _PLACING:
        return "account" if field.name == "owner_id" and store.may("contact.assign") else ""
    if field.name == "tag":
        return "tags"
    return _EDITORS.get(field.kind, "text")
