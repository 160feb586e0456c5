"""A file on its way through upload, mapping, check, run, error file and revert, on both databases."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from io_kit import Desk
from sqlalchemy import select

from retinue.contacts import create_custom_field, set_field_rule
from retinue.errors import Invalid
from retinue.interactions.models import Interaction
from retinue_io import files, running, service
from retinue_io.models import ExternalId, Pair, Piece, Rejection

DATA = Path(__file__).parent / "data"
PEOPLE = """given_name;family_name;email;phone;city;country
Jiří;Novák;jiri@example.cz;+420225006555;Praha;CZ
Ayşe;Yıldırım;ayse@example.com.tr;+905325556677;İzmir;TR
Пётр;Иванов;not-an-address;;Москва;RU
"""


def test_import_goes_from_upload_to_revert(desk: Desk) -> None:
    row = desk.upload(PEOPLE)
    desk.map(row)
    checked = desk.check(row)
    assert checked["counts"] == {
        "rows": 3, "created": 2, "updated": 0, "unchanged": 0, "rejected": 1, "suspected": 0, "organisations": 0
    }  # fmt: skip
    assert checked["columns"] == [{"column": "email", "rejected": 1}]
    assert checked["examples"][0]["row"] == 4
    assert desk.contacts() == 0
    done = desk.run(row)
    assert done["status"] == "complete", done["failure"]
    assert done["counts"] == checked["counts"]
    assert [p["name"] for p in desk.people()] == ["Jiří Novák", "Ayşe Yıldırım"]
    assert desk.revert(row)["status"] == "reverted"
    assert desk.contacts() == 0
    assert desk.count(Rejection) == 1  # what was wrong can still be read
    assert desk.count(Piece) == 0


def test_error_file_is_imported_again_as_it_is(desk: Desk) -> None:
    row = desk.upload(PEOPLE)
    desk.map(row)
    desk.run(row)
    text = desk.errors(row)
    lines = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert lines[0][-3:] == ["row", "column", "reason"]
    assert lines[1][-3:-1] == ["4", "email"]
    again = desk.bring(text.replace("not-an-address", "petr@example.com"), "people-errors.csv")
    assert (again["counts"]["created"], again["counts"]["rejected"]) == (1, 0)
    assert desk.contacts() == 3


def test_nothing_of_an_uploaded_file_stands_in_clear(desk: Desk) -> None:
    """The file, rejected rows and notes of a run hold personal data: no table shows them."""
    row = desk.upload(PEOPLE)
    desk.map(row)
    desk.run(row)
    with desk.store() as store:
        for table in ("io_piece", "io_rejection", "io_import", "io_pair"):
            rows = store.raw_connection().exec_driver_sql(f"SELECT * FROM {table}").all()
            assert "example" not in repr(
                [[bytes(v) if isinstance(v, memoryview) else v for v in r] for r in rows]
            )


def test_mandatory_field_rejects_the_row_and_only_that(desk: Desk) -> None:
    """C-10: the same mandatory fields for import as for hand entry."""
    with desk.store() as store:
        create_custom_field(store, {"key": "industry", "label": "Industry", "kind": "text"})
        set_field_rule(store, "custom.industry", required=True)
    row = desk.upload("name,email,industry\nAnna Nová,a@example.com,IT\nPetr Malý,p@example.com,\n")
    desk.map(row)
    assert desk.check(row)["counts"]["rejected"] == 1
    done = desk.run(row)
    assert (done["counts"]["created"], done["counts"]["rejected"]) == (1, 1)
    assert "Mandatory" in desk.errors(row)
    alone = desk.bring("name,email\nPetr Malý,p@example.com\n")
    assert alone["counts"] == {
        "rows": 1, "created": 0, "updated": 0, "unchanged": 0, "rejected": 1, "suspected": 0, "organisations": 0
    }  # fmt: skip


def test_febrl_comes_in_whole_and_the_detector_finds_its_pairs(desk: Desk, febrl: bytes) -> None:
    """C-24: 1,000 rows, 500 true pairs; the check counts what the run finds."""
    row = desk.upload(febrl, "febrl1.csv")
    desk.map(row, create_fields=True, on_fault="leave_out")
    checked = desk.check(row)
    done = desk.run(row)
    assert done["counts"]["created"] == 1000
    assert done["counts"] == checked["counts"]
    records = [
        line["rec_id"].strip() for line in csv.DictReader(io.StringIO(febrl.decode()), skipinitialspace=True)
    ]
    with desk.store() as store:
        pairs = store.rows(select(Pair.first_row, Pair.second_row))
    true = {frozenset((a, b)) for a, b in ((records[x - 2], records[y - 2]) for x, y in pairs) if _twin(a, b)}
    precision, recall = len(true) / len(pairs), len(true) / 500
    sys.stderr.write(f"\nprecision {precision:.3f}, recall {recall:.3f} of {len(pairs)} pairs\n")
    assert precision > 0.97
    assert recall > 0.93


def _twin(one: str, two: str) -> bool:
    return one.split("-")[1] == two.split("-")[1]


def test_second_file_is_compared_with_the_base(desk: Desk) -> None:
    desk.bring(
        "given_name,family_name,birth_date,email\nJiří,Novák,1980-05-01,jiri@example.cz\nEva,Malá,1990-01-01,\n"
    )
    row = desk.upload(
        "given_name,family_name,birth_date,email\nJiri,Novak,1980-05-01,\nX,Y,,JIRI@example.cz\nOta,Rys,1999-09-09,\n"
    )
    desk.map(row)
    checked = desk.check(row)
    assert [(s["row"], s["contact_id"] is not None) for s in checked["suspects"]] == [(2, True), (3, True)]
    done = desk.run(row)
    assert done["counts"] == checked["counts"]
    assert done["counts"]["suspected"] == 2


@pytest.mark.parametrize(("mode", "created", "updated"), [("upsert", 1, 1), ("update", 0, 1)])
def test_known_contacts_are_updated_by_key(desk: Desk, mode: str, created: int, updated: int) -> None:
    desk.bring(
        "name,email,phone,city\nJiří Novák,jiri@example.cz,+420225006555,Praha\nEva Malá,eva@example.cz,,Brno\n"
    )
    text = "name,email,city\nJiří Novák,JIRI@example.cz,Plzeň\nEva Malá,eva@example.cz,Brno\nOta Rys,ota@example.cz,Zlín\n"
    row = desk.upload(text)
    desk.map(row, mode=mode, key="email")
    checked = desk.check(row)
    done = desk.run(row)
    assert done["counts"] == checked["counts"]
    assert done["counts"] | {"rejected": 0} == {
        "rows": 3, "created": created, "updated": updated, "unchanged": 1, "rejected": 0, "suspected": 0, "organisations": 0
    }  # fmt: skip
    jiri = desk.people()[0]
    assert (jiri["city"], jiri["phones"][0]["value"]) == ("Plzeň", "+420225006555")
    desk.revert(row)
    assert desk.people()[0]["city"] == "Praha"
    assert desk.contacts() == 2


def test_rows_with_the_same_key_are_taken_in_the_order_of_the_file(desk: Desk) -> None:
    text = "name,email,city,phone\nAnna Nová,a@example.com,Praha,\n"
    text += "Anna Nová,A@example.com,Brno,+420225006555\nAnna Nová,a@example.com,Brno,\n"
    row = desk.upload(text)
    desk.map(row, mode="upsert", key="email")
    checked = desk.check(row)
    done = desk.run(row)
    assert done["counts"] == checked["counts"]
    assert (done["counts"]["created"], done["counts"]["updated"], done["counts"]["unchanged"]) == (1, 1, 1)
    (anna,) = desk.people()
    assert (anna["city"], len(anna["phones"])) == ("Brno", 1)


def test_every_key_finds_its_contact(desk: Desk) -> None:
    desk.bring("external id,name,phone\nK-1,Jiří Novák,+420225006555\n")
    (before,) = desk.people()
    cells = {"phone": "+420 225 006 555", "external_id": "K-1", "id": str(before["id"])}
    for key, heading in (("phone", "phone"), ("external_id", "external id"), ("id", "Retinue ID")):
        row = desk.upload(f"{heading},city\n{cells[key]},Ostrava {key}\n")
        desk.map(row, mode="update", key=key)
        assert desk.check(row)["counts"]["updated"] == 1
        assert desk.run(row)["counts"]["updated"] == 1
        assert [p["city"] for p in desk.people()] == [f"Ostrava {key}"]


def test_duplicates_can_be_left_out(desk: Desk) -> None:
    desk.bring("name,email\nJiří Novák,jiri@example.cz\n")
    row = desk.upload("name,email\nJ. Novák,Jiri@example.cz\nEva,eva@example.cz\nEva M,EVA@example.cz\n")
    desk.map(row, duplicates="skip")
    checked = desk.check(row)
    done = desk.run(row)
    assert done["counts"] == checked["counts"]
    assert (done["counts"]["created"], done["counts"]["rejected"]) == (1, 2)


def test_orders_become_interactions_of_their_contacts(desk: Desk) -> None:
    """F1: contacts by their external id, 19 orders as interactions; a second run adds nothing."""
    people, orders = (DATA / name for name in ("f1_contacts.csv", "f1_orders.csv"))
    assert desk.bring(people.read_bytes(), "f1_contacts.csv")["counts"]["created"] == 10
    assert desk.count(ExternalId) == 10
    row = desk.upload(orders.read_bytes(), "f1_orders.csv", what="interactions")
    desk.map(row)
    checked = desk.check(row)
    done = desk.run(row)
    assert done["counts"] == checked["counts"]
    assert done["counts"]["created"] == 19
    with desk.store() as store:
        order = store.first(select(Interaction).where(Interaction.source_key == "O01"))
        assert (order.kind, order.at.date().isoformat()) == ("order", "2026-01-05")
        assert order.data == {"amount": "100.00", "currency": "EUR", "status": "paid"}
    again = desk.bring(orders.read_bytes(), "f1_orders.csv", what="interactions")
    assert (again["counts"]["created"], again["counts"]["unchanged"]) == (0, 19)
    assert desk.people()[0]["last_interaction_at"] is not None
    desk.revert(row)
    assert desk.count(Interaction) == 0


def test_people_come_in_from_every_encoding(desk: Desk, f1_file: Callable[..., bytes]) -> None:
    for encoding in ("utf-8", "utf-16", "cp1251", "cp1250", "iso8859-9"):
        data = f1_file(encoding)
        row = desk.upload(data, "people.csv")
        desk.map(row)
        done = desk.run(row)
        expected = {
            line["family_name"] for line in csv.DictReader(io.StringIO(data.decode(encoding)), delimiter=";")
        }
        assert {person["family_name"] for person in desk.people()} == expected, encoding
        assert done["counts"]["created"] == len(expected) > 1
        desk.revert(row)


HEADS = {
    "google": (
        "First Name,Middle Name,Last Name,Birthday,Labels,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value",
        "Jiří,,Novák,1980-05-01,* myContacts,Work,jiri@example.cz,Mobile,+420225006555",
    ),
    "outlook": (
        "Title,First Name,Last Name,Company,Job Title,Business Street,Business City,Home Phone,E-mail Address,Birthday",
        "Dr.,Jiří,Novák,,Chief,Hlavní 1,Praha,+420225006555,jiri@example.cz,5/1/1980",
    ),
    "hubspot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,City,Create Date",
        "501,Jiří,Novák,jiri@example.cz,+420225006555,lead,Praha,2024-01-31 10:00",
    ),
}


def test_headings_of_other_programs_are_understood(desk: Desk) -> None:
    for source, lines in HEADS.items():
        done = desk.bring("\n".join(lines) + "\n", f"{source}.csv")
        assert done["counts"]["created"] == 1, desk.errors(done["id"])
        (person,) = desk.people()
        assert (person["given_name"], person["family_name"]) == ("Jiří", "Novák"), source
        assert (person["emails"][0]["value"], person["phones"][0]["value"]) == (
            "jiri@example.cz",
            "+420225006555",
        )
        desk.revert(done["id"])


# ---- stop, resume, failure -------------------------------------------------------------------------------------------
def test_stopped_run_goes_on_where_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retinue_io.plan.CREATE_BATCH", 10)
    row = desk.upload("name,email\n" + "".join(f"P{n} Q,p{n}@example.com\n" for n in range(45)))
    desk.map(row)
    desk.start(row)
    assert desk.step(row)
    assert desk.step(row)
    with desk.store() as store:
        service.stop_import(store, row)
    assert not desk.step(row)
    assert (desk.show(row)["status"], desk.contacts()) == ("stopped", 20)
    running.KEPT = running.Kept()  # another process
    done = desk.run(row)
    assert (done["status"], done["counts"]["created"], desk.contacts()) == ("complete", 45, 45)
    desk.revert(row)
    assert desk.contacts() == 0


def test_batch_that_is_undone_is_done_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that cannot be committed leaves the opened file ahead of the state: it is opened anew."""
    monkeypatch.setattr("retinue_io.plan.CREATE_BATCH", 10)
    row = desk.upload("name\n" + "".join(f"P{n} Q\n" for n in range(25)))
    desk.map(row)
    desk.start(row)
    with pytest.raises(ZeroDivisionError), desk.store() as store:
        assert running.advance(store, row)["row"] / 0  # the power goes off before the commit
    assert desk.run(row, start=False)["counts"]["created"] == 25
    assert desk.contacts() == 25


def test_file_that_breaks_off_keeps_what_came_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retinue_io.plan.CREATE_BATCH", 10)
    text = "name\n" + "".join(f"P{n} Q\n" for n in range(20)) + "x" * 2_000_000 + "\n"
    row = desk.upload(text)
    desk.map(row)
    assert "line" in desk.check(row)["failure"].lower()
    done = desk.run(row)
    assert (done["status"], desk.contacts()) == ("failed", 20)
    assert "line" in done["failure"].lower()


def test_begun_import_cannot_be_mapped_or_run_twice(desk: Desk) -> None:
    row = desk.upload(PEOPLE)
    with pytest.raises(Invalid, match="not mapped"):
        desk.start(row)
    desk.map(row)
    desk.run(row)
    with pytest.raises(Invalid, match="complete"):
        desk.start(row)
    desk.revert(row)
    with pytest.raises(Invalid, match="reverted"):
        desk.revert(row)
    stopped = desk.upload(PEOPLE)
    desk.map(stopped)
    with pytest.raises(Invalid), desk.store() as store:
        service.stop_import(store, stopped)


def test_mapping_must_fit_the_file(desk: Desk) -> None:
    row = desk.upload(PEOPLE)
    for data, words in (
        ({"mapping": {"columns": [{"heading": "nope", "target": "name"}]}}, "no column"),
        ({"mapping": {"columns": [{"heading": "city", "target": "nope"}]}}, "no field"),
        ({"mapping": {"columns": [{"heading": "city", "target": "custom.colour"}]}}, "no custom field"),
        ({"mapping": {"columns": []}}, "No column"),
        ({"mode": "update"}, "key"),
        ({"mode": "sideways"}, "choice"),
    ):
        with pytest.raises(Invalid, match=words):
            desk.map(row, **data)
    assert desk.show(row)["mapping"] is None


def test_saved_mapping_fits_the_next_file(desk: Desk) -> None:
    first = desk.upload("wer,post\nJiří Novák,jiri@example.cz\n")
    columns = [{"heading": "wer", "target": "name"}, {"heading": "post", "target": "emails", "part": "value"}]
    desk.map(first, mapping={"columns": columns}, save_as="ours")
    second = desk.upload("post,wer,city\neva@example.cz,Eva Malá,Brno\n")
    desk.map(second, saved="ours")
    desk.run(second)
    (eva,) = desk.people()
    assert (eva["family_name"], eva["city"], eva["emails"][0]["value"]) == ("Malá", "Brno", "eva@example.cz")


def test_preview_shows_encodings_headings_and_a_proposal(desk: Desk, f1_file: Callable[..., bytes]) -> None:
    row = desk.upload(f1_file("cp1251"))
    with desk.store(readonly=True) as store:
        seen = service.preview_import(store, row)
        other = service.preview_import(store, row, reading={"encoding": "iso8859-9"})
    assert seen["encodings"][0]["encoding"] == "cp1251"
    assert seen["headings"][:2] == ["id", "given_name"]
    assert seen["mapping"]["columns"][1]["target"] == "given_name"
    assert any("Иван" in line or "Пётр" in line for line in seen["encodings"][0]["sample"])
    assert other["rows"] != seen["rows"]


def test_merging_a_suspected_pair_leaves_one(desk: Desk) -> None:
    from retinue_io import reviewing

    done = desk.bring("given_name,family_name,birth_date\nJiří,Novák,1980-05-01\nJiri,Novak,1980-05-01\n")
    with desk.store() as store:
        (pair,) = reviewing.list_pairs(store, done["id"])
        assert reviewing.decide_pair(store, done["id"], pair["id"], "merge")["decision"] == "merged"
    assert desk.contacts() == 1
    with desk.store() as store:
        assert reviewing.list_pairs(store, done["id"]) == []


def test_old_files_are_removed(desk: Desk) -> None:
    from datetime import timedelta

    from retinue_io import cleaning

    row = desk.upload(PEOPLE)
    desk.map(row)
    desk.run(row)
    with desk.store() as store:
        store.now -= timedelta(days=-31)
        cleaning.forget_files(store, {})
    assert (desk.count(Piece), desk.count(Rejection)) == (0, 0)
    assert desk.contacts() == 2


def test_stored_file_is_read_back_byte_by_byte(desk: Desk) -> None:
    import os

    from retinue import new_id

    data, file_id = os.urandom(files.PIECE_BYTES * 2 + 777), new_id()
    with desk.store() as store:
        assert files.write_file(store, file_id, io.BytesIO(data)) == len(data)
    with desk.store(readonly=True) as store:
        _, stream = files.open_file(store, file_id, len(data))
        assert stream.read() == data
        stream.seek(files.PIECE_BYTES - 5)
        assert stream.read(10) == data[files.PIECE_BYTES - 5 : files.PIECE_BYTES + 5]
