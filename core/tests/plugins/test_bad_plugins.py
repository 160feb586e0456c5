"""Bad plugins: whatever one does, the site stays up, the plugin is named with the reason, and others go on."""
# ruff: noqa: E501 - a bad plugin and what is said of it stand in one row

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import pytest
from litestar.testing import TestClient

from retinue.actor import Actor
from retinue.app import open_house
from retinue.app.serving import make_application
from retinue.errors import RetinueError
from retinue.plugins import list_plugins
from retinue.testing.house import Api, Crm, make_config

if TYPE_CHECKING:
    from conftest import Site

HEAD = "from retinue import hookimpl\n"
GOOD = HEAD + "@hookimpl\ndef contact_errors(contacts):\n    return []\n"
SYSTEM = Actor.system("test")
MODELS = """
from sqlalchemy import Integer
from sqlalchemy.orm import Mapped
from retinue import Access, field, key, plugin_base
class Row(plugin_base("{name}")):
    __tablename__ = "{table}"
    __access__ = Access.system()
    id: Mapped[object] = key()
"""
BROKEN_MIGRATION = '''
"""Rows."""
import sqlalchemy as sa
from alembic import op
revision = "0001"
down_revision = None
level = 1
def upgrade():
    op.create_table("bad_migration_row", sa.Column("id", sa.Integer, primary_key=True))
    raise RuntimeError("half way")
def downgrade():
    op.drop_table("bad_migration_row")
'''
PATCH = "import retinue.contacts.service\ndef mine(*args): return None\nretinue.contacts.service.create_contact = mine\n"
THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), name='miner', daemon=True).start()\n"


class Bad(NamedTuple):
    """One bad plugin: its code and manifest, the code of the fault, and words that the person reads."""

    name: str
    code: str
    words: str
    body: str = GOOD
    toml: str | None = None
    files: dict[str, str] | None = None


BAD = [
    Bad("bad_syntax", "PLG006", "SyntaxError", "def broken(:\n"),
    Bad("bad_exit", "PLG014", "ended the process, with code 3", "import os\nos._exit(3)\n"),
    Bad("bad_quiet", "PLG014", "ended the process, with code 0", "import os\nos._exit(0)\n"),
    Bad("bad_hang", "PLG014", "did nothing for 3 seconds", "import time\ntime.sleep(600)\n"),
    Bad("bad_spin", "PLG014", "took more than 3 seconds of the processor", "while True:\n    pass\n"),
    Bad("bad_thread", "PLG014", "starts a thread: miner", THREAD + GOOD),
    Bad("bad_patch", "PLG015", "retinue.contacts.service.create_contact", PATCH + GOOD),
    Bad("wrong_route", "PLG009", "/imports in routes belongs to good already", GOOD, '[[routes]]\npath = "/imports"\nhandlers = "retinue_wrong_route:HANDLERS"\n'),
    Bad("wrong_right", "PLG009", "good.read in permissions belongs to good already", GOOD, '[[permissions]]\nname = "good.read"\nlabel = "x"\n'),
    Bad("bad_hook", "HOOK008", "it publishes hooks that core has: contacts_created", GOOD, 'publishes = "retinue_bad_hook.specs"\n',
        {"specs.py": "from retinue import hook\n@hook(mode='tell', phase='in_transaction', on_failure='isolate', since='1')\ndef contacts_created(store: object) -> None:\n    'News.'\n"}),
    Bad("bad_table", "PLG007", "table good_row must be named bad_table", GOOD, 'tables = ["good_row"]\n', {"models.py": MODELS.format(name="bad_table", table="good_row")}),
    Bad("plugin", "PLG007", "core has a table plugin_"),
    Bad("bad_version", "PLG003", "version 99 of the hooks", GOOD, 'name = "bad_version"\napi = 99\n'),
    Bad("bad_cycle", "PLG005", "bad_cycle → bad_cyclist → bad_cycle", GOOD, 'requires = ["bad_cyclist"]\n'),
    Bad("bad_migration", "MIG011", "half way", GOOD, 'tables = ["bad_migration_row"]\n',
        {"models.py": MODELS.format(name="bad_migration", table="bad_migration_row"), "migrations/versions/0001_rows.py": BROKEN_MIGRATION}),
]  # fmt: skip


def install(site: Site, bad: Bad) -> None:
    """Put a bad plugin on the path, and what it needs to be bad."""
    toml = bad.toml if bad.toml is None or "contact_errors" in bad.toml else f"{bad.toml}"
    if toml is not None:
        first, _, rest = toml.partition("[[")
        toml = f'{first}hooks = ["contact_errors"]\n' + (f"[[{rest}" if rest else "")
    body = bad.body + ("HANDLERS = []\n" if bad.name == "wrong_route" else "")
    site.install(bad.name, bad.files, toml=toml, body=body)
    if bad.name == "bad_cycle":
        site.install("bad_cyclist", toml='requires = ["bad_cycle"]', body=GOOD)


@pytest.fixture(scope="module")
def site(make_site: type[Site], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a folder on the path with one good plugin and all the bad ones."""
    folder = tmp_path_factory.mktemp("bad")
    made, written = make_site(folder), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    toml = 'hooks = ["contact_errors"]\n[[routes]]\npath = "/imports"\nhandlers = "retinue_good:HANDLERS"\n[[permissions]]\nname = "good.read"\nlabel = "Read"\n'
    made.install("good", toml=toml, body=GOOD + "HANDLERS = []\n")
    for bad in BAD:
        install(made, bad)
    yield made
    sys.dont_write_bytecode = written
    sys.path.remove(str(folder))
    made.forget()


@pytest.fixture(scope="module")
def crm(site: Site, templates: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    """Yield an installation on SQLite in which the good plugin is on."""
    import shutil

    template, _ = templates("sqlite", lambda: "")
    folder = tmp_path_factory.mktemp("crm")
    for name in ("master.key", "keys.db", "retinue.db"):
        shutil.copy(Path(template) / name, folder / name)
    config = make_config(folder, f"sqlite:///{folder}/retinue.db")
    with ExitStack() as stack:
        house = stack.enter_context(open_house(config))
        house.enable(SYSTEM, "good")
        client = stack.enter_context(TestClient(make_application(house), base_url=config.base_url))
        yield Crm(house, client)


@pytest.fixture(scope="module")
def api(crm: Crm) -> Api:
    """Return a client of the site."""
    return crm.user().client


def works(crm: Crm, api: Api) -> bool:
    """Say whether the site creates contacts and lists them, with the good plugin on."""
    made = api.post("/contacts", {"kind": "person", "given_name": "Ada", "family_name": uuid4().hex})
    listed = api.get("/contacts")
    return (made.status_code, listed.status_code) == (201, 200) and "good" in crm.house.plugins.loaded


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
def test_bad_plugin_is_refused_with_its_reason_and_the_site_stays_up(
    crm: Crm, api: Api, bad: Bad, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX-8, EX-15: syntax error, exit and hang at import, leaks, collisions, versions, cycles, migrations."""
    if bad.name in ("bad_hang", "bad_spin"):  # the usual ten seconds are tedious
        folder, url = crm.house.config.master_key_path.parent, crm.house.config.database.url
        patient = make_config(folder, url, plugins={"import_timeout": 3.0})
        monkeypatch.setattr(crm.house, "config", patient)
    with pytest.raises(RetinueError) as refused:
        crm.house.enable(SYSTEM, bad.name)
    told = str(refused.value)
    codes = refused.value.extra.get("codes", [refused.value.code])
    assert bad.code in codes, told
    assert bad.words in told
    assert bad.name not in crm.house.plugins.loaded
    assert works(crm, api)


def test_plugin_that_turns_bad_while_on_is_set_aside_and_the_list_says_why(
    crm: Crm, api: Api, site: Site
) -> None:
    """EX-8: after a bad upgrade the site starts without the plugin, and `retinue plugins list` names the reason."""
    site.install("turning", body=GOOD)
    crm.house.catalogue = type(crm.house)(crm.house.config, crm.house.database).catalogue
    crm.house.enable(SYSTEM, "turning")
    assert "turning" in crm.house.plugins.loaded
    site.write("retinue_turning.py", "def broken(:\n")
    sys.modules.pop("retinue_turning")
    crm.house.refresh(force=True)
    assert "turning" not in crm.house.plugins.loaded
    with crm.store(readonly=True) as store:
        (info,) = [plugin for plugin in list_plugins(store) if plugin.name == "turning"]
    assert "SyntaxError" in info.reason
    assert "retinue_turning.py" in info.trace
    crm.rebuild()
    assert works(crm, api)
