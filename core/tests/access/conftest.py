"""What the tests of access share: a guard with cheap hashes, accounts, and time that can be moved."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyotp
import pytest
from sqlalchemy import select

from retinue.access import (
    AccessRules,
    Account,
    Caller,
    Guard,
    HashCost,
    RequestFacts,
    SignedIn,
    authenticate_request,
    create_account,
    ensure_builtin_roles,
    sign_in,
)
from retinue.access.addresses import parse_networks
from retinue.actor import Actor
from retinue.storage import AuditEntry, Database, MasterKeys, Store
from retinue.testing.postgres import fresh_database, server_url

PASSWORD = "granite tulip forty"
CHEAP = HashCost(memory_kib=8, passes=1, lanes=1)
HOME = "203.0.113.7"
AWAY = "198.51.100.9"
SYSTEM = Actor.system("test")


@dataclass(frozen=True)
class Prepared:
    """Where databases with core's tables stand, to be copied."""

    file: Path
    template: str


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Make core's tables once on each kind of database; each test gets a copy."""
    folder = tmp_path_factory.mktemp("prepared")
    with fresh_database(server_url()) as url:
        for number, target in enumerate((f"sqlite:///{folder / 'data.db'}", url)):
            opened = Database.open(target, f"sqlite:///{folder / f'keys{number}.db'}", MasterKeys.generate())
            opened.create_schema()
            opened.close()
        yield Prepared(folder / "data.db", url.split("?")[0].rsplit("/", 1)[1])


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, prepared: Prepared) -> Iterator[Database]:
    """Yield a database with core's tables, once on SQLite and once on PostgreSQL."""
    keys, masters = f"sqlite:///{tmp_path / 'keys.db'}", MasterKeys.generate()
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            shutil.copy(prepared.file, tmp_path / "data.db")
            url = f"sqlite:///{tmp_path / 'data.db'}"
        else:
            url = stack.enter_context(fresh_database(server_url(), prepared.template))
        opened = Database.open(url, keys, masters)
        stack.callback(opened.close)
        yield opened


@pytest.fixture
def guard() -> Guard:
    return Guard.of(AccessRules(cost=CHEAP, password_min=12, totp_skew=1))


@dataclass
class Office:
    """An installation with its four built-in roles, and short ways to do what tests do all the time."""

    database: Database
    guard: Guard
    roles: dict[str, UUID] = field(default_factory=dict)

    def system(self) -> Any:
        return self.database.store(SYSTEM)

    def account(self, login: str, *roles: str, password: str | None = PASSWORD, **more: Any) -> UUID:
        with self.system() as store:
            draft = {
                "login": login,
                "name": login.title(),
                "password": password,
                "must_change": False,
                **more,
            }
            draft["role_ids"] = [self.roles[role] for role in roles]
            return create_account(store, draft, guard=self.guard).id

    def sign_in(self, login: str, password: str = PASSWORD, **more: Any) -> SignedIn:
        code = more.pop("code", None)
        return sign_in(
            self.database, login, password, Caller(**{"address": HOME, **more}), guard=self.guard, code=code
        )

    def who(self, signed_in: SignedIn | None = None, **facts: Any) -> Actor:
        if signed_in is not None:
            facts["cookie"] = signed_in.secret
        return authenticate_request(
            self.database, RequestFacts(**{"address": HOME, **facts}), guard=self.guard
        )

    def actor(self, login: str) -> Actor:
        return self.who(self.sign_in(login))

    def audit(self, action: str) -> list[AuditEntry]:
        with self.system() as store:
            return store.scalars(select(AuditEntry).where(AuditEntry.action == action))

    def age(self, model: type[Any], by: timedelta, *columns: str) -> None:
        """Move the times of all rows of a table into the past: what waiting would do."""
        with self.system() as store:
            for row in store.scalars(select(model)):
                for column in columns:
                    value: datetime | None = getattr(row, column)
                    setattr(row, column, value and value - by)

    def rows(self, model: type[Any]) -> list[Any]:
        with self.system() as store:
            return store.scalars(select(model))

    def find(self, login: str) -> Account:
        with self.system() as store:
            found: Account = store.first(select(Account).where(Account.login == login))
            return found


@pytest.fixture
def office(database: Database, guard: Guard) -> Office:
    made = Office(database, guard)
    with made.system() as store:
        made.roles = {name: role.id for name, role in ensure_builtin_roles(store).items()}
    return made


@pytest.fixture
def admin(office: Office) -> Actor:
    office.account("root", "Administrator")
    return office.actor("root")


def with_rules(office: Office, **rules: Any) -> Office:
    """Return the same office under other rules."""
    if "allowed" in rules:
        rules["allowed"] = parse_networks(rules["allowed"])
    base = {"cost": CHEAP, "password_min": 12, "totp_skew": 1, **rules}
    return Office(office.database, Guard.of(AccessRules(**base)), office.roles)


def current_code(seed: str) -> str:
    """Return the code of this moment; tests take the step before too, since machines are slow."""
    return pyotp.TOTP(seed).now()


__all__ = ["AWAY", "HOME", "PASSWORD", "Office", "Store", "current_code", "with_rules"]
