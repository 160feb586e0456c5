"""The message: signature, body, times."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from retinue_webhooks import standard

NOW = datetime(2026, 11, 21, 12, 0, 0, 900_000, tzinfo=UTC)


def test_signature_is_the_one_of_the_published_library() -> None:
    secret, body = standard.new_secret(), '{"type":"contact.created","name":"Łucja"}'
    headers = standard.message_headers("msg_1", datetime.now(UTC), body.encode(), [secret])
    assert Webhook(secret).verify(body, headers)["type"] == "contact.created"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + " ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, {**headers, "webhook-id": "msg_2"})


def test_signature_of_a_fixed_message_stays_the_same() -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    headers = standard.message_headers("msg_1", NOW, b"{}", [secret])
    assert headers["webhook-timestamp"] == "1795262400"
    assert headers["webhook-signature"] == Webhook(secret).sign("msg_1", NOW, "{}")


def test_signature_during_rotation_satisfies_both_secrets() -> None:
    old, new, other = (standard.new_secret() for _ in range(3))
    headers = standard.message_headers("msg_1", datetime.now(UTC), b"{}", [new, old])
    assert headers["webhook-signature"].count(" ") == 1
    for secret in (old, new):
        Webhook(secret).verify("{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify("{}", headers)


def test_secrets_are_prefixed_long_and_different() -> None:
    made = {standard.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in made} == {32}


def test_bodies_stay_under_twenty_kilobytes_and_carry_every_item_once() -> None:
    items = [{"id": str(uuid4())} for _ in range(10_000)]
    bodies = list(standard.bodies("contact.created", NOW, items))
    assert max(len(body.encode()) for body in bodies) <= 20_000
    assert len(bodies) < 30
    read = [json.loads(body) for body in bodies]
    assert [item for body in read for item in body["data"]["items"]] == items
    assert {(body["type"], body["timestamp"]) for body in read} == {
        ("contact.created", "2026-11-21T12:00:00.900000+00:00")
    }


def test_bodies_cut_an_item_that_is_too_large_alone() -> None:
    big = {"id": "1", "contact_id": "2", "fields": ["поле" * 10] * 1000}
    bodies = [
        json.loads(body) for body in standard.bodies("contact.changed", NOW, [{"id": "0"}, big, {"id": "3"}])
    ]
    assert [body["data"]["items"] for body in bodies] == [
        [{"id": "0"}, {"id": "1", "contact_id": "2", "cut": True}, {"id": "3"}]
    ]


def test_bodies_of_nothing_are_none() -> None:
    assert list(standard.bodies("contact.changed", NOW, [])) == []


def test_next_attempt_follows_the_table_with_jitter_and_ends() -> None:
    waits = []
    for attempts in range(1, 10):
        at = standard.next_attempt(attempts, "seed", NOW)
        assert at is not None
        waits.append((at - NOW).total_seconds())
    table = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for wait, delay in zip(waits, table, strict=True):
        assert delay <= wait <= delay * 1.2
    assert standard.next_attempt(10, "seed", NOW) is None
    assert timedelta(days=3) < timedelta(seconds=sum(waits)) < timedelta(days=4)


def test_next_attempt_spreads_by_seed_and_repeats_for_the_same() -> None:
    times = {standard.next_attempt(2, str(seed), NOW) for seed in range(100)}
    assert len(times) == 100
    assert standard.next_attempt(2, "7", NOW) == standard.next_attempt(2, "7", NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0), ("", 0), ("120", 120), (" 7 ", 7), ("-5", 0), ("soon", 0), ("١٢", 0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 59.1),
        ("Sat, 21 Nov 2020 12:01:00 GMT", 0), ("9" * 400, 999_999_999),
    ],
)  # fmt: skip
def test_retry_after_reads_numbers_and_dates(value: str | None, seconds: float) -> None:
    assert standard.retry_after(value, NOW) == pytest.approx(seconds)


def test_next_attempt_honours_retry_after_up_to_a_day_and_never_comes_earlier() -> None:
    def wait(attempts: int, wish: float) -> float:
        at = standard.next_attempt(attempts, "seed", NOW, wish)
        assert at is not None
        return (at - NOW).total_seconds()

    assert wait(1, 600) == 600
    assert wait(1, 10**8) == 86400
    assert wait(4, 1) >= 7200


def test_wants_matches_name_noun_and_everything() -> None:
    assert standard.wants(["contact.created"], "contact.created")
    assert standard.wants(["contact.*"], "contact.erased")
    assert standard.wants(["*"], "order.paid")
    assert not standard.wants(["contact.*", "interaction.recorded"], "contacts.created")
