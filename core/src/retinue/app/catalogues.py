"""What can be listed: the catalogue of contacts, with tags, look-ups, custom fields and the plugins' facets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from retinue.contacts.models import Contact, ContactLookup, ContactTag, CustomField, Tag
from retinue.contacts.queries import match_clause
from retinue.contacts.values import TAIL_DIGITS, BadValue, clean_phone
from retinue.lists.catalogue import Catalogue, Link, Lookup, Work
from retinue.lists.service import Catalogues
from retinue.plugins import Facet, ListColumn, Owned, PluginSet
from retinue.storage import Store

COLUMNS = (
    "kind", "name", "given_name", "family_name", "country", "city", "job_title", "status", "source", "emails", "phones",
    "tag", "owner_id", "team_id", "last_interaction_at", "created_at", "updated_at",
)  # fmt: skip


def _email(text: str) -> Iterator[str]:
    if "@" in text:
        yield text.strip().casefold()


def _domain(text: str) -> Iterator[str]:
    yield text.strip().casefold().removeprefix("@")


def _phone(text: str) -> Iterator[str]:
    try:
        yield clean_phone(text)[1].lstrip("+")
    except BadValue:
        digits = "".join(c for c in text if c.isdigit())
        if digits:
            yield digits


def _tail(text: str) -> Iterator[str]:
    digits = "".join(c for c in text if c.isdigit())
    if len(digits) >= TAIL_DIGITS:
        yield digits[-TAIL_DIGITS:]


_LOOKUPS = (
    ("email", "E-mail address", _email),
    ("email_domain", "Mail domain", _domain),
    ("phone", "Phone", _phone),
    ("phone_tail", f"Phone ends with (last {TAIL_DIGITS} digits)", _tail),
)


def base_catalogue() -> Catalogue:
    """Return the catalogue of contacts without what an installation or a plugin adds."""
    made = Catalogue.from_model(
        Contact,
        entity="contact",
        permission="contact.read",
        instead={"emails": "email, email_domain", "phones": "phone, phone_tail"},
        order_by={"name": Contact.__table__.c.sort_name},
        folded={"name": Contact.__table__.c.search_text},
        sort="name",
        columns=COLUMNS,
    )
    for name, label, spellings in _LOOKUPS:
        where = ContactLookup.kind == name
        lookup = Lookup(ContactLookup.contact_id, ContactLookup.token, name, where, spellings)
        made = made.with_lookup(name, label, lookup)
    link = Link(
        owner=ContactTag.contact_id, item=ContactTag.tag_id, key=Tag.id, name=Tag.name, folded=Tag.folded
    )
    return made.with_tags(link).with_search(match_clause).with_age(Contact.__table__.c.birth_date)


def make_catalogues(plugins: PluginSet) -> Catalogues:
    """Return the catalogues of an installation with these plugins; custom fields are read at each use."""
    base = base_catalogue()
    for name, model in _facets(plugins):
        base = base.with_facet(model, name=name)
    for owned in plugins.declared(ListColumn):
        column = owned.item
        work = _worker(plugins, owned)
        base = base.with_column(
            column.name, work, label=column.label, kind=column.kind, permission=column.permission
        )

    made = _Made(base)

    def contacts(store: Store) -> Catalogue:
        known: Catalogue | None = store.session.info.get("contact_catalogue")
        if known is None:
            known = store.session.info["contact_catalogue"] = made.of(read_custom_fields(store))
        return known

    return Catalogues({"contact": contacts})


@dataclass(frozen=True, slots=True)
class CustomDefinition:
    """What a list needs to know of a custom field."""

    key: str
    label: str
    kind: str
    choices: tuple[str, ...]


def _select_custom_fields() -> Select[Any]:
    field = CustomField.__table__.c
    chosen = select(field.key, field.label, field.kind, field.choices).where(field.protection == "open")
    return chosen.order_by(field.position, field.key)


_CUSTOM_FIELDS = _select_custom_fields()


def read_custom_fields(store: Store) -> tuple[CustomDefinition, ...]:
    """Return the custom fields that stand in clear, in their order."""
    return tuple(
        CustomDefinition(key, label, kind, tuple(choices or ()))
        for key, label, kind, choices in store.rows(_CUSTOM_FIELDS)
    )


class _Made:
    """The catalogue with the custom fields there are: made anew only when one was declared or changed."""

    def __init__(self, base: Catalogue) -> None:
        self._base = base
        self._last: tuple[tuple[CustomDefinition, ...], Catalogue] = ((), base)

    def of(self, definitions: tuple[CustomDefinition, ...]) -> Catalogue:
        """Return the catalogue with `definitions`."""
        known, catalogue = self._last
        if known != definitions:
            catalogue = self._base.with_custom(Contact.custom, definitions)
            self._last = definitions, catalogue
        return catalogue


def _worker(plugins: PluginSet, owned: Owned[ListColumn]) -> Work:
    """Return what works a plugin's column out, behind a fault boundary: one that fails shows nothing."""

    def work(store: Store, ids: Sequence[UUID]) -> Mapping[UUID, Any]:
        outcome = plugins.attempt(store, owned, lambda code: _plain(code(store, ids), ids))
        return outcome.value or {}

    return work


def _plain(given: Mapping[UUID, Any], ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Return the values of `ids`; raises TypeError for what no list can show."""
    values = {one: given[one] for one in ids if given.get(one) is not None}
    for value in values.values():
        if not isinstance(value, str | int | float | Decimal | date):
            raise TypeError(
                f"a column shows text, numbers, dates or yes and no, not a {type(value).__name__}"
            )
    return values


def _facets(plugins: PluginSet) -> Iterator[tuple[str, Any]]:
    for owned in plugins.declared(Facet):
        yield owned.item.name, plugins.resolve(owned.plugin, owned.item.model)
