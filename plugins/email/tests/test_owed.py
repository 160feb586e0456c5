"""Letters that another plugin owes: taken where they can be sent, sealed meanwhile, sent once, and given back."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from email_kit import deliver, people, set_up, states
from sqlalchemy import select

from retinue import new_id
from retinue_email import owed
from retinue_email.models import LetterValues
from retinue_email.transport import FAILED, Answer, FakeTransport


@dataclass(frozen=True)
class Owed:
    """A letter as the plugin that owes it hands it over."""

    id: UUID
    contact_id: UUID
    subject: str = "What we hold of you"
    body: str = "Dear Ada,\n<b>nothing</b> but your name."


def _offer(crm: Any, *letters: Owed) -> list[UUID]:
    with crm.house.store(crm.user().actor, plugin="email") as store:
        return owed.choose_letters(store, letters)


def _hand(crm: Any, *letters: Owed) -> None:
    with crm.house.store(crm.user().actor, plugin="email") as store:
        owed.keep_letters(store, letters)


def _outcomes(crm: Any, *letters: Owed) -> dict[UUID, bool]:
    with crm.house.store(crm.user().actor, plugin="email") as store:
        return dict(owed.tell_outcomes(store, [one.id for one in letters]))


def test_owed_letter_goes_out_once_and_what_cannot_arrive_goes_back(crm: Any) -> None:
    """Hooks `letters_taken`, `letters_handed` and `letter_outcomes`: delivered, refused for good, without an address."""
    ada, bob = people(crm, "Ada", "Bob")
    (nobody,) = people(crm, "Nobody", emails=[])
    to_ada, to_bob, to_nobody = (Owed(new_id(), one) for one in (ada, bob, nobody))
    assert _offer(crm, to_ada) == [], "no mail server is set"
    set_up(crm)
    assert _offer(crm, to_ada, to_bob, to_nobody) == [to_ada.id, to_bob.id]
    for _ in range(2):
        _hand(crm, to_ada, to_bob, to_nobody)
    assert _outcomes(crm, to_ada, to_bob, to_nobody) == {}, "nobody knows yet"
    fake = FakeTransport()
    fake.answer = lambda to: (
        Answer(FAILED, 550, "5.1.1") if to.startswith("bob") else Answer("sent", 250, "2.0.0")
    )
    assert deliver(crm, fake) == 2
    ((_, _, raw),) = fake.sent
    assert b"What we hold of you" in raw
    assert b"List-Unsubscribe" not in raw, "nobody leaves what they are owed"
    assert _outcomes(crm, to_ada, to_bob, to_nobody) == {to_ada.id: True, to_bob.id: False}
    assert sorted(state for state, _ in states(crm)) == ["bounced", "sent"]


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_what_a_letter_says_stands_nowhere_in_clear(crm: Any) -> None:
    """The words wait sealed, and their markup is text."""
    set_up(crm)
    (ada,) = people(crm, "Ada")
    _hand(crm, Owed(new_id(), ada, body="secret <i>word</i>"))
    with crm.store() as store:
        own = store.system("test")
        (row,) = own.scalars(select(LetterValues))
        assert b"secret" not in bytes(row.sealed_data)
    fake = FakeTransport()
    assert deliver(crm, fake) == 1
    letter = email.message_from_bytes(fake.sent[0][2], policy=email.policy.default)
    assert "secret &lt;i&gt;word&lt;/i&gt;" in letter.get_body(("html",)).get_content()
    assert letter.get_body(("plain",)).get_content().strip() == "secret <i>word</i>"
