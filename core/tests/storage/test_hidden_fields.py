"""Fields an actor may not read: absent on every way, not to be asked about, never lost by a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import case, func, literal, select, update
from sqlalchemy.orm import aliased, load_only
from storage_kit import add_contact

from retinue.actor import Actor
from retinue.contacts.models import Contact
from retinue.errors import Denied
from retinue.storage import Database, Store
from retinue.testing.fixtures import person

HIDDEN = frozenset(
    {"contact.city", "contact.emails", "contact.note", "contact.custom.rev", "contact.custom.pin"}
)
C = Contact.__table__
A = aliased(Contact)
_SUB = select(Contact.city.label("x")).subquery()
WAYS: dict[str, Callable[[Store], Any]] = {
    "entity": lambda s: [c.city for c in s.scalars(select(Contact))],
    "column": lambda s: s.rows(select(Contact.city)),
    "alias": lambda s: s.rows(select(A.city)),
    "core table": lambda s: s.rows(select(C)),
    "core column": lambda s: s.rows(select(C.c.city)),
    "subquery": lambda s: s.rows(select(_SUB.c.x)),
    "greatest": lambda s: s.scalar(select(func.max(Contact.city))),
    "where": lambda s: s.scalars(select(Contact.name).where(Contact.city == "canary")),
    "where like": lambda s: s.scalars(select(Contact.name).where(Contact.city.like("can%"))),
    "case": lambda s: s.rows(select(case((Contact.city == "canary", "yes"), else_=None))),
    "group": lambda s: s.rows(select(Contact.city, func.count()).group_by(Contact.city)),
    "concatenated": lambda s: s.rows(select(func.coalesce(Contact.city, "") + literal("!"))),
    "deferred": lambda s: [c.city for c in s.scalars(select(Contact).options(load_only(Contact.id)))],
    "refreshed": lambda s: _refreshed(s),
    "custom as a whole": lambda s: s.scalars(select(Contact.custom)),
    "custom by key": lambda s: s.scalars(select(Contact.custom["rev"].as_string())),
    "custom in where": lambda s: s.scalars(
        select(Contact.name).where(Contact.custom["rev"].as_string() == "canary")
    ),
    "custom of the entity": lambda s: [c.custom for c in s.scalars(select(Contact))],
    "sealed": lambda s: [(c.emails, c.note, c.custom_sealed) for c in s.scalars(select(Contact))],
    "sealed as bare columns": lambda s: s.open_sealed(
        "contact", s.rows(select(C.c.id, C.c.id, C.c.sealed_data))
    ),
}


def _refreshed(store: Store) -> list[Any]:
    rows = store.scalars(select(Contact))
    for row in rows:
        store.session.refresh(row)
    return [row.city for row in rows]


@pytest.fixture
def planted(database: Database) -> Any:
    """A contact whose hidden values say canary, and whose name does not."""
    with database.store(Actor.system("plant")) as store:
        values = {"city": "canary", "emails": [{"value": "canary"}], "note": "canary", "job_title": "open"}
        custom = {
            "custom": {"rev": "canary", "seats": 10},
            "custom_sealed": {"pin": "canary", "code": "open"},
        }
        return add_contact(store, "name", **values, **custom).id


def _clerk() -> Actor:
    return person("contact.read", "contact.change", hidden_fields=HIDDEN)


def test_hidden_values_are_absent_on_every_way(database: Database, planted: Any) -> None:
    """C-14: nothing shows them, nothing finds by them; other keys of the same JSON stay."""
    shown = []
    for way, look in WAYS.items():
        with database.store(_clerk(), readonly=True) as store:
            found = look(store)
            if "canary" in repr(found) or found == ["name"] or "yes" in repr(found):
                shown.append(f"{way}: {found}")
    assert not shown, shown
    with database.store(_clerk(), readonly=True) as store:
        contact = store.get(Contact, planted)
        assert (contact.custom, contact.custom_sealed, contact.job_title) == (
            {"seats": 10},
            {"code": "open"},
            "open",
        )


def test_hidden_values_survive_what_others_change(database: Database, planted: Any) -> None:
    """C-14: a card written back without the fields one could not see keeps them."""
    with database.store(_clerk()) as store:
        contact = store.get(Contact, planted)
        contact.custom = {"seats": 20}
        contact.custom_sealed = {"code": "new"}
        contact.phones = [{"value": "+420777"}]
        contact.job_title = "CEO"
    with database.store(Actor.system("look")) as store:
        contact = store.get(Contact, planted)
        assert contact.custom == {"rev": "canary", "seats": 20}
        assert contact.custom_sealed == {"pin": "canary", "code": "new"}
        assert (contact.city, contact.note, contact.emails) == ("canary", "canary", [{"value": "canary"}])
        assert contact.phones == [{"value": "+420777"}]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: setattr(c, "city", "Praha"),
        lambda c: setattr(c, "emails", []),
        lambda c: setattr(c, "custom", {"seats": 10, "rev": "mine"}),
    ],
    ids=["column", "sealed", "custom key"],
)
def test_hidden_field_cannot_be_written(
    database: Database, planted: Any, change: Callable[[Contact], None]
) -> None:
    """Writing blindly is reading by trial, and worse."""
    with pytest.raises(Denied):
        _change(database, _clerk(), planted, change)
    with database.store(Actor.system("look")) as store:
        assert store.get(Contact, planted).city == "canary"


def test_locked_field_is_read_and_not_written(database: Database, planted: Any) -> None:
    locked = person("contact.read", "contact.change", locked_fields=frozenset({"contact.city"}))
    with database.store(locked) as store:
        assert store.get(Contact, planted).city == "canary"
    with pytest.raises(Denied):
        _change(database, locked, planted, lambda c: setattr(c, "city", "Praha"))


def _change(database: Database, actor: Actor, row_id: Any, change: Callable[[Contact], None]) -> None:
    with database.store(actor) as store:
        change(store.get(Contact, row_id))


@pytest.mark.parametrize(
    "statement",
    [
        update(Contact).where(Contact.city == "canary").values(job_title="found"),
        update(Contact).values(job_title="x").returning(Contact.city),
        update(Contact).values(job_title=Contact.city),
    ],
    ids=["where", "returning", "set"],
)
def test_hidden_field_is_not_found_through_an_update(
    database: Database, planted: Any, statement: Any
) -> None:
    """An UPDATE speaks of the bare table: a hidden column in WHERE, RETURNING or SET would tell its value."""
    with pytest.raises(Denied), database.store(_clerk()) as store:
        store.session.execute(statement, execution_options={"synchronize_session": False})


def test_hidden_field_is_not_found_through_an_update_of_the_table(database: Database, planted: Any) -> None:
    """The same in Core, where the column's table is the table itself."""
    for statement in (
        update(C).where(C.c.city == "canary").values(job_title="found"),
        update(C).values(job_title="x").returning(C.c.city),
    ):
        with pytest.raises(Denied), database.store(_clerk()) as store:
            store.session.execute(statement)
