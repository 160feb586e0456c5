"""What every table owes: an access rule, privacy, ON DELETE, erasure, and migrations that make exactly it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, Uuid, func, insert, inspect, select

import retinue.app
import retinue_email.models  # the tables of plugins owe the same
import retinue_gdpr.duty_models
import retinue_loyalty.models
import retinue_nps.models
import retinue_orders.models
import retinue_webhooks.models
from retinue.contacts.erasing import erase_contact
from retinue.contacts.models import Contact
from retinue.jobs.models import metadata as job_tables
from retinue.storage import MODELS, Access, Base, Field, Privacy, new_id

CANARY = "canary5577"
JOBS_ENGINE = {
    "workflow_status",
    "workflow_schedules",
    "workflow_events",
    "workflow_events_history",
    "workflow_input",
    "workflow_output",
    "operation_outputs",
    "notifications",
    "streams",
    "queues",
    "application_versions",
    "dbos_migrations",
}
"""What the jobs engine keeps beside our tables on SQLite; on PostgreSQL it has a schema of its own."""
assert retinue.app  # importing the house maps every table of core
assert retinue_email.models
assert retinue_gdpr.duty_models
assert retinue_loyalty.models
assert retinue_nps.models
assert retinue_orders.models
SHIPPED = {
    name: model
    for name, model in MODELS.items()
    if model.__module__.split(".")[0]
    in (
        "retinue",
        "retinue_email",
        "retinue_gdpr",
        "retinue_io",
        "retinue_loyalty",
        "retinue_nps",
        "retinue_orders",
        "retinue_webhooks",
    )
}
"""What we ship, and not what other tests of this process map."""


def _core_tables() -> list[Table]:
    return list(Base.metadata.tables.values())


def _pointing(table: Table) -> list[str]:
    return [c.name for c in table.columns if any(f.column.table.name == "contact" for f in c.foreign_keys)]


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_table_says_who_sees_it_and_what_it_holds(name: str) -> None:
    """A table that is silent about itself cannot be scoped, exported or erased."""
    table = SHIPPED[name].__table__
    assert isinstance(table.info.get("access"), Access), f"{name}: give its class an __access__"
    for column in table.columns:
        declared = column.info.get("field")
        assert isinstance(declared, Field), f"{name}.{column.name}: make it with field(…), key() or ref(…)"
        assert isinstance(declared.privacy, Privacy), f"{name}.{column.name}: personal or not?"
        assert declared.label, f"{name}.{column.name}: people need a label"
        assert not declared.privacy.personal or declared.privacy.purpose, (
            f"{name}.{column.name}: kept for what?"
        )
        for foreign in column.foreign_keys:
            assert foreign.ondelete, f"{name}.{column.name}: a foreign key needs a database-level ON DELETE"


def test_every_table_of_core_belongs_to_a_class() -> None:
    """A bare table has no rule: the compiler would refuse it at the first query."""
    bare = [t.name for t in _core_tables() if t.name not in SHIPPED]
    assert not bare, f"map these: {bare}"


@pytest.mark.parametrize(
    "name", sorted(n for n, m in SHIPPED.items() if m.__table__.info["access"].mode == "through")
)
def test_child_points_at_what_decides_who_sees_it(name: str) -> None:
    """The rule of a child is only right if the column it goes through really points at its parent."""
    table = SHIPPED[name].__table__
    access = table.info["access"]
    for column in access.columns:
        parents = {f.column.table.name for f in table.c[column].foreign_keys}
        assert parents == {access.parent}, (
            f"{name}.{column} decides by {access.parent} and points at {parents}"
        )


# ---- erasure ----------------
def _plant(connection: Connection, table: Table, given: dict[str, Any]) -> Any:
    """Insert a row with the canary in every text, and the rows it needs in other tables; return its id."""
    row = dict(given)
    for column in table.columns:
        if column.name in row:
            continue
        foreign = next(iter(column.foreign_keys), None)
        if foreign is not None:
            target = foreign.column.table
            row[column.name] = (
                given["_contact"] if target.name == "contact" else _plant(connection, target, given)
            )
        elif column.primary_key or not column.nullable or column.type.python_type is str:
            row[column.name] = _value(column)
    plain = {k: v for k, v in row.items() if k in table.c}
    connection.execute(insert(table), [plain])
    return plain.get("id")


def _value(column: Any) -> Any:
    if isinstance(column.type, Uuid):
        return new_id()
    kinds: dict[type, Any] = {
        str: CANARY[: getattr(column.type, "length", None) or 99],
        int: 1,
        bool: False,
        bytes: CANARY.encode(),
        datetime: datetime.now(UTC),
        date: date(2026, 1, 1),
        dict: {CANARY: 1},
        list: [CANARY],
        object: {CANARY: 1},
    }
    return kinds[column.type.python_type]


def test_erasure_reaches_every_table_that_points_at_a_contact(crm: Any) -> None:
    """Whoever adds a table with a contact in it is covered, or this fails: rows go, the card is blanked."""
    tables = [t for t in _core_tables() if t.name != "contact" and _pointing(t)]
    assert len(tables) >= 5, "the planting below would prove nothing"
    admin = crm.user()
    person = {
        "given_name": CANARY,
        "family_name": CANARY,
        "emails": [{"value": f"{CANARY}@example.cz"}],
        "city": CANARY,
    }
    made = admin.client.post("/contacts", person).json()
    with crm.store() as store:
        for table in tables:
            for column in _pointing(table):
                _plant(store.raw_connection(), table, {column: UUID(made["id"]), "_contact": _other(store)})
    with crm.store(admin.actor) as store:
        removed = erase_contact(store, UUID(made["id"]), reason="asked for")
    assert set(removed) == {t.name for t in tables}
    with crm.store() as store:
        connection = store.raw_connection()
        for table in tables:
            for column in _pointing(table):
                left = select(func.count()).select_from(table).where(table.c[column] == UUID(made["id"]))
                assert connection.scalar(left) == 0, f"{table.name}.{column}"
        assert CANARY not in repr(
            connection.execute(select(Contact.__table__).where(Contact.id == UUID(made["id"]))).all()
        )


def _other(store: Any) -> UUID:
    """Return a contact for the other end of a row."""
    contact = Contact(
        name="other",
        sort_name="other",
        search_text="other",
        custom={},
        created_at=store.now,
        updated_at=store.now,
        access_id=store.access_set(None, None),
    )
    store.add(contact)
    store.flush()
    return contact.id


# ---- migrations ----------------
def test_migrations_make_exactly_the_tables_of_the_code(house: Any) -> None:
    """What a fresh upgrade makes and what the classes say are the same, on both databases."""
    ours = set(Base.metadata.tables)
    with house.database.transaction() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda table, kind, _: kind != "table" or table in ours,
            },
        )
        differences = compare_metadata(context, Base.metadata)
        known = {*ours, *job_tables.tables, *JOBS_ENGINE, "alembic_core"}
        strangers = {t for t in inspect(connection).get_table_names() if t not in known}
    assert not differences, f"write a migration: {differences}"
    assert not strangers, f"tables no class and no room owns: {strangers}"


@pytest.mark.parametrize(
    ("name", "metadata"),
    [("webhooks", retinue_webhooks.models.Endpoint.metadata), ("nps", retinue_nps.models.Survey.metadata)],
)
def test_migrations_of_a_plugin_make_exactly_its_tables(house: Any, name: str, metadata: MetaData) -> None:
    """The same for a plugin: its own line, its own version table."""
    from retinue.actor import Actor

    house.enable(Actor.system("test"), name)
    ours = {table for table in metadata.tables if table.startswith(name)}
    with house.database.transaction() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda table, kind, _: kind != "table" or table in ours,
            },
        )
        differences = [d for d in compare_metadata(context, metadata) if "contact" not in repr(d)[:60]]
        assert inspect(connection).has_table(f"alembic_{name}")
    assert not differences, f"write a migration: {differences}"
