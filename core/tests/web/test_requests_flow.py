from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import event

GADGETS = "/api/v1/gadgets"


def test_post_creates_and_answers_with_etag_and_location(client: Any, gadget_names: Any) -> None:
    answer = client.post(GADGETS, json={"name": "Lamp", "parts": [{"label": "bulb", "weight": 4}]})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["name"], body["size"], body["version"]) == ("Lamp", 4, 1)
    assert answer.headers["etag"] == '"v1"'
    assert answer.headers["location"] == f"{GADGETS}/{body['id']}"
    assert gadget_names() == ["Lamp"]
    assert client.get(answer.headers["location"]).json() == body


def test_failed_commit_is_a_500_and_leaves_no_row(client: Any, database: Any, gadget_names: Any) -> None:
    """The commit comes before the answer: its failure is the answer."""

    def fail(_: Any) -> None:
        raise RuntimeError("the disk said no")

    event.listen(database.engine, "commit", fail)
    answer = client.post(GADGETS, json={"name": "Lamp"})
    event.remove(database.engine, "commit", fail)
    assert answer.status_code == 500
    assert gadget_names() == []


def test_error_after_a_write_leaves_no_row(client: Any, gadget_names: Any) -> None:
    assert client.post("/api/v1/late").status_code == 422
    assert gadget_names() == []


def test_get_uses_a_store_that_only_reads(client: Any) -> None:
    assert client.post("/api/v1/gadgets/picture", files={"f": ("a.png", b"123")}).json() == {
        "filename": "a.png",
        "bytes": 3,
        "written": False,
    }
    assert client.get("/api/v1/gadgets/export").text == "name\n"


def test_two_patches_with_the_same_version_give_200_then_409_with_the_current_values(client: Any) -> None:
    """C-21, version in the body."""
    made = client.post(GADGETS, json={"name": "Lamp"}).json()
    url = f"{GADGETS}/{made['id']}"
    first = client.patch(url, json={"name": "Torch", "version": 1})
    second = client.patch(url, json={"name": "Candle", "version": 1})
    assert (first.status_code, second.status_code) == (200, 409)
    assert first.headers["etag"] == '"v2"'
    assert second.json()["current"] == first.json()
    assert second.json()["type"] == "urn:retinue:problem:stale"


def test_two_patches_with_the_same_etag_give_200_then_412_with_the_current_values(client: Any) -> None:
    """C-21, If-Match."""
    made = client.post(GADGETS, json={"name": "Lamp"})
    url, tag = f"{GADGETS}/{made.json()['id']}", made.headers["etag"]
    first = client.patch(url, json={"name": "Torch"}, headers={"If-Match": tag})
    second = client.patch(url, json={"name": "Candle"}, headers={"If-Match": tag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["current"]["name"] == "Torch"
    assert client.patch(url, json={"name": "Sun"}, headers={"If-Match": "*"}).status_code == 200
    assert client.patch(url, json={"name": "Sun"}, headers={"If-Match": 'W/"v3"'}).status_code == 412
    assert client.patch(url, json={"name": "Sun"}, headers={"If-Match": '"foreign"'}).status_code == 412


def test_change_without_a_version_is_428_unless_the_setting_is_off(make_client: Any) -> None:
    client = make_client()
    url = f"{GADGETS}/{client.post(GADGETS, json={'name': 'Lamp'}).json()['id']}"
    assert client.patch(url, json={"name": "Torch"}).status_code == 428
    assert client.delete(url).status_code == 428
    relaxed = make_client(if_match_required=False)
    assert relaxed.patch(url, json={"name": "Torch"}).status_code == 200
    answer = relaxed.delete(url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert relaxed.get(url).status_code == 404


def test_batch_takes_a_list_and_points_into_it(client: Any) -> None:
    good = client.post("/api/v1/gadgets:batch", json=[{"name": "A"}, {"name": "B"}])
    assert [row["name"] for row in good.json()] == ["A", "B"]
    bad = client.post("/api/v1/gadgets:batch", json=[{"name": "A"}, {"size": 1}])
    assert bad.status_code == 422
    assert bad.json()["errors"] == [
        {"pointer": "/1/name", "detail": "Missing data for required field.", "code": "invalid"}
    ]


def test_answer_carries_status_cookies_and_query_parameters(client: Any) -> None:
    made = client.post(GADGETS, json={"name": "Lamp"}).json()
    answer = client.post(f"{GADGETS}/{made['id']}/polish?times=3")
    assert (answer.status_code, answer.json()) == (202, {"polished": 3})
    assert answer.headers["set-cookie"] == "polish=1; Path=/"
    wrong = client.post(f"{GADGETS}/{made['id']}/polish?times=often")
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["parameter"] == "times"


def test_download_names_its_file_in_any_script(client: Any) -> None:
    answer = client.get("/api/v1/gadgets/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"Za__zen_.csv\"; filename*=UTF-8''Za%C5%99%C3%ADzen%C3%AD.csv"
    )


def test_unknown_row_and_malformed_id_are_404(client: Any) -> None:
    assert client.get(f"{GADGETS}/{uuid4()}").status_code == 404
    assert client.get(f"{GADGETS}/seven").status_code == 404


def test_wrong_method_is_405_with_allow(client: Any) -> None:
    """C-08 needs it: PUT on what is only added."""
    answer = client.put(f"{GADGETS}/{uuid4()}", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, OPTIONS, PATCH"
    assert answer.json()["type"] == "urn:retinue:problem:method-not-allowed"


def test_head_answers_like_get_without_a_body(client: Any) -> None:
    client.post(GADGETS, json={"name": "Lamp"})
    full, head = client.get(GADGETS), client.head(GADGETS)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]


def test_options_names_every_method_of_the_path(client: Any) -> None:
    assert client.options(GADGETS).headers["allow"] == "GET, OPTIONS, POST"
    assert client.options(f"{GADGETS}/{uuid4()}").headers["allow"] == "DELETE, GET, OPTIONS, PATCH"


def test_upload_without_a_file_is_400(client: Any) -> None:
    body, headers = b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}
    assert client.post("/api/v1/gadgets/picture", content=body, headers=headers).status_code == 400
