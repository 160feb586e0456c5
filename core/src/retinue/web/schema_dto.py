"""The bridge between marshmallow and Litestar: one Schema instance becomes one DTO class.

Litestar keeps the routing and the document, marshmallow says what a field may look like. A request body is
decoded by msgspec and loaded by the schema; an answer is dumped by it; apispec turns it into an OpenAPI 3.1
component that is entered in Litestar's registry, so that nested schemas become references there. This file
is the piece most likely to break with a new Litestar: `core/tests/web/test_schema_dto.py` says so loudly.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from weakref import WeakKeyDictionary, ref

import msgspec
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import MODIFIERS, make_schema_key
from litestar.dto import AbstractDTO
from litestar.openapi.spec import Reference
from litestar.openapi.spec import Schema as OpenAPISchema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.response import Response
from litestar.typing import FieldDefinition
from marshmallow import Schema, ValidationError

from retinue.errors import BadRequest, Invalid, Problem
from retinue.web import problems
from retinue.web.dumping import dump_row, dump_rows

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator  # only named in an overridden signature
    from litestar.dto._backend import DTOBackend  # the same
    from litestar.dto.data_structures import DTOFieldDefinition

Kind = Literal["one", "many", "page"]
_PREFIX: Final = "#/components/schemas/"


class Undecoded(msgspec.Struct, frozen=True):
    """A request body that waits to be read: after the sender is known, and off the event loop."""

    raw: bytes


def read_json(raw: bytes | None) -> Any:
    """Return the JSON in `raw`; BadRequest if it is none, Invalid if it holds what no database keeps."""
    if not raw:
        raise BadRequest("The body is empty.", remedy="Send a JSON document.")
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise BadRequest(
            f"The body is not JSON: {wrong}.", remedy="Send a JSON document in UTF-8."
        ) from wrong
    except RecursionError as wrong:
        raise BadRequest("The body is nested too deeply.", remedy="Send a flatter document.") from wrong
    if rb"\u0000" in raw or b"\x00" in raw:
        _refuse_nul(value, "")
    return value


def _refuse_nul(value: Any, pointer: str) -> None:
    """Raise Invalid at the first text with a NUL character: PostgreSQL cannot store it."""
    match value:
        case str() if "\x00" in value:
            raise Invalid(
                "A text holds a NUL character.", problems=[Problem(pointer, "holds a NUL character")]
            )
        case dict():
            for key, inner in value.items():
                _refuse_nul(key, pointer)
                _refuse_nul(inner, f"{pointer}/{key}")
        case list():
            for index, inner in enumerate(value):
                _refuse_nul(inner, f"{pointer}/{index}")


def load(schema: Schema, value: Any, *, many: bool = False) -> Any:
    """Return `value` as `schema` reads it; Invalid (422) with a pointer per complaint."""
    try:
        return schema.load(value, many=many)
    except ValidationError as wrong:
        raise problems.invalid(wrong) from wrong


class SchemaDTO(AbstractDTO[Any]):
    """Base of the DTO classes that `schema_dto` makes."""

    schema: ClassVar[Schema]
    kind: ClassVar[Kind]
    lazy: ClassVar[bool]

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: type[DTOBackend] | None = None
    ) -> None:
        """Do nothing: there is no transfer model to generate."""

    @classmethod
    def generate_field_definitions(cls, _: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        """Yield nothing: the fields are the schema's."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, _: FieldDefinition) -> bool:
        """Return False: nesting is the schema's."""
        return False

    @classmethod
    def is_supported_model_type_field(cls, _: FieldDefinition) -> bool:
        """Return True: what a handler returns is for the schema to dump, whatever its type."""
        return True

    def decode_bytes(self, value: bytes) -> Any:
        """Return the loaded JSON body, or keep it for later if the DTO is lazy."""
        if self.lazy:
            return Undecoded(value)
        return load(self.schema, read_json(value), many=self.kind == "many")

    def decode_builtins(self, value: dict[str, Any]) -> Any:
        """Return the loaded form fields."""
        return load(self.schema, value, many=self.kind == "many")

    def data_to_encodable_type(self, data: Any) -> Any:
        """Return `data` as the schema shows it; an answer that is already made passes through."""
        if isinstance(data, Response):
            return data
        return dump(self.schema, data, self.kind)

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: SchemaCreator
    ) -> Reference | OpenAPISchema:
        """Return a reference to the schema's component (for many: an array of it)."""
        del field_definition, handler_id  # the schema alone decides
        components = Components.of(schema_creator.schema_registry)
        if cls.kind == "page":
            return components.page(cls.schema)
        reference = components.reference(cls.schema)
        if cls.kind == "many":
            return OpenAPISchema(type=OpenAPIType.ARRAY, items=reference)
        return reference


def dump(schema: Schema, data: Any, kind: Kind) -> Any:
    """Return `data` as `schema` shows it; a page is a dict whose ``items`` are dumped."""
    if kind == "page":
        return {**data, "items": dump_rows(schema, data["items"])}
    return dump_rows(schema, data) if kind == "many" else dump_row(schema, data)


_made: dict[tuple[int, Kind, bool], type[SchemaDTO]] = {}


def schema_dto(schema: Schema, kind: Kind = "one", *, lazy: bool = False) -> type[SchemaDTO]:
    """Return the DTO class of one Schema instance; the same instance always gives the same class.

    A lazy one leaves the body undecoded: the edge reads it in the worker thread, once the sender is known.
    """
    key = (id(schema), kind, lazy)
    if key not in _made:
        body = {
            "schema": schema,
            "kind": kind,
            "lazy": lazy,
            "__doc__": "Made by schema_dto.",
            "__slots__": (),
        }
        _made[key] = type(f"{_bare_name(type(schema))}{kind.title()}DTO", (SchemaDTO,), body)
    return _made[key]


def _bare_name(cls: type[Schema]) -> str:
    return cls.__name__.removesuffix("Schema") or cls.__name__


def _keyword(name: str) -> str:
    """Return the JSON Schema keyword of an attribute of Litestar's Schema: ``read_only`` is ``readOnly``."""
    head, *rest = name.removeprefix("schema_").split("_")
    return head + "".join(part.title() for part in rest)


_FIELDS: Final[Mapping[str, str]] = {
    _keyword(field.name): field.name for field in dataclasses.fields(OpenAPISchema)
}


class Components:
    """The components of one OpenAPI document: apispec resolves schemas, Litestar's registry holds them."""

    _documents: ClassVar[WeakKeyDictionary[Any, Components]] = WeakKeyDictionary()

    def __init__(self, registry: Any) -> None:
        self._registry = ref(registry)
        self._entered: set[str] = set()
        self._names: dict[str, Any] = {}
        self._plugin = MarshmallowPlugin(schema_name_resolver=self._name)
        self._spec = APISpec("components", "1", "3.1.0", plugins=[self._plugin])
        self._types: dict[str, FieldDefinition] = {}

    @classmethod
    def of(cls, registry: Any) -> Components:
        """Return the components of the document whose registry this is."""
        if registry not in cls._documents:
            cls._documents[registry] = cls(registry)
        return cls._documents[registry]

    def reference(self, schema: Schema) -> Reference:
        """Return a fresh reference to the component of `schema`, entering it and all it nests."""
        name = self._resolve(schema)
        self._enter_all()
        return self._refer(name)

    def page(self, schema: Schema) -> Reference:
        """Return a reference to the component of one page of `schema`."""
        item = self._resolve(schema)
        self._enter_all()
        name = f"{item}Page"
        if name not in self._entered:
            self._enter(name, _page_of(item))
        return self._refer(name)

    def _resolve(self, schema: Schema) -> str:
        converter = self._plugin.converter
        if converter is None:
            raise RuntimeError("apispec has not initialised its marshmallow plugin")
        converter.resolve_nested_schema(schema)  # type: ignore[no-untyped-call]  # apispec is half typed
        name: str = converter.refs[make_schema_key(schema)]
        return name

    def _name(self, schema: Any) -> str:
        """Return a component name no other schema has: the class, Patch if partial, its package if taken."""
        instance = schema() if isinstance(schema, type) else schema
        key = make_schema_key(instance)
        bare = _bare_name(type(instance))
        partial = "Patch" if instance.partial else ""
        narrowed = [getattr(instance, modifier) for modifier in MODIFIERS if modifier != "partial"]
        mark = (
            hashlib.sha256(repr(sorted(map(repr, narrowed))).encode()).hexdigest()[:6]
            if any(narrowed)
            else ""
        )
        package = type(instance).__module__.partition(".")[0].title().replace("_", "")
        for name in (f"{bare}{mark}{partial}", f"{package}{bare}{mark}{partial}"):
            if self._names.setdefault(name, key) == key:
                return name
        raise ValueError(f"two schemas of {package} are named {bare}; rename one")

    def _enter_all(self) -> None:
        """Enter every component that apispec knows and the registry does not."""
        for name, schema in self._spec.components.schemas.items():
            if name not in self._entered:
                self._enter(name, schema)

    def _enter(self, name: str, schema: Mapping[str, Any]) -> None:
        """Fill the registry's schema of a stand-in type of that name with what apispec found."""
        self._entered.add(name)
        self._types[name] = FieldDefinition.from_annotation(type(name, (), {"__module__": "retinue"}))
        target = self._live().get_schema_for_field_definition(self._types[name])
        for keyword, value in schema.items():
            setattr(target, _FIELDS[keyword], value)

    def _live(self) -> Any:
        registry = self._registry()
        if registry is None:
            raise RuntimeError("the document that these components belong to is gone")
        return registry

    def _refer(self, name: str) -> Reference:
        reference = self._live().get_reference_for_field_definition(self._types[name])
        if not isinstance(reference, Reference):
            raise RuntimeError(f"the registry lost the component {name}")
        return reference


def _page_of(item: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {"type": "array", "items": {"$ref": _PREFIX + item}},
            "next": {
                "type": ["string", "null"],
                "description": "The cursor of the next page; null on the last.",
            },
            "count": {"type": "integer", "description": "How many there are, only with include=count."},
            "count_capped": {"type": "boolean", "description": "True if there are more than count says."},
        },
    }
