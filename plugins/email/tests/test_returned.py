"""What comes back: whose letter it is about, what it says, what follows; and that nobody is believed who cannot name it."""

from __future__ import annotations

import base64
import collections
import email
import hashlib
import hmac
import os
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from email_kit import deliver, make_template, make_view, people, prepare, set_up, states
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue import new_id
from retinue.contacts import erase_contact
from retinue_email.making import bounce_token
from retinue_email.models import BOUNCE, COMPLAINT, SOFT_BOUNCE, UNSUBSCRIBE
from retinue_email.returned import Returned, find_failures, is_soft, read_returned
from retinue_email.transport import FakeTransport

SQLITE = pytest.mark.parametrize("config", ["sqlite"], indirect=True)
SECRET = b"s" * 32
LETTER = new_id()


def _dsn(
    letter: Any = LETTER, *, action: str = "failed", status: str = "5.1.1", said: str = "", to: str = "", name: bool = True
) -> bytes:  # fmt: skip
    told = f"Diagnostic-Code: smtp; {said}\r\n" if said else ""
    returned = f"Message-ID: <{letter.hex}@crm.example>\r\n" if name else "X-Other: 1\r\n"
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to or 'bounces@crm.example'}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYour letter could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; ada@example.org\r\nAction: {action}\r\nStatus: {status}\r\n{told}\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}Subject: Hello\r\n\r\n--b--\r\n"
    ).encode()


def _arf(kind: str = "abuse", letter: Any = LETTER) -> bytes:
    return (
        "From: fbl@provider.example\r\nTo: abuse@crm.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n"
        f"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: x/1\r\nVersion: 1\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: news@crm.example\r\nMessage-ID: <{letter.hex}@crm.example>\r\nSubject: Hello\r\n\r\nHello\r\n--b--\r\n"
    ).encode()


_PLAIN = (
    b"From: MAILER-DAEMON@mx.example\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program at mx.example.\r\n"
    b"I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
    b"This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n<ada@example.org>:\r\n"
    b"Sorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below this line is a copy of the message.\r\n"
)


@pytest.mark.parametrize(
    ("raw", "kind", "enhanced"),
    [
        (_dsn(), BOUNCE, "5.1.1"),
        (_dsn(status="5.0.0", said="550 5.1.1 no such user"), BOUNCE, "5.1.1"),
        (_dsn(status="5.2.2"), SOFT_BOUNCE, "5.2.2"),
        (_dsn(status="5.0.0", said="550 5.7.1 blocked by policy"), SOFT_BOUNCE, "5.7.1"),
        (_dsn(status="4.4.7"), SOFT_BOUNCE, "4.4.7"),
        (_dsn(action="delayed", status="4.4.1"), "", "4.4.1"),
        (_dsn(action="delivered", status="2.0.0"), "", "2.0.0"),
        (_dsn(action="relayed", status="2.0.0"), "", "2.0.0"),
        (_arf(), COMPLAINT, ""),
        (_arf("fraud"), COMPLAINT, ""),
        (_arf("opt-out"), UNSUBSCRIBE, ""),
        (_arf("not-spam"), "", ""),
    ],
)  # fmt: skip
def test_reports_are_told_apart(raw: bytes, kind: str, enhanced: str) -> None:
    """RFC 3464, 3463, 5965: the other server's own code counts where the report's is blank; a delay is no bounce."""
    assert read_returned(SECRET, raw) == Returned(kind, LETTER, enhanced)


def test_letter_is_named_by_the_signed_envelope_or_its_message_id_and_by_nothing_else() -> None:
    """VERP: a bounce of any shape is believed with a good token, and never with one that somebody made up."""
    token = bounce_token(SECRET, LETTER)
    assert read_returned(SECRET, _PLAIN, [f"b+{token}@bounce.crm.example"]) == Returned(BOUNCE, LETTER, "")
    assert read_returned(SECRET, _PLAIN, [f"B+{token.upper()}@bounce.crm.example"]).letter_id == LETTER
    assert read_returned(SECRET, _dsn(to=f"b+{token}@bounce.crm.example", name=False)).letter_id == LETTER
    forged = token[:-2] + ("a" if token[-2] != "a" else "b") + token[-1]
    for to in (
        f"b+{forged}@bounce.crm.example",
        "ada@example.org",
        f"b+{bounce_token(b'other' * 8, LETTER)}@x.example",
    ):
        assert read_returned(SECRET, _PLAIN, [to]).letter_id is None
    assert read_returned(SECRET, b"Subject: bye\r\n\r\n", [f"u+{token}@b.example"]) == Returned(
        UNSUBSCRIBE, LETTER
    )


def test_automatic_answers_and_ordinary_mail_say_nothing() -> None:
    """Out of office, a question by a reader: no event, though the envelope names the letter."""
    token = f"b+{bounce_token(SECRET, LETTER)}@bounce.crm.example"
    away = b"From: ada@example.org\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nI am back on Monday.\r\n"
    for raw in (
        away,
        b"From: ada@example.org\r\nSubject: Re: Hello\r\n\r\nThanks!\r\n",
        b"",
        b"\x00\xff" * 500,
    ):
        assert read_returned(SECRET, raw, [token]).kind == ""


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3000), st.booleans())
def test_any_message_is_read_without_a_fault(noise: bytes, place: int, deep: bool) -> None:
    """Broken, cut, nested a thousand deep: mail is whatever anybody makes of it, and reading it never fails."""
    raw = _dsn()
    read_returned(SECRET, raw[:place] + noise + raw[place:])
    if deep:
        nest = b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(place)
        )
        read_returned(SECRET, nest + noise)


@pytest.mark.slow
def test_bounce_corpus_is_read_as_the_library_reads_it() -> None:
    """EM-x12: of 117 bounces at least 112 name a recipient, 101 for good and 11 for now, and none is taken for a complaint."""
    folder = os.environ.get("RETINUE_BOUNCES")
    if not folder:
        pytest.skip("unpack the source of flufl.bounce 6.0.0 and name its tests/data in RETINUE_BOUNCES")
    counted: collections.Counter[str] = collections.Counter()
    for file in sorted(Path(folder).glob("*.txt")):
        temporary, permanent = find_failures(email.message_from_bytes(file.read_bytes()))
        counted["permanent" if permanent else "temporary" if temporary else "none"] += 1
        counted[f"said {read_returned(SECRET, file.read_bytes()).kind or 'nothing'}"] += 1
    print(f"\nEM-x12: {dict(counted)}")  # noqa: T201  # the figure people ask for
    assert (counted["permanent"], counted["temporary"]) == (101, 11)
    assert counted["said complaint"] == 0


def test_codes_that_say_nothing_against_a_mailbox_are_soft() -> None:
    """5.2.2, 5.7.x and all of class 4 are soft; an unknown mailbox and an unknown domain are hard."""
    assert all(is_soft(code) for code in ("5.2.2", "5.7.26", "4.2.1", "5.3.4"))
    assert not any(is_soft(code) for code in ("5.1.1", "5.1.2", "5.2.1", "5.4.4", ""))


# ---- what follows ---------------------------------------------------------------------------------------------------
def _sent(crm: Any, *names: str) -> tuple[Any, list[Any], list[str]]:
    set_up(crm, soft_bounces=2, provider_secret="shh-shh-shh")
    user = crm.user()
    ids = people(crm, *names)
    template = make_template(crm)
    draft = {"name": "News", "template_id": str(template), "view_id": make_view(crm)}
    campaign = user.client.post("/email/campaigns", draft).json()
    prepare(crm, user, user.client.post(f"/email/campaigns/{campaign['id']}/start", {}).json())
    fake = FakeTransport()
    deliver(crm, fake)
    by_name = {to.partition("@")[0]: envelope for envelope, to, _ in fake.sent}
    return user, ids, [by_name[name.lower()] for name in names]


def _hand_in(user: Any, raw: bytes, to: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "message/rfc822"}
    answer = user.client.call(
        "POST", "/email/returns", content=raw, headers=headers, params={"to": to} if to else {}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _reasons(user: Any, address: str) -> list[tuple[str, str]]:
    found = user.client.post("/email/suppressions/find", {"address": address}).json()
    return [(row["scope"], row["reason"]) for row in found]


def test_hard_bounce_and_complaint_keep_the_address_out_once_each(crm: Any) -> None:
    """A hard bounce turns the letter; a complaint keeps out of everything, leaving of one purpose; told twice, heard once."""
    user, (_ada, _bob, cyd, dan), (ada, bob, leaving, _) = _sent(crm, "Ada", "Bob", "Cyd", "Dan")
    assert [_hand_in(user, _dsn(name=False), ada)["outcome"] for _ in range(2)] == ["heard", "known"]
    letters = {row["contact_id"]: row for row in user.client.get("/email/letters").json()["items"]}
    by_id = _arf(letter=UUID(letters[str(dan)]["id"]))
    assert _hand_in(user, by_id)["kind"] == "complaint"
    assert _hand_in(user, b"Subject: unsubscribe\r\n\r\n", "u" + leaving[1:])["kind"] == "unsubscribe"
    assert _hand_in(user, _dsn(name=False), "b+" + "a" * 36 + "@bounce.crm.example")["outcome"] == "unknown"
    assert _reasons(user, "ada@example.org") == [("", "hard_bounce")]
    assert _reasons(user, "dan@example.org") == [("", "complaint")]
    assert _reasons(user, "cyd@example.org") == [("news", "unsubscribed")]
    assert _reasons(user, "bob@example.org") == []
    assert sorted(states(crm)) == [("bounced", "hard_bounce"), ("sent", ""), ("sent", ""), ("sent", "")]
    campaign = letters[str(dan)]["campaign_id"]
    report = user.client.get(f"/email/campaigns/{campaign}/report").json()
    assert {one["kind"]: one["count"] for one in report["events"]} == {
        "bounce": 1,
        "complaint": 1,
        "unsubscribe": 1,
    }
    rows = user.client.get("/email/letters", params={"campaign_id": campaign, "event": "complaint"}).json()[
        "items"
    ]
    assert [row["contact_id"] for row in rows] == [str(dan)]
    bounced = user.client.get("/contacts?fields=email.bounced&email.bounced=true").json()["items"]
    assert len(bounced) == 1
    with crm.store() as store:
        erase_contact(store, cyd)
    assert _hand_in(user, _dsn(name=False), leaving)["outcome"] == "heard", (
        "after an erasure the number still counts"
    )
    assert bob


@SQLITE
def test_soft_bounces_keep_out_when_they_are_too_many_in_a_row(crm: Any) -> None:
    """Two soft bounces are the limit here: one is forgiven, a letter that arrived between begins the count anew."""
    user, (ada, _), (first, _) = _sent(crm, "Ada", "Bob")
    full = _dsn(status="5.2.2", name=False)
    order = {"contact_id": str(ada), "template": "hello"}

    def again() -> str:
        fake = FakeTransport()
        user.client.post("/email/letters", order)
        deliver(crm, fake)
        return fake.sent[0][0]

    assert _hand_in(user, full, first)["kind"] == "soft_bounce"
    again()  # arrived
    assert _hand_in(user, full, again())["outcome"] == "heard"
    assert _reasons(user, "ada@example.org") == []
    _hand_in(user, full, again())
    assert _reasons(user, "ada@example.org") == [("", "soft_bounces")]
    weak = crm.user({"email.read": "all"})
    assert weak.client.call("POST", "/email/returns", content=full).status_code == 403


@SQLITE
def test_sending_services_are_heard_by_their_secret_alone(crm: Any) -> None:
    """Three services in their own words; without the secret, with an old signature, or with nonsense nothing is heard."""
    user, (ada, bob, cyd), _ = _sent(crm, "Ada", "Bob", "Cyd")
    rows = user.client.get("/email/letters").json()["items"]
    name = {row["contact_id"]: f"{row['id'].replace('-', '')}@crm.example" for row in rows}
    basic = {"Authorization": "Basic " + base64.b64encode(b"hook:shh-shh-shh").decode()}
    sendgrid = [
        {
            "event": "bounce",
            "type": "bounce",
            "status": "5.1.1",
            "smtp-id": f"<{name[str(ada)]}>",
            "email": "x",
        },
        {"event": "processed", "smtp-id": f"<{name[str(bob)]}>"},
        {"event": "spamreport", "smtp-id": "<other@ismtpd>"},
        "nonsense",
    ]
    said = crm.nobody.post("/email/providers/sendgrid", sendgrid, headers=basic)
    assert said.json()["outcomes"] == {"heard": 1, "unknown": 1}, said.text
    assert (
        crm.nobody.post("/email/providers/sendgrid", sendgrid, headers=basic).json()["outcomes"]["known"] == 1
    )
    data = {"event": "complained", "message": {"headers": {"message-id": name[str(bob)]}}}
    wrong = {"Authorization": "Basic " + base64.b64encode(b"hook:guess").decode()}
    for stamp, headers, status in (
        (time.time() - 7200, {}, 401),
        (time.time(), wrong, 200),
        (time.time(), {}, 200),
    ):
        signed = {"timestamp": str(int(stamp)), "token": "t" * 50}
        digest = hmac.new(b"shh-shh-shh", (signed["timestamp"] + signed["token"]).encode(), hashlib.sha256)
        body = {"signature": {**signed, "signature": digest.hexdigest()}, "event-data": data}
        assert crm.nobody.post("/email/providers/mailgun", body, headers=headers).status_code == status
    assert crm.nobody.post("/email/providers/mailgun", {"event-data": data}, headers=wrong).status_code == 401
    plain = {"message_id": name[str(cyd)], "kind": "bounce", "enhanced": "5.1.1"}
    bearer = {"Authorization": "Bearer shh-shh-shh"}
    assert crm.nobody.post("/email/providers/plain", plain, headers=bearer).json()["outcomes"] == {"heard": 1}
    assert crm.nobody.post("/email/providers/none", plain, headers=bearer).status_code == 404
    assert crm.nobody.post("/email/providers/plain", "word", headers=bearer).status_code == 422
    assert _reasons(user, "bob@example.org") == [("", "complaint")]
    assert sorted(states(crm)) == [("bounced", "hard_bounce"), ("bounced", "hard_bounce"), ("sent", "")]
