from __future__ import annotations

import logging
from typing import Any

import pytest

from retinue.errors import Invalid, Problem
from retinue.web.problems import document, pointers

GADGETS = "/api/v1/gadgets"


@pytest.fixture
def database(lite: Any) -> Any:
    """Return SQLite only: no database changes how an error looks."""
    return lite


def test_pointers_follow_nesting_indexes_and_escapes() -> None:
    messages = {
        "emails": {0: {"value": ["bad", "worse"]}},
        "a/b~c": ["odd"],
        "_schema": ["whole"],
        "x": {"_schema": ["y"]},
    }
    assert [(p.pointer, p.detail) for p in pointers(messages)] == [
        ("/emails/0/value", "bad"),
        ("/emails/0/value", "worse"),
        ("/a~1b~0c", "odd"),
        ("", "whole"),
        ("/x", "y"),
    ]


def test_document_has_exactly_the_members_of_the_error() -> None:
    error = Invalid(
        "Wrong.",
        remedy="Mend it.",
        problems=[Problem("/a", "no"), Problem("?q", "long", "too-long")],
        extra={"row": 3},
    )
    assert document(error) == {
        "type": "urn:retinue:problem:invalid",
        "title": "The input is not valid",
        "status": 422,
        "detail": "Wrong.",
        "remedy": "Mend it.",
        "errors": [
            {"pointer": "/a", "detail": "no", "code": "invalid"},
            {"parameter": "q", "detail": "long", "code": "too-long"},
        ],
        "row": 3,
    }


def test_invalid_body_is_422_with_one_pointer_per_message(client: Any) -> None:
    """C-10: the same shape for every face."""
    answer = client.post(
        GADGETS, json={"size": "ten", "parts": [{"label": "x"}, {"weight": 99}], "colour": 1}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {(e["pointer"], e["detail"]) for e in answer.json()["errors"]} == {
        ("/name", "Missing data for required field."),
        ("/size", "Not a valid integer."),
        ("/parts/1/label", "Missing data for required field."),
        ("/parts/1/weight", "Must be greater than or equal to 0 and less than or equal to 9."),
        ("/colour", "Unknown field."),
    }


def test_complaint_of_a_service_has_the_same_shape(client: Any) -> None:
    answer = client.post("/api/v1/late")
    assert (answer.status_code, answer.json()["detail"]) == (422, "The input is not valid in 2 places.")
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/emails/0/value", ""]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"name": "\xed\xa0\x80"}', 400),
        (b"[" * 100_000, 400),
        (b'{"name": "a\\u0000b"}', 422),
        (b"[]", 422),
        (b"7", 422),
        (b"null", 422),
    ],
)
def test_unreadable_body_is_a_problem_and_never_a_500(client: Any, body: bytes, status: int) -> None:
    answer = client.post(GADGETS, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_other_media_type_is_415(client: Any) -> None:
    answer = client.post(GADGETS, content=b'{"name": "x"}', headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:retinue:problem:unsupported-media")
    merge = client.post(
        GADGETS, content=b'{"name": "x"}', headers={"Content-Type": "application/merge-patch+json"}
    )
    assert merge.status_code == 201


def test_body_over_the_limit_is_413(make_client: Any) -> None:
    answer = make_client(max_body=1000).post(GADGETS, json={"name": "x" * 2000})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:retinue:problem:too-large")


def test_unknown_failure_gives_an_incident_and_no_internals(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = client.get("/api/v1/boom?who=eva@example.org")
    body = answer.json()
    assert (answer.status_code, set(body)) == (
        500,
        {"type", "title", "status", "detail", "remedy", "incident"},
    )
    assert body["type"] == "urn:retinue:problem:internal"
    logged = " ".join(
        record.getMessage() for record in caplog.records if record.name != "httpx"
    )  # the client's own
    assert body["incident"] in logged
    assert "ValueError" in logged
    assert "explode" in logged
    for leak in ("secret-7261", "eva@example.org"):
        assert leak not in answer.text
        assert leak not in logged


def test_unknown_path_is_a_problem_too(client: Any) -> None:
    answer = client.get("/api/v1/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:retinue:problem:not-found")


def test_missing_permission_is_403_and_stranger_401(make_client: Any) -> None:
    denied = make_client("reader").post(GADGETS, json={"nonsense": True})
    assert (denied.status_code, denied.json()["permission"]) == (403, "gadget.create")
    for token in (None, "unknown"):
        stranger = make_client(token).post(GADGETS, content=b"{not json")
        assert stranger.status_code == 401
        assert stranger.headers["www-authenticate"] == 'Bearer realm="retinue"'
