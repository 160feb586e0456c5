"""Several processes share one installation: what one is told, all do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from retinue.access import TokenDraft, create_account, create_token, ensure_builtin_roles
from retinue.actor import Actor
from retinue.app import open_house
from retinue.config import Config

pytestmark = pytest.mark.parametrize("config", ["postgresql"], indirect=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def process(config: Config, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the installation; it must end by itself within ten seconds of Ctrl-C."""
    file = config.folder / "retinue.toml"
    if not file.exists():
        file.write_text(config.to_toml(), "utf-8")
    env = {k: v for k, v in os.environ.items() if not k.startswith("RETINUE_")}
    command = [sys.executable, "-m", "retinue.cli", "--config", str(file), *words]
    running = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b""
    try:
        yield running
    finally:
        running.send_signal(signal.SIGINT)
        try:
            said, _ = running.communicate(timeout=12)
        except subprocess.TimeoutExpired:
            running.kill()
            raise
        print(said.decode())  # noqa: T201  # shown by pytest if the test fails
    assert b"Traceback" not in said, said.decode()


def wait_for(url: str, until: float = 30.0, status: int = 200, **options: object) -> httpx.Response:
    end = time.monotonic() + until
    while True:
        try:
            answer = httpx.get(url, **options)
            if answer.status_code == status:
                return answer
        except httpx.TransportError:
            answer = None
        assert time.monotonic() < end, f"{url} still answers {answer}"
        time.sleep(0.1)


def administrator(config: Config) -> dict[str, str]:
    """Make an account with every right and return the header that speaks for it."""
    with open_house(config) as house, house.store(Actor.system("test")) as store:
        role = ensure_builtin_roles(store)["Administrator"]
        draft = {"login": "ada@staff.example", "name": "Ada", "role_ids": [role.id]}
        account = create_account(store, draft, guard=house.guard)
        scopes = {permission.name: "all" for permission in house.permissions}
        scopes |= {f"webhook.{verb}": "all" for verb in ()}
        _, token = create_token(
            store, TokenDraft(name="t", scopes=scopes, account_id=account.id), guard=house.guard
        )
    return {"Authorization": f"Bearer {token}"}


def test_two_servers_and_two_workers_share_one_database(config: Config, tmp_path: Path) -> None:
    """JO-x7, extension 12: plugins switched on one server are on everywhere within a second or so."""
    headers = administrator(config)
    ports = free_port(), free_port()
    first, second = (f"http://127.0.0.1:{port}" for port in ports)
    with (
        process(config, "serve", "--port", str(ports[0])),
        process(config, "serve", "--port", str(ports[1])),
        process(config, "worker"),
        process(config, "worker"),
    ):
        for address in (first, second):
            wait_for(f"{address}/readyz")
        made = httpx.post(f"{first}/api/v1/contacts", json={"name": "Ada"}, headers=headers)
        assert made.status_code == 201, made.text
        path = f"/api/v1/contacts/{made.json()['id']}"
        assert httpx.get(f"{second}{path}", headers=headers).json()["name"] == "Ada"
        assert httpx.get(f"{second}/api/v1/webhooks", headers=headers).status_code == 404
        on = httpx.post(f"{first}/api/v1/plugins/webhooks/enable", headers=headers, timeout=30)
        assert on.status_code == 200, on.text
        wait_for(
            f"{second}/api/v1/webhooks", until=10, status=403, headers=headers
        )  # served now; the token lacks it
        off = httpx.post(f"{second}/api/v1/plugins/webhooks/disable", headers=headers, timeout=30)
        assert off.status_code == 200, off.text
        wait_for(f"{first}/api/v1/webhooks", until=10, status=404, headers=headers)


def test_a_server_with_two_processes_answers_and_ends(config: Config) -> None:
    """C-27: ``server.workers = 2`` on PostgreSQL."""
    headers = administrator(config)
    port = free_port()
    file = config.folder / "retinue.toml"
    text = config.to_toml().replace("# workers = 1", "workers = 2").replace("# port = 8000", f"port = {port}")
    assert "workers = 2" in text
    file.write_text(text, "utf-8")
    with process(config, "serve"):
        wait_for(f"http://127.0.0.1:{port}/readyz")
        for _ in range(10):
            assert httpx.get(f"http://127.0.0.1:{port}/api/v1/me", headers=headers).status_code == 200
