"""Off means off: one plugin that adds a thing of every kind, and a probe of each, on, off, and on again."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest

from retinue.cli import app
from retinue.cli.errors import run
from retinue.contacts.service import create_contact
from retinue.errors import NotFound
from retinue.jobs import list_jobs, run_inline
from retinue.jobs.keeper import tick
from retinue.plugins.contributions import KINDS
from retinue.testing.conformance.probes import PROBES as GENERATED

if TYPE_CHECKING:
    from conftest import Site
    from retinue.testing.house import Api, Crm

REAL = importlib.metadata.entry_points
TOML = """
title = "Everything"
summary = "One of each."
tables = ["everything_row"]

[[permissions]]
name = "everything.do"
label = "Do everything"

[[settings]]
name = "greeting"
label = "Greeting"
default = "hello"

[[jobs]]
name = "everything.run_all"
run = "retinue_everything.code:run_all"

[[schedules]]
name = "everything.daily"
job = "everything.run_all"
cron = "0 3 * * *"
missed = "run_once"

[[routes]]
path = "/everything"
handlers = "retinue_everything.code:ROUTES"

[[sites]]
path = "/all-of-it"
handlers = "retinue_everything.code:SITE"

[[commands]]
name = "everything"
run = "retinue_everything.code:everything"

[[fields]]
name = "everything"
model = "retinue_everything.models:Row"

[[interaction_kinds]]
name = "everything_done"
label = "Done"

[[webhook_events]]
name = "everything.done"
label = "Done"

[[import_targets]]
name = "everything.row"
label = "Rows"
run = "retinue_everything.code:bring_in"
columns = ["size"]

[[list_columns]]
name = "everything.rank"
label = "Rank"
run = "retinue_everything.code:ranks"
kind = "integer"

[[merge_fields]]
name = "everything.greeting"
label = "Greeting"
run = "retinue_everything.code:greetings"
fallback = "customer"

[[pages]]
name = "everything.page"
path = "/everything-page"
label = "Everything page"
run = "retinue_everything.code:show"
template = "shown.html"

[[panels]]
name = "everything.panel"
label = "Everything panel"
run = "retinue_everything.code:show"
template = "shown.html"

[[widgets]]
name = "everything.widget"
label = "Everything widget"
run = "retinue_everything.code:show"
template = "shown.html"

[[navigation_items]]
name = "everything.line"
label = "Everything line"
path = "/everything-line"

[[palette_items]]
name = "everything.command"
label = "Everything command"
path = "/everything-command"
"""

CODE = """
import click
from retinue.web import PUBLIC, get, web_page

@get("/ping", permission="contact.read")
def ping() -> dict[str, str]:
    return {"is": "on"}

@get("/", permission=PUBLIC, status=200, include_in_schema=False)
def front() -> object:
    return web_page("<!doctype html><title>all of it</title>")

ROUTES, SITE = [ping], [front]

@click.command()
def everything():
    click.echo("everything is on")

def run_all(store, payload):
    pass

def bring_in(store, rows):
    return ["unchanged" for _ in rows]

def ranks(store, contact_ids):
    return {one: place for place, one in enumerate(contact_ids, 1)}

def greetings(store, contact_ids):
    return {one: "dear friend" for one in contact_ids}

def show(store, *rest):
    return {}
"""

MODELS = """
from uuid import UUID
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped
from retinue.storage import Access, contact_ref, field, key, plugin_base

class Row(plugin_base("everything")):
    __tablename__ = "everything_row"
    __access__ = Access.through("contact_id")

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True)
    size: Mapped[int] = field(Integer, label="Size", default=0)
"""

MIGRATION = '''
"""Rows."""
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
level = 1

def upgrade():
    op.create_table(
        "everything_row",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("contact_id", sa.Uuid, sa.ForeignKey("contact.id", ondelete="CASCADE"), unique=True),
        sa.Column("size", sa.Integer, nullable=False),
    )

def downgrade():
    op.drop_table("everything_row")
'''

FILES = {
    "code.py": CODE,
    "models.py": MODELS,
    "migrations/versions/0001_rows.py": MIGRATION,
    "templates/shown.html": "<p>shown by everything</p>",
}


class Scene:
    """An installation in which somebody with every permission looks for what the plugin adds."""

    def __init__(self, crm: Crm, contact: UUID, capfd: pytest.CaptureFixture[str]) -> None:
        self.crm, self.contact, self.capfd = crm, contact, capfd
        self.user = crm.user()
        self.days = 0

    @property
    def api(self) -> Api:
        return self.user.client

    def page(self, path: str) -> Any:
        """Ask for a page of the site, signed in."""
        headers = {"Authorization": f"Bearer {self.user.token}"}
        return self.crm.client.get(path, headers=headers, follow_redirects=False)

    def says(self, path: str, words: str) -> bool:
        answer = self.page(path)
        assert answer.status_code == 200, answer.text
        return words in answer.text

    def names(self, path: str) -> list[str]:
        answer = self.api.get(path)
        assert answer.status_code == 200, answer.text
        return [row["name"] for row in answer.json()]

    def starts_by_the_clock(self) -> bool:
        """Let two more days pass; say whether the schedule started its job."""
        before = self._started()
        for _ in range(2):
            self.days += 1
            tick(self.crm.house.jobs, datetime.now(UTC) + timedelta(days=self.days))
        return self._started() > before

    def _started(self) -> int:
        with self.crm.store() as store:
            return len(list_jobs(store, name="everything.run_all", limit=1000))

    def command(self) -> bool:
        config = self.crm.house.config
        (config.folder / "retinue.toml").write_text(config.to_toml(), "utf-8")
        code = run(app, ["--config", str(config.folder), "everything"])
        said = self.capfd.readouterr()
        assert (code == 0) is ("everything is on" in said.out), said.err
        return code == 0

    def filters(self) -> bool:
        answer = self.api.get("/contacts", params={"everything.size__is_set": "false"})
        assert answer.status_code in (200, 422), answer.text
        return bool(answer.status_code == 200)

    def column(self) -> bool:
        answer = self.api.get("/contacts", params={"fields": "name,everything.rank"})
        return [row["values"].get("everything.rank") for row in answer.json()["items"]] == [1]

    def merges(self) -> bool:
        """A letter is refused while nobody knows its word; one that is on its way falls back."""
        from retinue.lists import merge_letter

        text = "Hello {{ everything.greeting | you }}!"
        with self.crm.store() as store:
            written = merge_letter(store, text, [self.contact])[self.contact]
        asked = {"text": text, "contact_id": str(self.contact)}
        answer = self.api.post("/merge-fields/letter", asked)
        if answer.status_code == 422:
            assert written == "Hello you!"
            return False
        assert answer.json() == {"text": written} == {"text": "Hello dear friend!"}
        return True

    def grants(self) -> bool:
        draft = {"name": f"role {self.days}", "permissions": {"everything.do": "all"}}
        answer = self.api.post("/roles", draft)
        assert answer.status_code in (201, 422), answer.text
        if answer.status_code == 201:
            self.days += 1
        return bool(answer.status_code == 201)

    def records(self) -> bool:
        draft = {"kind": "everything_done", "body": "x"}
        answer = self.api.post(f"/contacts/{self.contact}/interactions", draft)
        assert answer.status_code in (201, 422), answer.text
        return bool(answer.status_code == 201)


def _runs(scene: Scene) -> bool:
    spec = scene.crm.house.jobs.registry.jobs.get("everything.run_all")
    if spec is not None:
        with scene.crm.store() as store:
            run_inline(spec, store, {})
    return spec is not None


def _target(scene: Scene) -> bool:
    plugins = scene.crm.house.plugins
    with scene.crm.store() as store:
        try:
            return plugins.import_rows(store, "everything.row", [{"size": "1"}]) == ["unchanged"]
        except NotFound:
            return False


PROBES: Final[dict[str, Callable[[Scene], bool]]] = {
    "permissions": Scene.grants,
    "settings": lambda scene: scene.api.get("/plugins/everything/settings").status_code == 200,
    "jobs": _runs,
    "schedules": Scene.starts_by_the_clock,
    "routes": lambda scene: scene.api.get("/everything/ping").status_code == 200,
    "commands": Scene.command,
    "fields": Scene.filters,
    "interaction_kinds": Scene.records,
    "webhook_events": lambda scene: "everything.done" in scene.names("/webhooks/events"),
    "import_targets": _target,
    "list_columns": Scene.column,
    "merge_fields": Scene.merges,
    "sites": lambda scene: scene.page("/all-of-it").status_code == 200,
    "pages": lambda scene: scene.page("/everything-page").status_code == 200,
    "panels": lambda scene: scene.says(f"/contacts/{scene.contact}", "Everything panel"),
    "widgets": lambda scene: scene.says("/", "Everything widget"),
    "navigation_items": lambda scene: scene.says("/contacts", "Everything line"),
    "palette_items": lambda scene: scene.says("/contacts", "Everything command"),
}


@pytest.mark.parametrize("probes", [PROBES, GENERATED], ids=["here", "conformance"])
def test_every_kind_of_contribution_has_a_probe(probes: dict[str, Any]) -> None:
    """EX-13: a contribution type without a probe fails the suite."""
    assert set(probes) == set(KINDS)


@pytest.fixture
def _with_fronts(monkeypatch: pytest.MonkeyPatch, only_throwaway_plugins: None) -> None:
    """Let the desk and the webhooks be installed too: they show what others contribute."""

    def points(**wanted: str) -> list[importlib.metadata.EntryPoint]:
        return [p for p in REAL(**wanted) if p.name in ("desk", "webhooks", "everything")]

    monkeypatch.setattr(importlib.metadata, "entry_points", points)


@pytest.fixture
def scene(_with_fronts: None, site: Site, crm: Crm, capfd: pytest.CaptureFixture[str]) -> Scene:
    site.install("everything", FILES, toml=TOML)
    house = crm.house
    site.turn_on(house, "desk", "webhooks", "everything")
    house.upgrade()
    house.refresh(force=True)
    assert not house.plugins.set_aside
    with crm.store() as store:
        contact = create_contact(store, {"kind": "person", "family_name": "Novák"}).id
    crm.rebuild()
    return Scene(crm, contact, capfd)


def test_every_kind_is_there_while_on_and_gone_while_off(scene: Scene, site: Site) -> None:
    """EX-13: one probe on and one off for every kind, by its user's means, on both databases; and on again."""
    manifest = scene.crm.house.plugins.loaded["everything"].manifest
    assert set(manifest.contributions) == set(KINDS)
    everything = dict.fromkeys(KINDS, True)
    assert _looked(scene) == everything
    scene.crm.house.disable(scene.user.actor, "everything")
    scene.crm.rebuild()
    assert _looked(scene) == dict.fromkeys(KINDS, False)
    site.turn_on(scene.crm.house, "everything")
    scene.crm.rebuild()
    assert _looked(scene) == everything


def _looked(scene: Scene) -> dict[str, bool]:
    return {kind: PROBES[kind](scene) for kind in KINDS}
