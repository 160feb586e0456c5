"""Secrets lie nowhere in clear (B1, F5); a rotation killed at any moment goes on and touches no data (B4)."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from goal_kit import Goal
from sqlalchemy import MetaData, func, select

from retinue.access import set_password
from retinue.actor import Actor
from retinue.app import load_masters, open_house
from retinue.contacts.models import Contact
from retinue.contacts.service import change_contact, create_contacts
from retinue.interactions.service import record_interaction
from retinue.storage import new_ids
from retinue.storage.keys import subject_key

SYSTEM = Actor.system("test")


@pytest.mark.goal("crypt-canary")
def test_no_planted_secret_lies_anywhere_in_clear(
    crm: Any, goal: Goal, caplog: pytest.LogCaptureFixture
) -> None:
    """B1, F5: canaries in every secret field, in passwords and tokens; tables, files, journal and logs hold none."""
    caplog.set_level(logging.DEBUG)
    kind, count, planted = crm.house.database.kind, goal.size(25, 1000), []
    for start in range(0, count, 200):
        drafts = [_draft(n, planted) for n in range(start, min(start + 200, count))]
        with crm.store() as store:
            for place, contact in enumerate(create_contacts(store, drafts, on_duplicate="allow")):
                body = f"zbody{start + place}q"
                planted.append(body)
                record_interaction(store, contact.id, {"kind": "note", "body": body})
                change_contact(store, contact.id, {"note": f"zagain{start + place}q"})
                planted.append(f"zagain{start + place}q")
    user = crm.user()
    user.client.post(
        "/contacts", {"name": "Ada", "emails": [{"value": "zposted@canary.example"}], "bogus": "znote"}
    )
    user.client.get("/contacts?email=zposted@canary.example")
    password = "zpassword of many words 31415q"  # it is what is looked for
    set_password(crm.house, SYSTEM, user.id, password, guard=crm.house.guard, must_change=False)
    planted += [password, user.token]
    planted.append("zposted@canary.example")
    ours = "\n".join(
        r.getMessage() for r in caplog.records if not r.name.startswith("http")
    )  # the client's are not
    places = {"logs": ours, **_tables(crm), **_files(crm.house.config.folder)}
    found = [f"{word} in {name}" for name, text in places.items() for word in planted if word in text]
    goal.at_least(f"{kind}: planted secrets", len(planted), 5 * count)
    goal.none_of(f"{kind}: of them found in clear in {len(places)} places", found)


def _draft(number: int, planted: list[str]) -> dict[str, Any]:
    words = {name: f"z{name}{number}q" for name in ("mail", "note", "street", "social")}
    phone = f"+4207{number % 90 + 10:02}{number:06}"
    planted += [*words.values(), phone]
    return {
        "name": f"Nr {number}", "emails": [{"value": f"{words['mail']}@canary.example"}], "phones": [{"value": phone}],
        "note": words["note"], "addresses": [{"street": words["street"], "city": "x"}],
        "socials": [{"network": "x", "value": words["social"]}],
    }  # fmt: skip


def _tables(crm: Any) -> dict[str, str]:
    """Return every table's rows as text: what a dump holds."""
    with crm.house.database.transaction() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {n: repr(connection.execute(t.select()).all()) for n, t in tables.tables.items()}


def _files(folder: Path) -> dict[str, str]:
    return {
        str(f.relative_to(folder)): f.read_bytes().decode("latin-1")
        for f in folder.rglob("*")
        if f.is_file() and f.name != "master.key"
    }


# ---- rotation -------------------------------------------------------------------------------------------------------
CHILD = """
import sys, time
from pathlib import Path
from retinue.app import open_house
from retinue.config import Config
config = Config.load(Path(sys.argv[1]))
with open_house(config, check=False) as house:
    print("ready", flush=True)
    while house.database.keys.rewrap(batch=20):
        time.sleep(0.002)
"""


@pytest.mark.slow
@pytest.mark.goal("crypt-rotate")
@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_rotation_killed_at_any_moment_goes_on_and_touches_no_data(config: Any, goal: Goal) -> None:
    """B4: kill -9 at random moments; 0 data bytes changed, 0 values lost, every key under the new master at the end."""
    from retinue.storage import write_masters

    (config.folder / "retinue.toml").write_text(config.to_toml(), "utf-8")
    with open_house(config) as house:
        with house.store(SYSTEM) as store:
            drafts = [{"name": f"n{n}", "note": f"secret {n}"} for n in range(60)]
            ids = [c.id for c in create_contacts(store, drafts)]
        house.database.keys.create_keys(new_ids(goal.size(400, 5000)))
        before = _blobs(house)
        masters = house.database.keys.masters.with_next()
        write_masters(config.master_key_path, masters)
    source = random.Random(4714)
    for _ in range(goal.size(2, 20)):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(config.folder)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        assert child.stdout.readline().strip() == "ready"
        time.sleep(source.random() * 0.05)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    with open_house(config) as house:
        keys = house.database.keys
        goal.at_least("keys already rewrapped when the last was killed", keys.count_by_master().get(2, 0), 1)
        while keys.rewrap():
            pass
        assert set(keys.count_by_master()) == {2}
        goal.at_most("data bytes changed", int(_blobs(house) != before), 0)
        with house.store(SYSTEM) as store:
            lost = [i for n, i in enumerate(ids) if store.get(Contact, i).note != f"secret {n}"]
    goal.none_of("values that do not open", lost)
    assert load_masters(config).current == 2


def _blobs(house: Any) -> str:
    with house.database.transaction() as connection:
        table: Any = Contact.__table__
        rows = connection.execute(select(table.c.id, table.c.sealed_data).order_by(table.c.id)).all()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.mark.slow
@pytest.mark.goal("crypt-rotate")
def test_hundred_thousand_keys_are_rewrapped_in_a_minute(config: Any, goal: Goal) -> None:
    """B4: 100,000 subjects in at most 60 s."""
    with open_house(config) as house:
        keys = house.database.keys
        for _ in range(20):
            keys.create_keys(new_ids(5000))
        keys.masters = keys.masters.with_next()
        started = time.perf_counter()
        while keys.rewrap():
            pass
        taken = time.perf_counter() - started
        with keys.engine.connect() as connection:
            count = connection.scalar(select(func.count()).select_from(subject_key)) or 0
    goal.at_least(f"{house.database.kind}: keys", count, 100_000)
    goal.at_most(f"{house.database.kind}: rewrapping them all", taken, 60, "s")
