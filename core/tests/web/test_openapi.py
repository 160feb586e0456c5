from __future__ import annotations

from typing import Any

import pytest
from litestar import get as plain_get
from openapi_spec_validator import validate

from retinue import web
from retinue.errors import Misconfigured

ERRORS = {"400", "401", "403", "404", "409", "412", "422", "428", "429"}


@pytest.fixture
def database(lite: Any) -> Any:
    """Return SQLite only: the document does not depend on the database."""
    return lite


@pytest.fixture
def document(make_app: Any) -> dict[str, Any]:
    """Return the OpenAPI document of the invented noun."""
    return make_app().document()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {op["operationId"]: op for item in document["paths"].values() for op in item.values()}


def test_document_validates_as_openapi_31(document: dict[str, Any]) -> None:
    """C-25: the OpenAPI document validates."""
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_operation_documents_every_error_as_a_problem(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        if name in ("healthz", "readyz"):
            continue
        assert set(operation["responses"]) >= ERRORS, name
        for status, response in operation["responses"].items():
            if status[0] in "45":
                assert response["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
                }, (name, status)


def test_every_operation_names_permission_security_and_tag(document: dict[str, Any]) -> None:
    found = operations(document)
    assert found["list_gadgets"]["x-permission"] == "gadget.read"
    assert found["list_gadgets"]["security"] == [{"token": []}, {"session": []}]
    assert "security" not in found["log_in"]
    assert found["list_gadgets"]["tags"] == ["gadgets"]
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}
    assert found["create_gadget"]["summary"] == "Add a gadget"
    assert found["create_gadget"]["description"] == "Its parts are weighed and forgotten."


def test_parameters_the_edge_reads_are_documented(document: dict[str, Any]) -> None:
    found = {
        name: {p["name"]: p["in"] for p in operation.get("parameters", [])}
        for name, operation in operations(document).items()
    }
    assert found["list_gadgets"] == {
        "q": "query", "view": "query", "filter": "query", "sort": "query", "fields": "query",
        "include": "query", "cursor": "query", "limit": "query", "conditions": "query",
    }  # fmt: skip
    assert found["change_gadget"] == {"gadget_id": "path", "If-Match": "header", "Idempotency-Key": "header"}
    assert found["create_gadget"] == {"Idempotency-Key": "header"}
    assert found["search_gadgets"] == {}
    assert found["polish_gadget"] == {"gadget_id": "path", "times": "query", "Idempotency-Key": "header"}


def test_bodies_and_answers_are_references_to_the_schemas(document: dict[str, Any]) -> None:
    found = operations(document)

    def body(name: str) -> Any:
        return found[name]["requestBody"]["content"]["application/json"]["schema"]

    def answer(name: str, status: str) -> Any:
        return found[name]["responses"][status]["content"]["application/json"]["schema"]

    component = "#/components/schemas/"
    assert body("create_gadget") == {"$ref": component + "GadgetDraft"}
    assert body("change_gadget") == {"$ref": component + "GadgetChangePatch"}
    assert body("create_gadgets") == {"type": "array", "items": {"$ref": component + "GadgetDraft"}}
    assert body("search_gadgets") == {"$ref": component + "ListQuery"}
    assert answer("list_gadgets", "200") == {"$ref": component + "GadgetPage"}
    assert answer("create_gadget", "201") == {"$ref": component + "Gadget"}
    assert "content" not in found["remove_gadget"]["responses"]["204"]


def test_document_is_served_and_the_frameworks_own_pages_are_not(
    make_client: Any, document: dict[str, Any]
) -> None:
    client = make_client(None)
    served = client.get("/api/v1/openapi.json")
    assert served.json() == document
    for path in ("/schema", "/.openapi", "/.openapi/openapi.json", "/.openapi/swagger"):
        assert client.get(path).status_code == 404, path


def test_routes_of_plugins_stand_in_the_document_under_their_tag(make_app: Any) -> None:
    @web.get("/tiers", permission="loyalty.read")
    def list_tiers(store: Any) -> dict[str, Any]:
        """List tiers."""
        return {"plugin": store.plugin}

    app = make_app(groups=[web.RouteGroup([list_tiers], plugin="loyalty", tag="loyalty")])
    operation = app.document()["paths"]["/api/v1/tiers"]["get"]
    assert operation["tags"] == ["loyalty", "tiers"]
    assert app.policies["GET", "/api/v1/tiers"] == "loyalty.read"


def test_route_without_a_permission_stops_the_start_and_is_named(make_app: Any) -> None:
    """API9: every served route is in the policy registry, else start-up fails."""

    @plain_get("/naked", sync_to_thread=False)
    def naked() -> str:
        return "data"

    with pytest.raises(Misconfigured, match=r"GET /api/v1/naked .* names no permission"):
        make_app(groups=[web.RouteGroup([naked])])


def test_undeclared_permission_stops_the_start_with_the_nearest_name(make_app: Any) -> None:
    with pytest.raises(Misconfigured) as caught:
        make_app(permissions=["gadget.read", "gadget.creat", "gadget.change"])
    assert "gadget.create" in caught.value.detail
    assert caught.value.remedy == "Did you mean gadget.creat?"
    make_app(permissions=["gadget.read", "gadget.create", "gadget.change"])


def test_route_needs_a_return_annotation() -> None:
    with pytest.raises(TypeError, match="return annotation"):

        @web.get("/x", permission="gadget.read")
        def nameless(store: Any):  # type: ignore[no-untyped-def]
            return None
