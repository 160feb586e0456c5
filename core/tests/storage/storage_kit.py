"""A small world of rows, some of them out of somebody's sight, each carrying its own word."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from retinue.actor import NOBODY, Actor
from retinue.contacts.models import Contact, ContactLookup, ContactTag, Tag
from retinue.interactions.models import Interaction
from retinue.relations.models import Influence, Relation
from retinue.storage import Database, Share, Store, new_id
from retinue.testing.fixtures import person

MAKING = ("contact.create=all", "contact.assign=all", "contact.change=all", "contact.read=all")


def add_contact(
    store: Store, name: str, owner: UUID | None = None, team: UUID | None = None, **more: Any
) -> Contact:
    """Add a contact named `name` to the store."""
    shares = more.pop("shares", ())
    values = {
        "custom": {},
        "sort_name": name,
        "search_text": name,
        "created_at": store.now,
        "updated_at": store.now,
        **more,
    }
    contact = Contact(
        name=name, owner_id=owner, team_id=team, access_id=store.access_set(owner, team, shares), **values
    )
    store.add(contact)
    store.flush()
    return contact


@dataclass
class World:
    """Contacts by the word that stands in each of them and in everything that hangs on it."""

    database: Database
    me: UUID = field(default_factory=new_id)
    mate: UUID = field(default_factory=new_id)
    other: UUID = field(default_factory=new_id)
    team: UUID = field(default_factory=new_id)
    ids: dict[str, UUID] = field(default_factory=dict)
    interactions: dict[str, UUID] = field(default_factory=dict)

    def actors(self) -> dict[str, tuple[Actor, set[str], set[str]]]:
        """Return each kind of actor with the words it may see and those it may change."""
        own, team = {"mine", "lent", "given"}, {"mine", "mates", "lent", "given"}
        everything = {"mine", "mates", "lent", "given", "foreign", "nobodys"}
        mine = {"account": self.me, "teams": frozenset({self.team})}
        rights = ("contact.read", "contact.change")
        return {
            "own": (person(*(f"{r}=own" for r in rights), **mine), own, {"mine", "given"}),
            "team": (person(*(f"{r}=team" for r in rights), **mine), team, {"mine", "mates", "given"}),
            "all": (person(*rights, **mine), everything, everything),
            "reader": (person("contact.read", **mine), everything, set()),
            "reads all, changes own": (
                person("contact.read", "contact.change=own", **mine),
                everything,
                {"mine", "given"},
            ),
            "stranger": (person("contact.read=team", "contact.change=team"), set(), set()),
            "without rights": (person(**mine), set(), set()),
            "nobody": (NOBODY, set(), set()),
        }


def make_world(database: Database) -> World:
    """Make the contacts: mine, my mate's, two shared by another, foreign, nobody's, one in the bin."""
    world = World(database)
    with database.store(Actor.system("world")) as store:
        make = {
            "mine": (world.me, world.team, ()),
            "mates": (world.mate, world.team, ()),
            "lent": (world.other, None, (Share("account", world.me, "read"),)),
            "given": (world.other, None, (Share("account", world.me, "write"),)),
            "foreign": (world.other, new_id(), ()),
            "nobodys": (None, None, ()),
            "binned": (world.me, world.team, ()),
        }
        for word, (owner, team, shares) in make.items():
            removed = {"removed_at": store.now} if word == "binned" else {}
            contact = add_contact(
                store,
                word,
                owner,
                team,
                shares=shares,
                city=word,
                emails=[{"value": word}],
                custom={"word": word},
                **removed,
            )
            world.ids[word] = contact.id
            entry = Interaction(
                contact_id=contact.id, kind=word, at=store.now, created_at=store.now, body=word
            )
            tag = Tag(name=word, folded=word)
            store.add(entry, tag, ContactLookup(contact_id=contact.id, kind=word, token=word.encode()))
            store.flush()
            store.add(ContactTag(contact_id=contact.id, tag_id=tag.id, added_at=store.now))
            world.interactions[word] = entry.id
        _relate(store, world)
    return world


def _relate(store: Store, world: World) -> None:
    """Relate each contact to itself by its word, and mine to all; influence hangs on each of the former."""
    for word, contact_id in world.ids.items():
        own = Relation(from_id=contact_id, to_id=contact_id, kind=word, created_at=store.now)
        store.add(own)
        if word != "mine":
            mine = world.ids["mine"]
            store.add(Relation(from_id=mine, to_id=contact_id, kind=f"to-{word}", created_at=store.now))
        store.flush()
        store.add(Influence(from_relation_id=own.id, to_relation_id=own.id))


class Undo(Exception):
    """Ends a transaction without keeping it."""


def contact_row(store: Store, owner: Any) -> dict[str, Any]:
    """Return the values of a contact of `owner`."""
    return {
        "name": "n",
        "sort_name": "n",
        "search_text": "n",
        "custom": {},
        "kind": "person",
        "version": 1,
        "owner_id": owner,
        "created_at": store.now,
        "updated_at": store.now,
        "access_id": store.access_set(owner, None),
    }
