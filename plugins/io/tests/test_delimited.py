from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retinue_io.faults import Invalid, TooLarge
from retinue_io.readers import Reading, open_source

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\ufffd"), max_size=30)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "~"])
def test_delimiter_is_found(opened, delimiter: str) -> None:
    rows = [["name", "city", "note"], ["Anna", "Brno", "a b"], ["Petr", "Praha", "x"], ["Eva", "Plzeň", ""]]
    source = opened("\n".join(delimiter.join(row) for row in rows))
    assert source.reading.delimiter == delimiter
    assert [list(row.cells.values()) for row in source.rows()] == rows[1:]


def test_delimiter_with_commas_inside_cells_is_the_semicolon(opened) -> None:
    source = opened('name;address\nAnna;"Dlouhá 1, Praha, CZ"\nEva;Krátká 2, Brno, CZ\n')
    assert source.headings == ("name", "address")


def test_delimiter_declared_by_the_spreadsheet_is_taken(opened) -> None:
    source = opened("sep=;\nname;city\nAnna;Brno\n")
    assert [(row.number, row.cells) for row in source.rows()] == [(2, {"name": "Anna", "city": "Brno"})]


def test_file_with_one_column_is_read(opened) -> None:
    source = opened("email\na@example.com\nb@example.com\n")
    assert [row.cells for row in source.rows()] == [{"email": "a@example.com"}, {"email": "b@example.com"}]


def test_rows_carry_spreadsheet_numbers_over_quoted_line_breaks(opened) -> None:
    source = opened('name,note\nAnna,"two\nlines"\n\nEva,"x"\n')
    assert [(row.number, row.cells["note"]) for row in source.rows()] == [(2, "two\nlines"), (4, "x")]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_rows_of_every_line_ending_are_read(opened, ending: str) -> None:
    source = opened(ending.join(["name,city", "Anna,Brno", "Eva,Praha"]))
    assert [row.cells["city"] for row in source.rows()] == ["Brno", "Praha"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "cp1250", "iso8859_9"])
def test_rows_of_f1_people_come_out_whole(opened, f1_file, f1_people, encoding: str) -> None:
    by_id = {person["id"]: person for person in f1_people}
    rows = [row.cells for row in opened(f1_file(encoding)).rows()]
    assert len(rows) >= 4
    assert all(row == by_id[row["id"]] for row in rows)


def test_rows_can_be_read_twice_and_tell_how_far_they_are(opened) -> None:
    source = opened("name,city\n" + "Anna,Brno\n" * 5000)
    assert sum(1 for _ in source.rows()) == 5000
    assert source.done() == 1.0
    rows = source.rows()
    for _ in range(300):
        next(rows)
    assert 0 < source.done() < 1.0
    assert sum(1 for _ in source.rows()) == 5000


def test_short_rows_are_filled_and_trailing_empty_cells_forgiven(opened) -> None:
    rows = list(opened("a,b,c\n1\n1,2,3,,\n").rows())
    assert [row.cells for row in rows] == [{"a": "1", "b": "", "c": ""}, {"a": "1", "b": "2", "c": "3"}]
    assert [row.fault for row in rows] == [None, None]


def test_long_rows_are_at_fault_and_the_others_go_on(opened) -> None:
    rows = list(opened("a,b\n1,2\n1,2,3\n4,5\n").rows())
    assert [row.fault is None for row in rows] == [True, False, True]
    assert rows[1].fault.row == 3
    assert "3 cells" in rows[1].fault.reason
    assert "2 headings" in rows[1].fault.reason


def test_headings_twice_or_empty_are_named_and_noticed(opened) -> None:
    source = opened("Phone,,Phone,Phone (2)\n1,2,3,4\n")
    assert source.headings == ("Phone", "Column 2", "Phone (3)", "Phone (2)")
    assert len(source.notices) == 2
    assert next(source.rows()).cells["Phone (3)"] == "3"


def test_headings_may_be_missing_on_purpose(opened) -> None:
    source = opened("Anna,Brno\nEva,Praha\n", heading=False)
    assert source.headings == ("Column 1", "Column 2")
    assert [row.number for row in source.rows()] == [1, 2]


def test_heading_alone_gives_no_rows(opened) -> None:
    assert list(opened("name,city\n").rows()) == []


@pytest.mark.parametrize("data", ["", "\n\n\n", " , , \n"])
def test_empty_file_is_refused(opened, data: str) -> None:
    with pytest.raises(Invalid) as caught:
        opened(data)
    assert caught.value.remedy


def test_unclosed_quote_at_the_end_costs_one_row(opened) -> None:
    rows = list(opened('name,city\nAnna,Brno\nEva,"Praha\nJan,Plzeň\nIva,Zlín\n').rows())
    assert [(row.number, row.cells["name"], row.fault is None) for row in rows] == [
        (2, "Anna", True),
        (3, "Eva", False),
        (4, "Jan", True),
        (5, "Iva", True),
    ]
    assert "not closed" in rows[1].fault.reason


def test_unclosed_quote_before_a_large_rest_costs_one_row(opened) -> None:
    """The parser must not swallow the file: after 131,072 characters it goes back to the next line."""
    data = 'name,city\nEva,"Praha\n' + "Jan,Plzeň\n" * 30_000
    rows = 0
    for row in opened(data).rows():
        rows += 1
        assert (row.fault is None) == (row.number != 3 - 1)
    assert rows == 30_001


def test_text_after_a_closing_quote_is_at_fault(opened) -> None:
    rows = list(opened('name,city\n"Anna" B,Brno\nEva,Praha\n').rows())
    assert rows[0].fault.code == "malformed"
    assert rows[1].cells == {"name": "Eva", "city": "Praha"}


def test_spaces_after_the_delimiter_before_quotes_are_forgiven(opened) -> None:
    source = opened('"name", "city"\n"Anna", "Brno, střed"\n')
    assert next(source.rows()).cells == {"name": "Anna", "city": "Brno, střed"}


def test_nul_bytes_are_reported_with_their_row(opened) -> None:
    rows = list(opened(b"name,city\nAnna,Brno\nE\0va,Praha\nJan,Brno\n", encoding="utf-8").rows())
    assert [row.fault.code if row.fault else "" for row in rows] == ["", "nul", ""]


def test_bytes_outside_the_encoding_are_reported_with_their_row(opened) -> None:
    rows = list(opened(b"name,city\nAnna,Brno\nJ\xf8,Praha\n", encoding="utf-8").rows())
    assert rows[1].fault.code == "encoding"
    assert "utf-8" in rows[1].fault.reason


def test_unknown_encoding_is_refused(opened) -> None:
    with pytest.raises(Invalid):
        opened("a,b\n1,2\n", encoding="klingon")


def test_ten_thousand_columns_are_refused(opened) -> None:
    with pytest.raises(TooLarge) as caught:
        opened(",".join(f"c{i}" for i in range(10_000)) + "\n1\n")
    assert "10,000 columns" in caught.value.detail


class Endless(io.RawIOBase):
    """A file of one line without an end, as long as asked for, that takes no memory."""

    def __init__(self, size: int, head: bytes = b"") -> None:
        self._size, self._head, self._at = size, head, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset if whence == 0 else self._size + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        start = self._at
        self._at = min(self._size, start + max(size, 0))
        block = b"x" * (self._at - start)
        return (
            self._head[start : self._at] + block[max(0, len(self._head) - start) :]
            if start < len(self._head)
            else block
        )


@pytest.mark.parametrize("head", [b"", b"name,city\nAnna,Brno\n"])
def test_line_of_a_gigabyte_is_refused_at_once(head: bytes) -> None:
    with pytest.raises(TooLarge) as caught:
        for _ in open_source(Endless(10**9, head), "x.csv", Reading()).rows():  # type: ignore[arg-type]
            pass
    assert f"Line {3 if head else 1}" in caught.value.detail
    assert caught.value.remedy


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=12), st.sampled_from([",", ";", "\t"]))
def test_rows_written_by_the_standard_writer_come_back(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    reading = Reading(encoding="utf-8", delimiter=delimiter, quote='"', unguard=False)
    source = open_source(io.BytesIO(out.getvalue().encode()), "x.csv", reading)
    assert [list(row.cells.values()) for row in source.rows()] == rows


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_rows_or_one_clear_error(data: bytes) -> None:
    remedy = "none needed"
    try:
        source = open_source(io.BytesIO(b"name,city\n" + data), "x.csv")
        for row in source.rows():
            assert set(row.cells) == set(source.headings)
    except (Invalid, TooLarge) as error:
        remedy = error.remedy
    assert remedy
