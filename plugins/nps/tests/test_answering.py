"""One link, one answer: opened by whomever, given once, changed for a while."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from nps_kit import invite, let_pass, link, make, page_token, people, rows, send

from retinue.contacts import erase_contact
from retinue.testing.house import Crm
from retinue_nps.models import Answer, Comment, Invitation, Note, Standing


@pytest.fixture
def survey(crm: Crm) -> dict[str, Any]:
    return make(crm)


def test_opening_every_link_of_a_letter_is_no_answer(crm: Crm, survey: dict[str, Any]) -> None:
    """NP-x4: a scanner fetches all eleven within a second, by GET and HEAD; the page has chosen what the address says."""
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    for score in range(11):
        assert crm.client.head(f"{path}?score={score}").status_code in (200, 405)
        shown = crm.client.get(f"{path}?score={score}").text
        assert f'value="{score}" checked' in shown
        assert shown.count(" checked") == 1
    assert crm.client.get(f"{path}?score=abc").text.count(" checked") == 0
    assert rows(crm, Answer) == []


def test_answer_is_given_once_and_changed_for_a_day(crm: Crm, survey: dict[str, Any]) -> None:
    """NP-x4, NP-04"""
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    done = send(crm, path, score="3", why="<b>slow</b> & dear")
    assert done.status_code == 200, done.text
    assert "<b>slow" not in done.text
    (answer,) = rows(crm, Answer)
    assert (answer.score, answer.contact_id, answer.values) == (3, ada, {"score": 3})
    assert rows(crm, Comment)[0].texts == {"why": "<b>slow</b> & dear"}
    assert 'value="3" checked' in crm.client.get(path).text
    assert send(crm, path, score="9", why="better").status_code == 200
    (answer,) = rows(crm, Answer)
    assert (answer.score, rows(crm, Comment)[0].texts) == (9, {"why": "better"})
    token = page_token(crm.client.get(path).text)
    let_pass(crm, hours=25)
    late = crm.client.post(path, data={"page": token, "score": "0"})
    assert late.status_code == 409
    assert [one.score for one in rows(crm, Answer)] == [9]


def test_twenty_answers_at_once_are_one(crm: Crm, survey: dict[str, Any]) -> None:
    """NP-x4"""
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    token, said = page_token(crm.client.get(path).text), []

    def answer(score: int) -> None:
        said.append(crm.client.post(path, data={"page": token, "score": str(score)}).status_code)

    threads = [threading.Thread(target=answer, args=(place % 11,)) for place in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 20
    assert set(said) <= {200, 503}, said
    assert 200 in said
    assert len(rows(crm, Answer)) == 1


@pytest.mark.parametrize("score", ["6.5", "-1", "11", "9 ", " 9", "+9", "09", "٩", "", "nine"])
@pytest.mark.slow_on("postgresql")
def test_what_is_no_whole_number_of_the_scale_is_refused_beside_its_question(
    crm: Crm, survey: dict[str, Any], score: str
) -> None:
    """NP-x2: never put into a bucket; what was written beside it is not lost."""
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    refused = send(crm, path, score=score, why="kept")
    assert refused.status_code == 422
    assert "kept</textarea>" in refused.text
    assert rows(crm, Answer) == []


@pytest.mark.parametrize("score", [6.5, -1, 11, "9", "9 ", None, True])
@pytest.mark.slow_on("postgresql")
def test_told_scores_are_numbers(crm: Crm, survey: dict[str, Any], score: Any) -> None:
    """NP-x2"""
    (ada,) = people(crm, "Ada")
    body = {"contact_id": str(ada), "answers": {"score": score}}
    answer = crm.user().client.post(f"/surveys/{survey['id']}/answers", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == "/answers/score"


def test_link_that_was_stolen_changed_or_is_over_opens_nothing(crm: Crm, survey: dict[str, Any]) -> None:
    """NP-x7: and after an erasure it says so, and stores nothing."""
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    token = page_token(crm.client.get(path).text)
    changed = path[:-2] + ("AA" if not path.endswith("AA") else "BB")
    assert crm.client.get(changed).status_code == 403
    other = make(crm, "other")
    (bea,) = people(crm, "Bea")
    foreign = page_token(crm.client.get(link(crm, other, bea)).text)
    assert crm.client.post(path, data={"page": foreign, "score": "9"}).status_code == 422
    assert crm.client.post(path, data={"score": "9"}).status_code == 422
    with crm.store() as store:
        erase_contact(store, ada, reason="asked")
    assert crm.client.post(path, data={"page": token, "score": "9"}).status_code == 403
    assert rows(crm, Answer) == []


def test_anonymous_answer_joins_back_to_nobody(crm: Crm) -> None:
    """NP-x7: no contact, no invitation, no hour, an id without a clock; and the link is used once."""
    survey = make(crm, "quiet", anonymous=True)
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    assert "anonymous" in crm.client.get(path).text
    token = page_token(crm.client.get(path).text)
    assert send(crm, path, score="2", why="my boss").status_code == 200
    (answer,) = rows(crm, Answer)
    assert (answer.contact_id, answer.invitation_id, answer.answered_at, answer.changed_at) == (None,) * 4
    assert answer.id.version == 4
    assert rows(crm, Comment) == []
    assert rows(crm, Note)[0].texts == {"why": "my boss"}
    assert [one.state for one in rows(crm, Invitation)] == ["sent"], "it does not say who answered"
    assert crm.client.post(path, data={"page": token, "score": "9"}).status_code == 409
    assert rows(crm, Standing) == []


def test_staff_without_the_right_sees_the_score_alone(crm: Crm, survey: dict[str, Any]) -> None:
    """NP-04"""
    (ada,) = people(crm, "Ada")
    send(crm, link(crm, survey, ada), score="3", why="secret words")
    path = f"/surveys/{survey['id']}/answers"
    few = {"survey.read": "all", "contact.read": "all"}
    seen = crm.user(few).client.get(path)
    assert seen.json()["items"][0]["score"] == 3
    assert "secret words" not in seen.text
    assert "secret words" in crm.user({**few, "survey_comment.read": "all"}).client.get(path).text
    own = crm.user({"survey.read": "all", "contact.read": "own"}).client.get(path)
    assert own.json()["items"] == [], "the contact is not theirs"


def test_poll_asks_a_question_of_whom_it_concerns(crm: Crm) -> None:
    """NP-06: three questions to a list of eight, five answers: 62.5 %; one answer for each link."""
    questions = [
        {"key": "colour", "kind": "single", "choices": ["red", "blue"], "required": True},
        {"key": "why_red", "kind": "text", "when": {"key": "colour", "is": "red"}, "required": True},
        {"key": "days", "kind": "multiple", "choices": ["mo", "tu"]},
    ]
    words = {
        "title": "Colours",
        "questions": {
            "colour": {"text": "Which?", "choices": {"red": "Red", "blue": "Blue"}},
            "why_red": {"text": "Why?"},
            "days": {"text": "When?", "choices": {"mo": "Monday", "tu": "Tuesday"}},
        },
    }
    api = crm.user().client
    body = {"key": "colours", "name": "Colours", "questions": questions, "texts": {"en": words}}
    made = api.post("/surveys", body)
    assert made.status_code == 201, made.text
    survey = api.post(f"/surveys/{made.json()['id']}/open").json()
    group = people(crm, *"ABCDEFGH")
    invited = invite(crm, survey, *group)
    assert len(invited) == 8
    for place, invitation in enumerate(invited[:5]):
        path = api.post(f"/surveys/{survey['id']}/invitations/{invitation['id']}/link").json()["link"]
        path = path.removeprefix("http://localhost:8000")
        if place == 0:
            missing = send(crm, path, colour="red")
            assert missing.status_code == 422
        answers = (
            {"colour": "red", "why_red": "warm"} if place == 0 else {"colour": "blue", "days": ["tu", "mo"]}
        )
        assert send(crm, path, **answers).status_code == 200
    found = api.get(f"/surveys/{survey['id']}/results").json()
    assert (found["sent"], found["responses"], found["response_rate"]) == (8, 5, 62.5)
    assert found["value"] is None
    values = [one["values"] for one in api.get(f"/surveys/{survey['id']}/answers").json()["items"]]
    assert {"colour": "blue", "days": ["mo", "tu"]} in values


def test_page_speaks_the_contacts_language_then_the_browsers(crm: Crm, survey: dict[str, Any]) -> None:
    ada, bea = people(crm, "Ada", language="cs")[0], people(crm, "Bea")[0]
    assert "Jedna otázka" in crm.client.get(link(crm, survey, ada), headers={"Accept-Language": "tr"}).text
    assert "Tek soru" in crm.client.get(link(crm, survey, bea), headers={"Accept-Language": "tr"}).text


def test_open_link_takes_one_answer_for_each_page_that_was_fetched(crm: Crm, survey: dict[str, Any]) -> None:
    answer = crm.user().client.get(f"/surveys/{survey['id']}/link").json()
    assert answer["qr"].startswith("<svg")
    path = answer["link"].removeprefix("http://localhost:8000")
    token = page_token(crm.client.get(path).text)
    assert crm.client.post(path, data={"page": token, "score": "8"}).status_code == 200
    assert crm.client.post(path, data={"page": token, "score": "8"}).status_code == 409
    assert send(crm, path, score="10").status_code == 200
    assert sorted(one.score for one in rows(crm, Answer)) == [8, 10]
