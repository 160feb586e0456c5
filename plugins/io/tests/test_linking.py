"""What a row says beside the contact's own values: owner, team, company, and since when it is known."""

from __future__ import annotations

import datetime as dt

import pytest
from io_kit import Desk
from sqlalchemy import select

from retinue.access import create_account, create_team
from retinue.actor import Actor
from retinue.contacts import set_field_rule
from retinue.contacts.models import Contact
from retinue.errors import Denied
from retinue.relations import Relation, list_relations
from retinue.testing.fixtures import person

FILE = """given_name;family_name;email;Company;Owner;Team;Created at
Jiří;Novák;jiri@firma.cz;Firma s.r.o.;petra@staff.example;Sever;2024-05-06T07:08:09+00:00
Ayşe;Yıldırım;ayse@firma.cz;firma S.R.O.;Petra Malá;sever;
Anna;Weiß;anna@weiss.de;Weiß & Söhne;;;2023-01-02
"""


@pytest.fixture
def staff(desk: Desk) -> Desk:
    with desk.house.store(Actor.system("staff")) as store:
        draft = {"login": "petra@staff.example", "name": "Petra Malá"}
        create_account(store, draft, guard=desk.house.guard)
        create_team(store, "Sever")
    return desk


def test_import_places_people_with_owner_team_company_and_date(staff: Desk) -> None:
    """Two spellings of a company are one; a check counts what the run will make."""
    row = staff.upload(FILE)
    staff.map(row)
    checked = staff.check(row)["counts"]
    assert (checked["created"], checked["organisations"], staff.contacts()) == (3, 2, 0)
    done = staff.run(row)
    assert done["counts"] == checked, done
    with staff.store(readonly=True) as store:
        by_name = {c.name: c for c in store.scalars(select(Contact))}
        jiri, ayse, anna = (by_name[n] for n in ("Jiří Novák", "Ayşe Yıldırım", "Anna Weiß"))
        assert jiri.owner_id == ayse.owner_id != anna.owner_id
        assert jiri.team_id == ayse.team_id is not None
        assert jiri.created_at == dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
        assert anna.created_at.date() == dt.date(2023, 1, 2)
        works = {
            c.name: [(i.kind, i.other_name) for i in list_relations(store, c.id)] for c in (jiri, ayse, anna)
        }
        assert works == {
            "Jiří Novák": [("works_at", "Firma s.r.o.")],
            "Ayşe Yıldırım": [("works_at", "Firma s.r.o.")],
            "Anna Weiß": [("works_at", "Weiß & Söhne")],
        }


def test_import_again_finds_the_companies_it_made_and_a_revert_takes_all(staff: Desk) -> None:
    first = staff.upload(FILE)
    staff.map(first)
    staff.run(first)
    again = staff.bring("given_name;email;Company\nEva;eva@firma.cz;FIRMA s.r.o.\n", "more.csv")
    assert (again["counts"]["created"], again["counts"]["organisations"]) == (1, 0)
    assert staff.count(Relation) == 4
    assert staff.revert(again["id"])["status"] == "reverted"
    assert staff.count(Relation) == 3
    assert staff.revert(first)["status"] == "reverted"
    assert (staff.contacts(), staff.count(Relation)) == (0, 0)


def test_update_moves_a_contact_and_leaves_its_date(staff: Desk) -> None:
    staff.bring("given_name;email\nJiří;jiri@firma.cz\n")
    done = staff.bring(FILE, mode="upsert", key="email")
    assert (done["counts"]["updated"], done["counts"]["created"]) == (1, 2)
    with staff.store(readonly=True) as store:
        jiri = store.first(select(Contact).where(Contact.given_name == "Jiří"))
        assert jiri.team_id is not None
        assert jiri.created_at.year != 2024
        assert [link.other_name for link in list_relations(store, jiri.id)] == ["Firma s.r.o."]


def test_import_names_an_owner_nobody_has(staff: Desk) -> None:
    """The row stays out with the remedy; with `leave_out` only the value does."""
    text = "given_name;email;Owner\nEva;eva@firma.cz;nobody@staff.example\n"
    done = staff.bring(text)
    assert done["counts"]["rejected"] == 1
    assert "Nobody here is called nobody@staff.example. Use the login" in staff.errors(done["id"])
    assert staff.bring(text, on_fault="leave_out")["counts"]["created"] == 1


def test_import_of_owners_needs_the_right_to_assign(staff: Desk) -> None:
    """A proposal leaves such columns out; a mapping that names one is refused."""
    staff.actor = person("contact.import", "contact.create", "contact.read")
    row = staff.upload(FILE)
    proposed = staff.map(row)["mapping"]
    targets = {column["heading"]: column.get("target", "") for column in proposed["columns"]}
    assert [targets[name] for name in ("Owner", "Team", "Company")] == ["", "", ""]
    owner = [{**c, "target": "owner"} if c["heading"] == "Owner" else c for c in proposed["columns"]]
    with pytest.raises(Denied, match=r"contact\.assign"):
        staff.map(row, mapping={**proposed, "columns": owner})


def test_company_that_may_not_be_made_is_left_out_and_the_person_is_in(staff: Desk) -> None:
    with staff.store() as store:
        set_field_rule(store, "business_line", required=True, kind="organisation")
    done = staff.bring("given_name;email;Company\nEva;eva@firma.cz;Firma\n")
    assert (done["counts"]["created"], done["counts"]["organisations"]) == (1, 0)
    assert staff.count(Relation) == 0
