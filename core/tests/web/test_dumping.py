"""The compiled dump gives what marshmallow gives, for every kind of field, row and override."""

from __future__ import annotations

from collections import namedtuple
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from marshmallow import Schema, fields, post_dump, pre_dump

from retinue.web.dumping import dump_row, dump_rows, dumper_of


class Colour(Enum):
    RED = 1


class InnerSchema(Schema):
    label = fields.String()
    at = fields.DateTime(data_key="when")


class AllSchema(Schema):
    text = fields.String()
    number = fields.Integer()
    number_text = fields.Integer(as_string=True)
    flag = fields.Boolean()
    uid = fields.UUID()
    moment = fields.DateTime()
    moment_unix = fields.DateTime(format="timestamp")
    day = fields.Date()
    day_cz = fields.Date(format="%d.%m.%Y")
    clock = fields.Time()
    money = fields.Decimal(as_string=True)
    colour = fields.Enum(Colour)
    raw = fields.Raw()
    inner = fields.Nested(InnerSchema)
    inners = fields.List(fields.Nested(InnerSchema))
    days = fields.List(fields.Date())
    table = fields.Dict(keys=fields.String(), values=fields.Integer())
    renamed = fields.String(attribute="source", data_key="target")
    dotted = fields.String(attribute="inner.label")
    secret = fields.String(load_only=True)
    filled = fields.Integer(dump_default=7)
    made = fields.Integer(dump_default=lambda: 8)
    constant = fields.Constant("c")
    method = fields.Method("shout")
    function = fields.Function(lambda row: "f")

    def shout(self, row: Any) -> str:
        return "m"


ALL = AllSchema()
FULL: dict[str, Any] = {
    "text": "Jiří", "number": 3, "number_text": 4, "flag": True, "uid": UUID(int=5),
    "moment": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "moment_unix": datetime(2026, 1, 2, tzinfo=UTC),
    "day": date(2026, 1, 2), "day_cz": date(2026, 1, 2), "clock": time(1, 2), "money": Decimal("1.50"),
    "colour": Colour.RED, "raw": {"a": [1]}, "inner": {"label": "i", "at": None},
    "inners": [{"label": "j"}, {"label": None}],
    "days": [date(2026, 1, 2), None], "table": {"a": 1}, "source": "s", "secret": "x", "filled": 1, "made": 2,
}  # fmt: skip
ODD: dict[str, Any] = {
    "text": 5,
    "number": "6",
    "uid": str(UUID(int=7)),
    "flag": "yes",
    "source": b"bytes",
    "number_text": True,
}


@pytest.mark.parametrize("values", [FULL, {}, dict.fromkeys(FULL), ODD, {"number": True}])
def test_compiled_dump_equals_marshmallows_for_dicts_objects_and_tuples(values: dict[str, Any]) -> None:
    assert dumper_of(ALL) is not None
    rows: list[Any] = [values, SimpleNamespace(**values)]
    if values:
        rows.append(namedtuple("Row", values)(**values))
    for row in rows:
        assert dump_row(ALL, row) == ALL.dump(row)
    assert dump_rows(ALL, rows) == ALL.dump(rows, many=True)


def test_narrowed_schema_is_compiled_narrowed() -> None:
    narrow = AllSchema(only=("text", "inner.label"))
    assert dump_row(narrow, FULL) == narrow.dump(FULL) == {"text": "Jiří", "inner": {"label": "i"}}


def test_hooks_and_overrides_take_marshmallows_own_way() -> None:
    class Before(Schema):
        a = fields.Integer()

        @pre_dump
        def double(self, row: Any, **_: Any) -> Any:
            return {"a": row["a"] * 2}

    class After(Schema):
        a = fields.Integer()

        @post_dump(pass_collection=True)
        def wrap(self, data: Any, many: bool = False, **_: Any) -> Any:
            return {"many": many, "data": data}

    class Reader(Schema):
        a = fields.Integer()

        def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
            return 9

    class Loud(fields.String):
        def serialize(self, *args: Any, **kwargs: Any) -> Any:
            return "loud"

    class Own(Schema):
        a = Loud()

    for schema in (Before(), After(), Reader(), Own()):
        assert dump_row(schema, {"a": 1}) == schema.dump({"a": 1})
        assert dump_rows(schema, [{"a": 1}]) == schema.dump([{"a": 1}], many=True)


def test_values_marshmallow_refuses_are_refused_alike() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        dump_row(ALL, {"number": "six"})
