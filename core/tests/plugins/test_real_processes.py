"""What fails is set aside in every process, a start without plugins answers, a search that is ended leaves no trace.

With real processes, on both databases.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from lifecycle_kit import snapshot
from process_kit import serving, started

from retinue.actor import Actor
from retinue.app import open_house
from retinue.cli.errors import INTERRUPTED
from retinue.config import Config
from retinue.testing.house import Crm

if TYPE_CHECKING:
    from conftest import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SYSTEM = Actor.system("test")
ROUTE = """
from retinue import hookimpl
from retinue.plugins import Route
from retinue.web import PUBLIC, get

@get("/", permission=PUBLIC)
def look() -> object:
    return {"here": True}

@hookimpl
def register_routes():
    return [Route("/%s", [look])]
"""
FAILS = """
@hookimpl
def contacts_created(store, contacts):
    raise ValueError("on purpose")
"""


def _states(client: httpx.Client) -> dict[str, str]:
    return {row["name"]: row["state"] for row in client.get("/api/v1/plugins").json()}


def _installed(site: Site, config: Config) -> str:
    """Turn a good plugin and one that fails on, and return an administrator's token."""
    site.install("steady", body=ROUTE % "steady")
    site.install("weak", body=ROUTE % "weak" + FAILS)
    with open_house(config) as house:
        site.turn_on(house, "steady", "weak")
        return Crm(house).user().token


def _clients(urls: list[str], token: str) -> list[httpx.Client]:
    return [
        httpx.Client(base_url=url, timeout=30, headers={"Authorization": f"Bearer {token}"}) for url in urls
    ]


def test_plugin_that_fails_in_several_servers_is_set_aside_in_all(site: Site, config: Config) -> None:
    """EX-8: failures of two servers add up; both and the worker go on without it, and no request failed."""
    token = _installed(site, config)
    with serving(site, config, 2, workers=1) as urls:
        first, second = clients = _clients(urls, token)
        answers: list[Any] = []
        end = time.monotonic() + 60
        while any(_states(client)["weak"] != "quarantined" for client in clients):
            answers += [
                client.post("/api/v1/contacts", json={"name": f"n{time.monotonic_ns()}"})
                for client in clients
            ]
            assert time.monotonic() < end, [_states(client) for client in clients]
        assert {answer.status_code for answer in answers} == {201}, (
            "what a told plugin does is its own affair"
        )
        while any(client.get("/api/v1/weak/").status_code != 404 for client in clients):
            assert time.monotonic() < end
            time.sleep(0.05)
        for client in clients:
            assert client.get("/api/v1/steady/").json() == {"here": True}
            assert client.post("/api/v1/contacts", json={"name": "after"}).status_code == 201
        assert first.post("/api/v1/plugins/weak/resume").status_code in (200, 204)
        while second.get("/api/v1/weak/").status_code != 200:
            assert time.monotonic() < end
            time.sleep(0.05)
        for client in clients:
            client.close()


def test_server_in_safe_mode_answers_without_plugins_and_changes_nothing(site: Site, config: Config) -> None:
    """EX-8: core answers, the plugins' routes are gone, and the next plain start has them again."""
    token = _installed(site, config)
    for options, status in (("--safe-mode",), 404), ((), 200):
        with serving(site, config, 1, *options) as urls, _clients(urls, token)[0] as client:
            assert client.get("/api/v1/contacts").status_code == 200
            assert client.get("/api/v1/steady/").status_code == status
            assert _states(client)["steady"] == "enabled"


SLOW = """
import os, sys, time
open(sys.argv[1], "a").write(f"{os.getpid()} {os.environ['RETINUE_PLUGINS_ONLY']}\\n")
time.sleep(0 if "," not in os.environ["RETINUE_PLUGINS_ONLY"] else 120)
"""
"""A command that is quick while few plugins are on, and then hangs."""


def _content(config: Config) -> tuple[dict[str, Any], list[str]]:
    """Return digests of the tables, and what is on."""
    with open_house(config) as house:
        return snapshot(house), sorted(house.plugins.loaded)


def test_bisect_that_is_ended_by_ctrl_c_leaves_everything_on(
    site: Site, config: Config, tmp_path: Path
) -> None:
    """EX-20: code 130, the command's own process is gone, what was off in the try it was in is on again."""
    for name in ("one", "two", "three", "four"):
        site.install(name, body=ROUTE % name)
    with open_house(config) as house:
        site.turn_on(house, "one", "two", "three", "four")
    before, notes = _content(config), tmp_path / "tries"
    words = ["plugins", "bisect", "--", sys.executable, "-c", SLOW, str(notes)]
    process = started(site, config, *words, start_new_session=True)
    try:
        end = time.monotonic() + 60
        while not notes.exists() or "," not in notes.read_text():
            assert process.poll() is None, "it ended of itself"
            assert time.monotonic() < end
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and to what it has started
        assert process.wait(15) == INTERRUPTED
    finally:
        process.kill()
    tried = notes.read_text().split()
    assert set(tried[1::2]) != {"four,one,three,two"}, "some were off when it was ended"
    for child in map(int, tried[::2]):
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    assert _content(config) == before
    with serving(site, config, 1) as urls, httpx.Client(base_url=urls[0], timeout=30) as client:
        for name in ("one", "two", "three", "four"):
            assert client.get(f"/api/v1/{name}/").json() == {"here": True}
