from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from marshmallow import Schema, fields

from retinue import web
from retinue.errors import BadRequest
from retinue.web.cursors import CursorCodec
from retinue.web.params import Condition, Reader, SortKey

GADGETS = "/api/v1/gadgets"


class Things(Schema):
    id = fields.String()
    values = fields.Dict()


CODEC = CursorCodec(b"k" * 32)
READER = Reader("GET /things", 200, CODEC, frozenset({"force"}))


@pytest.fixture
def seven(client: Any) -> Any:
    """Return the client of an installation with gadgets g0 … g6, the size of each its number."""
    client.post("/api/v1/gadgets:batch", json=[{"name": f"g{n}", "size": n} for n in range(7)])
    return client


def test_pages_follow_each_other_without_gap_or_double(seven: Any) -> None:
    seen, url = [], f"{GADGETS}?limit=3"
    sizes = []
    while url:
        answer = seven.get(url)
        body = answer.json()
        assert set(body) == {"items", "next"}
        sizes.append(len(body["items"]))
        seen += [row["name"] for row in body["items"]]
        url = answer.links["next"]["url"] if "next" in answer.links else None
        assert (url is None) == (body["next"] is None)
    assert (seen, sizes) == ([f"g{n}" for n in range(7)], [3, 3, 1])


def test_count_only_when_asked_and_capped(seven: Any) -> None:
    assert "count" not in seven.get(GADGETS).json()
    body = seven.get(f"{GADGETS}?include=count&limit=2&size__ge=3").json()
    assert (body["count"], body["count_capped"], len(body["items"])) == (4, False, 2)


def test_fields_narrow_the_answer_and_unknown_ones_are_422(seven: Any) -> None:
    assert seven.get(f"{GADGETS}?fields=name,size&limit=1").json()["items"] == [{"name": "g0", "size": 0}]
    wrong = seven.get(f"{GADGETS}?fields=name,wealth")
    assert (wrong.status_code, wrong.json()["errors"][0]["parameter"]) == (422, "fields")


def test_route_that_chooses_its_columns_itself_gets_every_name(make_client: Any) -> None:
    @web.get("/columns", permission="gadget.read", gives=Things(), narrow=False)
    def show_columns(store: Any, params: web.ListParams) -> web.Page[dict[str, Any]]:
        """Show what was asked for."""
        return web.Page([{"id": "1", "values": dict.fromkeys(params.fields, 0)}])

    answer = make_client(groups=[web.RouteGroup([show_columns])]).get(
        "/api/v1/columns?fields=city,loyalty.tier"
    )
    assert answer.json()["items"] == [{"id": "1", "values": {"city": 0, "loyalty.tier": 0}}]


def test_cursor_of_another_list_is_400_with_a_clear_message(seven: Any) -> None:
    """Bad input: a cursor of another view."""
    cursor = seven.get(f"{GADGETS}?limit=2").json()["next"]
    for query in ("size__ge=1", "sort=-name", "q=g", "view=7", "filter={}"):
        answer = seven.get(f"{GADGETS}?limit=2&cursor={cursor}&{query}")
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:retinue:problem:cursor-foreign")
        assert "belongs to another list" in answer.json()["detail"]
    assert seven.post(f"{GADGETS}/search", json={"cursor": cursor}).status_code == 400
    assert seven.get(f"{GADGETS}?limit=5&fields=name&cursor={cursor}").status_code == 200


def test_changed_or_invented_cursor_is_400(seven: Any) -> None:
    cursor = seven.get(f"{GADGETS}?limit=2").json()["next"]
    for bad in (cursor[:-2] + "AA", "x", "%00", "žluť", cursor + "A" * 4):
        answer = seven.get(GADGETS, params={"cursor": bad})
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:retinue:problem:cursor-unknown")


def test_search_takes_the_same_parameters_in_its_body(seven: Any) -> None:
    first = seven.post(f"{GADGETS}/search", json={"limit": 4, "include": ["count"], "fields": ["name"]})
    assert first.status_code == 200
    assert (first.json()["count"], first.json()["items"][3]) == (7, {"name": "g3"})
    rest = seven.post(f"{GADGETS}/search", json={"limit": 4, "cursor": first.json()["next"]})
    assert [row["name"] for row in rest.json()["items"]] == ["g4", "g5", "g6"]
    assert seven.post(f"{GADGETS}/search", json={"limit": 0}).status_code == 422
    wrong = seven.post(f"{GADGETS}/search", json={"limit": 9999})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/limit")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1e3", "ten", "٣", "99999999999999999999"])
def test_limit_out_of_range_is_400(client: Any, limit: str) -> None:
    answer = client.get(GADGETS, params={"limit": limit})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "limit")


def test_filter_that_is_no_tree_is_400(client: Any) -> None:
    for bad in ("{", "7", "[" * 5000, "x" * 20_000):
        assert client.get(GADGETS, params={"filter": bad}).status_code == 400
    assert client.get(f"{GADGETS}?q=a%00b").status_code == 400
    assert client.get(f"{GADGETS}?q=a&q=b").status_code == 400


def test_query_is_read_into_typed_parameters() -> None:
    params = READER.from_query(
        [("city", "Brno"), ("age__ge", "30"), ("loyalty.tier__in", "a,b"), ("tag", "x"), ("tag", "y"),
         ("__odd", "1"),
         ("q", " novak "), ("sort", "-created_at,name"), ("fields", "id,name"), ("include", "count,loyalty"),
         ("view", "7"), ("filter", '{"or": []}'), ("limit", "20"), ("force", "1")]
    )  # fmt: skip
    assert params.conditions == (
        Condition("city", "eq", "Brno"), Condition("age", "ge", "30"), Condition("loyalty.tier", "in", "a,b"),
        Condition("tag", "eq", "x"), Condition("tag", "eq", "y"), Condition("__odd", "eq", "1"),
    )  # fmt: skip
    assert params.sort == (SortKey("created_at", True), SortKey("name"))
    assert (params.q, params.view, params.filter, params.limit) == ("novak", "7", {"or": []}, 20)
    assert (params.fields, params.include, params.wants_count) == (("id", "name"), {"count", "loyalty"}, True)


def test_cursor_carries_every_kind_of_sort_value_and_is_opaque() -> None:
    position = [
        "Yıldırım",
        None,
        7,
        True,
        2.5,
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        date(2026, 1, 2),
        uuid4(),
        Decimal("1.50"),
    ]
    params = READER.from_query([("sort", "name")])
    cursor = params.next_cursor(position, "view 3")
    assert "ld" not in cursor or len(cursor) > 200
    again = READER.from_query([("sort", "name"), ("limit", "5"), ("cursor", cursor)])
    assert again.after("view 3") == position
    with pytest.raises(BadRequest):
        again.after("view 4")
    with pytest.raises(BadRequest):
        Reader("GET /others", 200, CODEC).from_query([("sort", "name"), ("cursor", cursor)]).after("view 3")
    with pytest.raises(BadRequest):
        Reader("GET /things", 200, CursorCodec(b"z" * 32)).from_query(
            [("sort", "name"), ("cursor", cursor)]
        ).after("view 3")


def test_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        CursorCodec(b"short")
