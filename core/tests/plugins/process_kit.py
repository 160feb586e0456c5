"""Real server processes of an installation whose plugins a test has written."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx

from retinue.config import Config

if TYPE_CHECKING:
    from conftest import Site


@contextlib.contextmanager
def serving(site: Site, config: Config, count: int, *options: str) -> Iterator[list[str]]:
    """Serve an installation in so many processes and yield their addresses; `options` are of the command."""
    file = config.folder / "retinue.toml"
    file.write_text(config.to_toml(), "utf-8")
    env = {k: v for k, v in os.environ.items() if not k.startswith("RETINUE_")}
    env |= {"PYTHONPATH": str(site.folder), "RETINUE_JOBS_WORKER_IN_SERVE": "never"}
    urls, running = [], []
    for _ in range(count):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = [
            sys.executable,
            "-m",
            "retinue.cli",
            "--config",
            str(file),
            "serve",
            "--port",
            str(port),
            *options,
        ]
        running.append(subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        urls.append(f"http://127.0.0.1:{port}")
    try:
        for url in urls:
            _wait_ready(url)
        yield urls
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(15)


def _wait_ready(url: str) -> None:
    end = time.monotonic() + 180
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        assert time.monotonic() < end, f"{url} does not answer"
        time.sleep(0.1)
