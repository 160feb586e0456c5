"""The two smallest plugins of the documentation, from installation to their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from retinue.actor import Actor
from retinue.contacts.models import Contact
from retinue.plugins import Facet, disable_plugin, discover, enable_plugin, read_plugin_set
from retinue.plugins.migrations import check, lines_of, upgrade
from retinue.storage import Database, fields_of
from retinue.testing.fixtures import person

if TYPE_CHECKING:
    from conftest import Site

ADMIN = person("plugin.read", "plugin.enable", "plugin.disable")
CLERK = person("contact.read", "contact.create", "contact.change")

TOML = """
title = "Points"
summary = "Everybody we know collects points."
tables = ["points_account"]
hooks = ["contacts_created"]

[[fields]]
name = "points"
model = "retinue_points.models:Account"

[[permissions]]
name = "points.adjust"
label = "Adjust points"
"""

INIT = """
from retinue.plugins import hookimpl
from retinue_points import service

@hookimpl
def contacts_created(store, contacts):
    service.open_accounts(store, contacts)
"""

MODELS_PY = """
from uuid import UUID
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped
from retinue.storage import Access, contact_ref, field, key, plugin_base

class Account(plugin_base("points")):
    "The points of one contact."

    __tablename__ = "points_account"
    __access__ = Access.through("contact_id")

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True)
    balance: Mapped[int] = field(Integer, label="Points", default=0)
"""

SERVICE = """
from retinue_points.models import Account

def open_accounts(store, contacts):
    for contact in contacts:
        store.add(Account(contact_id=contact.id, balance=10))
"""

MIGRATION = '''
"""Points of a contact."""
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
level = 1

def upgrade():
    op.create_table(
        "points_account",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("contact_id", sa.Uuid, sa.ForeignKey("contact.id", ondelete="CASCADE"), unique=True),
        sa.Column("balance", sa.Integer, nullable=False),
    )

def downgrade():
    op.drop_table("points_account")
'''


def create(database: Database, hooks: Any, name: str) -> None:
    with database.store(CLERK, hooks=hooks) as store:
        times = {"created_at": store.now, "updated_at": store.now}
        contact = Contact(
            name=name, sort_name=name, search_text=name, access_id=store.access_set(CLERK.id, None), **times
        )
        store.add(contact)
        store.flush()
        store.hooks.contacts_created(store, [contact])


@pytest.mark.filterwarnings("ignore:This declarative base already contains a class:sqlalchemy.exc.SAWarning")
def test_grown_plugin_lives_from_install_to_removal(database: Database, site: Site) -> None:
    files = {"models.py": MODELS_PY, "service.py": SERVICE, "migrations/versions/0001_points.py": MIGRATION}
    site.install("points", files, toml=TOML, body=INIT)
    found = discover()
    lines = lines_of(found, ["points"])[1:]
    with database.engine.connect() as connection:
        assert [f.code for f in check(connection, lines)["points"]] == ["MIG012"]
        assert [s.title for s in upgrade(connection, lines).steps] == ["Points of a contact."]
    with database.store(ADMIN) as store:
        enable_plugin(store, "points")
    with database.store(ADMIN, readonly=True) as store:
        plugins = read_plugin_set(store)
    (facet,) = plugins.declared(Facet)
    account = plugins.resolve(facet.plugin, facet.item.model)
    assert fields_of(account)["balance"].label == "Points"

    create(database, plugins.hooks, "Ada")
    with database.store(CLERK, readonly=True) as store:
        assert store.scalars(select(account.balance)) == [10]
    with database.store(person("contact.read=own"), readonly=True) as store:
        assert store.scalars(select(account.balance)) == []

    with database.store(ADMIN) as store:
        disable_plugin(store, "points")
    with database.store(ADMIN, readonly=True) as store:
        off = read_plugin_set(store)
    assert (off.epoch, off.declared(Facet)) == (plugins.epoch + 1, ())
    create(database, off.hooks, "Bob")

    site.uninstall("points")
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM points_account").scalar() == 1
    with database.store(Actor.system("test")) as store:
        for contact in store.scalars(select(Contact)):
            store.remove(contact)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM points_account").scalar() == 0
