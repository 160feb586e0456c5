"""From a deed in core to the other system, through the plugin host and a real worker; and the HTTP face."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select
from standardwebhooks import Webhook

from retinue import web
from retinue.actor import NOBODY, Actor
from retinue.contacts.service import create_contacts
from retinue.jobs.port import Jobs
from retinue.jobs.spec import JobSpec, Registry
from retinue.jobs.worker import Worker
from retinue.plugins import Job, build_plugin_set, parse_manifest
from retinue.plugins.discovery import Found
from retinue.storage import Database
from retinue.testing.fixtures import person
from retinue_webhooks import service
from retinue_webhooks.models import Endpoint, Event
from retinue_webhooks.routes import ROUTES

FOLDER = str(files("retinue_webhooks"))
MANIFEST = replace(
    parse_manifest((Path(FOLDER) / "plugin.toml").read_text(encoding="utf-8")), module="retinue_webhooks"
)
CLERK = person("contact.create", "contact.read", "contact.change")


class House:
    """What the house will be: database, plugins, jobs."""

    def __init__(self, database: Database, url: str) -> None:
        self.plugins = build_plugin_set({"webhooks": Found("webhooks", MANIFEST, FOLDER)}, ["webhooks"])
        assert self.plugins.set_aside == {}
        specs = [
            JobSpec(
                name=owned.item.name,
                handler=self.plugins.resolve("webhooks", owned.item.run),
                plugin="webhooks",
            )
            for owned in self.plugins.declared(Job)
        ]
        self.database, self.jobs = database, Jobs(url, Registry(specs))

    def store(self, actor: Actor, *, readonly: bool = False, plugin: str | None = None) -> Any:
        """Open a store with hooks and jobs."""
        hooks = self.plugins.hooks
        declared = {"plugins": self.plugins}
        return self.database.store(
            actor, readonly=readonly, plugin=plugin, hooks=hooks, jobs=self.jobs, declared=declared
        )

    def worker(self) -> Worker:
        """Return a worker over it."""
        system = Actor.system("worker")
        return Worker(
            self.jobs, lambda job: self.store(system, plugin=job.plugin), lambda store: store.raw_connection()
        )


@pytest.fixture
def house(database: Database, database_url: str) -> Iterator[House]:
    one = House(database, database_url)
    yield one
    one.jobs.close()


def test_created_contacts_reach_the_other_system_after_commit(
    house, world, receiver, carrier, manager
) -> None:
    """C: create, hook, outbox, job, worker, courier, signature; a rolled back deed sends nothing."""
    with house.store(manager) as store:
        secret = service.rotate_secret(store, world.endpoint)
    world.set(Endpoint, url=receiver.url)
    drafts = [{"kind": "person", "given_name": "Eva", "family_name": f"Nová{n}"} for n in range(3)]

    def create_and_fail() -> None:
        with house.store(CLERK) as store:
            create_contacts(store, drafts)
            raise ZeroDivisionError

    with house.worker():
        with pytest.raises(ZeroDivisionError):
            create_and_fail()
        with house.store(CLERK) as store:
            ids = [str(contact_id) for contact_id in create_contacts(store, drafts).ids]
        world.wait_for(lambda: len(receiver.got) > 0)
        assert carrier.idle(10)
    ((headers, body),) = receiver.got
    assert Webhook(secret).verify(body, headers)["data"] == {"items": [{"id": i} for i in ids]}
    assert "Nová" not in body.decode()


@pytest.fixture
def client(house: House, manager: Actor) -> TestClient[Any]:
    """Return a client of the plugin's routes; its bearer names who it is."""
    people = {"manager": manager, "clerk": CLERK}
    settings = web.WebSettings(base_url="http://testserver.local", secret=b"s" * 32)
    group = web.RouteGroup(ROUTES, prefix="/api/v1/webhooks", plugin="webhooks", tag="webhooks")
    app = web.build_app(
        house, [group], settings=settings, authenticate=lambda parts: people.get(parts.bearer or "", NOBODY)
    )
    made: TestClient[Any] = TestClient(app, base_url="http://testserver.local", raise_server_exceptions=False)
    made.headers["Authorization"] = "Bearer manager"
    return made


def test_http_life_of_a_webhook(client: TestClient[Any], opened) -> None:
    made = client.post(
        "/api/v1/webhooks", json={"url": "https://hooks.example.com/in", "events": ["contact.*"]}
    )
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["secret"].startswith("whsec_")
    where = f"/api/v1/webhooks/{body['id']}"
    assert made.headers["location"].endswith(where)
    read = client.get(where)
    assert (read.json()["state"], "secret" in read.json(), read.headers["etag"]) == ("active", False, '"v1"')
    assert [item["id"] for item in client.get("/api/v1/webhooks").json()] == [body["id"]]
    changed = client.patch(where, json={"active": False}, headers={"If-Match": '"v1"'})
    assert (changed.status_code, changed.json()["reason"]) == (200, "switched off by hand")
    stale = client.patch(where, json={"active": True}, headers={"If-Match": '"v1"'})
    assert stale.status_code == 412, stale.text
    assert stale.json()["current"]["version"] == 2
    assert client.post(f"{where}/test").status_code == 409
    assert client.patch(where, json={"active": True}, headers={"If-Match": '"v2"'}).status_code == 200
    assert client.post(f"{where}/secret").json()["secret"] != body["secret"]
    sent = client.post(f"{where}/test")
    assert (sent.status_code, sent.json()["event"], sent.json()["status"]) == (202, "webhook.test", "waiting")
    page = client.get(f"{where}/deliveries?limit=1").json()
    assert ([item["id"] for item in page["items"]], page["next"]) == ([sent.json()["id"]], None)
    again = client.post(f"/api/v1/webhooks/deliveries/{sent.json()['id']}/resend")
    assert (again.status_code, again.json()["by_hand"]) == (202, True)
    version = client.get(where).headers["etag"]
    assert client.delete(where, headers={"If-Match": version}).status_code == 204
    assert client.get(where).status_code == 404
    with opened() as store:
        assert store.count(select(Event.id)) == 1


def test_http_refuses_bad_drafts_by_pointer(client: TestClient[Any]) -> None:
    cases = [
        ({"url": "http://[::ffff:127.0.0.1]/", "events": ["*"]}, "/url"),
        ({"url": "https://example.com/", "events": ["Contact Created"]}, "/events/0"),
        ({"url": "https://example.com/", "events": []}, "/events"),
        ({"url": "https://example.com/", "events": ["contact.*", "contact.create"]}, "/events/1"),
        ({"url": "https://example.com/", "events": ["order.*"]}, "/events/0"),
        ({"events": ["*"]}, "/url"),
        ({"url": "https://example.com/", "events": ["*"], "state": "active"}, "/state"),
    ]
    for draft, pointer in cases:
        answer = client.post("/api/v1/webhooks", json=draft)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_http_lists_the_events_there_are(client: TestClient[Any]) -> None:
    events = client.get("/api/v1/webhooks/events").json()
    assert {"name": "contact.erased", "label": "Persons were erased", "help": ""} in events
    assert len(events) == 6


def test_http_needs_permission_and_leaves_nothing(client: TestClient[Any], opened) -> None:
    client.headers["Authorization"] = "Bearer clerk"
    draft = {"url": "https://hooks.example.com/in", "events": ["*"]}
    assert client.get("/api/v1/webhooks").status_code == 403
    assert client.post("/api/v1/webhooks", json=draft).status_code == 403
    with opened() as store:
        assert store.count(select(Endpoint.id)) == 0


def test_bodies_carry_what_ten_thousand_ids_need_and_load_no_contact(house, world) -> None:
    class Batch(list[Any]):
        ids = ("1", "2")

        def __iter__(self) -> Iterator[Any]:
            raise AssertionError("the contacts were loaded")

    with house.store(Actor.system("test")) as store:
        house.plugins.hooks.contacts_created(store=store, contacts=Batch())
    with world.opened() as store:
        (body,) = store.scalars(select(Event.body))
    assert json.loads(body)["data"]["items"] == [{"id": "1"}, {"id": "2"}]
