"""What cannot carry the row rule is refused: text, bare names, the system's tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import column, delete, insert, literal, literal_column, select, table, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased
from storage_kit import Undo, World, contact_row

from retinue.contacts.models import Contact, Tag
from retinue.errors import RetinueError
from retinue.storage import AuditEntry, Refused, Store, new_id

C = Contact.__table__
FRAGMENTS: dict[str, Any] = {
    "a text statement": text("SELECT name FROM contact"),
    "text in WHERE": select(Contact.name).where(text("1=1 or 1=1")),
    "text in ORDER BY": select(Contact.name).order_by(text("(SELECT max(name) FROM contact)")),
    "text in FROM": select(C.c.name).select_from(text("contact AS c2")),
    "text as columns": select(text("name")).select_from(Contact),
    "a text select": select(text("SELECT name FROM contact").columns(column("name")).subquery().c.name),
    "entity from text": select(Contact).from_statement(text("SELECT * FROM contact")),
    "a literal column": select(literal_column("(SELECT max(name) FROM contact)")),
    "a table that is only a name": select(column("name")).select_from(table("contact")),
    "a light table": select(table("contact", column("name"))),
    "a light table in a subquery": select(Tag.name).where(
        Tag.name.in_(select(table("contact", column("name")).c.name))
    ),
    "text before": select(Contact.name).prefix_with("/* x */"),
    "text behind": select(Contact.name).suffix_with("UNION SELECT name FROM contact"),
    "text in an update": update(Tag).values(colour=text("(SELECT max(name) FROM contact)")),
    "a system table": select(AuditEntry),
    "a system table's alias": select(aliased(AuditEntry).action),
    "a system table in a subquery": select(Tag.name).where(Tag.id.in_(select(AuditEntry.row_id))),
    "a system table joined": select(Contact.name).join(AuditEntry, AuditEntry.contact_id == Contact.id),
    "a system table in core": select(AuditEntry.__table__.c.action),
    "a system table updated": update(AuditEntry).values(action="x"),
    "a system table deleted": delete(AuditEntry),
}


def test_fragments_of_text_and_system_tables_are_refused(world: World) -> None:
    """Text could break out of the rule, a bare name has none, and what is the system's is nobody else's."""
    let_through = []
    for who in ("own", "all", "nobody"):
        for what, statement in FRAGMENTS.items():
            try:
                with world.database.store(world.actors()[who][0]) as store:
                    store.session.execute(statement, execution_options={"synchronize_session": False})
                    raise Undo
            except Refused:
                continue
            except Undo:
                let_through.append(f"{who}: {what}")
    assert not let_through, let_through


HOLES: dict[str, Callable[[Store, World], Any]] = {
    "an operator made of text": lambda s, w: (
        s.rows(select(Contact.name.op("|| (SELECT group_concat(name) FROM contact) ||")("")))
        if s.database_kind == "sqlite"
        else s.rows(select(Contact.name.op("|| (SELECT string_agg(name, ',') FROM contact) ||")("")))
    ),
    "a hint made of text": lambda s, w: s.rows(
        select(Contact.name).with_statement_hint("UNION SELECT name FROM contact")
    ),
    "an upsert over a hidden row": lambda s, w: _upsert(s, w),
    "an insert for somebody else": lambda s, w: [
        s.session.execute(
            insert(Contact).returning(Contact.name),
            [{**contact_row(s, w.other), "id": new_id(), "name": "foreign"}],
        ).scalar()
    ],
    "an insert into a system table": lambda s, w: s.session.execute(
        insert(AuditEntry).returning(literal("foreign")),
        [
            {
                "id": new_id(),
                "turn": 1,
                "change_set_id": new_id(),
                "at": s.now,
                "action": "x",
                "actor_kind": "x",
                "actor_name": "",
                "fields": [],
            }
        ],
    ).all(),
}


def _upsert(store: Store, world: World) -> list[Any]:
    dialect = sqlite if store.database_kind == "sqlite" else postgresql
    row = {**contact_row(store, store.actor.id), "id": world.ids["foreign"]}
    statement = (
        dialect.insert(C).values(row).on_conflict_do_update(index_elements=["id"], set_={"city": "changed"})
    )
    return list(store.session.execute(statement.returning(C.c.name)).scalars())


@pytest.mark.parametrize("hole", HOLES)
def test_text_in_disguise_and_bare_inserts_do_not_pass(world: World, hole: str) -> None:
    """Operators and hints are text by another name; an INSERT has no WHERE to carry the rule."""
    found: Any = None
    try:
        with world.database.store(world.actors()["own"][0]) as store:
            found = HOLES[hole](store, world)
            raise Undo
    except (Undo, RetinueError, SQLAlchemyError):
        pass
    assert "foreign" not in repr(found)
