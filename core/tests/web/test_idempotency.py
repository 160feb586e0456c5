from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from retinue.actor import Actor
from retinue.storage import Database
from retinue.web import purge_idempotency_keys
from retinue.web.models import IdempotencyKey

GADGETS = "/api/v1/gadgets"
KEY = {"Idempotency-Key": "order 4711 of eva@example.org"}


def test_same_request_twice_is_done_once_and_answered_twice(client: Any, gadget_names: Any) -> None:
    first = client.post(GADGETS, json={"name": "Lamp"}, headers=KEY)
    again = client.post(GADGETS, json={"name": "Lamp"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert [again.headers[h] for h in ("etag", "location")] == [
        first.headers[h] for h in ("etag", "location")
    ]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert gadget_names() == ["Lamp"]


def test_same_key_with_another_body_is_422(client: Any, gadget_names: Any) -> None:
    client.post(GADGETS, json={"name": "Lamp"}, headers=KEY)
    other = client.post(GADGETS, json={"name": "Torch"}, headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "urn:retinue:problem:idempotency-key-reused")
    assert client.post("/api/v1/gadgets:batch", json=[], headers=KEY).status_code == 422
    assert gadget_names() == ["Lamp"]


def test_same_key_of_another_actor_is_another_request(make_client: Any, gadget_names: Any) -> None:
    app = make_client()
    for token in ("alice", "bob"):
        assert (
            app.post(
                GADGETS, json={"name": token}, headers={**KEY, "Authorization": f"Bearer {token}"}
            ).status_code
            == 201
        )
    assert gadget_names() == ["alice", "bob"]


def test_patch_is_replayed_and_not_refused_as_stale(client: Any) -> None:
    made = client.post(GADGETS, json={"name": "Lamp"}).json()
    url = f"{GADGETS}/{made['id']}"
    answers = [client.patch(url, json={"name": "Torch", "version": 1}, headers=KEY) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 200]
    assert answers[0].content == answers[1].content


def test_failed_request_keeps_nothing_and_can_be_sent_again(client: Any, kept_answers: Any) -> None:
    assert client.post(GADGETS, json={"size": 1}, headers=KEY).status_code == 422
    assert client.post("/api/v1/late", headers=KEY).status_code == 422
    assert kept_answers() == []
    assert client.post(GADGETS, json={"name": "Lamp"}, headers=KEY).status_code == 201
    assert len(kept_answers()) == 1


def test_second_request_while_the_first_runs_is_409(make_client: Any, gate: Any, gadget_names: Any) -> None:
    """One process: the key is held in memory, before the database is asked."""
    client = make_client()
    answers: list[Any] = []
    first = threading.Thread(
        target=lambda: answers.append(client.post("/api/v1/slow", json={"name": "S"}, headers=KEY))
    )
    first.start()
    assert gate.entered.wait(10)
    second = client.post("/api/v1/slow", json={"name": "S"}, headers=KEY)
    gate.go.set()
    first.join(10)
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert second.json()["type"] == "urn:retinue:problem:idempotency-key-running"
    assert answers[0].status_code == 201
    assert client.post("/api/v1/slow", json={"name": "S"}, headers=KEY).content == answers[0].content
    assert gadget_names() == ["S"]


def test_second_request_in_another_process_is_409_on_postgresql(
    make_client: Any, gate: Any, database: Database, monkeypatch: pytest.MonkeyPatch, gadget_names: Any
) -> None:
    """Several processes share a PostgreSQL: an advisory lock holds the key there."""
    if database.kind == "sqlite":
        pytest.skip("SQLite has one writer at a time: the second waits and is answered the same")
    client, answers = make_client(), []
    first = threading.Thread(
        target=lambda: answers.append(client.post("/api/v1/slow", json={"name": "S"}, headers=KEY))
    )
    first.start()
    assert gate.entered.wait(10)
    monkeypatch.setattr("retinue.web.idempotency._running", set())  # what another process would see
    assert client.post("/api/v1/slow", json={"name": "S"}, headers=KEY).status_code == 409
    gate.go.set()
    first.join(10)
    assert answers[0].status_code == 201
    assert gadget_names() == ["S"]


def test_key_that_is_no_key_is_400(client: Any) -> None:
    for bad in ("", "x" * 256):
        assert client.post(GADGETS, json={"name": "A"}, headers={"Idempotency-Key": bad}).status_code == 400


def test_answers_are_sealed_and_gone_after_a_day(
    client: Any, database: Database, kept_answers: Any, tmp_path: Any
) -> None:
    client.post(GADGETS, json={"name": "Canary-5521"}, headers=KEY)
    with database.store(Actor.system("test")) as store:
        row = store.scalars(select(IdempotencyKey))[0]
        assert row.answer["status"] == 201
        assert b"Canary-5521" not in row.sealed_data
        assert timedelta(hours=23) < row.expires_at - store.now <= timedelta(hours=24)
        assert purge_idempotency_keys(store) == 0
        store.change(update(IdempotencyKey).values(expires_at=store.now - timedelta(seconds=1)))
    assert "idempotency-replayed" not in client.post(GADGETS, json={"name": "Other"}, headers=KEY).headers
    with database.store(Actor.system("test")) as store:
        store.change(update(IdempotencyKey).values(expires_at=store.now - timedelta(seconds=1)))
        assert purge_idempotency_keys(store) == 1
    assert kept_answers() == []


def test_erasure_can_forget_every_kept_answer(client: Any, database: Database, kept_answers: Any) -> None:
    client.post(GADGETS, json={"name": "Lamp"}, headers=KEY)
    with database.store(Actor.system("test")) as store:
        assert purge_idempotency_keys(store, everything=True) == 1
    assert kept_answers() == []


def test_answer_with_a_cookie_is_not_kept(client: Any, kept_answers: Any) -> None:
    made = client.post(GADGETS, json={"name": "Lamp"}).json()
    client.post(f"{GADGETS}/{made['id']}/polish", headers=KEY)
    assert kept_answers() == []
