"""Not too often: letters that are no service wait for their contact's next place, and templates that are copied."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from email_kit import HTML, deliver, make_template, people, set_up, states
from sqlalchemy import select, update

from retinue_email.models import KINDS, Delivery
from retinue_email.templates import SERVICE
from retinue_email.transport import FakeTransport


def _order(crm: Any, contact_id: Any, template: str = "hello") -> None:
    body = {"contact_id": str(contact_id), "template": template}
    assert crm.user().client.post("/email/letters", body).status_code == 201


def _let_pass(crm: Any, days: float) -> None:
    """Make what was sent, and what waits, of so many days earlier."""
    with crm.store() as store:
        own = store.system("test")
        chosen = select(Delivery.id, Delivery.sent_at, Delivery.created_at, Delivery.not_before)
        for one, *moments in own.rows(chosen):
            past = [at - timedelta(days=days) if at else None for at in moments]
            values = dict(zip(("sent_at", "created_at", "not_before"), past, strict=True))
            own.change(update(Delivery).where(Delivery.id == one).values(**values))


def test_fourth_letter_of_a_week_waits_and_an_order_confirmation_passes(crm: Any) -> None:
    """EM-08: limit 3 per 7 d: the fourth marketing letter is deferred, order confirmation passes."""
    set_up(crm, frequency_letters=3, frequency_days=7)
    make_template(crm)
    make_template(crm, "receipt", kind="letter", purpose=SERVICE)
    ada, bob = people(crm, "Ada", "Bob")
    fake = FakeTransport()
    for _ in range(2):
        _order(crm, ada)
        assert deliver(crm, fake) == 1
    _let_pass(crm, 1)
    for contact in (ada, ada, ada, bob):
        _order(crm, contact)
    _order(crm, ada, "receipt")
    assert deliver(crm, fake) == 3, "Ada's third, Bob's first, and the receipt"
    assert sorted(states(crm)) == [*[("queued", "frequency")] * 2, *[("sent", "")] * 5]
    assert deliver(crm, fake) == 0
    _let_pass(crm, 6.5)
    assert deliver(crm, fake) == 2, "those of a week ago count no more"
    assert {state for state, _ in states(crm)} == {"sent"}
    assert [recipient for _, recipient, _ in fake.sent].count("ada@example.org") == 6


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_without_a_limit_nothing_waits(crm: Any) -> None:
    set_up(crm)
    make_template(crm)
    (ada,) = people(crm, "Ada")
    for _ in range(5):
        _order(crm, ada)
    assert deliver(crm, FakeTransport()) == 5


def test_copy_of_a_template_keeps_every_language(crm: Any) -> None:
    """EM-09: six kinds; a copy keeps ru, tr, cs, en, and is changed without its original."""
    assert KINDS == ("letter", "document", "offer", "quote", "invitation", "newsletter")
    words = {"en": "Hello", "cs": "Dobrý den", "ru": "Здравствуйте", "tr": "Merhaba"}
    texts = [{"language": code, "subject": word, "source": HTML} for code, word in words.items()]
    for kind in KINDS:
        source = make_template(crm, kind, kind=kind, texts=texts)
    api = crm.user().client
    assert {one["kind"] for one in api.get("/email/templates").json()} == set(KINDS)
    made = api.post(f"/email/templates/{source}/copy", {"key": "again", "name": "Again"})
    assert made.status_code == 201, made.text
    copy = made.json()
    assert {one["language"]: one["subject"] for one in copy["texts"]} == words
    changed = {"language": "tr", "subject": "Selam", "source": HTML}
    assert api.post(f"/email/templates/{copy['id']}/texts", changed).status_code == 201
    kept = {one["language"]: one["subject"] for one in api.get(f"/email/templates/{source}").json()["texts"]}
    assert kept == words
    taken = api.post(f"/email/templates/{source}/copy", {"key": "again", "name": "Again"})
    assert taken.status_code == 409
