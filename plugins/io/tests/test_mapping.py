from __future__ import annotations

import msgspec
import pytest

from retinue_io.faults import Invalid
from retinue_io.mapping import Column, Mapping, check_mapping, fit_mapping, load_mapping, propose_mapping


def test_mapping_of_f1_is_complete(opened, f1_file) -> None:
    source = opened(f1_file("utf-8", ","))
    mapping = propose_mapping(source.headings, [row.cells for row in source.rows()])
    assert [c.target for c in mapping.columns] == [
        "external_id",
        "given_name",
        "family_name",
        "emails",
        "phones",
        "city",
        "country",
        "language",
    ]
    assert mapping.unknown == ()


def test_mapping_of_febrl_lists_the_unknown_column_with_a_suggestion(opened, febrl) -> None:
    source = opened(febrl)
    mapping = propose_mapping(source.headings, [row.cells for row in source.rows()])
    assert mapping.unknown == ("soc_sec_id",)
    assert (mapping.suggestions[0].key, mapping.suggestions[0].kind) == ("soc_sec_id", "integer")
    assert [c.target for c in mapping.columns[:3]] == ["external_id", "given_name", "family_name"]
    assert {c.part for c in mapping.columns if c.target == "addresses"} == {"number", "street"}


def test_mapping_saved_is_the_same_when_loaded() -> None:
    mapping = propose_mapping(
        ["Jméno", "Příjmení", "Datum narození", "Kolo"], [{"Datum narození": "31.12.1980"}], locale="cs"
    )
    assert load_mapping(mapping.to_json()) == mapping
    assert mapping.region == "CZ"


def test_mapping_fits_the_next_file_by_its_headings() -> None:
    saved = Mapping(
        columns=(
            Column(heading="A", target="given_name"),
            Column(heading="B", target="emails", part="value"),
        ),
        region="DE",
    )
    fitted = fit_mapping(saved, ["B", "City", "Email", "Wheels", "A"])
    assert [(c.heading, c.target) for c in fitted.columns] == [
        ("B", "emails"),
        ("City", "city"),
        ("Email", ""),
        ("Wheels", ""),
        ("A", "given_name"),
    ]
    assert fitted.region == "DE"
    assert fitted.unknown == ("Email", "Wheels")


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b'{"columns": 3}',
        b'{"columns": [{"heading": "a", "target": "password"}]}',
        b'{"columns": [{"heading": "a", "target": "emails", "part": "street"}]}',
        b'{"columns": [{"heading": "a", "target": "custom.a b"}]}',
        b'{"columns": [{"heading": "a", "target": "city"}, {"heading": "b", "target": "city"}]}',
        b'{"columns": [{"heading": "a", "target": "custom.x", "kind": "blob"}]}',
        b"\xff\xfe",
    ],
)
def test_mapping_that_makes_no_sense_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        load_mapping(data)
    assert caught.value.remedy


def test_mapping_proposed_always_passes_its_own_check() -> None:
    headings = [
        "Name",
        "Name (2)",
        "City",
        "Ort",
        "Email",
        "E-mail",
        "Mail",
        "Street",
        "Address",
        "Street 2",
        "Note",
        "Notes",
    ]
    mapping = propose_mapping(headings)
    assert check_mapping(mapping) is mapping
    assert [c.index for c in mapping.columns if c.target == "emails"] in ([0], [0, 1, 2], [0, 1])


def test_unknown_heading_over_addresses_is_taken_for_email() -> None:
    sample = [{"Kontakt X": f"a{i}@example.com", "Foo": f"+42077755532{i}"} for i in range(5)]
    columns = propose_mapping(["Kontakt X", "Foo"], sample).columns
    assert [(c.target, c.confidence) for c in columns] == [("emails", 0.5), ("phones", 0.5)]


def test_date_order_is_chosen_over_the_whole_column() -> None:
    sample = [{"Birthday": "03/04/1980"}, {"Birthday": "12/31/1980"}]
    assert propose_mapping(["Birthday"], sample).columns[0].order == "mdy"
    assert propose_mapping(["Birthday"], sample[:1]).columns[0].order == "dmy"
    assert propose_mapping(["Birthday"], sample[:1], locale="en-US").columns[0].order == "mdy"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["yes", "no", "yes"], "boolean"),
        (["1", "22", "333"], "integer"),
        (["1,5", "2.5", "3"], "decimal"),
        (["2020-01-05", "31.12.2021"], "date"),
        (["0123", "0456"], "text"),
        (["gold", "silver"] * 20, "choice"),
        (["x" * 300], "long_text"),
        ([], "text"),
    ],
)
def test_custom_field_is_suggested_in_the_narrowest_kind(values: list[str], kind: str) -> None:
    mapping = propose_mapping(["Zzz"], [{"Zzz": value} for value in values])
    assert mapping.suggestions[0].kind == kind


def test_error_columns_of_an_error_file_are_left_out() -> None:
    mapping = propose_mapping(["Name", "row", "column", "reason"])
    assert [c.target for c in mapping.columns] == ["name", "", "", ""]
    assert mapping.unknown == ()


def test_mapping_is_frozen() -> None:
    with pytest.raises(AttributeError):
        propose_mapping(["Name"]).region = "CZ"  # type: ignore[misc]
    assert msgspec.structs.replace(propose_mapping(["Name"]), region="CZ").region == "CZ"
