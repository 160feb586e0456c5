"""Campaigns: the audience fixed once, each address once, each refusal counted, and nothing after a pause or a cancel."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from email_kit import HTML, deliver, make_template, make_view, people, prepare, set_up, states

from retinue import Refusal, hookimpl
from retinue.contacts import change_contact
from retinue_email import audience, campaigns, sending, throttle
from retinue_email.models import Campaign
from retinue_email.transport import Answer, FakeTransport

SQLITE = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


def _draft(crm: Any, user: Any, view: str | None = None, **more: Any) -> dict[str, Any]:
    template = more.pop("template", None) or make_template(crm)
    draft = {"name": "Autumn", "template_id": str(template), "view_id": view or make_view(crm), **more}
    made = user.client.post("/email/campaigns", draft)
    assert made.status_code == 201, made.text
    return dict(made.json())


def _start(crm: Any, user: Any, campaign: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = user.client.post(f"/email/campaigns/{campaign['id']}/start", more)
    assert answer.status_code == 200, answer.text
    if not more.get("at"):
        prepare(crm, user, answer.json())
    return dict(user.client.get(f"/email/campaigns/{campaign['id']}").json())


def _code(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def _report(user: Any, campaign: dict[str, Any]) -> dict[tuple[str, str], int]:
    found = user.client.get(f"/email/campaigns/{campaign['id']}/report").json()
    counted = {(one["state"], one["reason"]): one["count"] for one in found["outcomes"]}
    for one in found["outcomes"]:
        query = {"campaign_id": campaign["id"], "limit": 200, **one["query"]}
        rows = user.client.get("/email/letters", params=query).json()["items"]
        assert len(rows) == one["count"], "each number opens its rows"
    return counted


def test_campaign_reaches_whom_its_view_finds_and_says_why_not(crm: Any) -> None:
    """EM-02, EM-x5: of five, one opted out and one bounced, three are sent; one more shares an address; twice is 409."""
    set_up(crm)
    user = crm.user()
    people(crm, "Ada", "Bob", "Cyd", "Dan", "Eve")
    people(crm, "Twin", emails=[{"value": "ADA@EXAMPLE.org"}])
    people(crm, "Nobody", emails=[])
    user.client.post("/email/suppressions", {"address": "dan@example.org", "scope": "news"})
    user.client.post("/email/suppressions", {"address": "eve@example.org"})
    campaign = _draft(crm, user)
    seen = user.client.get(f"/email/campaigns/{campaign['id']}/audience").json()
    assert (seen["total"], seen["examined"], seen["reached"]) == (7, 7, 3)
    assert {one["reason"]: one["count"] for one in seen["refused"]} == {
        "suppressed": 2,
        "same-address": 1,
        "no-address": 1,
    }
    assert states(crm) == [], "a look writes nothing"
    started = _start(crm, user, campaign, expected=seen["total"])
    assert (started["state"], started["total"]) == ("sending", 7)
    again = user.client.post(f"/email/campaigns/{campaign['id']}/start", {})
    assert (again.status_code, _code(again)) == (409, "campaign-state")
    people(crm, "Late")
    fake = FakeTransport()
    assert deliver(crm, fake, lines=2) == 3
    assert sorted(to for _, to, _ in fake.sent) == ["ada@example.org", "bob@example.org", "cyd@example.org"]
    assert _report(user, campaign) == {
        ("sent", ""): 3, ("refused", "suppressed"): 2, ("refused", "same-address"): 1, ("refused", "no-address"): 1,
    }  # fmt: skip
    assert user.client.get(f"/email/campaigns/{campaign['id']}").json()["state"] == "done"
    (row,) = [one for one in user.client.get("/email/campaigns").json() if one["id"] == campaign["id"]]
    assert (row["sent"], row["open"]) == (3, 0)


def test_audience_is_fixed_in_pieces_and_a_killed_job_goes_on(
    crm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of two, one of them written twice as after a crash: each contact stands once, the total is right."""
    monkeypatch.setattr(audience, "PIECE", 2)
    set_up(crm)
    user = crm.user()
    people(crm, "Ada", "Bob", "Cyd", "Dan", "Eve")
    campaign = _draft(crm, user)
    answer = user.client.post(f"/email/campaigns/{campaign['id']}/start", {"hold": True}).json()
    payload = {"campaign_id": answer["id"], "version": answer["version"]}
    with crm.house.store(user.actor, plugin="email") as store:
        audience.prepare_piece(store, payload, None)
    assert prepare(crm, user, answer) == 3
    assert states(crm, campaign_id=campaign["id"]) == [("queued", "")] * 5
    assert deliver(crm, FakeTransport()) == 0, "held: nothing goes before somebody says so"
    held = user.client.get(f"/email/campaigns/{campaign['id']}").json()
    assert (held["state"], held["total"]) == ("paused", 5)
    user.client.post(f"/email/campaigns/{campaign['id']}/resume")
    assert deliver(crm, FakeTransport()) == 5


@SQLITE
def test_audience_that_is_empty_or_explodes_is_refused_with_its_figure(crm: Any) -> None:
    """Nobody, more than was expected, more than is allowed, a view over a field that is gone: 409, and nothing is written."""
    set_up(crm, most_recipients=30)
    user = crm.user()
    nobody = _draft(crm, user, make_view(crm, "Nobody"))

    def start(campaign: dict[str, Any], **more: Any) -> tuple[int, str, str]:
        answer = user.client.post(f"/email/campaigns/{campaign['id']}/start", more)
        return answer.status_code, _code(answer), answer.json()["detail"]

    assert start(nobody)[:2] == (409, "audience-empty")
    people(crm, *(f"P{n}" for n in range(25)))
    grown = _draft(crm, user, template=nobody["template_id"])
    status, code, said = start(grown, expected=5)
    assert (status, code) == (409, "audience-grown")
    assert "25" in said
    assert "5 were expected" in said
    people(crm, *(f"Q{n}" for n in range(25)))
    status, code, said = start(grown)
    assert (status, code) == (409, "audience-too-large")
    assert "30" in said
    assert user.client.get(f"/email/campaigns/{grown['id']}").json()["state"] == "draft"
    words = make_template(crm, "own", words=["note"])
    refused = user.client.post("/email/campaigns", {"name": "W", "template_id": str(words)})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/template_id")


@SQLITE
def test_view_over_a_field_that_is_gone_stops_the_campaign_and_mails_nobody(crm: Any) -> None:
    """A field vanishes between start and audience: the campaign stops with the reason, its rows are gone, nothing is sent."""
    set_up(crm)
    user = crm.user()
    people(crm, "Ada", "Bob")
    view = make_view(crm, filter={"field": "email.sent", "op": "is_empty"})
    campaign = _draft(crm, user, view)
    answer = user.client.post(f"/email/campaigns/{campaign['id']}/start", {}).json()
    with crm.store() as store:
        from retinue.lists import SavedView

        row = store.get(SavedView, UUID(campaign["view_id"]))
        row.filter = {"field": "points.balance", "op": "gt", "value": 5}
    prepare(crm, user, answer)
    stopped = user.client.get(f"/email/campaigns/{campaign['id']}").json()
    assert (stopped["state"], states(crm)) == ("stopped", [])
    assert "points.balance" in stopped["reason"]
    assert deliver(crm, FakeTransport()) == 0
    refused = user.client.post(f"/email/campaigns/{campaign['id']}/start", {})
    assert (refused.status_code, _code(refused)) == (409, "view-stopped")


class _Gate:
    """A plugin that says no, once somebody is named."""

    def __init__(self) -> None:
        self.names: set[Any] = set()

    @hookimpl
    def contact_refusals(self, store: Any, contact_ids: Any, purpose: str) -> list[Refusal]:
        return [Refusal(one, "withdrawn", "no") for one in contact_ids if one in self.names]


def test_who_withdraws_between_start_and_delivery_gets_nothing(
    crm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EM-x4: unsubscribed, changed address, refused by the gate, after the audience was fixed: not written to."""
    monkeypatch.setattr(sending, "BATCH", 1)
    set_up(crm)
    user = crm.user()
    _ada, _bob, cyd, dan, _eve = people(crm, "Ada", "Bob", "Cyd", "Dan", "Eve")
    campaign = _draft(crm, user)
    _start(crm, user, campaign)
    user.client.post("/email/suppressions", {"address": "bob@example.org", "scope": "news"})
    with crm.store() as store:
        change_contact(store, cyd, {"emails": [{"value": "new@example.org"}]})
    asked = sending.recipients.refusals_by_gate

    def gate(own: Any, ids: Any, purpose: str) -> dict[Any, str]:
        return {**asked(own, ids, purpose), **{one: "withdrawn" for one in ids if one == dan}}

    monkeypatch.setattr(sending.recipients, "refusals_by_gate", gate)
    fake = FakeTransport()
    deliver(crm, fake)
    assert sorted(to for _, to, _ in fake.sent) == ["ada@example.org", "eve@example.org"]
    assert _report(user, campaign) == {
        ("sent", ""): 2, ("refused", "suppressed"): 1, ("refused", "address-changed"): 1, ("refused", "withdrawn"): 1,
    }  # fmt: skip


def test_pause_resume_and_cancel_lose_and_repeat_nothing(crm: Any) -> None:
    """EM-x3: paused and resumed after each letter, everybody is written to once; cancelled, nobody after that."""
    set_up(crm)
    user = crm.user()
    people(crm, "Ada", "Bob", "Cyd", "Dan", "Eve", "Fay")
    campaign = _draft(crm, user)
    _start(crm, user, campaign)
    path = f"/email/campaigns/{campaign['id']}"
    sent: list[str] = []

    def answer(to: str) -> Answer:
        sent.append(to)
        if len(sent) in (1, 2, 3, 5):
            assert user.client.post(f"{path}/pause").status_code == 200
        return Answer("sent", 250)

    fake = FakeTransport(answer)
    for _ in range(3):
        deliver(crm, fake)
        before = len(sent)
        deliver(crm, fake)
        assert len(sent) == before, "paused"
        assert user.client.post(f"{path}/resume").status_code == 200
    deliver(crm, fake)
    assert user.client.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert user.client.post(f"{path}/resume").status_code == 409
    deliver(crm, fake)
    assert len(sent) == len(set(sent)) == 5
    assert _report(user, campaign) == {("sent", ""): 5, ("cancelled", "cancelled"): 1}


@SQLITE
def test_planned_campaign_goes_at_its_time_moved_at_the_new_one_cancelled_never(crm: Any) -> None:
    """EM-07, EM-x17: an old plan does nothing; one found hours late is held until somebody confirms it."""
    set_up(crm)
    user = crm.user()
    people(crm, "Ada")
    campaign = _draft(crm, user)
    path = f"/email/campaigns/{campaign['id']}"
    first = user.client.post(f"{path}/start", {"at": "2027-02-01T09:00:00+01:00"}).json()
    assert first["state"] == "planned"
    assert user.client.post(f"{path}/cancel").json()["state"] == "cancelled"
    prepare(crm, user, first)
    assert (states(crm), deliver(crm, FakeTransport())) == ([], 0)
    other = _draft(crm, user, template=campaign["template_id"])
    planned = _start(crm, user, other, at="2027-02-01T09:00:00+01:00")
    with crm.store() as own:
        own.now = own.get(Campaign, UUID(other["id"])).start_at + timedelta(hours=3)
        assert campaigns.hold_missed(own) == 1
    held = user.client.get(f"/email/campaigns/{other['id']}").json()
    assert held["state"] == "held"
    assert "3 h" in held["reason"]
    prepare(crm, user, planned)
    assert states(crm) == [], "the job of the old plan finds another version"
    assert _start(crm, user, other)["state"] == "sending"
    assert deliver(crm, FakeTransport()) == 1


@SQLITE
def test_who_starts_reaches_only_contacts_they_see_and_needs_the_permission(crm: Any) -> None:
    """A campaign never widens what anybody sees; without campaign.start it is 403, without email.read no report."""
    set_up(crm)
    admin = crm.user()
    people(crm, "Ada", "Bob")
    held = {
        "contact.read": "own", "contact.create": "own", "campaign.read": "all", "campaign.change": "all",
        "campaign.start": "all", "view.read": "all", "view.create": "all",
    }  # fmt: skip
    seller = crm.user(held)
    own = seller.client.post("/contacts", {"given_name": "Mine", "emails": [{"value": "mine@example.org"}]})
    assert own.status_code == 201, own.text
    campaign = _draft(crm, seller)
    assert seller.client.get(f"/email/campaigns/{campaign['id']}/audience").json()["total"] == 1
    assert _start(crm, seller, campaign)["total"] == 1
    fake = FakeTransport()
    deliver(crm, fake)
    assert [to for _, to, _ in fake.sent] == ["mine@example.org"]
    reader = crm.user({"campaign.read": "all"})
    for deed in ("start", "pause", "resume", "cancel"):
        assert reader.client.post(f"/email/campaigns/{campaign['id']}/{deed}", {}).status_code == 403
    assert reader.client.get(f"/email/campaigns/{campaign['id']}/report").status_code == 403
    assert _report(admin, campaign) == {("sent", ""): 1}


@SQLITE
def test_test_letter_goes_to_one_contact_and_is_not_counted(crm: Any) -> None:
    """A test letter is a letter of its own, through the same gate; a changed draft needs the version it was read with."""
    set_up(crm)
    user = crm.user()
    ada, _bob = people(crm, "Ada", "Bob")
    campaign = _draft(crm, user)
    path = f"/email/campaigns/{campaign['id']}"
    assert user.client.post(f"{path}/test", {"contact_id": str(ada)}).json()["state"] == "queued"
    fake = FakeTransport()
    assert deliver(crm, fake) == 1
    assert _report(user, campaign) == {}
    tag = user.client.get(path).headers["ETag"]
    changed = user.client.patch(path, {"name": "Winter"}, headers={"If-Match": tag})
    assert changed.json()["name"] == "Winter", changed.text
    stale = user.client.patch(path, {"name": "Spring"}, headers={"If-Match": tag})
    assert stale.status_code in (409, 412)
    texts = [
        {"language": "en", "subject": "S", "source": HTML},
        {"language": "cs", "subject": "Č", "source": HTML},
    ]
    people(crm, "Jan", language="cs")
    two = _draft(crm, user, template=make_template(crm, "two", texts=texts))
    seen = user.client.get(f"/email/campaigns/{two['id']}/audience").json()
    assert {one["language"]: one["count"] for one in seen["languages"]} == {"en": 2, "cs": 1}
    _start(crm, user, two)
    assert deliver(crm, fake) == 3
    assert sum("Subject: =?utf-8" in raw.decode() for _, _, raw in fake.sent) == 1


# ---- pace -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", ["gmail.com", "gmail.com=0", "gmail.com=x", "=10", "gmail.com=10/0", "a b c"]
)
def test_limit_that_cannot_be_read_is_never_overlooked(text: str) -> None:
    """A misspelt limit is refused, where sending without it would be the alternative."""
    from retinue.errors import Invalid

    with pytest.raises(Invalid):
        throttle.parse_limits(text)


def test_limits_are_letters_a_second_and_lines() -> None:
    """``gmail.com=10/2, bücher.example=0.5`` is two limits; a name beyond ASCII counts in both spellings."""
    found = throttle.parse_limits("GMAIL.com=10/2, bücher.example = 0.5")
    assert found["gmail.com"] == throttle.Limit(10, 2)
    assert found["xn--bcher-kva.example"] == found["bücher.example"] == throttle.Limit(0.5, 1)


def test_limited_domain_is_taken_in_turns_and_others_pass_it(crm: Any) -> None:
    """EM-x8: of a domain of 10/s on one line, five at once on one line, at 0.1 s distance; the others do not wait."""
    from retinue import new_id

    set_up(crm, domain_limits="slow.example=10/1")
    user = crm.user()
    for n in range(12):
        people(crm, f"S{n}", emails=[{"value": f"s{n}@slow.example"}])
    people(crm, "Ada", "Bob")
    _start(crm, user, _draft(crm, user))
    lines = [new_id(), new_id()]
    presses = [sending.Presses(), sending.Presses()]
    taken: list[list[Any]] = []
    for line, press in zip(lines, presses, strict=True):
        with crm.store() as own:
            sending.note_lines(own, [line])
            try:
                taken.append(sending.claim_letters(own, line, press) or [])
            except sending.PacedOut:
                taken.append([])
    slow = [one for one in taken[0] if one.domain in presses[0].limits]
    assert (len(slow), len(taken[0]), taken[1]) == (5, 7, []), "the other line gets none of that domain"
    assert taken[0][-5:] == slow, "they come last"
    with crm.store() as own:
        assert sending.wait_turn(own, presses[0], slow[0]) == 0
        assert 0 < sending.wait_turn(own, presses[0], slow[1]) <= 0.1
        own.now += timedelta(seconds=0.1)
        assert sending.wait_turn(own, presses[0], slow[1]) == 0
    with crm.store() as own:
        sending.end_line(own, lines[0])
    with crm.store() as own:
        assert len(sending.claim_letters(own, lines[1], presses[1]) or []) == 7
