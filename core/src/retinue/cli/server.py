"""The HTTP server around an ASGI application; why this one: docs/decisions/0002-server.md."""

from __future__ import annotations

import errno
import gc
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from retinue.config import Config
from retinue.errors import Misconfigured, Unavailable

GRACE_SECONDS = 8
"""How long requests under way may take to finish after Ctrl-C."""


class Announcing(uvicorn.Server):
    """Calls `ready` once the application has started and the port answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then say so."""
        await super().startup(sockets)
        if self.started:
            self.ready()


def run_server(app: Any, config: Config, ready: Callable[[str], None]) -> None:
    """Serve `app` in this process until Ctrl-C or SIGTERM; `ready` gets the address when the port answers."""
    listening = bind(config.server.host, config.server.port)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    for number in (signal.SIGINT, signal.SIGTERM):
        # The server takes these while it runs and raises them again at its end; then their work is done.
        signal.signal(number, lambda *_: None)
    settle()
    server = Announcing(server_options(app, config), lambda: ready(address))
    try:
        server.run(sockets=[listening])
    finally:
        listening.close()
    if not server.started:
        raise Unavailable("The application did not start.", remedy="The log above says why.")


def settle() -> None:
    """Leave what lives as long as this process out of the garbage collector's rounds.

    Modules, routes and schemas are a quarter of a million objects; looking them all through is a pause of a quarter of
    a second in the middle of somebody's request.
    """
    gc.collect()
    gc.freeze()


def run_workers(factory: str, config: Config) -> None:
    """Serve with several processes that each build the application by `factory`, ``module:function``."""
    listening = bind(config.server.host, config.server.port)
    listening.set_inheritable(True)
    options = server_options(factory, config)
    options.factory, options.workers = True, config.server.workers
    try:
        Multiprocess(options, sockets=[listening]).run()
    finally:
        listening.close()


def server_options(app: Any, config: Config) -> uvicorn.Config:
    """Return how the server is to run."""
    return uvicorn.Config(
        app,
        host=config.server.host,
        port=config.server.port,
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # addresses carry what people search for
        proxy_headers=False,  # the application decides which proxy to believe: server.trusted_proxies
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; a port that is taken or forbidden is one clear error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as wrong:
        listening.close()
        if wrong.errno == errno.EADDRINUSE:
            raise Unavailable(
                f"Something else answers on {host}, port {port}.",
                remedy="End it, or take another port: retinue serve --port 8001",
            ) from wrong
        raise Misconfigured(
            f"Cannot listen on {host}, port {port}: {wrong.strerror or wrong}.",
            remedy="Check server.host and server.port; ports below 1024 need the administrator.",
        ) from wrong
    return listening
