from __future__ import annotations

import datetime as dt
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue_io.faults import Invalid, TooLarge
from retinue_io.readers import archive, detect_kind, sheet_names

PEOPLE = [
    ["Name", "Phone", "Born", "Active", "Points"],
    ["Anna", "+420777555321", dt.date(1980, 5, 1), True, 12.5],
]


def test_sheet_cells_come_out_as_a_person_would_type_them(opened, workbook) -> None:
    rows = list(opened(workbook([*PEOPLE, ["Eva", 777555321, None, False, 3]]), "x.xlsx").rows())
    assert rows[0].number == 2
    assert rows[0].cells == {
        "Name": "Anna",
        "Phone": "+420777555321",
        "Born": "1980-05-01",
        "Active": "true",
        "Points": "12.5",
    }
    assert list(rows[1].cells.values()) == ["Eva", "777555321", "", "false", "3"]


def test_sheet_rows_keep_their_numbers_below_empty_ones(opened, workbook) -> None:
    source = opened(workbook(PEOPLE, first_row=4), "x.xlsx")
    assert source.headings[0] == "Name"
    assert [row.number for row in source.rows()] == [6]


def test_sheet_of_a_name_is_chosen_and_an_unknown_one_refused(opened, workbook) -> None:
    data = workbook(PEOPLE)
    assert sheet_names(io.BytesIO(data), "xlsx") == ["People"]
    assert opened(data, "x.xlsx", sheet="People").reading.sheet == "People"
    with pytest.raises(Invalid) as caught:
        opened(data, "x.xlsx", sheet="Nobody")
    assert "People" in caught.value.remedy


def test_ods_sheet_is_read(opened, ods) -> None:
    cell = "<table:table-cell office:value-type='string'><text:p>{}</text:p></table:table-cell>"
    rows = "".join(
        f"<table:table-row>{cell.format(a)}{cell.format(b)}</table:table-row>"
        for a, b in [("Name", "City"), ("Şule", "İzmir")]
    )
    source = opened(ods(rows), "x.ods")
    assert [row.cells for row in source.rows()] == [{"Name": "Şule", "City": "İzmir"}]


def test_empty_sheet_is_refused(opened, workbook) -> None:
    with pytest.raises(Invalid, match="empty"):
        opened(workbook([]), "x.xlsx")


@pytest.mark.parametrize("keep", [30, 200, 0.5, 0.9, 0.99])
def test_truncated_workbook_is_refused(opened, workbook, keep: float) -> None:
    data = workbook(PEOPLE * 50)
    cut = int(keep if keep > 1 else len(data) * keep)
    with pytest.raises(Invalid) as caught:
        opened(data[:cut], "x.xlsx")
    assert caught.value.code == "damaged"
    assert caught.value.remedy


def test_zip_bomb_by_size_is_refused_before_it_is_unpacked(opened, workbook, repacked, monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 9_000_000)
    bomb = repacked(workbook(PEOPLE), xl__media__a_dot_png=b"\0" * 10_000_000)
    assert len(bomb) < 20_000
    with pytest.raises(TooLarge) as caught:
        opened(bomb, "x.xlsx")
    assert "MB" in caught.value.detail


def test_zip_bomb_by_ratio_is_refused(opened, workbook, repacked) -> None:
    with pytest.raises(TooLarge, match="200 times"):
        opened(repacked(workbook(PEOPLE), xl__media__a_dot_png=b"\0" * 20_000_000), "x.xlsx")


def test_zip_with_a_lying_directory_is_refused(opened, workbook, repacked) -> None:
    """The directory says 10 bytes, the part has more: the checksum tells."""
    data = bytearray(repacked(workbook(PEOPLE), xl__worksheets__sheet1_dot_xml=b"<worksheet>" + b" " * 5000))
    place = data.rfind(b"xl/worksheets/sheet1.xml") - 46
    data[place + 24 : place + 28] = (10).to_bytes(4, "little")
    with pytest.raises(Invalid):
        opened(bytes(data), "x.xlsx")


def test_zip_with_too_many_parts_is_refused(opened) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(2_500):
            archive.writestr(f"xl/{number}.xml", "")
    with pytest.raises(TooLarge, match="parts"):
        opened(out.getvalue(), "x.xlsx")


@pytest.mark.parametrize(
    "head",
    [
        b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><worksheet/>',
        b'<?xml version="1.0"?>' + b" " * 400_000 + b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><worksheet/>',
        '<?xml version="1.0" encoding="UTF-16"?><worksheet/>'.encode("utf-16"),
    ],
)
def test_entity_tricks_are_refused(opened, workbook, repacked, head: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        opened(repacked(workbook(PEOPLE), xl__worksheets__sheet1_dot_xml=head), "x.xlsx")
    assert caught.value.code == "unsafe-xml"


@pytest.mark.parametrize(
    "cells",
    [
        b'<row r="1"><c r="A1" t="str"><v>a</v></c></row>'
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        b"<row r='1'><c s='1' r='A1'><v>a</v></c></row>"
        b"<row r='9999999'><c t='n' r='ZZZ9999999'><v>1</v></c></row>",
        b'<x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c></x:row><x:row r="900000"><x:c r="XFD900000"/></x:row>',
    ],
)
def test_stray_cell_far_away_is_refused(opened, workbook, repacked, cells: bytes) -> None:
    """The library lays out the whole rectangle: two cells could ask for 17,000,000,000."""
    sheet = (
        b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        b'xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + cells
        + b"</sheetData></worksheet>"
    )
    with pytest.raises(TooLarge) as caught:
        opened(repacked(workbook(PEOPLE), xl__worksheets__sheet1_dot_xml=sheet), "x.xlsx")
    assert "CSV" in caught.value.remedy


def test_cells_without_references_are_counted_as_they_come(opened, workbook, repacked) -> None:
    """A thousand narrow rows and one very wide: the rectangle is what both ask for."""
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    head = b'<worksheet xmlns="' + space + b'"><sheetData>'
    cell, tail = b"<c><v>1</v></c>", b"</sheetData></worksheet>"
    narrow = b"<row>" + cell + b"</row>"
    wide = b"<row>" + cell * 5_000 + b"</row>"
    with pytest.raises(TooLarge):
        opened(
            repacked(workbook(PEOPLE), xl__worksheets__sheet1_dot_xml=head + narrow * 1000 + wide + tail),
            "x.xlsx",
        )


def test_sheet_hidden_under_another_name_is_examined_too(opened, workbook, repacked) -> None:
    far = (
        b'<worksheet><sheetData><row r="1"><c r = "A1"/></row>'
        b'<row r="1048576"><c r = "XFD1048576"/></row></sheetData>'
    )
    with pytest.raises(TooLarge):
        opened(repacked(workbook(PEOPLE), xl__evil_dot_bin=far), "x.xlsx")


def test_repeated_cells_of_ods_are_counted(opened, ods) -> None:
    rows = (
        "<table:table-row table:number-rows-repeated='1000000'>"
        "<table:table-cell table:number-columns-repeated='1000' office:value-type='string'><text:p>x</text:p>"
        "</table:table-cell></table:table-row>"
    )
    with pytest.raises(TooLarge):
        opened(ods(rows), "x.ods")


def test_repeated_empty_rows_at_the_end_of_ods_are_no_matter(opened, ods) -> None:
    cell = "<table:table-cell office:value-type='string'><text:p>{}</text:p></table:table-cell>"
    rows = "".join(f"<table:table-row>{cell.format(v)}</table:table-row>" for v in ("Name", "Anna"))
    rows += (
        "<table:table-row table:number-rows-repeated='1048574'>"
        "<table:table-cell table:number-columns-repeated='1024'/></table:table-row>"
    )
    assert [row.cells for row in opened(ods(rows), "x.ods").rows()] == [{"Name": "Anna"}]


def test_entities_in_ods_are_refused(opened, ods) -> None:
    with pytest.raises(Invalid) as caught:
        opened(ods("", prolog='<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>'), "x.ods")
    assert caught.value.code == "unsafe-xml"


def test_password_is_named(opened, workbook) -> None:
    data = bytearray(workbook(PEOPLE))
    place = data.rfind(b"xl/workbook.xml") - 46
    data[place + 8] |= 1
    with pytest.raises(Invalid, match="password"):
        opened(bytes(data), "x.xlsx")


@pytest.mark.parametrize(
    ("data", "name", "word"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "x.xls", "XLS"),
        (b"%PDF-1.7", "x.csv", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "x.csv", "picture"),
        (b"\x1f\x8b\x08\x00", "x.csv", "compressed"),
        (b"PK\x03\x04" + b"\0" * 40, "x.csv", "named"),
        (b"name,city\nAnna,Brno\n", "x.xlsx", "named"),
        (b"name,city\nAnna,Brno\n", "x.vcf", "named"),
        (b"BEGIN:VCARD\nEND:VCARD\n", "x.csv", "named"),
        (b"<html><table><tr><td>Name", "x.xls", "web page"),
        (b"", "x.csv", "empty"),
    ],
)
def test_wrong_kind_of_file_is_named(data: bytes, name: str, word: str) -> None:
    with pytest.raises(Invalid) as caught:
        detect_kind(io.BytesIO(data), name)
    assert word in caught.value.detail
    assert caught.value.remedy


def test_kind_chosen_against_the_file_is_refused(opened) -> None:
    with pytest.raises(Invalid, match="not XLSX"):
        opened("a,b\n", "x.csv", kind="xlsx")


def test_zip_that_is_no_workbook_is_refused(opened) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("holiday.txt", "hello")
    with pytest.raises(Invalid, match="no XLSX"):
        opened(out.getvalue(), "x.xlsx")


@settings(max_examples=60, deadline=None)
@given(place=st.integers(min_value=0, max_value=10**6), value=st.integers(min_value=0, max_value=255))
def test_workbook_with_a_changed_byte_gives_rows_or_one_clear_error(
    opened, workbook, place: int, value: int
) -> None:
    data = bytearray(workbook(PEOPLE))
    data[place % len(data)] = value
    remedy = "none needed"
    try:
        list(opened(bytes(data), "x.xlsx").rows())
    except (Invalid, TooLarge) as error:
        remedy = error.remedy
    assert remedy
