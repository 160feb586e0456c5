"""The processes that stay: they say where they answer, and end cleanly within seconds."""

import http.client
import json
import os
import signal
import socket
import threading
import time

import pytest

from retinue.cli.errors import run
from retinue.cli.server import bind
from retinue.config import Config
from retinue.errors import Unavailable

SLOW_APP = """
import asyncio
from retinue.cli.server import run_server
from retinue.config import Config

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        for what in ("startup", "shutdown"):
            await receive()
            print(what, flush=True)
            await send({"type": f"lifespan.{what}.complete"})
        return
    await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})

config = Config.for_folder(".", {"RETINUE_SERVER_PORT": "%d"})
run_server(app, config, lambda address: print(address, flush=True))
print("ended", flush=True)
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server_finishes_the_request_under_way_and_ends_with_0(process, number):
    port = free_port()
    child = process(SLOW_APP % port)
    assert [child.stdout.readline().strip() for _ in range(2)] == ["startup", f"http://127.0.0.1:{port}"]
    answers = []

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/")
        answers.append(connection.getresponse().read())
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.3)
    os.killpg(child.pid, number)
    assert child.wait(15) == 0
    asking.join()
    assert answers == [b"done"]
    assert child.stdout.read().split() == ["shutdown", "ended"]
    assert child.stderr.read() == ""


def test_port_that_is_taken_is_one_clear_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Unavailable, match="Something else answers") as caught:
            bind("127.0.0.1", taken.getsockname()[1])
    assert "--port" in caught.value.remedy


DEMO = "from retinue.cli import main; main(['demo', 'demo', '--contacts', '24'])"


def test_demo_serves_its_contacts_and_the_second_start_finds_them_again(process, tmp_path):
    """C-27: installed and started on SQLite, in one process, with one command."""
    port = free_port()
    for _ in range(2):
        child = process(DEMO, RETINUE_SERVER_PORT=str(port), NO_COLOR="1")
        said = []
        while not said or "Ctrl-C" not in said[-1]:
            said.append(child.stderr.readline())
            assert said[-1], said
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/readyz")
        assert connection.getresponse().status == 200
        connection.close()
        os.killpg(child.pid, signal.SIGINT)
        assert child.wait(20) == 0
        text = "".join(said) + child.stderr.read()
        assert "admin@demo.example" in text
        assert "Traceback" not in text
    assert run_json(tmp_path / "demo", "contacts", "list", "--limit", "100") == 24
    assert run_json(tmp_path / "demo", "user", "list") == 4


def run_json(folder, *words):
    """Return how many rows a list command prints."""
    import io
    from contextlib import redirect_stdout

    from retinue.cli import app

    said = io.StringIO()
    with redirect_stdout(said):
        assert run(app, [*words, "--json", "--config", str(folder)]) == 0
    return len(json.loads(said.getvalue()))


def test_demo_listens_on_this_machine_only_whatever_the_configuration_says(tmp_path):
    from retinue.cli.demo import demo_config

    config = demo_config(Config.for_folder(tmp_path, server={"host": "0.0.0.0"}))
    assert config.server.host == "127.0.0.1"
