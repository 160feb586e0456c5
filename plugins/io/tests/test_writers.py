from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue_io.drafts import build_drafts
from retinue_io.faults import Fault, Invalid, TooLarge
from retinue_io.guard import guard, unguard
from retinue_io.mapping import propose_mapping
from retinue_io.readers import Reading, open_source
from retinue_io.targets import LISTS
from retinue_io.writers import (
    ErrorWriter,
    OutColumn,
    flatten,
    out_column,
    write_csv,
    write_jsonl,
    write_vcard,
    write_xlsx,
)

EVIL = [
    "=1+1",
    "+420777555321",
    "-5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("http://x";"y")',
    "=cmd|' /C calc'!A0",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "'=1",
    "''=1",
    "'t Hof",
    "|calc",
    "%0A",
    " =1",
    "\xa0=1",
    "−5",
    "\ufeff=1",
    "'",
    "",
    "a'=b",
    '="Привет"',
    "+Ёлка",
    "-Şule",
    "@Žofie",
]
LIVE = tuple("=+-@\t\r\n|%＝＋－＠−")
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\ufffd"), max_size=25)
COLUMNS = [OutColumn(key="a", heading="Note A"), OutColumn(key="b", heading="Note B")]
CONTACT = {
    "kind": "person",
    "given_name": "Jiří",
    "family_name": "Novák",
    "title_before": "Ing.",
    "sex": "male",
    "birth_date": dt.date(1980, 5, 1),
    "language": "cs",
    "country": "CZ",
    "city": "Praha",
    "job_title": "=ředitel",
    "note": "first; line\nsecond, \\ line",
    "tags": ["VIP", "news"],
    "emails": [{"value": "a@example.cz", "label": "work"}, {"value": "b@example.cz", "label": "můj"}],
    "phones": [{"value": "+420777555321", "label": "mobile"}],
    "addresses": [
        {
            "street": "Dlouhá 1, byt 2",
            "city": "Praha",
            "postal_code": "01100",
            "country": "CZ",
            "label": "home",
        }
    ],
    "custom": {"tier": "gold"},
}
FIELDS = [out_column(t) for t in CONTACT if t not in (*LISTS, "custom")] + [
    *(out_column("emails", i, p) for i in range(2) for p in LISTS["emails"]),
    *(out_column("phones", i, p) for i in range(2) for p in LISTS["phones"]),
    *(out_column("addresses", 0, p) for p in LISTS["addresses"] if p != "number"),
    out_column("custom.tier"),
]


def round_trip(data: bytes, name: str) -> list[dict]:
    source = open_source(io.BytesIO(data), name)
    drafts = list(
        build_drafts(source.rows(), propose_mapping(source.headings, [r.cells for r in source.rows()]))
    )
    assert [d.faults for d in drafts] == [()] * len(drafts)
    return [d.contact for d in drafts]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=20))
def test_guard_is_undone_exactly(text: str) -> None:
    assert unguard(guard(text)) == text


@pytest.mark.parametrize("text", EVIL)
def test_guard_leaves_no_live_formula(text: str) -> None:
    """E7"""
    assert not guard(text).lstrip(" \u00a0\ufeff").startswith(LIVE)
    assert unguard(guard(text)) == text


def test_guard_leaves_ordinary_text_alone() -> None:
    assert [guard(t) for t in ("Novák", "'t Hof", "a=b", "1-2", "")] == ["Novák", "'t Hof", "a=b", "1-2", ""]


def test_csv_has_no_live_formula_and_comes_back_whole() -> None:
    """E7"""
    out = io.BytesIO()
    rows = [{"a": text, "b": f"x{i}"} for i, text in enumerate(EVIL)]
    assert write_csv(out, COLUMNS, rows) == len(EVIL)
    raw = open_source(io.BytesIO(out.getvalue()), "x.csv", Reading(unguard=False))
    assert all(not row.cells["Note A"].lstrip(" \u00a0\ufeff").startswith(LIVE) for row in raw.rows())
    back = open_source(io.BytesIO(out.getvalue()), "x.csv")
    assert [row.cells["Note A"] for row in back.rows()] == EVIL


def test_csv_headings_are_guarded_too() -> None:
    out = io.BytesIO()
    write_csv(out, [OutColumn(key="a", heading="=1+1")], [{"a": "x"}])
    assert out.getvalue().startswith(b"\xef\xbb\xbf'=1+1\r\n")
    assert open_source(io.BytesIO(out.getvalue()), "x.csv").headings == ("=1+1",)


def test_csv_numbers_stay_numbers() -> None:
    out = io.BytesIO()
    write_csv(out, COLUMNS, [{"a": -5, "b": Decimal("-1.50")}, {"a": True, "b": dt.date(2020, 1, 5)}])
    assert out.getvalue().decode("utf-8-sig").splitlines()[1:] == ["-5,-1.50", "true,2020-01-05"]


def test_csv_leaves_the_stream_open() -> None:
    out = io.BytesIO()
    write_csv(out, COLUMNS, [])
    assert not out.closed


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=10), st.sampled_from([",", ";", "\t"]))
def test_csv_of_any_text_comes_back_whole(rows: list[tuple[str, str]], delimiter: str) -> None:
    """E7"""
    out = io.BytesIO()
    write_csv(out, COLUMNS, [{"a": a, "b": b} for a, b in rows], delimiter=delimiter)
    source = open_source(io.BytesIO(out.getvalue()), "x.csv", Reading(delimiter=delimiter, quote='"'))
    assert [tuple(row.cells.values()) for row in source.rows()] == rows


def test_xlsx_cells_are_texts_and_come_back_whole() -> None:
    """E7"""
    out = io.BytesIO()
    write_xlsx(out, COLUMNS, [{"a": text, "b": i} for i, text in enumerate(EVIL)])
    with zipfile.ZipFile(io.BytesIO(out.getvalue())) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"<hyperlink" not in sheet
    rows = list(open_source(io.BytesIO(out.getvalue()), "x.xlsx").rows())
    assert [row.cells["Note A"] for row in rows] == EVIL
    assert [row.cells["Note B"] for row in rows] == [str(i) for i in range(len(EVIL))]


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT.filter(lambda t: t), min_size=1, max_size=6))
def test_xlsx_of_any_text_comes_back_whole(texts: list[str]) -> None:
    out = io.BytesIO()
    write_xlsx(out, COLUMNS, [{"a": text, "b": 1} for text in texts])
    rows = open_source(io.BytesIO(out.getvalue()), "x.xlsx").rows()
    assert [row.cells["Note A"] for row in rows] == texts


def test_xlsx_refuses_a_text_no_cell_can_hold() -> None:
    with pytest.raises(TooLarge, match="Row 2"):
        write_xlsx(io.BytesIO(), COLUMNS, [{"a": "x"}, {"a": "x" * 40_000}])


def test_xlsx_goes_on_in_a_further_sheet(monkeypatch) -> None:
    monkeypatch.setattr("retinue_io.writers.sheet.MAX_SHEET_ROWS_OUT", 4)
    out = io.BytesIO()
    assert write_xlsx(out, COLUMNS, [{"a": str(i)} for i in range(7)]) == 7
    sheets = ["Contacts", "Contacts 2", "Contacts 3"]
    counts = [
        sum(1 for _ in open_source(io.BytesIO(out.getvalue()), "x.xlsx", Reading(sheet=name)).rows())
        for name in sheets
    ]
    assert counts == [3, 3, 1]


def test_jsonl_is_one_object_a_line() -> None:
    out = io.BytesIO()
    assert (
        write_jsonl(out, COLUMNS, [{"a": "=1", "b": Decimal("1.50")}, {"a": dt.date(2020, 1, 5), "b": None}])
        == 2
    )
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"a": "=1", "b": "1.50"},
        {"a": "2020-01-05", "b": None},
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.xlsx", "x.vcf"])
def test_contact_exported_and_imported_again_is_the_same(name: str) -> None:
    """IO-01: export and re-import changes nothing, not even a plus sign or a leading zero."""
    write = {"x.csv": write_csv, "x.xlsx": write_xlsx, "x.vcf": write_vcard}[name]
    out = io.BytesIO()
    write(out, FIELDS, [flatten(CONTACT, FIELDS)])
    back = round_trip(out.getvalue(), name)[0]
    assert back.pop("postal_code") == "01100"
    assert back == CONTACT


def test_contact_exported_as_vcard_3_is_the_same_but_for_what_it_lacks() -> None:
    out = io.BytesIO()
    write_vcard(out, FIELDS, [flatten(CONTACT, FIELDS)], version="3.0")
    assert b"VERSION:3.0" in out.getvalue()
    back = round_trip(out.getvalue(), "x.vcf")[0]
    back.pop("postal_code")
    assert back == CONTACT


def test_vcard_lines_are_folded_at_75_bytes_and_end_in_crlf() -> None:
    out = io.BytesIO()
    write_vcard(out, FIELDS, [flatten({**CONTACT, "note": "žluťoučký kůň " * 40}, FIELDS)])
    lines = out.getvalue().split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert all(line.decode() is not None for line in lines)
    assert round_trip(out.getvalue(), "x.vcf")[0]["note"] == ("žluťoučký kůň " * 40).strip()


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT)
def test_vcard_values_cannot_add_properties(given_name: str, note: str) -> None:
    columns = [out_column("given_name"), out_column("note"), out_column("emails", 0)]
    out = io.BytesIO()
    row = {
        "given_name": given_name,
        "note": f"{note}\r\nEMAIL:evil@example.com",
        "emails.0.value": "a@example.cz",
    }
    write_vcard(out, columns, [row])
    source = open_source(io.BytesIO(out.getvalue()), "x.vcf")
    cells = next(iter(source.rows())).cells
    assert cells["E-mail 1"] == "a@example.cz"
    assert "E-mail 2" not in cells


def test_vcard_of_another_version_is_refused() -> None:
    with pytest.raises(Invalid):
        write_vcard(io.BytesIO(), FIELDS, [], version="2.1")


def test_organisation_as_vcard_comes_back_as_one() -> None:
    columns = [out_column(t) for t in ("kind", "name")] + [out_column("emails", 0)]
    for version in ("3.0", "4.0"):
        out = io.BytesIO()
        write_vcard(
            out,
            columns,
            [{"kind": "organisation", "name": "Acme", "emails.0.value": "i@acme.example"}],
            version=version,
        )
        assert round_trip(out.getvalue(), "x.vcf") == [
            {"kind": "organisation", "name": "Acme", "emails": [{"value": "i@acme.example", "label": ""}]}
        ]


def test_error_file_is_imported_again_as_it_is(opened) -> None:
    source = opened("Name;Phone;Country\nAnna Belova;+79215550142;RU\nJiří Novák;12;CZ\nEva;=1+1;XX\n")
    mapping = propose_mapping(source.headings)
    out = io.BytesIO()
    with ErrorWriter(out, source.headings, delimiter=";") as errors:
        for row, draft in zip(source.rows(), build_drafts(source.rows(), mapping), strict=True):
            if draft.rejected:
                errors.write(row.cells, draft.faults)
    assert errors.count == 2
    again = opened(out.getvalue())
    rows = [row.cells for row in again.rows()]
    assert again.headings == ("Name", "Phone", "Country", "row", "column", "reason")
    assert [(r["Name"], r["Phone"], r["row"], r["column"]) for r in rows] == [
        ("Jiří Novák", "12", "3", "Phone"),
        ("Eva", "=1+1", "4", "Country; Phone"),
    ]
    assert "country code" in rows[0]["reason"]
    assert propose_mapping(again.headings).columns[:3] == mapping.columns
    second = io.BytesIO()
    with ErrorWriter(second, again.headings) as errors:
        errors.write(rows[0], [Fault(2, "Phone", "Still wrong.")])
    assert second.getvalue().decode("utf-8-sig").splitlines() == [
        "Name,Phone,Country,row,column,reason",
        "Jiří Novák,12,CZ,2,Phone,Still wrong.",
    ]


def test_seven_bad_rows_of_a_thousand_go_to_the_error_file(opened) -> None:
    """IO-01, the half without a database: 993 drafts, 7 rows with line and reason."""
    lines = [f"P{i},Q,{'bad' if i % 140 == 3 and i < 900 else f'p{i}@example.com'}" for i in range(1000)]
    source = opened("given_name,family_name,email\n" + "\n".join(lines))
    drafts = list(build_drafts(source.rows(), propose_mapping(source.headings)))
    bad = [d for d in drafts if d.rejected]
    assert (len(drafts) - len(bad), len(bad)) == (993, 7)
    assert [d.faults[0].row for d in bad] == [5, 145, 285, 425, 565, 705, 845]
