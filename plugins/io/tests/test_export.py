"""Exports: what one may take away, in which form, and what the audit keeps of it."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from io_kit import Desk
from sqlalchemy import select

from retinue.contacts import create_custom_field
from retinue.errors import Denied, Invalid, TooLarge
from retinue.storage import AuditEntry
from retinue.testing.house import Crm
from retinue_io import exporting
from retinue_io.exporting import Wanted

NASTY = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "＝1", "'=1", "'t Hof")
PEOPLE = (
    "title before,given_name,family_name,birth_date,email 1,email 2,phone,street,city,zip,country,tags,note\n"
    "Dr.,Jiří,Novák,1980-05-01,jiri@example.cz,j@work.example.cz,+420225006555,Hlavní 1,Praha,11000,CZ,vip; brno,Hello\n"
    ",Ayşe,Yıldırım,,ayse@example.com.tr,,+905325556677,,İzmir,,TR,,\n"
    ",Пётр,Иванов,1975-12-31,,,,,Москва,,RU,,\n"
)


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


def plain(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    left_out = (
        "id",
        "version",
        "created_at",
        "updated_at",
        "last_interaction_at",
        "owner_id",
        "team_id",
        "age",
    )
    shown = [{k: v for k, v in person.items() if k not in left_out} for person in people]
    return sorted(shown, key=lambda person: person["name"])


@pytest.mark.parametrize("form", ["csv", "xlsx", "vcard"])
def test_export_comes_back_through_import(desk: Desk, form: str) -> None:
    """E7: what goes out in any form comes in again as it was, and changes nothing where it is known."""
    made = desk.bring(PEOPLE)
    before = plain(desk.people())
    data, name = desk.export(format=form), {"csv": "c.csv", "xlsx": "c.xlsx", "vcard": "c.vcf"}[form]
    if form != "vcard":
        row = desk.upload(data, name)
        desk.map(row, mode="update", key="id")
        done = desk.run(row)
        assert (done["counts"]["unchanged"], done["counts"]["rejected"]) == (3, 0), desk.errors(row)
    desk.revert(made["id"])
    row = desk.upload(data, name)
    desk.map(row, duplicates="ignore")
    assert desk.run(row)["counts"]["created"] == 3, desk.errors(row)
    after = plain(desk.people())
    for old, new in zip(before, after, strict=True):
        different = {key: (old[key], new[key]) for key in old if old[key] != new[key]}
        assert not different or form == "vcard", different
        assert (old["name"], old["emails"], old["phones"], old["birth_date"]) == (
            new["name"], new["emails"], new["phones"], new["birth_date"]
        )  # fmt: skip


def test_cells_that_look_like_formulas_are_harmless_and_come_back(desk: Desk) -> None:
    """E7."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["family_name", "job_title"], *([f"N{n}", text] for n, text in enumerate(NASTY))])
    row = desk.upload(out.getvalue(), unguard=False)
    desk.map(row, duplicates="ignore")
    desk.run(row)
    before = {p["family_name"]: p["job_title"] for p in desk.people()}
    assert before["N0"] == "=1+1"
    data = desk.export()
    for line in csv.reader(io.StringIO(data.decode("utf-8-sig"))):
        assert not [cell for cell in line if cell[:1] in "=+-@\t\r＝" and cell]
    desk.revert(row)
    desk.bring(data, duplicates="ignore")
    assert {p["family_name"]: p["job_title"] for p in desk.people()} == before


def test_view_decides_rows_columns_and_order(desk: Desk) -> None:
    from retinue.lists.service import create_view

    desk.bring(PEOPLE)
    with desk.house.store(desk.actor) as store:
        draft = {
            "name": "v", "filter": {"field": "country", "op": "in", "value": ["CZ", "TR"]},
            "columns": ["name", "emails", "city", "tag"], "sort": "-name",
        }  # fmt: skip
        view = create_view(store, desk.house.catalogues, draft).id
    rows = rows_of(desk.export(view=view))
    assert [row["Full name"] for row in rows] == ["Ayşe Yıldırım", "Dr. Jiří Novák"]
    assert rows[1]["E-mail 2"] == "j@work.example.cz"
    assert rows[1]["Tags"] == "brno; vip"
    lines = [json.loads(line) for line in desk.export(view=view, format="jsonl").splitlines()]
    assert lines[0]["city"] == "İzmir"


def test_wish_that_does_not_fit_is_refused(desk: Desk) -> None:
    for data in (
        {"filter": {"field": "nope", "op": "eq", "value": 1}},
        {"format": "pdf"},
        {"sort": "name,name", "columns": ["name"]},
        {"sort": "nope", "columns": ["name"]},
    ):
        with pytest.raises(Invalid):
            desk.export(**data)


def test_large_export_is_no_download(desk: Desk) -> None:
    desk.bring(PEOPLE)
    with pytest.raises(TooLarge), desk.store() as store:
        exporting.export_now(store, Wanted(), io.BytesIO(), limit=2)


# ---- rights and audit ----------------------------------------------------------------------------------------------
@pytest.fixture
def shop(crm: Crm) -> tuple[Crm, Desk]:
    return crm, Desk(crm.house, crm.user().actor)


def test_export_without_the_right_is_refused_and_with_it_audited_once(shop: tuple[Crm, Desk]) -> None:
    """C-20: 403 without the right; 500 contacts out leave one audit entry with actor, filter and count."""
    crm, desk = shop
    text = "given_name,family_name,city\n" + "".join(f"A{n},Person{n},Praha\n" for n in range(500))
    desk.bring(text, duplicates="ignore")
    reader, seller = (
        crm.user({"contact.read": "all"}),
        crm.user({"contact.read": "all", "contact.export": "all"}),
    )
    wanted = {"filter": {"field": "city", "op": "eq", "value": "Praha"}}
    assert reader.client.post("/exports/download", wanted).status_code == 403
    assert reader.client.post("/exports", wanted).status_code == 403
    answer = seller.client.post("/exports/download", wanted)
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    assert len(rows_of(answer.content)) == 500
    with crm.store() as store:
        (entry,) = store.scalars(select(AuditEntry).where(AuditEntry.action == "contact.export"))
    assert (entry.actor_id, entry.detail["count"], entry.detail["filter"]) == (seller.id, 500, ["city eq"])
    assert "Praha" not in json.dumps(entry.detail)
    with pytest.raises(Denied), crm.store(reader.actor) as store:
        exporting.export_now(store, Wanted(), io.BytesIO())


def test_hidden_fields_and_foreign_contacts_are_absent(shop: tuple[Crm, Desk]) -> None:
    """C-14: a role without read on revenue gets no such column; own reach gets own rows."""
    crm, desk = shop
    with crm.store() as store:
        create_custom_field(store, {"key": "revenue", "label": "Revenue", "kind": "integer"})
    desk.bring("name,email,revenue\nAnna Nová,a@example.com,500\n")
    narrow = crm.user(
        {"contact.read": "all", "contact.export": "all"},
        hidden_fields=["contact.custom.revenue", "contact.emails"],
    )
    out = desk.export(narrow.actor)
    assert b"Anna" in out
    assert b"evenue" not in out
    assert b"500" not in out
    assert b"example.com" not in out
    listed = desk.export(narrow.actor, columns=["name", "custom.revenue", "emails"])
    assert rows_of(listed) == [{"Full name": "Anna Nová"}]
    own = crm.user(
        {"contact.read": "all", "contact.export": "own", "contact.create": "own", "contact.import": "all"}
    )
    Desk(crm.house, own.actor).bring("name\nEva Malá\n")
    assert [row["Given name"] for row in rows_of(desk.export(own.actor))] == ["Eva"]


def test_large_export_is_a_job_with_a_file(shop: tuple[Crm, Desk]) -> None:
    crm, desk = shop
    desk.bring(PEOPLE)
    seller, other = (crm.user({"contact.read": "all", "contact.export": "all"}) for _ in range(2))
    asked = seller.client.post("/exports", {"format": "vcard"})
    assert asked.status_code == 202, asked.text
    path = asked.headers["location"].removeprefix("/api/v1")
    assert seller.client.get(f"{path}/file").status_code == 404
    with crm.store(seller.actor) as store:
        exporting.export_soon(store, {"export_id": asked.json()["id"]})
    assert (
        seller.client.get(path).json() | {"status": "complete", "count": 3} == seller.client.get(path).json()
    )
    file = seller.client.get(f"{path}/file")
    assert file.text.count("BEGIN:VCARD") == 3
    assert other.client.get(f"{path}/file").status_code == 404
    assert [one["id"] for one in seller.client.get("/exports").json()["items"]] == [asked.json()["id"]]
