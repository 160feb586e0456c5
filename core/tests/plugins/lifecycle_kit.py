"""Two grown plugins for the tests of their life: points, and badges that stand on points."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from retinue.actor import Actor
from retinue.app import House, open_house
from retinue.app.lifecycle import deeds
from retinue.app.lifecycle.deeds import apply_plan, plan_action
from retinue.app.lifecycle.facts import FIGURES, STAY, core_tables
from retinue.config import Config
from retinue.contacts.service import create_contact
from retinue.interactions.service import record_interaction
from retinue.storage.tables import digest_rows, schema_of, table_names

if TYPE_CHECKING:
    from conftest import Site

ROOT = Actor.system("test")


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not try these two plugins in a process of their own each time: that has tests of its own, and takes seconds."""
    monkeypatch.setattr(deeds, "refuse_dangerous", lambda *_, **__: None)


POINTS_TOML = """
title = "Points"
summary = "Everybody we know collects points."
tables = ["points_account", "points_move"]
hooks = ["contacts_created"]
grants = ["interaction.create"]

[[fields]]
name = "points"
model = "retinue_points.models:Account"

[[permissions]]
name = "points.adjust"
label = "Adjust points"

[[interaction_kinds]]
name = "points_earned"
label = "Points earned"

[[jobs]]
name = "points.expire_balances"
run = "retinue_points.service:expire"

[[schedules]]
name = "points.expire_balances"
job = "points.expire_balances"
cron = "0 3 * * *"
"""

POINTS_INIT = """
from retinue.plugins import hookimpl
from retinue_points import service

@hookimpl
def contacts_created(store, contacts):
    service.open_accounts(store, contacts)
"""

POINTS_MODELS = """
from uuid import UUID
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped
from retinue.storage import Access, Sealed, contact_ref, field, key, personal, plugin_base, ref, sealed

Base = plugin_base("points")

class Account(Base, Sealed):
    __tablename__ = "points_account"
    __access__ = Access.through("contact_id")

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True)
    balance: Mapped[int] = field(Integer, label="Points", default=0)
    note = sealed(label="Note", kind="text", privacy=personal("to know why"))

class Move(Base):
    __tablename__ = "points_move"
    __access__ = Access.through("account_id", parent="points_account")

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref(Account.__table__.c.id, on_delete="CASCADE")
    amount: Mapped[int] = field(Integer, label="Amount", default=0)
"""

POINTS_SERVICE = """
from retinue_points.models import Account, Move
from retinue.interactions.service import record_interaction

def open_accounts(store, contacts):
    for contact in contacts:
        account = Account(contact_id=contact.id, balance=10)
        account.note = "welcome, " + contact.name
        store.add(account)
        store.flush()
        store.add(Move(account_id=account.id, amount=10))
        store.flush()
        record_interaction(store, contact.id, {"kind": "points_earned", "body": "ten points"})

def expire(store, payload):
    pass
"""

POINTS_MIGRATION = '''
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
        sa.Column("sealed_data", sa.LargeBinary),
    )
    op.create_table(
        "points_move",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("points_account.id", ondelete="CASCADE"), index=True),
        sa.Column("amount", sa.Integer, nullable=False),
    )

def downgrade():
    op.drop_table("points_move")
    op.drop_table("points_account")
'''

BADGES_TOML = """
title = "Badges"
requires = ["points"]
requires_schema = { points = 1 }
tables = ["badges_badge"]
"""

BADGES_MIGRATION = '''
"""Badges on accounts."""
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
level = 1

def upgrade():
    op.create_table(
        "badges_badge",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("points_account.id", ondelete="CASCADE")),
        sa.Column("label", sa.String(40), nullable=False),
    )

def downgrade():
    op.drop_table("badges_badge")
'''

BADGES_MODELS = """
from uuid import UUID
from sqlalchemy import String, Uuid
from sqlalchemy.orm import Mapped
from retinue.storage import Access, field, key, plugin_base

class Badge(plugin_base("badges")):
    __tablename__ = "badges_badge"
    __access__ = Access.system()

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = field(Uuid, label="Account")
    label: Mapped[str] = field(String(40), label="Label")
"""


def install_points(site: Site, *, version: str = "1.0", toml: str = POINTS_TOML, **files: str) -> None:
    """Install the plugin points; `files` replace its own, with ``__`` for a slash."""
    given = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    own = {
        "models.py": POINTS_MODELS,
        "service.py": POINTS_SERVICE,
        "migrations/versions/0001_points.py": POINTS_MIGRATION,
    }
    site.install("points", {**own, **given}, toml=toml, body=POINTS_INIT, version=version)


def install_badges(site: Site) -> None:
    """Install the plugin badges, which requires points and points at its accounts."""
    files = {"models.py": BADGES_MODELS, "migrations/versions/0001_badges.py": BADGES_MIGRATION}
    site.install("badges", files, toml=BADGES_TOML)


@contextlib.contextmanager
def opened(config: Config) -> Iterator[House]:
    """Open an installation as a new process would find what is installed now."""
    with open_house(config) as house:
        yield house


def add_contact(house: House, name: str) -> Any:
    """Create a contact with an interaction of core's, as a person would; returns its id."""
    with house.store(ROOT) as store:
        contact = create_contact(store, {"kind": "person", "family_name": name})
        record_interaction(store, contact.id, {"kind": "note", "body": f"about {name}"})
        return contact.id


def do(house: House, action: Any, name: str, *, export: Path | None = None, **options: bool) -> Any:
    """Plan an action and carry it out."""
    return apply_plan(house, ROOT, plan_action(house, ROOT, action, name, **options), export=export)


def snapshot(house: House, *without: str) -> dict[str, Any]:
    """Return structure and rows of the whole database but for the audit, the epoch and the tables `without`."""
    left_out = {*STAY, *FIGURES, "plugin_epoch", "job_executor", *without}
    with house.database.transaction() as connection:
        names = [
            name
            for name in table_names(connection)
            if name not in left_out
            and (name in core_tables() or name.startswith(("alembic_", "points", "badges", "io_")))
        ]
        found = {
            name: digest_rows(connection, name, columns=("last_interaction_at",) if name == "contact" else ())
            for name in names
        }
        return {**found, "schema": schema_of(connection, names)}
