"""Values that do not fit are listed once each and exchanged by hand: in every row, for every kind of file."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from io_kit import Desk
from sqlalchemy import select

from retinue.contacts.models import Contact
from retinue.storage import Sealed
from retinue.testing.house import Crm
from retinue_io.corrections import _followed
from retinue_io.models import Import, Piece

FILE = "name,email,country\nAda,ada@x.cz,Utopia\nBea,bea@x,Utopia\nCyd,bea@x,CZ\nDan,dan@x.cz,Atlantis\n"


def put(user: Any, path: str, *values: tuple[str, str, str | None]) -> Any:
    drafts = [{"column": column, "value": value, "instead": instead} for column, value, instead in values]
    return user.client.put(f"{path}/values", {"values": drafts})


@pytest.fixture
def desk(crm: Crm) -> Desk:
    return Desk(crm.house, crm.user().actor)


@pytest.fixture
def person(crm: Crm) -> Any:
    return crm.user()


def uploaded(person: Any, crm: Crm, data: str = FILE, **options: Any) -> str:
    """Upload, map and check a file; return its path."""
    own = Desk(crm.house, person.actor)
    import_id = own.upload(data)
    own.map(import_id, **options)
    own.check(import_id)
    return f"/imports/{import_id}"


def listed(person: Any, path: str) -> dict[tuple[str, str], tuple[int, str | None]]:
    found = person.client.get(f"{path}/values").json()["values"]
    return {(one["column"], one["value"]): (one["rows"], one["instead"]) for one in found}


def test_values_at_fault_are_listed_once_each_the_most_frequent_first(crm: Crm, person: Any) -> None:
    path = uploaded(person, crm)
    assert listed(person, path) == {
        ("country", "Utopia"): (2, None),
        ("email", "bea@x"): (2, None),
        ("country", "Atlantis"): (1, None),
    }
    values = person.client.get(f"{path}/values").json()["values"]
    assert all(one["reason"] and one["code"] for one in values)
    assert [one["rows"] for one in values] == [2, 2, 1]


def test_corrected_values_are_taken_in_every_row_by_check_and_run_alike(crm: Crm, person: Any) -> None:
    path = uploaded(person, crm)
    answer = put(
        person, path, ("country", "Utopia", "DE"), ("country", "Atlantis", ""), ("email", "bea@x", None)
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["check"] is None, "what was found before is void"
    checked = person.client.post(f"{path}/check").json()["check"]["counts"]
    assert (checked["created"], checked["rejected"]) == (2, 2)
    desk = Desk(crm.house, person.actor)
    import_id = UUID(answer.json()["id"])
    done = desk.run(import_id)
    assert done["counts"] == checked
    with crm.store() as store:
        found = {c.given_name: c.country for c in store.scalars(select(Contact))}
    assert found == {"Ada": "DE", "Dan": None}


def test_a_value_corrected_twice_ends_at_the_last(crm: Crm, person: Any) -> None:
    path = uploaded(person, crm)
    put(person, path, ("country", "Utopia", "Eldorado"))
    person.client.post(f"{path}/check")
    found = listed(person, path)
    assert found["country", "Eldorado"] == (2, None)
    assert found["country", "Utopia"] == (0, "Eldorado")
    put(person, path, ("country", "Utopia", "Eldorado"), ("country", "Eldorado", "TR"))
    person.client.post(f"{path}/check")
    assert listed(person, path)["country", "Utopia"] == (0, "TR")


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef"), max_size=6))
def test_following_corrections_ends_and_takes_one_step(texts: dict[str, str]) -> None:
    ends = _followed(texts)
    assert set(ends) == set(texts)
    for text, end in ends.items():
        circle = end in texts and ends[end] != end and end != text
        assert not circle or end in _circle(texts, text)


def _circle(texts: dict[str, str], text: str) -> set[str]:
    passed: set[str] = set()
    while text in texts and text not in passed:
        passed.add(text)
        text = texts[text]
    return passed | {text}


def test_values_left_out_of_their_rows_are_listed_too(crm: Crm, person: Any) -> None:
    path = uploaded(person, crm, on_fault="leave_out")
    assert listed(person, path)["country", "Utopia"] == (2, None)
    put(person, path, ("country", "Utopia", "Deutschland"))
    counts = person.client.post(f"{path}/check").json()["check"]["columns"]
    assert {one["column"]: one["left_out"] for one in counts} == {"country": 1, "email": 2}


def test_corrections_that_make_no_sense_are_refused_and_change_nothing(crm: Crm, person: Any) -> None:
    path = uploaded(person, crm)
    put(person, path, ("country", "Utopia", "DE"))
    for values in (
        [("colour", "Utopia", "DE")],
        [("country", "Utopia", "x" * 2001)],
        [("country", str(number), "DE") for number in range(2002)],
    ):
        answer = put(person, path, *values)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith("/values")
    assert listed(person, path)["country", "Utopia"] == (0, "DE")
    stranger = crm.user({"contact.import": "all"})
    assert stranger.client.get(f"{path}/values").status_code == 404
    assert put(stranger, path, ("country", "Utopia", "FR")).status_code == 404
    assert crm.user({"contact.read": "all"}).client.get(f"{path}/values").status_code == 403


def test_a_run_that_has_begun_takes_no_corrections(crm: Crm, person: Any, desk: Desk) -> None:
    path = uploaded(person, crm)
    person.client.post(f"{path}/run")
    assert put(person, path, ("country", "Utopia", "DE")).status_code in (409, 422)


def test_interactions_and_rows_of_plugins_are_corrected_alike(crm: Crm, desk: Desk) -> None:
    """The exchange happens where rows are read, before any kind of file is told from another."""
    desk.bring("name,email\nAda,ada@x.cz\n")
    import_id = desk.upload("customer,order date\nada@x.cz,yesterday\n", what="interactions")
    desk.map(import_id)
    assert desk.check(import_id)["counts"]["rejected"] == 1
    with desk.store() as store:
        from retinue_io import service

        values = [{"column": "order date", "value": "yesterday", "instead": "2026-03-01"}]
        service.correct_values(store, import_id, values)
    assert desk.check(import_id)["counts"]["created"] == 1


def test_values_of_people_stand_sealed_beside_the_file_and_nowhere_else(crm: Crm, person: Any) -> None:
    canary = "canary-of-somebody@nowhere"
    path = uploaded(person, crm, FILE.replace("bea@x", canary))
    put(person, path, ("email", canary, f"{canary}.example"))
    person.client.post(f"{path}/check")
    assert issubclass(Piece, Sealed)
    with crm.store() as store:
        bare = store.raw("test")
        pieces = bare.rows(select(Piece.use, Piece.sealed_data))
        row = bare.rows(select(Import.mapping, Import.checked))
    assert "values" in {use for use, _ in pieces}
    assert canary.encode() not in b"".join(bytes(data) for _, data in pieces)
    assert canary not in json.dumps([list(map(str, one)) for one in row])
