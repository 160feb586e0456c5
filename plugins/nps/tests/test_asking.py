"""Asking: after what happened, when its hour has come, never too often, never against the will."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from nps_kit import invite, let_pass, link, make, people, rows, send

from retinue import Refusal, hookimpl
from retinue.contacts import erase_contact, merge_contacts
from retinue.interactions import record_interaction
from retinue.interactions.service import withdraw_interaction
from retinue.jobs import list_jobs, show_job
from retinue.testing.house import Crm
from retinue_nps.asking import send_invitations
from retinue_nps.models import Answer, Comment, FollowUp, Invitation, Rest, Review, Standing


def run_due(crm: Crm) -> int:
    """Let the job of the minute run."""
    with crm.house.store(crm.user().actor, plugin="nps") as store:
        return send_invitations(store)


def outcomes(crm: Crm) -> list[tuple[str, str]]:
    """Return state and reason of all invitations, the oldest first."""
    return [(one.state, one.reason) for one in rows(crm, Invitation)]


def buy(crm: Crm, contact: UUID, number: str) -> str:
    """Record a paid order and return its id."""
    body = {
        "number": number, "contact_id": str(contact), "currency": "EUR", "total_minor": 100, "payment": "paid",
        "placed_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    answer = crm.user().client.post("/orders", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_delivered_order_asks_once_and_a_second_one_rests(crm: Crm) -> None:
    """Hooks `orders_paid` and `orders_completed`. NP-03: of two deliveries within the days of rest only the first asks."""
    make(crm, "delivery", kind="transactional", trigger="order.completed", rest_days=30)
    (ada,) = people(crm, "Ada")
    api = crm.user().client
    for number in ("1", "2"):
        order = buy(crm, ada, number)
        assert outcomes(crm) == ([] if number == "1" else [("sent", "")]), "paid is not delivered"
        assert api.post(f"/orders/{order}/complete", {}).status_code == 200
        run_due(crm)
    assert outcomes(crm) == [("sent", ""), ("skipped", "rest")]


def test_question_waits_for_its_hour_and_is_called_off_with_what_it_was_about(crm: Crm) -> None:
    """Hook `interactions_recorded`. NP-02: after a call, two hours later; a call that was withdrawn asks nobody."""
    make(crm, "call", kind="transactional", trigger="interaction.call", delay_hours=2)
    ada, bea = people(crm, "Ada", "Bea")
    with crm.store() as store:
        record_interaction(store, ada, {"kind": "call", "subject": "Help"})
        wrong = record_interaction(store, bea, {"kind": "call"}).id
    assert run_due(crm) == 0
    with crm.store() as store:
        withdraw_interaction(store, wrong, reason="wrong contact")
    let_pass(crm, hours=2)
    assert run_due(crm) == 1
    found = {one.contact_id: (one.state, one.reason) for one in rows(crm, Invitation)}
    assert found == {ada: ("sent", ""), bea: ("skipped", "withdrawn")}


def test_cancelled_order_asks_nobody(crm: Crm) -> None:
    """Hook `orders_cancelled`."""
    make(crm, "bought", kind="transactional", trigger="order.paid", delay_hours=24)
    (ada,) = people(crm, "Ada")
    order = buy(crm, ada, "1")
    assert crm.user().client.post(f"/orders/{order}/cancel", {}).status_code == 200
    assert outcomes(crm) == [("skipped", "cancelled")]


def test_rest_is_counted_from_what_was_sent_across_surveys(crm: Crm) -> None:
    """NP-x5: day 0 sent, day 89 skipped with its reason, day 90 sent, whichever survey asks."""
    first = make(crm, "first", kind="transactional")
    second = make(crm, "second", kind="transactional")
    (ada,) = people(crm, "Ada")
    assert [one["state"] for one in invite(crm, first, ada)] == ["sent"]
    let_pass(crm, days=89)
    (late,) = invite(crm, second, ada, cause="day 89")
    assert (late["state"], late["reason"]) == ("skipped", "rest")
    let_pass(crm, days=1)
    assert [one["state"] for one in invite(crm, second, ada, cause="day 90")] == ["sent"]
    relational = make(crm, "whole", kind="relational")
    let_pass(crm, days=179)
    assert [one["reason"] for one in invite(crm, relational, ada, cause="a")] == ["rest"]
    let_pass(crm, days=1)
    assert [one["state"] for one in invite(crm, relational, ada, cause="b")] == ["sent"]


def test_survey_of_the_whole_relation_that_is_due_soon_wins(crm: Crm) -> None:
    """NP-x5: what concerns one order makes room for it."""
    make(crm, "whole", kind="relational", trigger="interaction.meeting", delay_hours=48)
    make(crm, "order", kind="transactional", trigger="order.paid")
    (ada,) = people(crm, "Ada")
    with crm.store() as store:
        record_interaction(store, ada, {"kind": "meeting"})
    buy(crm, ada, "1")
    run_due(crm)
    assert sorted(outcomes(crm)) == [("skipped", "relational-first"), ("waiting", "")]
    let_pass(crm, hours=48)
    run_due(crm)
    assert sorted(outcomes(crm)) == [("sent", ""), ("skipped", "relational-first")]


class Gate:
    """A plugin that refuses somebody, as the one for consent does."""

    def __init__(self, refused: UUID) -> None:
        self.refused, self.purposes = refused, set[str]()

    @hookimpl
    def contact_refusals(self, contact_ids: Sequence[UUID], purpose: str) -> list[Refusal]:
        """Refuse one contact."""
        self.purposes.add(purpose)
        return [Refusal(one, "no consent", "no-consent") for one in contact_ids if one == self.refused]


def test_who_refuses_or_is_gone_is_never_asked(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """NP-x7: every plugin is asked, and somebody in the bin is left in peace."""
    from retinue.plugins import facade

    ada, bea = people(crm, "Ada", "Bea")
    gate = Gate(ada)
    asked = facade.Hooks.contact_refusals

    def refusals(self: Any, **said: Any) -> list[Refusal]:
        return [*asked(self, **said), *gate.contact_refusals(said["contact_ids"], said["purpose"])]

    monkeypatch.setattr(facade.Hooks, "contact_refusals", refusals)
    survey = make(crm)
    found = {UUID(one["contact_id"]): (one["state"], one["reason"]) for one in invite(crm, survey, ada, bea)}
    assert found == {ada: ("skipped", "no-consent"), bea: ("sent", "")}
    assert "survey" in gate.purposes
    assert [one.contact_id for one in rows(crm, Rest)] == [bea], "who was not asked does not rest"


# ---- low scores ----
def test_low_score_is_a_promise_with_owner_and_day_in_the_same_transaction(crm: Crm) -> None:
    """NP-05, NP-x6: 6 opens one, 7 none; sent again it is the same; 3 that becomes 9 closes it as changed."""
    survey = make(crm)
    owner = crm.user()
    ada, bea = people(crm, "Ada", "Bea", owner_id=owner.id)
    low, high = link(crm, survey, ada), link(crm, survey, bea)
    send(crm, high, score="7")
    assert rows(crm, FollowUp) == []
    send(crm, low, score="6")
    send(crm, low, score="3")
    (one,) = rows(crm, FollowUp)
    assert (one.contact_id, one.owner_id, one.state, one.score) == (ada, owner.id, "open", 3)
    assert one.due_at - one.opened_at == timedelta(hours=24)
    api = crm.user().client
    timeline = api.get(f"/contacts/{ada}/interactions").json()["items"]
    (promise,) = [entry for entry in timeline if entry["kind"] == "promise"]
    assert promise["data"]["due"] == one.due_at.date().isoformat()
    send(crm, low, score="9")
    (one,) = rows(crm, FollowUp)
    assert (one.state, one.later_score) == ("changed", 9)
    timeline = api.get(f"/contacts/{ada}/interactions").json()["items"]
    assert [entry["data"].get("kept_at") is not None for entry in timeline if entry["kind"] == "promise"] == [
        True
    ]


def test_loop_is_measured_until_it_is_closed(crm: Crm) -> None:
    """NP-x6: hours to the first contact, and what the customer says later."""
    survey = make(crm, rest_days=0)
    (ada,) = people(crm, "Ada")
    send(crm, link(crm, survey, ada), score="2")
    let_pass(crm, hours=5)
    with crm.store() as store:
        record_interaction(store, ada, {"kind": "call", "direction": "out"})
    api = crm.user().client
    (one,) = api.get("/surveys/follow-ups", params={"status": "open"}).json()
    closed = api.post(f"/surveys/follow-ups/{one['id']}/close")
    assert closed.status_code == 200, closed.text
    assert api.post(f"/surveys/follow-ups/{one['id']}/close").status_code == 409
    let_pass(crm, days=1)
    (again,) = invite(crm, survey, ada, cause="again")
    path = api.post(f"/surveys/{survey['id']}/invitations/{again['id']}/link").json()["link"]
    send(crm, path.removeprefix("http://localhost:8000"), score="8")
    loop = api.get("/surveys/follow-ups/loop").json()
    assert (loop["opened"], loop["closed"], loop["contacted"]) == (1, 1, 1)
    assert loop["median_hours"] == pytest.approx(5, abs=0.1)
    assert (loop["mean_before"], loop["mean_after"]) == (2, 8)


def test_promise_kept_on_the_timeline_closes_the_follow_up(crm: Crm) -> None:
    survey = make(crm)
    (ada,) = people(crm, "Ada")
    send(crm, link(crm, survey, ada), score="0")
    (one,) = rows(crm, FollowUp)
    kept = crm.user().client.post(f"/interactions/{one.interaction_id}/fulfilment")
    assert kept.is_success, kept.text
    assert [row.state for row in rows(crm, FollowUp)] == ["done"]


# ---- promoters ----
def test_promoter_is_asked_for_a_review_once_and_says_whether_it_may_be_published(crm: Crm) -> None:
    """NP-08: consent stands beside the words; without it they are kept and not published."""
    survey = make(crm, rest_days=0, review_url="https://reviews.example/us")
    ada, bea = people(crm, "Ada", "Bea")
    path = link(crm, survey, ada)
    thanks = send(crm, path, score="10").text
    assert "https://reviews.example/us" in thanks
    assert crm.client.post(f"{path}/review", data={"words": " "}).status_code == 422
    assert crm.client.post(f"{path}/review", data={"words": "Lovely.", "publish": "1"}).status_code == 200
    (review,) = rows(crm, Review)
    assert (review.contact_id, review.words, review.publish) == (ada, {"text": "Lovely."}, True)
    passive = link(crm, survey, bea)
    assert "reviews.example" not in send(crm, passive, score="8").text
    assert crm.client.post(f"{passive}/review", data={"words": "Me too"}).status_code == 403
    (again,) = invite(crm, survey, ada, cause="again")
    api = crm.user().client
    second = api.post(f"/surveys/{survey['id']}/invitations/{again['id']}/link").json()["link"]
    assert "reviews.example" not in send(crm, second.removeprefix("http://localhost:8000"), score="9").text


def test_answer_is_rewarded_whatever_its_score(crm: Crm) -> None:
    """LO-13: loyalty is told once for each answer, and never the score; the news waits while it is off."""
    survey, plain = make(crm, rest_days=0, reward=True), make(crm, "plain", rest_days=0)
    ada, bea = people(crm, "Ada", "Bea")
    low, high = link(crm, survey, ada), link(crm, survey, bea)
    for path, score in ((low, "0"), (low, "2"), (high, "10"), (link(crm, plain, ada), "9")):
        assert send(crm, path, score=score).status_code == 200
    with crm.store() as store:
        told = list_jobs(store, name="loyalty.record_events")
        given = [show_job(store.raw_connection(), job.id).payload for job in told]
    assert sorted(one["items"][0]["contact_id"] for one in given) == sorted(map(str, (ada, bea)))
    assert {one["on"] for one in given} == {"survey"}
    assert "score" not in str(given)


# ---- numbers ----
def test_results_have_interval_months_waves_and_parts_of_at_least_five(crm: Crm) -> None:
    """NP-x3: who was skipped or has not answered is in no score."""
    survey = make(crm)
    cz, de = people(crm, *"ABCDEF", country="CZ"), people(crm, "G", "H", country="DE")
    api = crm.user().client
    invite(crm, survey, *cz, *de)
    for contact, score in zip([*cz, *de[:1]], (10, 10, 9, 7, 6, 0, 3), strict=True):
        body = {"contact_id": str(contact), "answers": {"score": score}}
        assert api.post(f"/surveys/{survey['id']}/answers", body).status_code == 201
    found = api.get(f"/surveys/{survey['id']}/results").json()
    assert (found["answered"], found["promoters"], found["passives"], found["detractors"]) == (7, 3, 1, 3)
    assert found["value"] == pytest.approx(0)
    assert found["low"] < 0 < found["high"]
    assert [month["answered"] for month in found["months"]] == [7]
    parts = {part["part"]: part for part in api.get(f"/surveys/{survey['id']}/parts?by=country").json()}
    assert parts["CZ"]["answered"] == 6
    assert parts["DE"]["answered"] is None
    assert api.get(f"/surveys/{survey['id']}/parts?by=emails").status_code == 422
    today = datetime.now(UTC).date()
    early, late = f"2020-01-01..{today}", f"{today}..{today + timedelta(days=2)}"
    waves = api.get(f"/surveys/{survey['id']}/waves", params={"first": late, "second": late}).json()
    assert (waves["difference"]["points"], waves["difference"]["significant"]) == (0, False)
    waves = api.get(f"/surveys/{survey['id']}/waves", params={"first": early, "second": late}).json()
    assert waves["difference"] is None
    assert api.get(f"/surveys/{survey['id']}/waves", params={"first": "x", "second": late}).status_code == 422


def test_contact_in_the_bin_counts_in_no_result(crm: Crm) -> None:
    survey = make(crm)
    ada, bea = people(crm, "Ada", "Bea")
    send(crm, link(crm, survey, ada), score="9")
    send(crm, link(crm, survey, bea), score="4")
    api = crm.user().client
    assert api.delete(f"/contacts/{bea}").is_success
    found = api.get(f"/surveys/{survey['id']}/results").json()
    assert (found["answered"], found["value"], found["sent"], found["responses"]) == (1, 100, 1, 1)


def test_contact_is_found_by_what_it_said_last(crm: Crm) -> None:
    survey = make(crm)
    ada, bea = people(crm, "Ada", "Bea")
    send(crm, link(crm, survey, ada), score="9")
    send(crm, link(crm, survey, bea), score="4")
    api = crm.user().client
    found = api.get("/contacts", params={"nps.group": "detractor", "fields": "name,nps.last_score"}).json()[
        "items"
    ]
    assert [(one["id"], one["values"]["nps.last_score"]) for one in found] == [(str(bea), 4)]


def test_new_words_are_a_new_edition_and_old_answers_keep_theirs(crm: Crm) -> None:
    survey = make(crm)
    ada, bea = people(crm, "Ada", "Bea")
    send(crm, link(crm, survey, ada), score="9")
    texts = survey["texts"]
    texts["en"]["title"] = "Two questions"
    api = crm.user().client
    changed = api.patch(f"/surveys/{survey['id']}", {"texts": texts}).json()
    assert changed["edition"] == 2
    send(crm, link(crm, survey, bea), score="8")
    assert sorted(one.edition for one in rows(crm, Answer)) == [1, 2]
    other = [{"key": "score", "kind": "csat"}]
    assert api.patch(f"/surveys/{survey['id']}", {"questions": other}).status_code in (409, 422)
    assert api.patch(f"/surveys/{survey['id']}", {"anonymous": True}).status_code == 409


# ---- people ----
def test_merged_contacts_bring_what_they_said_and_an_undo_takes_it_back(crm: Crm) -> None:
    """Hooks `contacts_merged` and `change_sets_reverted`."""
    survey = make(crm)
    ada, bea = people(crm, "Ada", "Bea")
    send(crm, link(crm, survey, bea), score="2", why="words of Bea")
    with crm.store() as store:
        merged = merge_contacts(store, ada, [bea])
        change_set = store.change_set_id
    assert merged is not None
    assert {one.contact_id for one in rows(crm, Answer)} == {ada}
    assert rows(crm, Comment)[0].texts == {"why": "words of Bea"}
    assert [one.contact_id for one in rows(crm, Standing)] == [ada]
    assert crm.user().client.post(f"/change-sets/{change_set}/revert").is_success
    assert {one.contact_id for one in rows(crm, Answer)} == {bea}
    (comment,) = rows(crm, Comment)
    assert (comment.contact_id, comment.texts) == (bea, {"why": "words of Bea"})
    assert [one.contact_id for one in rows(crm, Standing)] == [bea]
    assert [one.contact_id for one in rows(crm, Rest)] == [bea]


def test_erased_person_leaves_a_number_and_no_word(crm: Crm) -> None:
    """Hook `contacts_erased`."""
    survey = make(crm, review_url="https://reviews.example/us")
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    send(crm, path, score="9", why="mine")
    crm.client.post(f"{path}/review", data={"words": "Lovely."})
    with crm.store() as store:
        erase_contact(store, ada, reason="asked")
    (answer,) = rows(crm, Answer)
    assert (answer.score, answer.contact_id, answer.invitation_id, answer.answered_at) == (
        9,
        None,
        None,
        None,
    )
    for model in (Comment, Review, Invitation, Rest, Standing, FollowUp):
        assert rows(crm, model) == [], model.__name__
    assert crm.user().client.get(f"/surveys/{survey['id']}/results").json()["answered"] == 1


def test_copy_has_what_a_person_was_asked_and_said(crm: Crm) -> None:
    """Hook `contact_exports`."""
    survey = make(crm, review_url="https://reviews.example/us")
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    send(crm, path, score="9", why="mine")
    crm.client.post(f"{path}/review", data={"words": "Lovely.", "publish": "1"})
    with crm.store() as store:
        (found,) = [
            one
            for one in store.hooks.contact_exports(store=store, contact_ids=[ada])
            if one.section == "surveys"
        ]
    said = str(found.records)
    assert all(word in said for word in ("mine", "Lovely.", "'score': 9", "'invitation': 'answered'"))
