"""A sealed start: without the master key the process lives, says so, and goes on by itself once the key is there."""

from __future__ import annotations

import contextlib
import logging
import threading
from importlib.metadata import version
from typing import Any, Final, cast

import msgspec
from litestar.concurrency import sync_to_thread
from litestar.types import Receive, Scope, Send

from retinue.app.house import open_house
from retinue.app.serving import Served
from retinue.config import Config
from retinue.errors import Misconfigured, Unavailable
from retinue.web import WebSettings
from retinue.web.hardening import Hardened
from retinue.web.problems import PROBLEM_JSON, document, encode

_log: Final = logging.getLogger(__name__)
RETRY_SECONDS: Final = 5.0
"""How often a sealed process looks for its master key."""


def application_of(config: Config, parts: contextlib.ExitStack, *, retry: float = RETRY_SECONDS) -> Any:
    """Return the application of an installation; `parts` closes what it opened.

    A lost master key raises Misconfigured, unless the configuration says to wait for it (keys.start_sealed).
    """
    try:
        return parts.enter_context(open_house(config)).asgi()
    except Misconfigured as fault:
        if fault.code != "master-key-lost" or not config.keys.start_sealed:
            raise
        _log.warning("sealed: %s Only health is answered.", fault.detail)
        return SealedStart(config, parts, retry)


class SealedStart:
    """An ASGI application that answers health alone until the installation opens, and is the installation's from then on."""

    def __init__(self, config: Config, parts: contextlib.ExitStack, retry: float) -> None:
        self._config, self._parts, self._retry = config, parts, retry
        self._served: Served | None = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._wait, name="retinue-sealed", daemon=True)
        settings = WebSettings.from_config(config, secret=b"", version=version("retinue"))
        self._refusing = Hardened(_refuse, settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and end with the server."""
        if scope["type"] == "lifespan":  # type: ignore[comparison-overlap]  # the stub names only connections
            await self._live(receive, send)
        elif self._served is not None:
            await self._served(scope, receive, send)
        else:
            await self._refusing(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._thread.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await sync_to_thread(self._stop)
        await send({"type": "lifespan.shutdown.complete"})

    def _wait(self) -> None:
        while not self._end.wait(self._retry):
            try:
                house = self._parts.enter_context(open_house(self._config))
            except (Misconfigured, Unavailable) as fault:
                _log.warning("still sealed: %s", fault.detail)
                continue
            served = Served(house)
            served.start()
            self._served = served
            _log.info("unsealed: the master key is there")
            return

    def _stop(self) -> None:
        self._end.set()
        self._thread.join(timeout=30)
        if self._served is not None:
            self._served.stop()


async def _refuse(scope: Scope, _receive: Receive, send: Send) -> None:
    """Say that the process lives (/healthz), and to everything else that it is sealed."""
    if cast("dict[str, Any]", scope)["path"] == "/healthz":
        status, kind, body = 200, "application/json", msgspec.json.encode({"status": "alive, sealed"})
    else:
        fault = Unavailable(
            "This installation is sealed: its master key is not there.",
            code="sealed",
            remedy="Bring the master key; the process goes on by itself. Nothing was changed.",
        )
        status, kind, body = 503, PROBLEM_JSON, encode(document(fault))
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
