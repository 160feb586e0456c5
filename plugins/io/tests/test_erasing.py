"""What an erasure takes of files: those of finished work, and a person's name out of their names."""

from __future__ import annotations

from io_kit import Desk

from retinue.contacts import erase_contact
from retinue_io.models import Piece, Rejection

PEOPLE = "given_name,family_name,email\nJiří,Novák,jiri@example.cz\nEva,Tichá,not-an-address\n"


def test_hook_contacts_erased_takes_files_rows_and_names(desk: Desk) -> None:
    """GD-x3: files and rejected rows of finished imports go, their records stay; one still in work keeps its file."""
    named = desk.bring(PEOPLE, "novák_2026.CSV")
    plain = desk.bring("given_name\nOta\n", "people.csv")
    waiting = desk.upload("given_name\nIda\n", "later.csv")
    assert desk.count(Rejection) == 1
    held = desk.count(Piece)
    jiri = next(p for p in desk.people() if p["given_name"] == "Jiří")
    with desk.store() as store:
        erase_contact(store, jiri["id"], reason="asked")
    assert desk.count(Rejection) == 0
    assert 0 < desk.count(Piece) < held
    assert desk.show(named["id"])["file_name"] == "file.csv"
    assert desk.show(named["id"])["counts"] == named["counts"]
    assert desk.show(plain["id"])["file_name"] == "people.csv"
    desk.map(waiting)
    assert desk.run(waiting)["counts"]["created"] == 1
