"""Deliveries: outbox, attempts, what they say about the endpoint."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from retinue.jobs.models import job
from retinue.jobs.port import Jobs
from retinue.storage import Store
from retinue_webhooks import delivery, events_announced, service
from retinue_webhooks.models import (
    DELIVERED,
    DROPPED,
    FAILED,
    FAILING,
    OFF,
    SENDING,
    WAITING,
    Delivery,
    Endpoint,
    Event,
)
from retinue_webhooks.transport import Reply

PAST = datetime(2026, 1, 1, tzinfo=UTC)


def enqueued(jobs: Jobs) -> int:
    with jobs.engine.connect() as connection:
        return (
            connection.scalar(select(func.count()).select_from(job).where(job.c.name == service.DELIVER)) or 0
        )


def test_announce_writes_event_delivery_and_one_job_in_the_transaction(world, jobs: Jobs) -> None:
    """JO-x1: the outbox is part of the change."""
    with world.opened() as store:
        service.announce(store, "contact.created", [{"id": "1"}])
        service.announce(store, "contact.changed", [{"id": "1", "fields": ["name"]}])
        service.announce(store, "interaction.recorded", [{"id": "2"}])
    assert [row.status for row in world.deliveries()] == [WAITING, WAITING]
    assert enqueued(jobs) == 1


def test_announce_in_a_transaction_rolled_back_sends_nothing(world, jobs: Jobs) -> None:
    """A dry run: odoo's real webhooks from a preview must not happen here."""

    def announce_and_fail(store: Store) -> None:
        assert service.announce(store, "contact.created", [{"id": "1"}]) == 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), world.opened() as store:
        announce_and_fail(store)
    with world.opened() as store:
        with pytest.raises(ZeroDivisionError), store.savepoint():
            announce_and_fail(store)
        assert store.count(select(Event.id)) == 0
    assert (world.deliveries(), enqueued(jobs)) == ([], 0)
    world.deliver()
    assert world.transport.sent == []


def test_announce_of_ten_thousand_contacts_makes_few_deliveries(world, jobs: Jobs) -> None:
    ids = tuple(str(uuid4()) for _ in range(10_000))
    world.announce(ids=ids)
    assert len(world.deliveries()) < 30
    assert enqueued(jobs) == 1
    world.deliver()
    bodies = [body for _, _, body in world.transport.sent]
    assert max(map(len, bodies)) <= 20_000
    assert [item["id"] for body in bodies for item in json.loads(body)["data"]["items"]] == list(ids)


def test_announce_skips_endpoints_that_are_off_or_want_other_events(world, manager) -> None:
    with world.opened(manager) as store:
        service.create_endpoint(store, {"url": "https://a.example/", "events": ["interaction.recorded"]})
        service.create_endpoint(store, {"url": "https://b.example/", "events": ["*"], "active": False})
        service.create_endpoint(store, {"url": "https://c.example/", "events": ["*"]})
    world.announce()
    found = world.deliveries()
    assert len(found) == 2
    assert len({row.event_id for row in found}) == 1


def test_deliver_sends_a_message_the_published_library_accepts(world, manager) -> None:
    with world.opened(manager) as store:
        secret = service.rotate_secret(store, world.endpoint)
    world.announce()
    assert world.deliver() is None
    ((url, headers, body),) = world.transport.sent
    read = Webhook(secret).verify(body, headers)
    assert url == "https://hooks.example.com/in?k=1"
    assert (read["type"], read["data"]) == ("contact.created", {"items": [{"id": "1"}]})
    row = world.one()
    assert (row.status, row.attempts, row.response_status, row.failure) == (DELIVERED, 1, 204, "")
    assert headers["webhook-id"] == f"msg_{row.event_id.hex}"
    assert world.shown().delivered_at is not None
    world.deliver()
    assert len(world.transport.sent) == 1


def test_rotation_signs_with_both_secrets_for_a_day(world, manager) -> None:
    with world.opened(manager) as store:
        first = service.rotate_secret(store, world.endpoint)
        second = service.rotate_secret(store, world.endpoint)

    def signatures(now: datetime) -> list[str]:
        with world.opened() as store:
            store.now = now
            return service.signing_secrets(store, world.endpoint)

    now = datetime.now(UTC)
    assert signatures(now) == [second, first]
    assert signatures(now + timedelta(hours=23)) == [second, first]
    assert signatures(now + timedelta(hours=25)) == [second]
    world.announce()
    world.deliver()
    ((_, headers, body),) = world.transport.sent
    for secret in (first, second):
        Webhook(secret).verify(body, headers)


def test_retry_keeps_the_id_and_waits_by_the_table(world) -> None:
    world.transport.replies = [Reply(500), Reply(None, "timeout"), Reply(200)]
    world.announce()
    wait = world.deliver()
    assert wait is not None
    assert 3 < wait <= 6
    row = world.one()
    assert (row.status, row.attempts, row.failure, row.response_status) == (WAITING, 1, "http-500", 500)
    world.set(Delivery, next_run_at=PAST)
    assert world.deliver() is None
    row = world.one()
    assert (row.attempts, row.failure, row.response_status) == (2, "timeout", None)
    assert 290 < (row.next_run_at - datetime.now(UTC)).total_seconds() <= 361
    assert world.shown().failing_since is not None
    world.set(Delivery, next_run_at=PAST)
    world.deliver()
    assert world.one().status == DELIVERED
    assert world.shown().failing_since is None
    assert len({headers["webhook-id"] for _, headers, _ in world.transport.sent}) == 1
    assert len({body for _, _, body in world.transport.sent}) == 1


def test_retry_after_is_honoured(world) -> None:
    world.transport.replies = [Reply(429, retry_after="600")]
    world.announce()
    world.deliver()
    assert 590 < (world.one().next_run_at - datetime.now(UTC)).total_seconds() <= 600


@pytest.mark.parametrize("status", [301, 302, 400, 404, 503])
def test_any_status_but_2xx_is_tried_again(world, status: int) -> None:
    world.transport.replies = [Reply(status)]
    world.announce()
    world.deliver()
    assert (world.one().status, world.one().failure) == (WAITING, f"http-{status}")


def test_gone_switches_the_endpoint_off_and_drops_the_rest(world) -> None:
    world.transport.replies = [Reply(410)]
    for _ in range(3):
        world.announce()
    world.deliver()
    assert len(world.transport.sent) == 1
    assert (world.shown().state, world.shown().reason) == (OFF, "the endpoint answered 410 Gone")
    assert {row.status for row in world.deliveries()} == {DROPPED}
    world.announce()
    assert len(world.deliveries()) == 3


def exhaust(world) -> None:
    """Fail every attempt of all deliveries there are."""
    for _ in range(10):
        world.set(Delivery, next_run_at=PAST)
        world.deliver()


def test_last_failure_marks_the_endpoint_failing_and_five_days_switch_it_off(world) -> None:
    world.transport.replies = [Reply(500)]
    world.announce()
    exhaust(world)
    assert (world.one().status, world.one().attempts) == (FAILED, 10)
    assert (world.shown().state, world.shown().reason) == (FAILING, "a delivery failed 10 times")
    world.set(Endpoint, failing_since=datetime.now(UTC) - timedelta(days=5, minutes=1))
    world.announce()
    exhaust(world)
    assert (world.shown().state, world.shown().reason) == (OFF, "only failures for 5 days")


def test_success_heals_a_failing_endpoint(world) -> None:
    world.transport.replies = [Reply(500)]
    world.announce()
    exhaust(world)
    world.transport.replies = [Reply(200)]
    world.announce()
    world.deliver()
    assert (world.shown().state, world.shown().reason, world.shown().failing_since) == ("active", "", None)


def test_claim_of_a_dead_process_runs_out_and_is_sent_again(world) -> None:
    """At least once: kill between claim and result."""
    world.announce()
    with world.opened() as store:
        assert len(delivery.claim_deliveries(store, world.endpoint)) == 1
    assert world.one().status == SENDING
    world.deliver()
    assert world.transport.sent == []
    with world.opened() as store:
        assert delivery.due_endpoints(store) == []
        store.now += timedelta(minutes=5)
        assert delivery.due_endpoints(store) == [world.endpoint]
    world.set(Delivery, next_run_at=PAST)
    world.deliver()
    assert world.one().status == DELIVERED


def test_two_claimers_at_once_share_no_delivery(world) -> None:
    for _ in range(40):
        world.announce()

    def claim() -> list[object]:
        with world.opened() as store:
            return [parcel.delivery_id for parcel in delivery.claim_deliveries(store, world.endpoint)]

    with ThreadPoolExecutor(4) as pool:
        claimed = [found for future in [pool.submit(claim) for _ in range(4)] for found in future.result()]
    assert len(claimed) == len(set(claimed)) == 40


def test_late_result_of_a_lost_claim_changes_nothing(world) -> None:
    world.announce()
    with world.opened() as store:
        (parcel,) = delivery.claim_deliveries(store, world.endpoint)
    world.set(Delivery, next_run_at=PAST)
    world.deliver()
    with world.opened() as store:
        late = delivery.Outcome(parcel, store.now, Reply(500))
        delivery.settle_delivery(store, late)
    assert (world.one().status, world.shown().failing_since) == (DELIVERED, None)


def test_resend_starts_over_under_the_same_id(world, manager) -> None:
    world.announce()
    world.deliver()
    delivery_id = world.one().id
    with world.opened(manager) as store:
        shown = service.resend_delivery(store, delivery_id)
    assert (shown["status"], shown["attempts"], shown["by_hand"]) == (WAITING, 0, True)
    world.deliver()
    assert len(world.transport.sent) == 2
    assert len({headers["webhook-id"] for _, headers, _ in world.transport.sent}) == 1


def test_test_event_goes_to_its_endpoint_alone(world, manager) -> None:
    with world.opened(manager) as store:
        service.create_endpoint(store, {"url": "https://c.example/", "events": ["*"]})
        service.send_test(store, world.endpoint)
    assert world.one().endpoint_id == world.endpoint
    world.deliver()
    assert json.loads(world.transport.sent[0][2])["type"] == "webhook.test"


def test_forget_events_removes_old_ones_that_nobody_waits_for(world) -> None:
    world.announce()
    world.deliver()
    world.announce()
    with world.opened() as store:
        store.now += timedelta(days=31)
        service.forget_events(store, {})
    assert [row.status for row in world.deliveries()] == [WAITING]


def test_announce_by_another_plugin_goes_the_same_way(world, opened) -> None:
    with world.opened() as store:
        events_announced(store, "contact.praised", [{"id": "7"}])
    world.deliver()
    assert json.loads(world.transport.sent[0][2])["data"]["items"] == [{"id": "7"}]


def test_nothing_of_the_store_is_open_while_a_peer_thinks(world) -> None:
    """On SQLite one open writer would stop the whole installation for as long as a peer likes."""

    class Nosy:
        def post(self, url: str, headers: object, body: bytes) -> Reply:
            with world.opened() as store:
                assert isinstance(store, Store)
                self.seen = store.scalar(select(Delivery.status))
            return Reply(200)

    nosy = Nosy()
    world.announce()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(delivery.deliver_endpoint, world.opened, world.endpoint, nosy).result(timeout=20)
    assert nosy.seen == SENDING
