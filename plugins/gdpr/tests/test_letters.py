"""Letters that another plugin takes: under way until it says how it went, and back in the outbox if it went wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from gdpr_kit import person
from sqlalchemy import select

from retinue_gdpr.letters import PATIENCE, settle_letters
from retinue_gdpr.models import Letter, Standing
from retinue_gdpr.notices import send_notices


class Post:
    """Stands in for a plugin that sends: takes every letter, and answers what the test says became of them."""

    def __init__(self, crm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.letters: list[Any] = []
        self.outcomes: list[tuple[UUID, bool]] = []
        calls = crm.house.plugins.hooks._calls
        monkeypatch.setitem(calls, "letters_taken", self.take)
        monkeypatch.setitem(calls, "letter_outcomes", lambda store, letter_ids: self.outcomes)

    def take(self, store: Any, letters: Any) -> list[UUID]:
        """Take them all."""
        self.letters += letters
        return [letter.id for letter in letters]


def settle(crm: Any) -> int:
    with crm.store() as store:
        return settle_letters(store, {})


def states(crm: Any) -> dict[UUID, tuple[str, bool, bool]]:
    """Return state, whether it counts as sent, and whether the contact counts as told, by contact."""
    with crm.store(readonly=True) as store:
        told = {row.contact_id: row.notified_at is not None for row in store.scalars(select(Standing))}
        return {
            row.contact_id: (row.state, row.sent_at is not None, told[row.contact_id])
            for row in store.scalars(select(Letter))
        }


def test_letter_counts_as_sent_when_it_was_delivered(crm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """GD-02, GD-11: taken is not sent; delivered is; what was not delivered, or nobody answers for, comes to the outbox."""
    post = Post(crm, monkeypatch)
    eva, ota, ivo = person(crm), person(crm, "Ota"), person(crm, "Ivo")
    with crm.store() as store:
        assert send_notices(store, {}) == 3
    assert {letter.kind for letter in post.letters} == {"notice"}
    assert set(states(crm).values()) == {("taken", False, False)}
    assert settle(crm) == 0, "nobody knows yet"
    ids = {letter.contact_id: letter.id for letter in post.letters}
    post.outcomes = [(ids[eva], True), (ids[ota], False)]
    assert settle(crm) == 2
    expected = {eva: ("sent", True, True), ota: ("outbox", False, False), ivo: ("taken", False, False)}
    assert states(crm) == expected
    with crm.store() as store:
        for letter in store.scalars(select(Letter).where(Letter.contact_id == ivo)):
            letter.created_at -= PATIENCE + timedelta(minutes=1)
    post.outcomes = []
    assert settle(crm) == 1
    assert states(crm)[ivo] == ("outbox", False, False)
    api = crm.user().client
    (entry,) = api.get(f"/contacts/{ota}/interactions").json()["items"]
    assert entry["kind"] == "privacy_letter"
    assert "keeps data about you" in entry["body"]
    assert api.get(f"/contacts/{eva}/interactions").json()["items"] == []
    assert api.post(f"/gdpr/letters/{ids[ota]}/sent").json()["state"] == "sent"
    assert states(crm)[ota] == ("sent", True, True)
    assert settle(crm) == 0
