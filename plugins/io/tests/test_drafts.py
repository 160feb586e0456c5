from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue_io.drafts import build_drafts
from retinue_io.faults import Fault
from retinue_io.mapping import Column, Mapping, propose_mapping
from retinue_io.readers import Row


def draft_of(cells: dict[str, str], **hints):
    mapping = propose_mapping(list(cells), [cells], **hints)
    return next(iter(build_drafts([Row(2, cells)], mapping)))


def test_draft_of_f1_person_is_exact(opened, f1_file) -> None:
    source = opened(f1_file("utf-8", ","))
    drafts = list(build_drafts(source.rows(), propose_mapping(source.headings)))
    assert [d.faults for d in drafts] == [()] * 10
    assert drafts[0].contact == {
        "kind": "person",
        "given_name": "Jiří",
        "family_name": "Novák",
        "emails": [{"value": "jiri.novak@example.cz", "label": ""}],
        "phones": [{"value": "+420225006555", "label": ""}],
        "city": "Praha",
        "country": "CZ",
        "language": "cs",
    }
    assert drafts[0].links == {"external_id": "C01"}


@pytest.mark.parametrize(
    ("encoding", "delimiter", "headings"),
    [
        (
            "cp1251",
            ";",
            {"given_name": "Имя", "family_name": "Фамилия", "email": "Эл. почта", "phone": "Телефон"},
        ),
        (
            "cp1250",
            ";",
            {"given_name": "Jméno", "family_name": "Příjmení", "email": "E-mail", "phone": "Telefon"},
        ),
        (
            "iso8859_9",
            "\t",
            {"given_name": "Ad", "family_name": "Soyad", "email": "E-posta", "phone": "Telefon"},
        ),
        (
            "utf-16",
            "\t",
            {"given_name": "Vorname", "family_name": "Nachname", "email": "E-Mail", "phone": "Telefon"},
        ),
    ],
)
def test_draft_is_the_same_whatever_the_encoding(
    opened, f1_file, f1_people, encoding, delimiter, headings
) -> None:
    """The same people as cp1251, cp1250, ISO-8859-9 and UTF-16 files with headings of the country."""
    source = opened(f1_file(encoding, delimiter, headings))
    by_id = {person["id"]: person for person in f1_people}
    drafts = list(build_drafts(source.rows(), propose_mapping(source.headings)))
    assert len(drafts) >= 4
    for draft in drafts:
        person = by_id[draft.links["external_id"]]
        assert draft.faults == ()
        assert draft.contact["given_name"] == person["given_name"]
        assert draft.contact["family_name"] == person["family_name"]
        assert draft.contact["emails"][0]["value"] == person["email"]
        assert draft.contact["phones"][0]["value"] == person["phone"]


def test_draft_of_febrl_takes_every_row_and_names_three_bad_dates(opened, febrl) -> None:
    """All 1,000 rows come in when bad dates are left out; by default these three would be rejected."""
    source = opened(febrl)
    mapping = propose_mapping(source.headings, [row.cells for row in source.rows()])
    assert sum(d.rejected for d in build_drafts(source.rows(), mapping)) == 3
    lenient = [
        msgspec.structs.replace(c, on_fault="leave_out") if c.target == "birth_date" else c
        for c in mapping.columns
    ]
    drafts = list(build_drafts(source.rows(), msgspec.structs.replace(mapping, columns=tuple(lenient))))
    assert len(drafts) == 1000
    assert not any(d.rejected for d in drafts)
    assert [(f.row, f.column, f.code) for d in drafts for f in d.faults] == [
        (146, "date_of_birth", "date"),
        (149, "date_of_birth", "date"),
        (588, "date_of_birth", "date"),
    ]
    assert drafts[0].contact["addresses"] == [
        {
            "street": "6 tullaroop street, willaroo",
            "city": "st james",
            "postal_code": "4011",
            "region": "wa",
            "label": "",
        }
    ]


def test_draft_of_google_export_takes_labels_and_several_values() -> None:
    draft = draft_of(
        {
            "Name": "Ayşe Yıldırım",
            "Given Name": "Ayşe",
            "Family Name": "Yıldırım",
            "Group Membership": "* myContacts ::: VIP",
            "E-mail 1 - Type": "* Work",
            "E-mail 1 - Value": "ayse@example.com.tr ::: a2@example.com.tr",
            "E-mail 2 - Type": "Home",
            "E-mail 2 - Value": "ev@example.com.tr",
            "Phone 1 - Type": "Mobile",
            "Phone 1 - Value": "0532 555 66 77",
            "Address 1 - Type": "Home",
            "Address 1 - Formatted": "Atatürk Cad. 5\nİzmir",
            "Address 1 - Street": "Atatürk Cad. 5",
            "Address 1 - City": "İzmir",
            "Address 1 - Country": "Turkey",
            "Organization 1 - Name": "Yıldırım A.Ş.",
        }
    )
    assert draft.faults == ()
    assert draft.contact["emails"] == [
        {"value": "ayse@example.com.tr", "label": "work"},
        {"value": "a2@example.com.tr", "label": ""},
        {"value": "ev@example.com.tr", "label": "home"},
    ]
    assert draft.contact["phones"] == [{"value": "+905325556677", "label": "mobile"}]
    assert draft.contact["tags"] == ["VIP"]
    assert draft.contact["addresses"] == [
        {"street": "Atatürk Cad. 5", "city": "İzmir", "country": "TR", "label": "home"}
    ]
    assert (draft.contact["country"], draft.contact["city"]) == ("TR", "İzmir")
    assert draft.links == {"organisation": "Yıldırım A.Ş."}
    assert "name" not in draft.contact


def test_draft_of_outlook_export_joins_the_lines_of_an_address() -> None:
    draft = draft_of(
        {
            "Title": "Dr.",
            "First Name": "Lukas",
            "Last Name": "Straßer",
            "Business Street": "Hauptstr. 1",
            "Business Street 2": "Hinterhaus",
            "Business City": "Berlin",
            "Business Country/Region": "Deutschland",
            "Business Fax": "030 555020",
            "Business Phone": "030 555019",
            "E-mail Address": "l@example.de",
            "E-mail 2 Address": "l@example.de",
            "Birthday": "0/0/00",
            "Home Phone 2": "",
        }
    )
    assert draft.contact["title_before"] == "Dr."
    assert draft.contact["addresses"] == [
        {"street": "Hauptstr. 1, Hinterhaus", "city": "Berlin", "country": "DE", "label": "work"}
    ]
    assert draft.contact["phones"] == [
        {"value": "+4930555020", "label": "fax"},
        {"value": "+4930555019", "label": "work"},
    ]
    assert draft.contact["emails"] == [{"value": "l@example.de", "label": ""}]


def test_draft_keeps_every_fault_and_the_rest_of_the_row() -> None:
    draft = draft_of(
        {"Name": "Novák, Jiří", "Email": "nonsense", "Phone": "12", "Country": "Atlantis", "City": "Brno"}
    )
    assert [(f.row, f.column, f.code) for f in draft.faults] == [
        (2, "Country", "country"),
        (2, "Email", "email"),
        (2, "Phone", "phone"),
    ]
    assert draft.rejected
    assert (draft.contact["given_name"], draft.contact["city"]) == ("Jiří", "Brno")
    assert all(fault.reason and fault.remedy for fault in draft.faults)


def test_draft_of_a_company_is_an_organisation() -> None:
    draft = draft_of(
        {"Company": "Acme s.r.o.", "First Name": "", "Last Name": "", "Email": "info@example.cz"}
    )
    assert (draft.contact["kind"], draft.contact["name"], draft.links) == ("organisation", "Acme s.r.o.", {})


def test_draft_of_an_empty_row_names_nobody() -> None:
    draft = draft_of({"First Name": " ", "City": "Brno"})
    assert [f.code for f in draft.faults] == ["nameless"]


def test_draft_reads_telephones_by_the_country_of_the_row_before_that_of_the_mapping() -> None:
    cells = {"Name": "X Y", "Phone": "0532 555 66 77", "Country": "TR"}
    assert draft_of(cells, region="CZ").contact["phones"][0]["value"] == "+905325556677"
    assert (
        draft_of({**cells, "Phone": "777555321", "Country": ""}, region="CZ").contact["phones"][0]["value"]
        == "+420777555321"
    )


def test_draft_reads_custom_fields_by_their_kind() -> None:
    columns = (
        Column(heading="n", target="given_name"),
        Column(heading="a", target="custom.points", kind="integer"),
        Column(heading="b", target="custom.rate", kind="decimal"),
        Column(heading="c", target="custom.vip", kind="boolean"),
        Column(heading="d", target="custom.since", kind="date", order="mdy"),
        Column(heading="e", target="custom.tier", kind="choice"),
        Column(heading="f", target="custom.likes", kind="multi_choice"),
        Column(heading="g", target="custom.free"),
    )
    cells = {
        "n": "A",
        "a": "1 200",
        "b": "1,5",
        "c": "ano",
        "d": "12/31/2020",
        "e": "Zlatá",
        "f": "x; y",
        "g": "text",
    }
    choices = {"tier": {"gold": "Zlatá"}}
    draft = next(iter(build_drafts([Row(2, cells)], Mapping(columns=columns), choices=choices)))
    assert draft.faults == ()
    assert draft.contact["custom"] == {
        "points": 1200,
        "rate": "1.5",
        "vip": True,
        "since": "2020-12-31",
        "tier": "gold",
        "likes": ["x", "y"],
        "free": "text",
    }


def test_draft_of_a_broken_row_carries_its_fault() -> None:
    fault = Fault(2, "", "broken", "mend it", "malformed")
    mapping = propose_mapping(["Name"])
    draft = next(iter(build_drafts([Row(2, {"Name": "A B"}, fault)], mapping)))
    assert draft.rejected
    assert draft.faults == (fault,)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=11, max_size=11))
def test_draft_of_any_row_is_built(values: list[str]) -> None:
    headings = [
        "Name",
        "E-mail 1",
        "E-mail 1 label",
        "Phone",
        "Birthday",
        "Country",
        "Street",
        "City",
        "Tags",
        "Note",
        "Sex",
    ]
    draft = next(
        iter(build_drafts([Row(2, dict(zip(headings, values, strict=True)))], propose_mapping(headings)))
    )
    assert draft.contact["kind"] == "person"
    assert all(fault.reason and fault.row == 2 for fault in draft.faults)
