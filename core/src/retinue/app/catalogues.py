"""What can be listed: the catalogue of contacts, with tags, look-ups, custom fields and the plugins' facets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from retinue.contacts.custom import list_custom_fields
from retinue.contacts.models import Contact, ContactLookup, ContactTag, Tag
from retinue.contacts.queries import match_clause
from retinue.contacts.values import TAIL_DIGITS, BadValue, clean_phone
from retinue.lists.catalogue import Catalogue, Link, Lookup
from retinue.lists.service import Catalogues
from retinue.plugins import Facet, PluginSet
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
    link = Link(owner=ContactTag.contact_id, item=ContactTag.tag_id, key=Tag.id, name=Tag.name, folded=Tag.folded)
    return made.with_tags(link).with_search(match_clause).with_age(Contact.__table__.c.birth_date)


def make_catalogues(plugins: PluginSet) -> Catalogues:
    """Return the catalogues of an installation with these plugins; custom fields are read at each use."""
    base = base_catalogue()
    for name, model in _facets(plugins):
        base = base.with_facet(model, name=name)

    def contacts(store: Store) -> Catalogue:
        known: Catalogue | None = store.session.info.get("contact_catalogue")
        if known is None:
            known = base.with_custom(Contact.custom, _clear(list_custom_fields(store)))
            store.session.info["contact_catalogue"] = known
        return known

    return Catalogues({"contact": contacts})


def _clear(definitions: Iterable[Any]) -> list[Any]:
    return [d for d in definitions if d.protection == "open"]


def _facets(plugins: PluginSet) -> Iterator[tuple[str, Any]]:
    for owned in plugins.declared(Facet):
        yield owned.item.name, plugins.resolve(owned.plugin, owned.item.model)


