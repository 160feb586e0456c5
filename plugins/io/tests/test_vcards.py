from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue_io.drafts import build_drafts
from retinue_io.faults import Invalid
from retinue_io.mapping import propose_mapping
from retinue_io.readers.vcard_lines import parse_property, split, unescape

FOUR = """BEGIN:VCARD
VERSION:4.0
FN:Ing. Jiří Novák
N:Novák;Jiří;;Ing.;Ph.D.
EMAIL;TYPE=work:jiri.novak@example.cz
EMAIL;PREF=1:jiri@example.cz
TEL;TYPE="cell,voice";VALUE=uri:tel:+420225006555
TEL;TYPE=home:+420777555321
BDAY:19800501
ADR;TYPE=home:;;Dlouhá 1\\, byt 2;Praha;;110 00;Česko
ORG:Novák s.r.o.;Sales
TITLE:ředitel
NOTE:first line\\nsecond line; with \\\\ backslash
CATEGORIES:VIP,newsletter\\, weekly
GENDER:M
URL:https://example.cz
END:VCARD
"""
THREE = """BEGIN:VCARD
VERSION:3.0
N:Yıldırım;Ayşe
FN:Ayşe Yıldırım
TEL;TYPE=WORK,VOICE:0532 555 66 77
item1.EMAIL;TYPE=INTERNET:ayse@example.com.tr
item1.X-ABLabel:_$!<Other>!$_
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQEASABIAAD
 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
BDAY:1990-01-15
ADR;TYPE=WORK:;;Atatürk Cad. 5;İzmir;;35000;Türkiye
NOTE:A very long note that is folded over
  two lines
END:VCARD
"""
OLD = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=windows-1251;ENCODING=QUOTED-PRINTABLE:=C1=E5=EB=EE=E2=E0;=C0=ED=ED=E0
TEL;CELL;PREF:+79215550142
NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:=D0=9F=D1=80=D0=B8=
=D0=B2=D0=B5=D1=82
END:VCARD
"""


def drafts(source, **hints):
    rows = list(source.rows())
    return list(build_drafts(rows, propose_mapping(source.headings, [r.cells for r in rows], **hints)))


def test_card_of_version_4_becomes_a_whole_draft(opened) -> None:
    draft = drafts(opened(FOUR, "x.vcf"))[0]
    assert draft.faults == ()
    assert draft.contact == {
        "kind": "person",
        "given_name": "Jiří",
        "family_name": "Novák",
        "title_before": "Ing.",
        "title_after": "Ph.D.",
        "sex": "male",
        "birth_date": draft.contact["birth_date"],
        "emails": [
            {"value": "jiri@example.cz", "label": ""},
            {"value": "jiri.novak@example.cz", "label": "work"},
        ],
        "phones": [
            {"value": "+420225006555", "label": "mobile"},
            {"value": "+420777555321", "label": "home"},
        ],
        "addresses": [
            {
                "street": "Dlouhá 1, byt 2",
                "city": "Praha",
                "postal_code": "110 00",
                "country": "CZ",
                "label": "home",
            }
        ],
        "city": "Praha",
        "postal_code": "110 00",
        "country": "CZ",
        "job_title": "ředitel",
        "website": "https://example.cz",
        "note": "first line\nsecond line; with \\ backslash",
        "tags": ["VIP", "newsletter", "weekly"],
    }
    assert draft.contact["birth_date"].isoformat() == "1980-05-01"
    assert draft.links == {"organisation": "Novák s.r.o."}


def test_card_of_version_3_is_read_with_folds_groups_and_national_numbers(opened) -> None:
    draft = drafts(opened(THREE, "x.vcf"))[0]
    assert draft.faults == ()
    assert draft.contact["phones"] == [{"value": "+905325556677", "label": "work"}]
    assert draft.contact["emails"] == [{"value": "ayse@example.com.tr", "label": "other"}]
    assert draft.contact["note"] == "A very long note that is folded over two lines"
    assert draft.contact["country"] == "TR"


def test_card_of_version_2_is_read_with_its_own_encoding(opened) -> None:
    draft = drafts(opened(OLD, "x.vcf"))[0]
    assert (draft.contact["family_name"], draft.contact["given_name"]) == ("Белова", "Анна")
    assert draft.contact["phones"] == [{"value": "+79215550142", "label": "mobile"}]
    assert draft.contact["note"] == "Привет"


def test_cards_are_numbered_and_share_headings(opened) -> None:
    source = opened(FOUR + THREE + OLD, "x.vcf")
    rows = list(source.rows())
    assert [row.number for row in rows] == [1, 2, 3]
    assert all(tuple(row.cells) == source.headings for row in rows)
    assert source.done() == 1.0


def test_card_without_an_end_costs_that_card(opened) -> None:
    rows = list(opened(FOUR.replace("END:VCARD\n", "") + THREE, "x.vcf").rows())
    assert rows[0].fault.code == "truncated"
    assert rows[1].fault is None


def test_card_cut_off_at_the_end_is_reported(opened) -> None:
    rows = list(opened(THREE + FOUR[:200], "x.vcf").rows())
    assert [row.fault is None for row in rows] == [True, False]


def test_line_that_is_none_is_reported_with_its_number(opened) -> None:
    rows = list(opened(FOUR.replace("GENDER:M", "no colon here"), "x.vcf").rows())
    assert "Line 15" in rows[0].fault.reason


def test_card_of_a_company_is_an_organisation(opened) -> None:
    card = "BEGIN:VCARD\nVERSION:3.0\nFN:Acme s.r.o.\nN:;;;;\nORG:Acme s.r.o.\nTEL:+420225006555\nEND:VCARD\n"
    draft = drafts(opened(card, "x.vcf"))[0]
    assert draft.contact["kind"] == "organisation"
    assert draft.contact["name"] == "Acme s.r.o."


def test_picture_of_many_megabytes_takes_no_room(opened) -> None:
    photo = "PHOTO;ENCODING=b:" + "\n ".join(["A" * 70] * 100_000) + "\n"
    rows = list(opened(THREE.replace("NOTE:", photo + "NOTE:"), "x.vcf").rows())
    assert rows[0].fault is None
    assert all(len(text) < 1000 for text in rows[0].cells.values())


def test_file_without_cards_is_refused(opened) -> None:
    with pytest.raises(Invalid):
        opened("BEGIN:VCARDS\nfoo", "x.vcf")


def test_values_are_split_at_bare_separators_only() -> None:
    assert split("a\\;b;c\\\\;d\\,e", ";") == ["a;b", "c\\", "d,e"]
    assert unescape("a\\nb\\\\n\\;") == "a\nb\\n;"


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80))
def test_any_line_is_a_property_or_none(line: str) -> None:
    found = parse_property(line)
    assert found is None or found.name


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_any_card_gives_rows_or_one_clear_error(opened, data: bytes) -> None:
    remedy = "none needed"
    try:
        for row in opened(b"BEGIN:VCARD\n" + data + b"\nEND:VCARD\n", "x.vcf").rows():
            assert row.number >= 1
    except Invalid as error:
        remedy = error.remedy
    assert remedy
