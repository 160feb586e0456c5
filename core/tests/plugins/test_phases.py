"""When what a plugin does takes place: undone with the deed, sent after the commit, once, or set aside for a person."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from retinue.actor import Actor
from retinue.app import House
from retinue.contacts import create_contacts
from retinue.jobs import list_jobs

if TYPE_CHECKING:
    from conftest import Site

SYSTEM = Actor.system("test")
BODY = """
from pathlib import Path
from retinue import hookimpl
from retinue.plugins import Job

OUTSIDE = Path(r"%s")

@hookimpl
def contacts_created(store, contacts):
    for contact in contacts:
        store.later("greeter.send_greeting", {"contact": str(contact.id)})

@hookimpl
def register_jobs():
    return [Job("greeter.send_greeting", send, retries=0)]

def send(store, payload):
    if (OUTSIDE / "down").exists():
        raise OSError("the world outside is down")
    with (OUTSIDE / "sent").open("a") as sent:
        sent.write(payload["contact"] + "\\n")
"""


@pytest.fixture
def outside(site: Site, house: House, tmp_path: Path) -> Path:
    """Return the world outside, to which a plugin sends a greeting for each new contact."""
    folder = tmp_path / "outside"
    folder.mkdir()
    site.install("greeter", body=BODY % folder)
    site.turn_on(house, "greeter")
    return folder


def create(house: House, *, rehearse: bool = False) -> None:
    """Create a contact; a rehearsal is undone, as the preview of an import is."""

    class Undone(Exception):
        pass

    try:
        with house.store(SYSTEM) as store:
            create_contacts(store, [{"name": "Ada"}])
            if rehearse:
                raise Undone
    except Undone:
        assert rehearse


def jobs(house: House) -> dict[str, Any]:
    with house.store(SYSTEM, readonly=True) as store:
        return {job.id: job.state for job in list_jobs(store.raw_connection(), plugin="greeter")}


def work_until(house: House, state: str) -> None:
    """Let a worker run until every job of the plugin is in `state`."""
    with house.work():
        end = time.monotonic() + 30
        while set(jobs(house).values()) != {state}:
            assert time.monotonic() < end, jobs(house)
            time.sleep(0.05)


def sent(outside: Path) -> list[str]:
    file = outside / "sent"
    return file.read_text().split() if file.exists() else []


def test_rehearsal_sends_nothing(house: House, outside: Path) -> None:
    """EX-9: what is rolled back was never enqueued; what is committed is sent once."""
    create(house, rehearse=True)
    assert jobs(house) == {}
    create(house)
    work_until(house, "done")
    assert len(sent(outside)) == 1


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_failing_job_ends_as_a_dead_letter_and_is_replayed(house: House, outside: Path) -> None:
    """EX-9: and it is no reason for a quarantine, since the world outside is not the plugin."""
    (outside / "down").touch()
    create(house)
    work_until(house, "dead")
    assert (sent(outside), list(house.watch.failures)) == ([], [])
    (outside / "down").unlink()
    (job_id,) = jobs(house)
    with house.store(SYSTEM) as store:
        house.jobs.replay(store.raw_connection(), job_id)
    work_until(house, "done")
    assert len(sent(outside)) == 1


KILLED = """
import os, signal, sys
from retinue.actor import Actor
from retinue.app import open_house
from retinue.config import Config
from retinue.contacts import create_contacts
with open_house(Config.load(sys.argv[1])) as house:
    with house.store(Actor.system("test")) as store:
        create_contacts(store, [{"name": "Ada"}])
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_process_killed_between_commit_and_dispatch_loses_and_doubles_nothing(
    house: House, outside: Path, site: Site
) -> None:
    """EX-9: the row was written in the same transaction, whoever works next delivers it once."""
    file = house.config.folder / "retinue.toml"
    file.write_text(house.config.to_toml(), "utf-8")
    env = {k: v for k, v in os.environ.items() if not k.startswith("RETINUE_")}
    env["PYTHONPATH"] = str(site.folder)
    done = subprocess.run([sys.executable, "-c", KILLED, str(file)], env=env, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert (list(jobs(house).values()), sent(outside)) == (["waiting"], [])
    work_until(house, "done")
    work_until(house, "done")
    assert len(sent(outside)) == 1
