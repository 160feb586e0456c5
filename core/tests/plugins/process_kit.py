"""Real server and worker processes of an installation whose plugins a test has written."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from retinue.config import Config

if TYPE_CHECKING:
    from conftest import Site


def started(site: Site, config: Config, *words: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start ``retinue`` with `words` for an installation; `options` are of `Popen`."""
    file = config.folder / "retinue.toml"
    file.write_text(config.to_toml(), "utf-8")
    env = {k: v for k, v in os.environ.items() if not k.startswith("RETINUE_")}
    env |= {"PYTHONPATH": str(site.folder), "RETINUE_JOBS_WORKER_IN_SERVE": "never"}
    command = [sys.executable, "-m", "retinue.cli", "--config", str(file), *words]
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # tests behind `&` would hand that on
        signal.signal(signal.SIGINT, signal.default_int_handler)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=env, **{**quiet, **options})


@contextlib.contextmanager
def serving(site: Site, config: Config, count: int, *options: str, workers: int = 0) -> Iterator[list[str]]:
    """Serve in `count` processes beside so many workers; yield the servers' addresses once they answer.

    `options` are of the command `serve`.
    """
    ports = [_free_port() for _ in range(count)]
    running = [started(site, config, "serve", "--port", str(port), *options) for port in ports]
    running += [started(site, config, "worker") for _ in range(workers)]
    try:
        for port in ports:
            _wait_ready(port)
        yield [f"http://127.0.0.1:{port}" for port in ports]
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_ready(port: int) -> None:
    end = time.monotonic() + 180
    while not _is_ready(port):
        assert time.monotonic() < end, f"nobody answers on port {port}"
        time.sleep(0.02)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False
