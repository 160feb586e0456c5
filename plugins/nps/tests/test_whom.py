"""Whom a survey asks by a day or a view, what parts of the customers say, and answers that leave as a file or are framed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from nps_kit import invite, link, make, people, rows, send

from retinue.plugins.settings import change_settings
from retinue.testing.house import Crm
from retinue_nps import audience, occasions
from retinue_nps.models import Edition, Invitation


def look(crm: Crm) -> int:
    """Let the job of the hour run."""
    with crm.house.store(crm.user().actor, plugin="nps") as store:
        return occasions.look_at_days(store, {})


def answer(crm: Crm, survey: Any, contact: UUID, score: int, **more: Any) -> None:
    """Record what somebody was told."""
    body = {"contact_id": str(contact), "answers": {"score": score, **more}}
    told = crm.user().client.post(f"/surveys/{survey['id']}/answers", body)
    assert told.status_code == 201, told.text


# ---- days ----
def test_birthday_asks_every_year_and_once_a_year(crm: Crm) -> None:
    """A trigger by date: today's and yesterday's birthdays, whichever the year, and none of last week's."""
    today = datetime.now(UTC).date()
    make(crm, "birthday", trigger="anniversary.birth_date")
    born = {"Ada": today.replace(year=1980, day=min(today.day, 28)), "Bea": today - timedelta(days=7)}
    (ada,) = people(crm, "Ada", birth_date=born["Ada"].isoformat())
    people(crm, "Bea", birth_date=born["Bea"].isoformat())
    people(crm, "Cyd")
    expected = [ada] if today.day <= 28 else []
    assert look(crm) == len(expected)
    look(crm)
    assert [one.contact_id for one in rows(crm, Invitation)] == expected


def test_day_of_another_plugins_field_asks_once(crm: Crm) -> None:
    """A trigger by date may stand on a plugin's field, and asks nobody and stops nobody while that is gone."""
    with crm.store() as store:
        names = occasions.date_fields(store)
    assert "orders.last_at" in names
    assert "created_at" in names
    made = make(crm, "week", trigger="date.created_at", delay_hours=24 * 7)
    (ada,) = people(crm, "Ada")
    look(crm)
    look(crm)
    (one,) = rows(crm, Invitation)
    assert (one.contact_id, one.state) == (ada, "waiting")
    assert one.due_at - one.created_at == timedelta(days=7)
    api = crm.user().client
    wrong = api.patch(f"/surveys/{made['id']}", {"trigger": "date.no_such"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/trigger"
    assert "created_at" in wrong.json()["errors"][0]["detail"]
    for trigger in ("anniversary.created_at", "date.given_name", "noon"):
        assert api.patch(f"/surveys/{made['id']}", {"trigger": trigger}).status_code == 422, trigger


# ---- views ----
def view(api: Any, **filter_: Any) -> str:
    """Save a view and return its id."""
    made = api.post("/views", {"name": "V", "entity": "contact", "filter": filter_})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def invite_all(crm: Crm, survey: Any, view_id: str, cause: str = "") -> None:
    """Run the job that invites a view, piece by piece."""
    payload = {"survey_id": survey["id"], "view_id": view_id, "cause": f"by hand {cause}"}
    state: Any = None
    with crm.store() as store:
        while isinstance(state, dict) or state is None:
            state = audience.invite_piece(store, payload, state)


def test_everybody_of_a_view_is_asked_once_for_a_cause(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces, as whoever asks sees the view; the poll of NP-06 reaches its list."""
    monkeypatch.setattr(audience, "PIECE", 2)
    survey = make(crm)
    found = people(crm, "A", "B", "C", "D", "E", country="CZ")
    people(crm, "F", country="DE")
    api = crm.user().client
    chosen = view(api, field="country", op="eq", value="CZ")
    begun = api.post(f"/surveys/{survey['id']}/audience", {"view_id": chosen, "cause": "spring"})
    assert (begun.status_code, begun.json()["count"]) == (202, 5)
    for _ in range(2):
        invite_all(crm, survey, chosen, "spring")
    assert {one.contact_id for one in rows(crm, Invitation)} == set(found)
    assert len(rows(crm, Invitation)) == 5
    assert api.get(f"/surveys/{survey['id']}/results").json()["sent"] == 0, "the job of the minute sends"


def test_view_that_finds_nobody_or_a_survey_that_is_closed_asks_nobody(crm: Crm) -> None:
    api = crm.user().client
    survey, chosen = make(crm), view(api, field="country", op="eq", value="CZ")
    empty = api.post(f"/surveys/{survey['id']}/audience", {"view_id": chosen})
    assert (empty.status_code, empty.json()["type"]) == (409, "urn:retinue:problem:audience-empty")
    people(crm, "A", country="CZ")
    assert api.post(f"/surveys/{survey['id']}/close").status_code == 200
    closed = api.post(f"/surveys/{survey['id']}/audience", {"view_id": chosen})
    assert (closed.status_code, closed.json()["type"]) == (409, "urn:retinue:problem:survey-state")


# ---- parts ----
def test_parts_go_by_tags_custom_fields_and_fields_of_plugins(crm: Crm) -> None:
    """A breakdown by any field, k ≥ 5; a contact with two tags is in both parts."""
    survey = make(crm)
    api = crm.user().client
    field = {"key": "size", "label": "Size", "kind": "choice", "choices": ["small", "large"]}
    assert api.post("/custom-fields", field).status_code == 201
    small = people(crm, *"ABCDE", tags=["vip", "new"], custom={"size": "small"})
    large = people(crm, *"FGHIJK", tags=["new"], custom={"size": "large"})
    for contact in small:
        answer(crm, survey, contact, 10)
    for contact in large:
        answer(crm, survey, contact, 0)

    def parts(by: str) -> dict[str, Any]:
        found = api.get(f"/surveys/{survey['id']}/parts?by={by}")
        assert found.status_code == 200, found.text
        return {one["part"]: (one["answered"], one["value"]) for one in found.json()}

    assert parts("tag") == {"vip": (5, 100), "new": (11, pytest.approx(-100 / 11))}
    assert parts("size") == {"small": (5, 100), "large": (6, -100)}
    assert parts("nps.group") == {"promoter": (5, 100), "detractor": (6, -100)}
    assert parts("created_at") == {str(datetime.now(UTC).year): (11, pytest.approx(-100 / 11))}
    assert parts("orders.last_at") == {"": (11, pytest.approx(-100 / 11))}
    wrong = api.get(f"/surveys/{survey['id']}/parts?by=emails")
    assert "nps.group" in wrong.json()["errors"][0]["detail"]


def test_field_that_is_hidden_from_the_reader_takes_nothing_apart(crm: Crm) -> None:
    """What a field says of answers would say what the field says."""
    survey = make(crm)
    for contact in people(crm, *"ABCDE", country="CZ"):
        answer(crm, survey, contact, 10)
    reader = crm.user(
        permissions=dict.fromkeys(["survey.read", "contact.read"], "all"), hidden_fields=["contact.country"]
    )
    refused = reader.client.get(f"/surveys/{survey['id']}/parts?by=country")
    assert refused.status_code == 422
    assert "country" not in refused.json()["errors"][0]["detail"]


def test_poll_counts_what_was_chosen(crm: Crm) -> None:
    """NP-06: a poll of three questions to eight, five answers: 62.5 % response, and each choice with its number."""
    texts = {
        "en": {
            "title": "T",
            "questions": {
                "one": {"text": "1", "choices": {"a": "A", "b": "B"}}, "many": {"text": "2", "choices": {"x": "X", "y": "Y"}},
                "much": {"text": "3"}, "words": {"text": "4"},
            },
        }
    }  # fmt: skip
    questions = [
        {"key": "one", "kind": "single", "choices": ["a", "b"]}, {"key": "many", "kind": "multiple", "choices": ["x", "y"]},
        {"key": "much", "kind": "scale", "least": 1, "most": 3}, {"key": "words", "kind": "text"},
    ]  # fmt: skip
    survey = make(crm, "poll", pattern="poll", texts=texts, questions=questions)
    eight = people(crm, *"ABCDEFGH")
    told = [("a", ["x", "y"], "3"), ("a", "x", "3"), ("b", [], "1"), ("a", "y", "2"), ("a", "x", "3")]
    paths = [link(crm, survey, contact) for contact in eight]
    for path, (one, many, much) in zip(paths, told, strict=False):
        assert send(crm, path, one=one, many=many, much=much, words="w").status_code == 200
    found = crm.user().client.get(f"/surveys/{survey['id']}/results").json()
    assert (found["sent"], found["responses"], found["response_rate"]) == (8, 5, 62.5)
    assert {q["key"]: (q["answered"], q["counts"]) for q in found["questions"]} == {
        "one": (5, {"a": 4, "b": 1}), "many": (4, {"x": 3, "y": 2}), "much": (5, {"1": 1, "2": 1, "3": 3}),
    }  # fmt: skip


# ---- files ----
def test_file_has_a_column_for_each_question_and_no_formula(crm: Crm) -> None:
    """Export: what was written is in it for who may read that, and runs in no spreadsheet."""
    survey = make(crm)
    ada, bea = people(crm, "Ada", "Bea")
    answer(crm, survey, ada, 3, why='=HYPERLINK("http://x")', better="all of it")
    answer(crm, survey, bea, 9)
    api = crm.user().client
    found = api.post(f"/surveys/{survey['id']}/answers/file")
    assert found.status_code == 200, found.text
    assert 'filename="relation.csv"' in found.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(found.content.decode("utf-8-sig"))))
    by_name = {line["customer"].partition(" ")[0]: line for line in lines}
    assert by_name["Ada"]["why"] == '\'=HYPERLINK("http://x")'
    assert (by_name["Ada"]["score"], by_name["Bea"]["score"], by_name["Bea"]["why"]) == ("3", "9", "")
    blind = crm.user(
        permissions=dict.fromkeys(["survey.read", "survey.export", "contact.read"], "all")
    ).client
    lines = list(
        csv.DictReader(io.StringIO(blind.post(f"/surveys/{survey['id']}/answers/file").text.lstrip("\ufeff")))
    )
    assert [line["why"] for line in lines] == ["", ""]
    assert {line["score"] for line in lines} == {"3", "9"}
    nobody = crm.user(permissions={"survey.read": "all"}).client
    assert nobody.post(f"/surveys/{survey['id']}/answers/file").status_code == 403


# ---- other pages ----
def test_only_named_sites_frame_a_link_for_everybody_and_none_a_link_of_somebody(crm: Crm) -> None:
    """Embed: a row of scores needs no script; a frame is for the sites of the settings."""
    survey = make(crm)
    (ada,) = people(crm, "Ada")
    api = crm.user().client
    closed = api.get(f"/surveys/{survey['id']}/link").json()
    assert closed["frame"] == ""
    assert closed["row"].count("<a href=") == 11
    path = closed["link"].removeprefix("http://localhost:8000")
    assert "frame-ancestors 'none'" in crm.client.get(path).headers["content-security-policy"]
    with crm.store() as store:
        change_settings(store, "nps", {"frame_sites": "https://www.example.org http://plain.example.org *"})
    assert "<iframe" in api.get(f"/surveys/{survey['id']}/link").json()["frame"]
    shown = crm.client.get(path).headers["content-security-policy"]
    assert shown.endswith("frame-ancestors https://www.example.org")
    own = crm.client.get(link(crm, survey, ada)).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in own


# ---- questions as forms send them ----
def test_question_brings_its_words_and_gets_its_key(crm: Crm) -> None:
    """A form sends each question with its words; what is wrong is said where it was sent."""
    survey = make(crm, "poll", pattern="poll")
    api, path = crm.user().client, f"/surveys/{survey['id']}"
    texts = {"en": {"title": "Colours"}, "cs": {"title": "Barvy"}}
    colour = {
        "key": "+", "kind": "single", "required": True, "choices": ["first", "+"],
        "words": {
            "en": {"text": "Which?", "choices": ["Red", "Blue"]}, "cs": {"text": "Která?", "choices": ["Červená", "Modrá"]},
            "de": {"text": "Welche?"},
        },
    }  # fmt: skip
    changed = api.patch(path, {"texts": texts, "questions": [colour], "language": "en"})
    assert changed.status_code == 200, changed.text
    (question,), said = changed.json()["questions"], changed.json()["texts"]
    assert (question["key"], question["choices"]) == ("q1", ["first", "c1"])
    assert said["cs"]["questions"]["q1"] == {"text": "Která?", "choices": {"first": "Červená", "c1": "Modrá"}}
    assert set(said) == {"en", "cs"}
    assert len(rows(crm, Edition)) == 2
    colour["words"]["cs"] = {"text": "", "choices": ["Červená", None]}
    refused = api.patch(path, {"texts": texts, "questions": [colour]})
    assert refused.status_code == 422
    pointers = {one["pointer"] for one in refused.json()["errors"]}
    assert pointers == {"/questions/0/words/cs/text", "/questions/0/words/cs/choices/1"}
    assert len(rows(crm, Edition)) == 2, "nothing was changed"


def test_answers_survive_a_change_of_questions(crm: Crm) -> None:
    """A poll whose choice was renamed: what was answered before keeps the words it was given."""
    survey = make(crm, "poll", pattern="poll")
    (ada,) = people(crm, "Ada")
    path = link(crm, survey, ada)
    assert send(crm, path, choice="first").status_code == 200
    texts = {
        "en": {"title": "T", "questions": {"choice": {"text": "W", "choices": {"first": "X", "second": "Y"}}}}
    }
    assert crm.user().client.patch(f"/surveys/{survey['id']}", {"texts": texts}).status_code == 200
    first = next(one for one in rows(crm, Edition) if one.number == 1)
    assert first.texts["en"]["questions"]["choice"]["choices"]["first"] == "The first"
    assert invite(crm, survey, ada, cause="again")[0]["reason"] == "rest"
