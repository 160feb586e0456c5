"""Sending by real processes that are killed, that race, that are paused: nobody gets two letters, nobody is lost."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from email_kit import make_template, make_view, prepare, set_up
from sqlalchemy import func, select, update

from retinue.contacts import create_contacts
from retinue_email.models import Delivery, Line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
COUNT = int(os.environ.get("RETINUE_RECIPIENTS", "10000"))
LINES = 4
HERE = Path(__file__).parent


def _say(figures: str) -> None:
    print(figures)  # noqa: T201  # the figures people ask for


class Stage:
    """An installation with many contacts, a sink, and processes that send into it."""

    def __init__(self, crm: Any, folder: Path) -> None:
        self.crm, self.folder, self.log = crm, folder, folder / "sink.log"
        self.user = crm.user()
        self.running: list[subprocess.Popen[bytes]] = []
        self.port = self._sink()

    def _sink(self, delay: float = 0.0) -> str:
        where = self.folder / "port"
        self._run("sink.py", str(where), str(self.log), str(delay))
        while not where.exists() or not where.read_text():
            time.sleep(0.05)
        return where.read_text()

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, str(HERE / words[0]), *words[1:]])
        self.running.append(child)
        return child

    def people(self, count: int, domain: str = "example.org") -> None:
        """Create so many contacts."""
        for start in range(0, count, 1000):
            drafts = [
                {"given_name": f"P{n}", "emails": [{"value": f"p{n}@{domain}"}]}
                for n in range(start, min(start + 1000, count))
            ]
            with self.crm.store() as store:
                create_contacts(store, drafts, on_duplicate="allow")

    def campaign(self, **more: Any) -> str:
        """Start a campaign to everybody."""
        draft = {
            "name": "All",
            "template_id": str(make_template(self.crm)),
            "view_id": make_view(self.crm),
            **more,
        }
        made = self.user.client.post("/email/campaigns", draft).json()
        prepare(self.crm, self.user, self.user.client.post(f"/email/campaigns/{made['id']}/start", {}).json())
        return str(made["id"])

    def sender(self, lines: int = LINES) -> subprocess.Popen[bytes]:
        """Start a process that sends."""
        config = self.crm.house.config
        words = (str(config.folder), config.database.url, self.port, str(lines), str(self.folder / "enough"))
        return self._run("sender.py", *words)

    def taken(self) -> list[list[str]]:
        """Return what the sink took: connection, recipient, Message-ID, begun, taken."""
        if not self.log.exists():
            return []
        return [line.split() for line in self.log.read_text().splitlines() if line.count(" ") == 4]

    def wait(self, enough: Callable[[], bool], seconds: float = 300) -> None:
        """Wait until something holds."""
        end = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < end, (len(self.taken()), self.states())
            time.sleep(0.1)

    def states(self) -> dict[str, int]:
        """Return how many letters are in each state."""
        with self.crm.store(readonly=True) as store:
            return dict(
                tuple(row)
                for row in store.rows(select(Delivery.state, func.count()).group_by(Delivery.state))
            )

    def idle(self) -> bool:
        """Say whether nothing is to be sent any more."""
        return not {"queued", "reserved", "started"} & self.states().keys()

    def bury(self) -> None:
        """Let the minute pass after which the lines of a dead process are taken over."""
        with self.crm.store() as store:
            store.change(update(Line).values(seen_at=store.now - timedelta(minutes=5)))


@pytest.fixture
def stage(crm: Any, tmp_path: Path) -> Iterator[Stage]:
    """Yield the stage; its processes end with it."""
    set_up(crm, most_recipients=1_000_000)
    made = Stage(crm, tmp_path)
    yield made
    (tmp_path / "enough").touch()
    for child in made.running:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        child.wait(30)


@pytest.mark.parametrize("policy", ["at_most_once", "at_least_once"])
def test_killed_five_times_a_campaign_neither_loses_nor_doubles(stage: Stage, policy: str) -> None:
    """EM-x1: SIGKILL at five random points; sent, in doubt and failed make the whole; copies and doubts are bounded."""
    stage.people(COUNT)
    stage.campaign(policy=policy)
    rolls = random.Random(7)
    points = sorted(rolls.sample(range(COUNT // 20, COUNT * 9 // 10), 5))
    for point in points:
        child = stage.sender()
        stage.wait(lambda point=point: len(stage.taken()) >= point)
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        stage.bury()
    stage.sender()
    stage.wait(stage.idle)
    states, taken = stage.states(), stage.taken()
    counted = collections.Counter(recipient for _, recipient, *_ in taken)
    copies = sum(counted.values()) - len(counted)
    _say(
        f"\nEM-x1 {policy} {stage.crm.house.database.kind}: {states}, recipients {len(counted)}, copies {copies}"
    )
    assert sum(states.values()) == COUNT
    assert len(counted) >= states["sent"]
    if policy == "at_most_once":
        assert copies == 0
        assert states.get("in_doubt", 0) <= 5 * LINES
    else:
        assert len(counted) == COUNT
        assert copies <= 5 * LINES
        names = {(recipient, name) for _, recipient, name, *_ in taken}
        assert len(names) == COUNT, "copies share one Message-ID"


def test_two_processes_send_each_letter_once_through_twenty_pauses(stage: Stage) -> None:
    """EM-x2, EM-x3: two processes on one database, paused and resumed twenty times: 0 doubles, 0 missing."""
    stage.people(COUNT)
    campaign = stage.campaign()
    path = f"/email/campaigns/{campaign}"
    for _ in range(2):
        stage.sender()
    for turn in range(20):
        stage.wait(lambda turn=turn: len(stage.taken()) >= COUNT * turn // 25)
        assert stage.user.client.post(f"{path}/pause").status_code == 200
        time.sleep(0.1)
        assert stage.user.client.post(f"{path}/resume").status_code == 200
    stage.wait(stage.idle)
    recipients = [recipient for _, recipient, *_ in stage.taken()]
    _say(
        f"\nEM-x2, EM-x3 {stage.crm.house.database.kind}: {stage.states()}, doubles {len(recipients) - len(set(recipients))}"
    )
    assert stage.states() == {"sent": COUNT}
    assert len(recipients) == len(set(recipients)) == COUNT


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_limited_domain_is_held_by_two_processes_together(stage: Stage) -> None:
    """EM-x8: A takes 10/s on two lines: never more than 11 in a second nor on more than two; B does not wait for A."""
    stage.crm.user().client.patch("/plugins/email/settings", {"values": {"domain_limits": "a.example=10/2"}})
    stage.people(200, "a.example")
    stage.people(1000, "b.example")
    stage.campaign()
    for _ in range(2):
        stage.sender()
    stage.wait(stage.idle)
    taken = [(to, float(begun), float(done)) for _, to, _, begun, done in stage.taken()]
    slow = sorted((begun, done) for to, begun, done in taken if to.endswith("@a.example"))
    window = max(sum(1 for begun, _ in slow if start <= begun < start + 1) for start, _ in slow)
    overlap = max(sum(1 for begun, done in slow if begun <= at < done) for at, _ in slow)
    last = max(done for to, _, done in taken if to.endswith("@b.example"))
    rate = (len(slow) - 1) / (slow[-1][0] - slow[0][0])
    _say(
        f"\nEM-x8: at most {window} in a second, {overlap} at once, {rate:.1f}/s; B done {slow[-1][1] - last:.1f} s before A"
    )
    assert stage.states() == {"sent": 1200}
    assert window <= 11
    assert overlap <= 2
    assert last < slow[-1][1]
