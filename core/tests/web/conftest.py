"""An invented noun, the gadget, with its routes: what every room writes, only smaller."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar.testing import TestClient
from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy import Integer, String, select, tuple_
from sqlalchemy.orm import Mapped

from retinue import web
from retinue.actor import NOBODY, Actor, Reach
from retinue.errors import Invalid, Problem, Stale, Unauthenticated
from retinue.storage import Access, Database, MasterKeys, Store, field, key, plugin_base
from retinue.storage import UtcDateTime as Utc
from retinue.web.models import IdempotencyKey

Base = plugin_base("gadget")


class Gadget(Base):
    __tablename__ = "gadget"
    __access__ = Access.everyone()
    id: Mapped[UUID] = key()
    name: Mapped[str] = field(String(80), label="Name")
    size: Mapped[int] = field(Integer, label="Size", default=0)
    made_at: Mapped[datetime] = field(Utc, label="Made")
    version: Mapped[int] = field(Integer, label="Version", default=1)


class PartSchema(Schema):
    label = fields.String(required=True, validate=validate.Length(min=1, max=20))
    weight = fields.Integer(load_default=1, validate=validate.Range(min=0, max=9))


class GadgetSchema(Schema):
    """A gadget as it leaves."""

    id = fields.UUID(dump_only=True)
    name = fields.String(required=True)
    size = fields.Integer()
    made_at = fields.DateTime(dump_only=True)
    version = fields.Integer(dump_only=True)


class GadgetDraftSchema(Schema):
    """A gadget as it comes in."""

    name = fields.String(
        required=True, validate=validate.Length(min=1, max=80), metadata={"description": "Its name."}
    )
    size = fields.Integer(strict=True, load_default=0, validate=validate.Range(min=0, max=1000))
    kind = fields.String(validate=validate.OneOf(["tool", "toy"]), allow_none=True, load_default=None)
    parts = fields.List(fields.Nested(PartSchema), load_default=list)


class GadgetChangeSchema(GadgetDraftSchema):
    version = fields.Integer(strict=True)


GADGET, DRAFT, CHANGE = GadgetSchema(), GadgetDraftSchema(), GadgetChangeSchema(partial=True)


@web.get("/gadgets", permission="gadget.read", gives=GADGET)
def list_gadgets(store: Store, params: web.ListParams) -> web.Page[Gadget]:
    """List gadgets by name."""
    return page_of_gadgets(store, params)


@web.post("/gadgets/search", permission="gadget.read", gives=GADGET)
def search_gadgets(store: Store, params: web.ListParams) -> web.Page[Gadget]:
    """List gadgets by a filter in the body."""
    return page_of_gadgets(store, params)


def page_of_gadgets(store: Store, params: web.ListParams) -> web.Page[Gadget]:
    statement = select(Gadget).order_by(Gadget.name, Gadget.id)
    for condition in params.conditions:
        if (condition.field, condition.op) != ("size", "ge"):
            raise Invalid("no such field", problems=[Problem(f"?{condition.field}", "is unknown")])
        statement = statement.where(Gadget.size >= int(condition.value))
    count = store.count(statement, params.count_cap) if params.wants_count else None
    after = params.after()
    if after:
        statement = statement.where(tuple_(Gadget.name, Gadget.id) > tuple_(*after))
    rows = store.scalars(statement.limit(params.limit + 1))
    last = rows[params.limit - 1] if len(rows) > params.limit else None
    return web.Page(rows[: params.limit], next=[last.name, last.id] if last else None, count=count)


@web.get("/gadgets/{gadget_id:uuid}", permission="gadget.read", gives=GADGET)
def get_gadget(store: Store, gadget_id: UUID) -> Gadget:
    """Return one gadget."""
    return store.get(Gadget, gadget_id)


@web.post("/gadgets", permission="gadget.create", takes=DRAFT, gives=GADGET, location="/gadgets/{id}")
def create_gadget(store: Store, data: dict[str, Any]) -> Gadget:
    """Add a gadget.

    Its parts are weighed and forgotten.
    """
    row = Gadget(
        name=data["name"], size=data["size"] + sum(p["weight"] for p in data["parts"]), made_at=store.now
    )
    store.add(row)
    store.flush()
    return row


@web.patch("/gadgets/{gadget_id:uuid}", permission="gadget.change", takes=CHANGE, gives=GADGET)
def change_gadget(store: Store, gadget_id: UUID, data: dict[str, Any], version: int | None) -> Gadget:
    """Change a gadget."""
    row = store.get(Gadget, gadget_id)
    if version is not None and version != row.version:
        raise Stale("The gadget was changed.", remedy="Read it again.", extra={"current": row})
    row.name, row.version = data.get("name", row.name), row.version + 1
    return row


@web.delete("/gadgets/{gadget_id:uuid}", permission="gadget.change")
def remove_gadget(store: Store, gadget_id: UUID, version: int | None) -> None:
    """Remove a gadget."""
    row = store.get(Gadget, gadget_id)
    if version not in (None, row.version):
        raise Stale("The gadget was changed.")
    store.remove(row)


@web.post("/gadgets:batch", permission="gadget.create", takes=DRAFT, gives=GADGET, many=True)
def create_gadgets(store: Store, data: list[dict[str, Any]]) -> list[Gadget]:
    """Add several gadgets."""
    rows = [Gadget(name=item["name"], size=item["size"], made_at=store.now) for item in data]
    store.add(*rows)
    store.flush()
    return rows


@web.post("/gadgets/{gadget_id:uuid}/polish", permission="gadget.change", status=202)
def polish_gadget(store: Store, gadget_id: UUID, times: int = 1) -> web.Answer[dict[str, Any]]:
    """Polish a gadget."""
    store.get(Gadget, gadget_id)
    return web.Answer({"polished": times}, cookies=("polish=1; Path=/",))


@web.post("/gadgets/picture", permission="gadget.create")
def upload_picture(store: Store, upload: Any) -> dict[str, Any]:
    """Take a picture."""
    return {"filename": upload.filename, "bytes": len(upload.file.read()), "written": store.readonly}


@web.get("/gadgets/export", permission="gadget.read")
def export_gadgets(store: Store) -> web.Download:
    """Send a file."""
    return web.Download(b"name\n", "Zařízení.csv", "text/csv")


@web.get("/whoami", permission=web.SIGNED_IN)
def who_am_i(actor: Actor) -> dict[str, Any]:
    """Say who asks."""
    return {"name": actor.name, "address": actor.address}


@web.post("/login", permission=web.PUBLIC)
def log_in(actor: Actor) -> dict[str, Any]:
    """Sign in."""
    return {"was": actor.kind}


class Gate:
    """Holds a request open, so that a second can come while it runs."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()


GATE = Gate()


@web.post("/slow", permission="gadget.create", takes=DRAFT, gives=GADGET)
def create_slowly(store: Store, data: dict[str, Any]) -> Gadget:
    """Add a gadget, when allowed to."""
    GATE.entered.set()
    assert GATE.go.wait(10)
    row = Gadget(name=data["name"], made_at=store.now)
    store.add(row)
    store.flush()
    return row


@web.get("/boom", permission="gadget.read")
def explode(store: Store) -> dict[str, Any]:
    """Fail."""
    raise ValueError("secret-7261 of eva@example.org")


@web.post("/late", permission="gadget.create")
def complain_late(store: Store) -> None:
    """Complain as a service does."""
    store.add(Gadget(name="never", made_at=store.now))
    raise ValidationError({"emails": {0: {"value": ["Not a valid email address."]}}, "_schema": ["Odd."]})


ROUTES = [v for v in list(globals().values()) if type(v).__name__ == "HTTPRouteHandler"]
RIGHTS = {f"gadget.{verb}": Reach.ALL for verb in ("read", "create", "change")}


def actors() -> dict[str, Actor]:
    """Return the people and tokens that can sign in, fresh ids each time."""
    alice = Actor("person", uuid4(), "alice", RIGHTS)
    return {
        "alice": replace(alice, kind="token", token_id=uuid4()),
        "bob": Actor("token", uuid4(), "bob", RIGHTS, token_id=uuid4()),
        "reader": Actor("token", uuid4(), "reader", {"gadget.read": Reach.ALL}, token_id=uuid4()),
        "cookie-alice": replace(alice, session_id=uuid4()),
    }


@pytest.fixture
def make_app(database: Database) -> Any:
    """Return a function that builds an application over `database`; keywords are settings."""
    Base.metadata.create_all(database.engine)
    people = actors()

    def authenticate(parts: web.RequestParts) -> Actor:
        name = parts.bearer or (f"cookie-{parts.session}" if parts.session else None)
        if name is None:
            return NOBODY
        if name not in people:
            raise Unauthenticated("The token is not known.", remedy="Make a new one.")
        return replace(people[name], address=parts.address)

    def build(
        *, checks: Any = None, groups: Any = None, permissions: Any = None, **changed: Any
    ) -> web.Application:
        settings = web.WebSettings(base_url="http://testserver.local", secret=b"s" * 32)
        return web.build_app(
            database,
            groups or [web.RouteGroup(ROUTES, tag="gadgets")],
            settings=replace(settings, **changed),
            authenticate=authenticate,
            checks=checks,
            permissions=permissions,
        )

    return build


@pytest.fixture
def make_client(make_app: Any) -> Any:
    """Return a function that builds an application and a client of it, signed in as alice."""

    def build(token: str | None = "alice", **changed: Any) -> TestClient[Any]:
        client: TestClient[Any] = TestClient(make_app(**changed), raise_server_exceptions=False)
        client.follow_redirects = False
        if token:
            client.headers["Authorization"] = f"Bearer {token}"
        return client

    return build


@pytest.fixture
def client(make_client: Any) -> TestClient[Any]:
    """Return a client signed in as alice, once on each database."""
    return make_client()


@pytest.fixture
def lite(tmp_path: Any) -> Any:
    """Yield an SQLite database, for what no database can change."""
    opened = Database.open(
        f"sqlite:///{tmp_path}/lite.db", f"sqlite:///{tmp_path}/lite-keys.db", MasterKeys.generate()
    )
    opened.create_schema()
    yield opened
    opened.close()


@pytest.fixture
def gadget_names(database: Database) -> Any:
    """Return a function that lists the stored gadgets' names."""

    def names() -> list[str]:
        with database.store(Actor.system("test"), readonly=True) as store:
            return sorted(store.scalars(select(Gadget.name)))

    return names


@pytest.fixture
def kept_answers(database: Database) -> Any:
    """Return a function that lists the kept answers' ids."""

    def ids() -> list[UUID]:
        with database.store(Actor.system("test"), readonly=True) as store:
            return store.scalars(select(IdempotencyKey.id))

    return ids


@pytest.fixture
def gate() -> Gate:
    """Return a fresh gate for the slow route."""
    GATE.entered.clear()
    GATE.go.clear()
    return GATE
