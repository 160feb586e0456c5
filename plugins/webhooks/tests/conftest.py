"""A database of each kind with the plugin's tables, the real jobs room, a transport that keeps all."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import make_url, select

from retinue.actor import Actor
from retinue.jobs.port import Jobs
from retinue.jobs.spec import JobSpec, Registry
from retinue.storage import Database, MasterKeys, Store
from retinue.testing.fixtures import (  # noqa: F401  # fixtures are found by their names in this module
    database,
    keys_url,
    masters,
    person,
    postgres_server,
)
from retinue.testing.postgres import fresh_database
from retinue.web.outbound import Outbound, OutboundRules
from retinue_webhooks import courier, delivery, service
from retinue_webhooks.models import Base, Delivery, Endpoint
from retinue_webhooks.transport import FakeTransport, WebTransport

MANAGER = ("webhook.read", "webhook.create", "webhook.change", "webhook.remove")
Open = Callable[..., AbstractContextManager[Store]]


class Receiver(ThreadingHTTPServer):
    """Answers with `replies` in turn, when `go` is set, and keeps what it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[tuple[int, dict[str, str]]] = [(204, {})]
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.go = threading.Event()
        self.go.set()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.server_port}/in"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.server.go.wait(20)
        replies = self.server.replies
        status, headers = replies.pop(0) if len(replies) > 1 else replies[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _nothing(store: Store, payload: dict[str, Any]) -> None:
    """Stand where the plugin's job stands; these tests run it themselves."""


def _room(url: str) -> Jobs:
    return Jobs(url, Registry([JobSpec(name=service.DELIVER, handler=_nothing, plugin="webhooks")]))


def _prepare(url: str, folder: Path) -> None:
    """Make all tables, the jobs engine's too, once; the tests work on copies."""
    prepared = Database.open(url, f"sqlite:///{folder}/keys.db", MasterKeys.generate())
    prepared.create_schema()
    with prepared.transaction() as connection:
        Base.metadata.create_all(connection)
    prepared.close()
    room = _room(url)
    room.migrate()
    room.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an SQLite file with all tables."""
    folder = tmp_path_factory.mktemp("template")
    _prepare(f"sqlite:///{folder}/retinue.db", folder)
    return folder / "retinue.db"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: F811
    """Yield the name of a PostgreSQL database with all tables."""
    with fresh_database(postgres_server) as url:
        _prepare(url, tmp_path_factory.mktemp("template"))
        yield str(make_url(url).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database with all tables, once on each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "retinue.db")
        yield f"sqlite:///{tmp_path}/retinue.db"
        return
    template = request.getfixturevalue("postgres_template")
    with fresh_database(request.getfixturevalue("postgres_server"), template) as url:
        yield url


@pytest.fixture
def jobs(database_url: str) -> Iterator[Jobs]:
    """Yield the jobs room on the same database."""
    room = _room(database_url)
    yield room
    room.close()


@pytest.fixture
def opened(database: Database, jobs: Jobs) -> Open:  # noqa: F811
    """Return a function that opens a store: of the system, or of the actor it is given."""
    declared = {"settings": lambda _store, _name: {"keep_days": 30}}
    return lambda actor=None: database.store(
        actor or Actor.system("test"), plugin="webhooks", jobs=jobs, declared=declared
    )


@pytest.fixture
def manager() -> Actor:
    """Return a person who may do everything with webhooks."""
    return person(*MANAGER)


@pytest.fixture
def endpoint(opened: Open, manager: Actor) -> UUID:
    """Return the id of an endpoint that wants all events of contacts."""
    with opened(manager) as store:
        made, _ = service.create_endpoint(
            store, {"url": "https://hooks.example.com/in?k=1", "events": ["contact.*"]}
        )
        return made.id


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield another system's server."""
    server = Receiver()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def transport(receiver: Receiver) -> WebTransport:
    """Return the real transport, allowed to reach the receiver."""
    rules = OutboundRules(
        allow_networks=("127.0.0.1/32",), ports=frozenset({receiver.server_port}), read=20.0
    )
    return WebTransport(Outbound(rules))


@pytest.fixture
def carrier(transport: WebTransport) -> Iterator[courier.Courier]:
    """Yield this process's courier, with the real transport."""
    one = courier.Courier(transport)
    courier.use_courier(one)
    yield one
    courier.use_courier(None)


class World:
    """Short ways to look and to act."""

    def __init__(self, opened: Open, endpoint: UUID) -> None:
        self.opened, self.endpoint = opened, endpoint
        self.transport = FakeTransport()

    def announce(self, event: str = "contact.created", ids: tuple[str, ...] = ("1",)) -> None:
        """Announce in a transaction of its own."""
        with self.opened() as store:
            service.announce(store, event, [{"id": i} for i in ids])

    def deliver(self) -> float | None:
        """Send what is due."""
        return delivery.deliver_endpoint(self.opened, self.endpoint, self.transport)

    def deliveries(self) -> list[Delivery]:
        """Return all deliveries, oldest first."""
        with self.opened() as store:
            return store.scalars(select(Delivery).order_by(Delivery.id))

    def one(self) -> Delivery:
        """Return the only delivery."""
        (found,) = self.deliveries()
        return found

    def shown(self) -> Endpoint:
        """Return the endpoint as it stands."""
        with self.opened() as store:
            return store.get(Endpoint, self.endpoint)

    def wait_for(self, true: Callable[[], bool]) -> None:
        """Wait until `true` says so; the test fails after ten seconds."""
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end
            time.sleep(0.01)

    def set_events(self, events: list[str]) -> None:
        """Subscribe the endpoint to `events`."""
        self.set(Endpoint, events=events)

    def set(self, model: Any, **values: Any) -> None:
        """Put values into every row of `model`, as time would."""
        with self.opened() as store:
            for row in store.scalars(select(model)):
                for name, value in values.items():
                    setattr(row, name, value)


@pytest.fixture
def world(opened: Open, endpoint: UUID) -> World:
    """Return a world with one endpoint."""
    return World(opened, endpoint)
