"""The way out, against a real server on this machine: transport, courier, jobs."""

from __future__ import annotations

import threading

from standardwebhooks import Webhook

from retinue_webhooks import courier, service
from retinue_webhooks.models import DELIVERED, WAITING, Endpoint
from retinue_webhooks.transport import Reply


def test_transport_reports_status_and_retry_after(receiver, transport) -> None:
    receiver.replies = [(200, {}), (503, {"Retry-After": "7"}), (302, {"Location": receiver.url})]
    seen = [transport.post(receiver.url, {"webhook-id": "msg_1"}, b"{}") for _ in range(3)]
    assert [(reply.status, reply.good, reply.retry_after) for reply in seen] == [
        (200, True, None), (503, False, "7"), (302, False, None),
    ]  # fmt: skip
    assert len(receiver.got) == 3
    assert receiver.got[0][0]["webhook-id"] == "msg_1"


def test_transport_turns_every_failure_into_a_reply(receiver, transport, monkeypatch) -> None:
    receiver.go.clear()
    monkeypatch.setattr("retinue_webhooks.transport.TIMEOUT", 0.3)
    assert transport.post(receiver.url, {}, b"{}").failure == "timeout"
    assert transport.post("http://10.0.0.1/", {}, b"{}").failure == "address-refused"
    assert transport.post("http://nowhere.invalid/", {}, b"{}").failure in ("address-refused", "unresolved")


def run_job(world, job=courier.deliver_endpoint_soon) -> None:
    """Run a job as the worker does: in a transaction of its own."""
    with world.opened() as store:
        job(store, {"endpoint": str(world.endpoint)})


def test_job_wakes_the_courier_and_the_message_arrives_signed(world, receiver, carrier, manager) -> None:
    world.set(Endpoint, url=receiver.url)
    with world.opened(manager) as store:
        secret = service.rotate_secret(store, world.endpoint)
    world.announce()
    run_job(world)
    assert carrier.idle(10)
    ((headers, body),) = receiver.got
    assert Webhook(secret).verify(body, headers)["type"] == "contact.created"
    assert (world.one().status, world.one().response_status) == (DELIVERED, 204)


def test_courier_comes_back_for_a_retry_that_is_due_soon(world, receiver, carrier, monkeypatch) -> None:
    monkeypatch.setattr("retinue_webhooks.standard.DELAYS", (0.3, 9999.0))
    world.set(Endpoint, url=receiver.url)
    receiver.replies = [(500, {}), (200, {})]
    world.announce()
    run_job(world)
    world.wait_for(lambda: len(receiver.got) == 2)
    assert carrier.idle(10)
    assert (len(receiver.got), world.one().status, world.one().attempts) == (2, DELIVERED, 2)


def test_clock_finds_what_no_job_was_woken_for(world, receiver, carrier) -> None:
    world.set(Endpoint, url=receiver.url)
    world.announce()
    run_job(world, courier.deliver_due_soon)
    assert carrier.idle(10)
    assert world.one().status == DELIVERED


def test_slow_endpoint_holds_up_neither_the_store_nor_another(world, receiver, carrier, manager) -> None:
    """While one peer thinks, the database is free and another peer gets its message."""
    world.set(Endpoint, url=receiver.url)
    receiver.go.clear()
    world.announce()
    run_job(world)
    world.wait_for(lambda: len(receiver.got) == 1)
    with world.opened(manager) as store:
        other, _ = service.create_endpoint(store, {"url": "https://b.example/", "events": ["interaction.*"]})
        other.url = receiver.url
    with world.opened() as store:
        service.announce(store, "interaction.recorded", [{"id": "2"}])
    run_job(world, courier.deliver_due_soon)
    world.wait_for(lambda: len(receiver.got) == 2)
    receiver.go.set()
    assert carrier.idle(20)
    assert [row.status for row in world.deliveries()] == [DELIVERED, DELIVERED]


def test_courier_survives_a_broken_transport(world, caplog) -> None:
    class Broken:
        def post(self, *_: object) -> Reply:
            raise RuntimeError("secret detail")

    one = courier.Courier(Broken())
    world.announce()
    one.wake(world.opened, world.endpoint)
    assert one.idle(10)
    one.close()
    one.wake(world.opened, world.endpoint)
    assert "RuntimeError" in caplog.text
    assert "secret detail" not in caplog.text
    assert world.one().status != DELIVERED


def test_closing_gives_back_what_was_claimed_and_not_sent(world, receiver, transport) -> None:
    world.set(Endpoint, url=receiver.url)
    receiver.go.clear()
    for _ in range(3):
        world.announce()
    one = courier.Courier(transport)
    one.wake(world.opened, world.endpoint)
    world.wait_for(lambda: len(receiver.got) == 1)
    threading.Timer(0.3, receiver.go.set).start()
    one.close()
    assert [row.status for row in world.deliveries()] == [DELIVERED, WAITING, WAITING]
    assert [row.attempts for row in world.deliveries()] == [1, 0, 0]


def test_closing_takes_nothing_new(world, receiver, transport) -> None:
    world.set(Endpoint, url=receiver.url)
    one = courier.Courier(transport)
    one.close()
    world.announce()
    one.wake(world.opened, world.endpoint)
    assert (receiver.got, world.one().status) == ([], WAITING)
