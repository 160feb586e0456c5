"""Views over HTTP: the same filters, limits and refusals, with pointers."""

from __future__ import annotations

import json

import pytest
from lists_kit import add_contact, contact_catalogue
from litestar.testing import TestClient

import retinue.web.models  # noqa: F401  # the table of kept answers
from retinue.actor import Actor
from retinue.lists import Catalogues
from retinue.lists.routes import view_routes
from retinue.testing.fixtures import person
from retinue.web import RouteGroup, WebSettings, build_app

DEEDS = ("view.read", "view.create", "view.change", "view.remove", "view.share", "contact.read")


@pytest.fixture
def client(database):
    lists = Catalogues({"contact": lambda _store: contact_catalogue()})
    anna = person(*DEEDS)
    with database.store(Actor.system("test")) as store:
        for number in range(5):
            add_contact(store, f"n{number}", city="Praha" if number < 4 else "Brno", custom={"seats": number})
    app = build_app(
        database,
        [RouteGroup(view_routes(lists))],
        settings=WebSettings(base_url="http://testserver.local", secret=b"s" * 32),
        authenticate=lambda _parts: anna,
    )
    with TestClient(app, base_url="http://testserver.local") as opened:
        yield opened


def test_view_lives_over_http(client):
    tree = {"field": "city", "op": "eq", "value": "Praha"}
    made = client.post(
        "/api/v1/views",
        json={"name": "Praha", "filter": tree, "columns": ["name", "seats"], "sort": "-seats"},
    )
    assert made.status_code == 201, made.text
    view = made.json()
    assert (view["filter"], view["sort"], view["visibility"]) == (tree, "-seats", "private")
    assert [one["id"] for one in client.get("/api/v1/views?entity=contact").json()] == [view["id"]]

    path = f"/api/v1/views/{view['id']}"
    names, url = [], f"{path}/rows?limit=3&include=count"
    while url:
        page = client.get(url).json()
        names += [row["values"]["name"] for row in page["items"]]
        assert page["count"] == 4
        url = page.get("next") and f"{path}/rows?limit=3&include=count&cursor={page['next']}"
    assert names == ["n3", "n2", "n1", "n0"]

    narrowed = client.get(f"{path}/rows", params={"seats__gte": "2", "columns": "city"}).json()["items"]
    assert [row["values"] for row in narrowed] == [{"city": "Praha"}, {"city": "Praha"}]
    changed = client.patch(path, json={"name": "Prague"}, headers={"If-Match": made.headers["etag"]})
    assert changed.json()["name"] == "Prague", changed.text
    assert (
        client.patch(path, json={"name": "x"}, headers={"If-Match": made.headers["etag"]}).status_code == 412
    )
    assert client.delete(path).status_code in (204, 428)


def test_faults_of_a_filter_are_problems_with_pointers(client):
    wrong = client.post(
        "/api/v1/views", json={"name": "x", "filter": {"and": [{"field": "ctiy", "value": 1}]}}
    )
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"].endswith("/filter/and/0/field")
    view = client.post("/api/v1/views", json={"name": "all"}).json()
    path = f"/api/v1/views/{view['id']}/rows"
    for query, status in (
        ({"ctiy": "x"}, 422),
        ({"seats__gte": "ten"}, 422),
        ({"sort": "emails"}, 422),
        ({"filter": json.dumps({"or": []})}, 422),
        ({"filter": "{"}, 400),
        ({"cursor": "x"}, 400),
    ):
        assert client.get(path, params=query).status_code == status, query


def test_cursor_of_another_view_is_refused(client):
    """Bad input: a cursor of another view."""
    ids = [
        client.post("/api/v1/views", json={"name": name, "sort": sort}).json()["id"]
        for name, sort in (("a", "name"), ("b", "-name"))
    ]
    cursor = client.get(f"/api/v1/views/{ids[0]}/rows?limit=2").json()["next"]
    answer = client.get(f"/api/v1/views/{ids[1]}/rows?limit=2&cursor={cursor}")
    assert answer.status_code == 400
    assert "another list" in answer.text


def test_fixed_list_over_http(client):
    rows = client.get(
        f"/api/v1/views/{client.post('/api/v1/views', json={'name': 'all'}).json()['id']}/rows"
    ).json()["items"]
    made = client.post(
        "/api/v1/views", json={"name": "three", "kind": "fixed", "members": [row["id"] for row in rows[:3]]}
    )
    path = f"/api/v1/views/{made.json()['id']}"
    assert len(client.get(f"{path}/rows").json()["items"]) == 3
    answer = client.post(f"{path}/members", json={"add": [rows[4]["id"]], "remove": [rows[0]["id"]]})
    assert answer.json() == {"added": 1, "removed": 1}
    assert [row["id"] for row in client.get(f"{path}/rows").json()["items"]] == [
        row["id"] for row in (rows[1], rows[2], rows[4])
    ]


def test_fields_tell_a_filter_builder_what_there_is(client):
    answer = client.get("/api/v1/views/fields?entity=contact")
    fields = {field["name"]: field for field in answer.json()}
    assert "gte" in fields["custom.seats"]["operators"]
    assert client.get("/api/v1/views/fields?entity=contcat").status_code == 422
