"""One letter to one contact: gate, key, ledger, what goes over the wire, and leaving by its link."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest
from email_kit import HTML, deliver, make_template, people, set_up, states

from retinue.contacts import erase_contact, merge_contacts, revert_change_set
from retinue_email import sending
from retinue_email.transport import DOUBT, FAILED, LATER, Answer, FakeTransport

SQLITE = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


def _order(crm: Any, contact_id: Any, **more: Any) -> Any:
    return crm.user().client.post(
        "/email/letters", {"contact_id": str(contact_id), "template": "hello", **more}
    )


def _parsed(raw: bytes) -> Any:
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_letter_is_sent_once_for_each_key_and_stands_in_the_timeline(crm: Any) -> None:
    """EM-03: ordered twice under one key, a letter goes out once; EM-01: the name, else the default, is in it."""
    set_up(crm)
    make_template(crm)
    (jiri,) = people(crm, "Jiří", emails=[{"value": "jiri@bücher.example"}])
    fake = FakeTransport()
    first, second = (_order(crm, jiri, key="order-1") for _ in range(2))
    assert (first.status_code, second.json()["repeated"]) == (201, True), first.text
    assert deliver(crm, fake) == 1
    assert deliver(crm, fake) == 0
    ((envelope, recipient, raw),) = fake.sent
    assert envelope.startswith("b+")
    assert envelope.endswith("@bounce.crm.example")
    letter = _parsed(raw)
    assert recipient == letter["To"].addresses[0].addr_spec == "jiri@xn--bcher-kva.example"
    assert letter["Subject"] == "Hello, Jiří!"
    assert "Dear Jiří" in letter.get_body(("plain",)).get_content()
    assert states(crm) == [("sent", "")]
    user = crm.user()
    assert user.client.get(f"/contacts/{jiri}/interactions").json()["items"][0]["kind"] == "email"
    query = "/contacts?fields=email.sent&email.sent__gte=1"
    assert [row["values"]["email.sent"] for row in user.client.get(query).json()["items"]] == [1]


def test_refused_letters_keep_their_reason(crm: Any) -> None:
    """No address, a kept out address, a purpose left: each is a row that says why, and nothing is sent."""
    set_up(crm)
    make_template(crm)
    (ada, bob) = people(crm, "Ada", "Bob")
    (nobody,) = people(crm, "Nobody", emails=[])
    user = crm.user()
    assert user.client.post("/email/suppressions", {"address": "ADA@example.org"}).json() == {"count": 1}
    found = user.client.post("/email/suppressions/find", {"address": "ada@example.org"}).json()
    assert [(row["scope"], row["reason"]) for row in found] == [("", "by_hand")]
    for one in (ada, nobody, bob):
        _order(crm, one)
    user.client.post("/email/suppressions", {"address": "bob@example.org", "scope": "news"})
    fake = FakeTransport()
    deliver(crm, fake)
    assert (fake.sent, states(crm)) == (
        [],
        [("refused", "suppressed"), ("refused", "no-address"), ("refused", "suppressed")],
    )
    assert user.client.post("/email/suppressions/release", {"address": "ada@example.org"}).json() == {
        "count": 1
    }
    _order(crm, ada)
    deliver(crm, fake)
    assert len(fake.sent) == 1


@SQLITE
def test_one_click_unsubscribes_without_cookies_and_a_look_changes_nothing(crm: Any) -> None:
    """EM-11, EM-x13: POST 200 without Location, repeated alike; GET changes nothing; one bit turned is refused; erased 200."""
    set_up(crm)
    make_template(crm)
    (ada,) = people(crm, "Ada")
    _order(crm, ada)
    fake = FakeTransport()
    deliver(crm, fake)
    letter = _parsed(fake.sent[0][2])
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["List-Id"] == "<news.crm.example>"
    link, mailto = (part.strip(" <>") for part in letter["List-Unsubscribe"].split(","))
    assert mailto.startswith("mailto:u+")
    path = link.removeprefix("https://crm.example")
    raw = crm.client
    wrong = path[:-2] + ("A" if path[-2] != "A" else "B") + path[-1]
    assert raw.get(path).status_code == 200
    assert raw.post(wrong, content=b"List-Unsubscribe=One-Click").status_code == 404
    _order(crm, ada)
    deliver(crm, fake)
    assert len(fake.sent) == 2, "neither a look nor a made-up link changed anything"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        answer = raw.post(path, content=b"List-Unsubscribe=One-Click", headers=form)
        assert (answer.status_code, answer.headers.get("location")) == (200, None)
    _order(crm, ada)
    deliver(crm, fake)
    assert len(fake.sent) == 2
    with crm.store() as store:
        (copy,) = [
            one
            for one in store.hooks.contact_exports(store=store, contact_ids=[ada])
            if one.section == "letters"
        ]
        assert [record["state"] for record in copy.records] == ["sent", "sent", "refused"]
        erase_contact(store, ada)  # contacts_erased takes the person off
        assert store.hooks.contact_exports(store=store, contact_ids=[ada]) == []
    assert raw.post(path, content=b"List-Unsubscribe=One-Click", headers=form).status_code == 200
    assert states(crm) == [("sent", ""), ("sent", ""), ("refused", "suppressed")], "the numbers stay"
    german = raw.get(path, headers={"Accept-Language": "de"})
    assert "Abbestellen" in german.text


@SQLITE
def test_answers_of_the_server_decide_what_becomes_of_a_letter(crm: Any) -> None:
    """EM-x6, EM-x7: 450 waits, 550 5.1.1 is a bounce and keeps the address out, silence after the letter is in doubt."""
    set_up(crm)
    make_template(crm)
    said = {
        "later@example.org": Answer(LATER, 450, "4.2.0"), "gone@example.org": Answer(FAILED, 550, "5.1.1"),
        "policy@example.org": Answer(FAILED, 550, "5.7.1"), "doubt@example.org": Answer(DOUBT, word="cut"),
    }  # fmt: skip
    for one in people(crm, "Later", "Gone", "Policy", "Doubt", "Fine"):
        _order(crm, one)
    fake = FakeTransport(lambda to: said.get(to, Answer("sent", 250)))
    assert deliver(crm, fake) == 5
    assert states(crm) == [
        ("queued", "deferred"), ("bounced", "hard_bounce"), ("failed", "refused-by-server"), ("in_doubt", "cut"),
        ("sent", ""),
    ]  # fmt: skip
    assert deliver(crm, fake) == 0, "what waits is not due yet, what is in doubt is not sent again"
    user = crm.user()
    found = user.client.post("/email/suppressions/find", {"address": "gone@example.org"}).json()
    assert [row["reason"] for row in found] == ["hard_bounce"]


@SQLITE
def test_letters_wait_while_no_server_is_reached_and_nothing_is_counted(crm: Any) -> None:
    """A wrong certificate, a wrong password, silence: the letters are queued as they were."""
    set_up(crm)
    make_template(crm)
    (ada,) = people(crm, "Ada")
    _order(crm, ada)
    assert deliver(crm, FakeTransport(reachable=False)) == 0
    row = crm.user().client.get("/email/letters").json()["items"][0]
    assert (row["state"], row["attempts"]) == ("queued", 0)
    assert row["not_before"] is not None


def test_what_a_dead_process_left_is_told_apart(crm: Any) -> None:
    """EM-x1: reserved letters of a dead line are queued again, the one that was begun is in doubt and not sent again."""
    set_up(crm)
    make_template(crm)
    for one in people(crm, "Ada", "Bob", "Cyd"):
        _order(crm, one)
    from retinue import new_id

    line, presses = new_id(), sending.Presses()
    with crm.store() as own:
        sending.note_lines(own, [line])
        parcels = sending.claim_letters(own, line, presses)
    assert len(parcels) == 3
    with crm.store() as own:
        assert sending.start_letter(own, line, parcels[0].id)
    with crm.store() as own:
        assert sending.take_over(own) == 0, "it lives"
        own.now = own.now + sending.DEAD_AFTER * 2
        assert sending.take_over(own) == 1
    fake = FakeTransport()
    assert deliver(crm, fake, lines=2) == 2
    assert sorted(states(crm)) == [("in_doubt", "process-died"), ("sent", ""), ("sent", "")]


@SQLITE
def test_letter_that_cannot_be_made_fails_alone(crm: Any) -> None:
    """EM-x15: a missing field is merge_error, a line end in a subject is refused; the others go out."""
    set_up(crm)
    plain = {"language": "en", "subject": "To {{ given }} {{ note }}", "source": HTML}
    make_template(crm, texts=[plain], words=["note"])
    ada, bob, cyd = people(crm, "Ada", "Bob", "Cyd")
    _order(crm, ada, values={"note": "hi"})
    _order(crm, bob)
    _order(crm, cyd, values={"note": "x\r\nBcc: x@y.example"})
    wrong = _order(crm, cyd, values={"other": 1})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/values/other"), wrong.text
    fake = FakeTransport()
    deliver(crm, fake)
    assert states(crm) == [("sent", ""), ("failed", "merge_error"), ("failed", "header-unfit")]
    assert b"Bcc" not in fake.sent[0][2]


def test_letters_follow_a_merge_and_come_back_when_it_is_undone(crm: Any) -> None:
    """Letters of a merged contact are the survivor's (contacts_merged); reverting gives them back (change_sets_reverted)."""
    set_up(crm)
    make_template(crm)
    ada, bob = people(crm, "Ada", "Bob")
    for one in (ada, bob):
        _order(crm, one)
    deliver(crm, FakeTransport())
    with crm.store() as store:
        merge_contacts(store, ada, [bob])
        change_set = store.change_set_id
    assert len(states(crm, contact_id=str(ada))) == 2
    with crm.store() as store:
        revert_change_set(store, change_set)
    assert len(states(crm, contact_id=str(ada))) == len(states(crm, contact_id=str(bob))) == 1
