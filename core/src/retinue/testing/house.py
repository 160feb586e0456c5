"""Fixtures of a whole installation: a house on each database, people with roles, and clients that speak its API.

Use them by ``pytest_plugins = ["retinue.testing.fixtures", "retinue.testing.house"]`` in a conftest.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar.testing import TestClient
from sqlalchemy import make_url

from retinue.access import TokenDraft, add_member, create_account, create_role, create_team, create_token
from retinue.actor import Actor
from retinue.app import House, open_house
from retinue.app.serving import make_application
from retinue.config import Config
from retinue.storage import MasterKeys
from retinue.testing.fixtures import DATABASES, fold_wal
from retinue.testing.postgres import fresh_database

SECURITY = {"argon2_memory": 19, "argon2_time": 2, "if_match_required": False}
"""Cheap hashes, and writers that need not name the version they read: tests of either set their own."""


def make_config(folder: Path, database_url: str, **sections: Any) -> Config:
    """Return the configuration of a test installation in `folder`."""
    key = folder / "master.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(MasterKeys.generate().render(), "utf-8")
    tables = {"security": SECURITY, "api": {"rate_limit": 0}, **sections}
    return Config.for_folder(folder, {}, database={"url": database_url}, **tables)


@dataclass
class User:
    """A person of the tests: its account, and a client that speaks as it."""

    id: UUID
    actor: Actor
    client: Api
    token: str


class Api:
    """A client of the HTTP API: ``api.get("/contacts")``, as the holder of a token or as nobody."""

    def __init__(self, crm: Crm, token: str | None = None) -> None:
        self._crm, self.token = crm, token

    @property
    def raw(self) -> TestClient[Any]:
        """Return the client beneath, which knows nobody."""
        return self._crm.client

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Send a request below ``/api/v1``."""
        headers = dict(options.pop("headers", None) or {})
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return self.raw.request(method, f"/api/v1{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        """Send a GET."""
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Any:
        """Send a POST."""
        return self.call("POST", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Any:
        """Send a PATCH."""
        return self.call("PATCH", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Any:
        """Send a PUT."""
        return self.call("PUT", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> Any:
        """Send a DELETE."""
        return self.call("DELETE", path, **options)


class Crm:
    """One installation of the tests; its HTTP API is built when the first test asks for it, which many never do."""

    def __init__(self, house: House, client: TestClient[Any] | None = None) -> None:
        self.house, self._client = house, client
        self.teams: dict[str, UUID] = {}
        self._open, self._making = contextlib.ExitStack(), threading.Lock()

    @property
    def client(self) -> TestClient[Any]:
        """Return a client of what the house was when it was first asked for, or last rebuilt."""
        with self._making:  # several threads of a test may be the first to ask
            if self._client is None:
                application: Any = make_application(self.house)
                made = self._open.enter_context(
                    TestClient(app=application, base_url=self.house.config.base_url)
                )
                made.app = application  # the client wraps it, and tests look at its routes
                self._client = made
        return self._client

    def close(self) -> None:
        """End the client, if there is one of our own."""
        self._open.close()

    def store(
        self, actor: Actor | None = None, *, readonly: bool = False
    ) -> contextlib.AbstractContextManager[Any]:
        """Open a store; the system's unless an actor is named."""
        return self.house.store(actor or Actor.system("test"), readonly=readonly)

    def user(
        self,
        permissions: Mapping[str, str] | str = "all",
        *,
        team: str | None = None,
        lead: bool = False,
        **role: Any,
    ) -> User:
        """Make a person with a role of `permissions` (name → reach; ``all`` means every one) and a token."""
        everything = dict.fromkeys((p.name for p in self.house.permissions), "all")
        held = everything if permissions == "all" else dict(permissions)  # type: ignore[arg-type]  # a word or a mapping
        name = f"u{uuid4().hex[:10]}"
        with self.store() as store:
            made = create_role(
                store, {"name": f"role {name}", "permissions": held, **role}, guard=self.house.guard
            )
            draft = {"login": f"{name}@staff.example", "name": name, "role_ids": [made.id]}
            account = create_account(store, draft, guard=self.house.guard)
            if team:
                add_member(store, self._team(store, team), account.id, lead=lead)
            _, secret = create_token(
                store, TokenDraft(name="test", scopes=held, account_id=account.id), guard=self.house.guard
            )
            account_id = account.id
        return User(account_id, self.house.person(account_id), Api(self, secret), secret)

    def _team(self, store: Any, name: str) -> UUID:
        if name not in self.teams:
            self.teams[name] = create_team(store, name).id
        return self.teams[name]

    @property
    def nobody(self) -> Api:
        """Return a client that is not signed in."""
        return Api(self)

    def rebuild(self) -> None:
        """Serve what the house is now, after plugins were turned on or off."""
        if self._client is not None:
            self._client.app = make_application(self.house)


Template = Callable[..., tuple[Path, str]]
"""``template(kind, server, plugins)`` → folder and database URL of an installation to copy."""


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    """Return a function that gives an upgraded installation of each kind to copy, made once per process."""
    made: dict[tuple[str, tuple[str, ...]], tuple[Path, str]] = {}
    with contextlib.ExitStack() as stack:

        def template(kind: str, server: Callable[[], str], plugins: tuple[str, ...] = ()) -> tuple[Path, str]:
            if (kind, plugins) not in made:
                folder = tmp_path_factory.mktemp(f"template-{kind}")
                url = f"sqlite:///{folder}/retinue.db"
                if kind == "postgresql":
                    url = stack.enter_context(fresh_database(server()))
                with open_house(make_config(folder, url), check=False) as house:
                    house.upgrade()
                    for name in plugins:
                        house.enable(Actor.system("test"), name)
                if kind == "sqlite":
                    for name in ("retinue.db", "keys.db"):
                        fold_wal(folder / name)
                made[kind, plugins] = (folder, url)
            return made[kind, plugins]

        yield template


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """Return the plugins that are on in `config`, `house` and `crm`: none, unless a conftest says otherwise."""
    return ()


@pytest.fixture(params=DATABASES)
def config(
    request: pytest.FixtureRequest, tmp_path: Path, templates: Template, plugins_on: tuple[str, ...]
) -> Iterator[Config]:
    """Yield the configuration of a fresh, upgraded installation, once on each database."""
    folder, url = templates(request.param, lambda: request.getfixturevalue("postgres_server"), plugins_on)
    for name in ("master.key", "keys.db", *(["retinue.db"] if request.param == "sqlite" else [])):
        shutil.copy(folder / name, tmp_path / name)
    if request.param == "sqlite":
        yield make_config(tmp_path, f"sqlite:///{tmp_path}/retinue.db")
        return
    with fresh_database(request.getfixturevalue("postgres_server"), template=make_url(url).database) as fresh:
        yield make_config(tmp_path, fresh)


@pytest.fixture
def house(config: Config) -> Iterator[House]:
    """Yield an opened house."""
    with open_house(config) as opened:
        yield opened


@pytest.fixture
def crm(house: House) -> Iterator[Crm]:
    """Yield an installation with its HTTP API."""
    with contextlib.closing(Crm(house)) as opened:
        yield opened
