from __future__ import annotations

import pytest
from heading_lists import (
    GOOGLE_NEW,
    GOOGLE_OLD,
    HUBSPOT,
    OUTLOOK_CS,
    OUTLOOK_DE,
    OUTLOOK_EN,
    OUTLOOK_RU,
    OUTLOOK_TR,
)

from retinue_io.headings import recognise
from retinue_io.mapping import propose_mapping
from retinue_io.targets import LISTS, SCALARS, heading_for


def places(headings: list[str]) -> dict[str, str]:
    mapping = propose_mapping(headings)
    return {
        c.heading: ".".join(
            part
            for part in (
                c.target,
                str(c.index) if c.target in LISTS else "",
                c.part,
                f"({c.label})" if c.label else "",
            )
            if part
        )
        for c in mapping.columns
    }


def test_google_contacts_old_headings_are_recognised() -> None:
    found = places(GOOGLE_OLD)
    assert found["Name"] == "name"
    assert (found["Given Name"], found["Additional Name"], found["Family Name"]) == (
        "given_name",
        "middle_name",
        "family_name",
    )
    assert (found["E-mail 1 - Type"], found["E-mail 1 - Value"]) == ("emails.0.label", "emails.0.value")
    assert found["E-mail 2 - Value"] == "emails.1.value"
    assert (found["Phone 1 - Type"], found["Phone 1 - Value"]) == ("phones.0.label", "phones.0.value")
    assert found["Address 1 - Street"] == "addresses.0.street"
    assert found["Address 1 - City"] == "addresses.0.city"
    assert found["Address 1 - Type"] == "addresses.0.label"
    assert found["Address 1 - Formatted"] == ""
    assert found["Organization 1 - Name"] == "organisation"
    assert found["Organization 1 - Title"] == "job_title"
    assert found["Group Membership"] == "tags"
    assert found["Website 1 - Value"] == "website"
    assert found["Yomi Name"] == found["Photo"] == found["Initials"] == ""
    assert propose_mapping(GOOGLE_OLD).source == "google"
    assert propose_mapping(GOOGLE_OLD).unknown == ()


def test_google_contacts_new_headings_are_recognised() -> None:
    found = places(GOOGLE_NEW)
    assert found["First Name"] == "given_name"
    assert found["E-mail 2 - Label"] == "emails.1.label"
    assert found["Organization Name"] == "organisation"
    assert found["Organization Title"] == "job_title"
    assert found["Labels"] == "tags"
    assert propose_mapping(GOOGLE_NEW).unknown == ("Custom Field 1 - Label", "Custom Field 1 - Value")


def test_outlook_english_headings_are_recognised() -> None:
    found = places(OUTLOOK_EN)
    assert found["Title"] == "title_before"
    assert found["E-mail Type"] == found["E-mail Display Name"] == ""
    assert found["Business Street"] == found["Business Street 2"] == "addresses.0.street.(work)"
    assert found["Business Country/Region"] == "addresses.0.country.(work)"
    assert found["Home City"] == "addresses.1.city.(home)"
    assert found["Business Fax"] == "phones.0.value.(fax)"
    assert found["Business Phone"] == "phones.1.value.(work)"
    assert found["Business Phone 2"] == "phones.2.value.(work)"
    assert found["Home Phone"] == "phones.3.value.(home)"
    assert found["Mobile Phone"] == "phones.4.value.(mobile)"
    assert [found[h] for h in ("E-mail Address", "E-mail 2 Address", "E-mail 3 Address")] == [
        "emails.0.value",
        "emails.1.value",
        "emails.2.value",
    ]
    assert propose_mapping(OUTLOOK_EN).unknown == ("Department",)


@pytest.mark.parametrize(
    ("headings", "unknown"),
    [
        (OUTLOOK_DE, {"Abteilung"}),
        (OUTLOOK_RU, {"Отдел"}),
        (OUTLOOK_CS, {"Oddělení"}),
        (OUTLOOK_TR, {"Bölüm"}),
    ],
)
def test_outlook_headings_of_other_languages_are_recognised(headings: list[str], unknown: set[str]) -> None:
    found = places(headings)
    values = list(found.values())
    assert set(propose_mapping(headings).unknown) == unknown
    for target in (
        "given_name",
        "family_name",
        "organisation",
        "job_title",
        "birth_date",
        "sex",
        "tags",
        "note",
    ):
        assert values.count(target) == 1, target
    assert "emails.0.value" in values
    assert "emails.1.value" in values
    assert "addresses.0.street.(work)" in values
    assert "addresses.0.city.(work)" in values
    assert "addresses.0.postal_code.(work)" in values
    assert "addresses.1.street.(home)" in values
    labels = [v.rpartition(".")[2] for v in values if v.startswith("phones")]
    assert sorted(set(labels) - {"(fax)"}) == ["(home)", "(mobile)", "(work)"]


def test_hubspot_headings_are_recognised() -> None:
    found = places(HUBSPOT)
    assert found == {
        "Record ID": "external_id",
        "First Name": "given_name",
        "Last Name": "family_name",
        "Email": "emails.0.value",
        "Phone Number": "phones.0.value",
        "Mobile Phone Number": "phones.1.value.(mobile)",
        "Contact owner": "owner",
        "Lead Status": "",
        "Lifecycle Stage": "status",
        "Create Date": "created_at",
        "Company Name": "organisation",
        "Job Title": "job_title",
        "Street Address": "addresses.0.street",
        "City": "city",
        "State/Region": "region",
        "Postal Code": "postal_code",
        "Country/Region": "country",
        "Website URL": "website",
        "Date of birth": "birth_date",
        "Preferred language": "language",
        "Time Zone": "time_zone",
        "Industry": "business_line",
        "Original Source": "source",
    }
    assert propose_mapping(HUBSPOT).source == "hubspot"


@pytest.mark.parametrize(
    ("headings", "targets"),
    [
        (
            ["Имя", "Фамилия", "Телефон", "Эл. почта", "Город"],
            ["given_name", "family_name", "phones", "emails", "city"],
        ),
        (["ФИО", "Дата рождения", "Моб. телефон"], ["name", "birth_date", "phones"]),
        (["Jméno", "Příjmení", "E-mail", "PSČ"], ["given_name", "family_name", "emails", "postal_code"]),
        (["Jméno", "E-mail"], ["name", "emails"]),
        (
            ["Ad", "Soyad", "Doğum tarihi", "E-posta", "İl"],
            ["given_name", "family_name", "birth_date", "emails", "city"],
        ),
        (["AD SOYAD", "TELEFON"], ["name", "phones"]),
        (["Vorname", "Name", "PLZ", "Ort"], ["given_name", "family_name", "postal_code", "city"]),
        (["Name", "Stadt"], ["name", "city"]),
        (["first_name", "LAST-NAME", "e_mail"], ["given_name", "family_name", "emails"]),
    ],
)
def test_plain_headings_of_five_languages_are_recognised(headings: list[str], targets: list[str]) -> None:
    assert [c.target for c in propose_mapping(headings).columns] == targets


@pytest.mark.parametrize(
    "heading", ["Email opt out", "Email status", "Phone verified", "Lead Status", "Number of cats", "🙂", ""]
)
def test_heading_with_a_word_not_understood_is_not_guessed_at(heading: str) -> None:
    assert recognise(heading) is None


def test_slip_of_the_pen_is_forgiven_with_less_confidence() -> None:
    guess = recognise("Frist name")
    assert guess is not None
    assert (guess.meaning, guess.confidence) == ("given_name", 0.6)


@pytest.mark.parametrize(
    "target", [*SCALARS, "organisation", "owner", "team", "external_id", "id", "custom.tier"]
)
def test_own_export_headings_of_fields_are_recognised(target: str) -> None:
    columns = propose_mapping([heading_for(target), heading_for("given_name") + "x"]).columns
    assert columns[0].target == target


@pytest.mark.parametrize("target", list(LISTS))
def test_own_export_headings_of_lists_are_recognised(target: str) -> None:
    wanted = [(target, i, part) for i in range(3) for part in LISTS[target] if part != "number"]
    mapping = propose_mapping([heading_for(*place) for place in wanted])
    assert [(c.target, c.index, c.part) for c in mapping.columns] == wanted
