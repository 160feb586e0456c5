"""What the flows share: installations with settings of their own, and browsers at an address."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from retinue.app import open_house
from retinue.app.serving import make_application
from retinue.config import Config
from retinue.testing.house import SECURITY, Crm, make_config

sys.path.insert(0, str(Path(__file__).parent))
PROXY = "192.0.2.1"


def behind_proxy(app: Any) -> Any:
    """Return `app` as a proxy reaches it: the socket is the proxy's, the client stands in the header."""

    async def proxied(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": (PROXY, 1234)} if "client" in scope else scope, receive, send)

    return proxied


@pytest.fixture
def installed(config: Config) -> Iterator[Callable[..., Crm]]:
    """Yield a function that opens the installation under other settings, behind a proxy."""
    with contextlib.ExitStack() as stack:

        def install(*, security: dict[str, Any] | None = None, **server: Any) -> Crm:
            sections = {
                "security": {**SECURITY, **(security or {})},
                "server": {"trusted_proxies": [f"{PROXY}/32"], **server},
            }
            house = stack.enter_context(
                open_house(make_config(config.folder, config.database.url, **sections))
            )
            app = behind_proxy(make_application(house))
            client = stack.enter_context(TestClient(app=app, base_url=house.config.base_url))
            return Crm(house, client)

        yield install


@pytest.fixture
def browser() -> Callable[..., TestClient[Any]]:
    """Return a function that opens a browser of its own, with its own cookies, at an address."""

    def browse(crm: Crm, address: str = "203.0.113.7", **headers: str) -> TestClient[Any]:
        base = crm.house.config.base_url
        client: TestClient[Any] = TestClient(app=crm.client.app, base_url=base)
        client.headers.update({"X-Forwarded-For": address, "Origin": base, **headers})
        return client

    return browse
