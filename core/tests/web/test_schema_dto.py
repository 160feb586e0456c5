"""The bridge between marshmallow and Litestar. If an upgrade of either breaks it, this file says so first."""

from __future__ import annotations

import time
from typing import Annotated, Any

import pytest
from litestar import Litestar, post
from litestar.dto import AbstractDTO
from litestar.enums import RequestEncodingType
from litestar.openapi.config import OpenAPIConfig
from litestar.params import BodyKwarg
from litestar.testing import TestClient
from marshmallow import Schema, fields, validate
from openapi_spec_validator import validate as validate_document

from retinue.errors import BadRequest, Invalid
from retinue.web.problems import HANDLERS
from retinue.web.schema_dto import SchemaDTO, Undecoded, dump, load, read_json, schema_dto


class EmailSchema(Schema):
    value = fields.Email(required=True)
    label = fields.String(validate=validate.Length(max=20))


class PersonSchema(Schema):
    id = fields.UUID(dump_only=True)
    name = fields.String(required=True, metadata={"description": "As it is shown."})
    secret = fields.String(load_only=True)
    sex = fields.String(validate=validate.OneOf(["f", "m"]), allow_none=True)
    age = fields.Integer(strict=True, validate=validate.Range(min=0, max=150), load_default=7)
    emails = fields.List(fields.Nested(EmailSchema))


PERSON, PATCH = PersonSchema(), PersonSchema(partial=True)


@post("/persons", dto=schema_dto(PERSON), return_dto=schema_dto(PERSON), sync_to_thread=False)
def make(data: Annotated[Any, BodyKwarg(media_type=RequestEncodingType.JSON)]) -> Any:
    return data


@post("/many", dto=schema_dto(PERSON, "many"), return_dto=schema_dto(PERSON, "page"), sync_to_thread=False)
def make_many(data: Annotated[Any, BodyKwarg(media_type=RequestEncodingType.JSON)]) -> Any:
    return {"items": data, "next": None}


@post("/patch", dto=schema_dto(PATCH), return_dto=schema_dto(PERSON, "many"), sync_to_thread=False)
def change(data: Annotated[Any, BodyKwarg(media_type=RequestEncodingType.JSON)]) -> Any:
    return [data]


@post("/form", dto=schema_dto(PERSON), return_dto=schema_dto(PERSON), sync_to_thread=False)
def from_form(data: Annotated[Any, BodyKwarg(media_type=RequestEncodingType.URL_ENCODED)]) -> Any:
    return data


@pytest.fixture(scope="module")
def app() -> Litestar:
    """Return a bare Litestar application whose handlers use the DTO by itself."""
    config = OpenAPIConfig(title="t", version="1", create_examples=False)
    return Litestar(
        [make, make_many, change, from_form],
        exception_handlers=HANDLERS,
        openapi_config=config,
        logging_config=None,
    )


def test_the_parts_of_litestar_we_lean_on_are_there() -> None:
    """Loud on an upgrade: each of these is overridden or called by the bridge."""
    for name in ("create_for_field_definition", "create_openapi_schema", "decode_bytes", "decode_builtins",
                 "data_to_encodable_type", "generate_field_definitions", "detect_nested_field"):  # fmt: skip
        assert callable(getattr(AbstractDTO, name)), (
            f"AbstractDTO.{name} is gone: mend retinue/web/schema_dto.py"
        )
    from litestar._openapi.datastructures import SchemaRegistry

    for name in ("get_schema_for_field_definition", "get_reference_for_field_definition"):
        assert callable(getattr(SchemaRegistry, name)), f"SchemaRegistry.{name} is gone: mend Components"


def test_body_is_loaded_and_answer_dumped(app: Litestar) -> None:
    with TestClient(app) as client:
        answer = client.post(
            "/persons", json={"name": "Jiří", "secret": "x", "emails": [{"value": "a@example.org"}]}
        )
        assert answer.json() == {"name": "Jiří", "age": 7, "emails": [{"value": "a@example.org"}]}
        assert client.post("/many", json=[{"name": "A"}]).json() == {
            "items": [{"name": "A", "age": 7}],
            "next": None,
        }
        assert client.post("/patch", json={"age": 8}).json() == [{"age": 8}]
        assert client.post("/form", data={"name": "A"}).json() == {"name": "A", "age": 7}
        wrong = client.post("/many", json=[{"name": "A"}, {"name": "B", "emails": [{"value": "no"}]}])
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/1/emails/0/value")


def test_document_has_one_component_per_schema_nested_and_partial(app: Litestar) -> None:
    document = app.openapi_schema.to_schema()
    validate_document(document)
    schemas = document["components"]["schemas"]
    assert {"Person", "PersonPatch", "PersonPage", "Email"} <= set(schemas)
    person = schemas["Person"]
    assert person["required"] == ["name"]
    assert "required" not in schemas["PersonPatch"]
    properties = person["properties"]
    assert properties["id"] == {"type": "string", "format": "uuid", "readOnly": True}
    assert properties["secret"]["writeOnly"] is True
    assert properties["name"] == {"type": "string", "description": "As it is shown."}
    assert (properties["age"]["minimum"], properties["age"]["maximum"], properties["age"]["default"]) == (
        0,
        150,
        7,
    )
    assert properties["sex"]["type"] == ["string", "null"]
    assert properties["emails"] == {"type": "array", "items": {"$ref": "#/components/schemas/Email"}}
    assert schemas["PersonPage"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Person"}
    body = document["paths"]["/patch"]["post"]
    assert body["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/PersonPatch"
    }
    answer = body["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer == {"type": "array", "items": {"$ref": "#/components/schemas/Person"}}


def test_same_class_name_of_two_packages_gives_two_components() -> None:
    class TierSchema(Schema):
        name = fields.String()

    mine = TierSchema()
    other = type(
        "TierSchema", (Schema,), {"level": fields.Integer(), "__module__": "retinue_loyalty.schemas"}
    )()
    narrow = TierSchema(only=["name"])

    @post("/a", dto=schema_dto(mine), return_dto=schema_dto(other), sync_to_thread=False)
    def route_a(data: Annotated[Any, BodyKwarg(media_type=RequestEncodingType.JSON)]) -> Any:
        return data

    @post("/b", dto=schema_dto(narrow), return_dto=schema_dto(other), sync_to_thread=False)
    def route_b(data: Annotated[Any, BodyKwarg(media_type=RequestEncodingType.JSON)]) -> Any:
        return data

    config = OpenAPIConfig(title="t", version="1", create_examples=False)
    app = Litestar([route_a, route_b], openapi_config=config, logging_config=None)
    schemas = app.openapi_schema.to_schema()["components"]["schemas"]
    validate_document(app.openapi_schema.to_schema())
    assert {"Tier", "RetinueLoyaltyTier"} <= set(schemas)
    assert schemas["RetinueLoyaltyTier"]["properties"] == {"level": {"type": "integer"}}
    assert len([name for name in schemas if name.startswith("Tier")]) == 2


def test_one_instance_gives_one_class_and_laziness_keeps_the_bytes() -> None:
    assert schema_dto(PERSON) is schema_dto(PERSON)
    assert schema_dto(PERSON) is not schema_dto(PERSON, "many")
    lazy: SchemaDTO = schema_dto(PERSON, lazy=True)(None)  # type: ignore[arg-type]
    assert lazy.decode_bytes(b"{not json") == Undecoded(b"{not json")


def test_unreadable_json_and_nul_are_named() -> None:
    for bad in (b"", None, b"{", b"[" * 10_000, b"\xff"):
        with pytest.raises(BadRequest):
            read_json(bad)
    with pytest.raises(Invalid) as caught:
        read_json(rb'{"emails": [{"value": "a\u0000b"}]}')
    assert caught.value.problems[0].pointer == "/emails/0/value"


def test_bridge_costs_microseconds_not_milliseconds() -> None:
    """Measured 47 µs load, 12 µs dump of such a row; the limit leaves room for a busy machine."""
    raw = b'{"name": "Ji\xc5\x99\xc3\xad", "sex": "m", "age": 40, "emails": [{"value": "a@example.org"}]}'
    rounds = 300
    start = time.process_time()
    for _ in range(rounds):
        loaded = load(PERSON, read_json(raw))
    for _ in range(rounds):
        dump(PERSON, loaded, "one")
    end = time.process_time()
    assert (end - start) / rounds < 0.003
