"""What commands print, in the three forms."""

import json
from datetime import UTC, date, datetime
from uuid import UUID

from retinue.cli.output import Output, cell

ROWS = [
    {"name": "Jiří Novák", "since": date(2026, 5, 1), "tags": ["a", "b"], "open": True},
    {"name": "Işık", "since": None, "tags": [], "open": False},
]


def test_rows_without_a_terminal_are_tab_separated_lines_under_headings(capsys):
    Output().rows(ROWS)
    assert (
        capsys.readouterr().out
        == "name\tsince\ttags\topen\nJiří Novák\t2026-05-01\ta, b\tyes\nIşık\t\t\tno\n"
    )


def test_rows_with_json_are_one_array_of_the_named_columns(capsys):
    Output(json=True).rows(ROWS, ["name", "since"])
    assert json.loads(capsys.readouterr().out) == [
        {"name": "Jiří Novák", "since": "2026-05-01"},
        {"name": "Işık", "since": None},
    ]


def test_rows_with_json_and_none_found_are_an_empty_array(capsys):
    Output(json=True).rows([], ["name"])
    assert json.loads(capsys.readouterr().out) == []


def test_rows_for_a_person_are_a_table(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    Output().rows(ROWS, ["name", "open"])
    assert capsys.readouterr().out.split() == ["name", "open", "Jiří", "Novák", "yes", "Işık", "no"]


def test_rows_for_a_person_with_none_found_say_so_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Output().rows([], empty="No contact matches.")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "No contact matches.\n")


def test_record_prints_a_name_and_a_value_on_each_line(capsys):
    Output(plain=True).record({"id": UUID(int=1), "at": datetime(2026, 11, 20, 10, 0, tzinfo=UTC)})
    assert capsys.readouterr().out == "id\t00000000-0000-0000-0000-000000000001\nat\t2026-11-20 10:00+00:00\n"


def test_done_goes_to_stderr_and_its_result_to_json(capsys):
    Output().done("Added.", {"id": 1}, then="retinue contacts list")
    assert capsys.readouterr() == ("", "Added.\nNext: retinue contacts list\n")
    Output(json=True).done("Added.", {"id": 1}, then="retinue contacts list")
    said = capsys.readouterr()
    assert (json.loads(said.out), said.err) == ({"id": 1}, "")


def test_cell_cannot_move_the_cursor_or_colour_the_terminal():
    """Names come from outside: an escape sequence in one must not reach the terminal."""
    assert cell("a\x1b[31mred\x1b]0;title\x07\tb\nc") == "a [31mred ]0;title  b c"


def test_table_shows_markup_in_a_name_as_text(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Output().rows([{"name": "[red]Ada[/red]"}])
    assert "[red]Ada[/red]" in capsys.readouterr().out


def test_progress_without_a_terminal_prints_nothing(capsys):
    with Output().progress("Reading", total=3) as tick:
        tick(3)
    assert capsys.readouterr() == ("", "")
