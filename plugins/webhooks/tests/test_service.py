"""What people do with endpoints: rights, limits, secrets, pages."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from retinue.errors import Conflict, Denied, Invalid, NotFound, Stale
from retinue.storage import AuditEntry
from retinue.storage.scoping import Refused
from retinue.testing.fixtures import person
from retinue_webhooks import service
from retinue_webhooks.models import DROPPED, OFF, Endpoint, Secret

DRAFT = {"url": "https://hooks.example.com/in?token=Sesame", "events": ["contact.created"]}


def test_every_deed_needs_its_permission(world) -> None:
    deeds = {
        "webhook.read": [
            lambda store: service.list_endpoints(store),
            lambda store: service.get_endpoint(store, world.endpoint),
            lambda store: service.list_deliveries(store, world.endpoint),
        ],
        "webhook.create": [lambda store: service.create_endpoint(store, DRAFT)],
        "webhook.change": [
            lambda store: service.change_endpoint(store, world.endpoint, {"description": "x"}, None),
            lambda store: service.rotate_secret(store, world.endpoint),
            lambda store: service.send_test(store, world.endpoint),
            lambda store: service.resend_delivery(store, uuid4()),
        ],
        "webhook.remove": [lambda store: service.remove_endpoint(store, world.endpoint)],
    }
    for permission, calls in deeds.items():
        others = person(*(set(deeds) - {permission}), "contact.read")
        for call in calls:
            with world.opened(others) as store:
                with pytest.raises(Denied):
                    call(store)
    with world.opened(others) as store:
        with pytest.raises(Refused):
            store.scalars(select(Endpoint))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://127.0.0.1/"}, "/url"),
        ({"url": "http://169.254.169.254/latest"}, "/url"),
        ({"url": "https://u:p@example.com/"}, "/url"),
        ({"url": "ftp://example.com/"}, "/url"),
        ({"url": "https://example.com:8443/"}, "/url"),
        ({"events": []}, "/events"),
        ({"events": [f"a.b{n}" for n in range(101)]}, "/events"),
    ],
)
def test_create_and_change_refuse_bad_input_by_place(world, manager, change, pointer) -> None:
    for deed in (
        lambda store: service.create_endpoint(store, {**DRAFT, **change}),
        lambda store: service.change_endpoint(store, world.endpoint, change, None),
    ):
        with world.opened(manager) as store, pytest.raises(Invalid) as caught:
            deed(store)
        assert [problem.pointer for problem in caught.value.problems] == [pointer]


def test_address_and_secret_are_sealed_in_database_and_audit(world, manager, database) -> None:
    with world.opened(manager) as store:
        made, secret = service.create_endpoint(store, DRAFT)
        service.change_endpoint(store, made.id, {"url": DRAFT["url"] + "2"}, None)
        endpoint_id = made.id
    with database.engine.connect() as connection:
        for table in ("webhooks_endpoint", "webhooks_secret", "audit_entry"):
            dump = str([tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))])
            assert "Sesame" not in dump
            assert secret.removeprefix("whsec_") not in dump
    with world.opened() as store:
        assert store.get(Endpoint, endpoint_id).url == DRAFT["url"] + "2"
        actions = store.scalars(select(AuditEntry.action).where(AuditEntry.row_id == endpoint_id))
    assert {"webhook.create", "webhook.change"} <= set(actions)


def test_change_off_drops_what_waits_and_on_forgives(world, manager) -> None:
    world.announce()
    world.set(Endpoint, failing_since=None, state="failing", reason="a delivery failed 10 times")
    with world.opened(manager) as store:
        service.change_endpoint(store, world.endpoint, {"active": False}, None)
    assert (world.shown().state, world.shown().reason, world.one().status) == (
        OFF,
        "switched off by hand",
        DROPPED,
    )
    delivery_id = world.one().id
    with world.opened(manager) as store, pytest.raises(Conflict):
        service.send_test(store, world.endpoint)
    with world.opened(manager) as store, pytest.raises(Conflict):
        service.resend_delivery(store, delivery_id)
    with world.opened(manager) as store:
        service.change_endpoint(store, world.endpoint, {"active": True}, None)
    assert (world.shown().state, world.shown().reason) == ("active", "")


def test_change_and_remove_of_a_stale_version_are_refused(world, manager) -> None:
    with world.opened(manager) as store:
        assert service.change_endpoint(store, world.endpoint, {"description": "CRM"}, 1).version == 2
    with world.opened(manager) as store, pytest.raises(Stale):
        service.change_endpoint(store, world.endpoint, {"description": "ERP"}, 1)
    with world.opened(manager) as store, pytest.raises(Stale):
        service.remove_endpoint(store, world.endpoint, 1)
    assert world.shown().description == "CRM"


def test_remove_takes_secrets_and_deliveries_along(world, manager) -> None:
    world.announce()
    with world.opened(manager) as store:
        service.remove_endpoint(store, world.endpoint)
    assert world.deliveries() == []
    with world.opened() as store:
        assert store.count(select(Secret.id)) == 0
    with world.opened(manager) as store, pytest.raises(NotFound):
        service.get_endpoint(store, world.endpoint)
    assert world.deliver() is None


def test_rotation_keeps_two_secrets_at_most(world, manager) -> None:
    for _ in range(3):
        with world.opened(manager) as store:
            service.rotate_secret(store, world.endpoint)
    with world.opened() as store:
        assert store.count(select(Secret.id)) == 2
        store.now += timedelta(hours=25)
        assert len(service.signing_secrets(store, world.endpoint)) == 1


def test_create_stops_at_the_limit(world, manager, monkeypatch) -> None:
    monkeypatch.setattr(service, "ENDPOINT_LIMIT", 2)
    with world.opened(manager) as store:
        service.create_endpoint(store, DRAFT)
    with world.opened(manager) as store, pytest.raises(Conflict):
        service.create_endpoint(store, DRAFT)


def test_deliveries_are_paged_newest_first(world, manager) -> None:
    for number in range(5):
        world.announce(ids=(str(number),))
    seen, after = [], None
    for _ in range(3):
        with world.opened(manager) as store:
            page, after = service.list_deliveries(store, world.endpoint, after=after, limit=2)
            seen += [row["body"][-6] for row in page]
    assert (seen, after) == (["4", "3", "2", "1", "0"], None)
