"""Columns that plugins work out, and the words of letters: one call for a page, behind a boundary, by permission."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from retinue.contacts.service import create_contact
from retinue.errors import Invalid
from retinue.lists import check_letter, list_merge_fields, merge_letter
from retinue.plugins import parse_manifest
from retinue.plugins.checks import manifest_faults

if TYPE_CHECKING:
    from conftest import Site
    from retinue.testing.house import Crm

TOML = """
[[permissions]]
name = "ranks.read"
label = "Read ranks"

[[list_columns]]
name = "ranks.place"
label = "Place"
run = "retinue_ranks:places"
permission = "ranks.read"

[[list_columns]]
name = "ranks.broken"
label = "Broken"
run = "retinue_ranks:fails"

[[merge_fields]]
name = "ranks.greeting"
label = "Greeting"
run = "retinue_ranks:greetings"
fallback = "customer"

[[merge_fields]]
name = "ranks.broken"
label = "Broken"
run = "retinue_ranks:fails"
"""

BODY = """
CALLS = []

def places(store, contact_ids):
    CALLS.append(list(contact_ids))
    return {one: f"place {number}" for number, one in enumerate(contact_ids)}

def greetings(store, contact_ids):
    CALLS.append(list(contact_ids))
    return {contact_ids[0]: "dear first"}

def fails(store, contact_ids):
    raise ValueError("Jan owes 500")
"""


@pytest.fixture
def ranked(site: Site, crm: Crm) -> Crm:
    site.install("ranks", {}, toml=TOML, body=BODY)
    site.turn_on(crm.house, "ranks")
    assert not crm.house.plugins.set_aside
    crm.rebuild()
    return crm


def _contacts(crm: Crm, *names: str) -> list[UUID]:
    with crm.store() as store:
        words = [{"given_name": name} if name else {"family_name": "Roe"} for name in names]
        return [create_contact(store, {"kind": "person", **own}).id for own in words]


def test_column_is_worked_out_once_for_a_page_and_a_failing_one_shows_nothing(ranked: Crm) -> None:
    """One call for any number of rows; a stranger's error costs its own column and is noted with its plugin."""
    import retinue_ranks  # type: ignore[import-not-found]  # made by the fixture

    ids = _contacts(ranked, "Ada", "Bob", "Cyd")
    rows = (
        ranked.user()
        .client.get("/contacts", params={"fields": "name,ranks.place,ranks.broken", "sort": "name"})
        .json()["items"]
    )
    assert [row["values"] for row in rows] == [
        {"name": name, "ranks.place": f"place {number}", "ranks.broken": None}
        for number, name in enumerate(("Ada", "Bob", "Cyd"))
    ]
    assert [ids] == retinue_ranks.CALLS
    failures = ranked.house.plugins.watch.failures
    assert [(f.plugin, f.hook, f.error) for f in failures] == [("ranks", "ranks.broken", "ValueError")]


def test_column_is_not_there_without_its_permission_and_cannot_be_filtered(ranked: Crm) -> None:
    """What is worked out the database does not know: filters and sorts say so, and name what it is."""
    _contacts(ranked, "Ada")
    nobody = ranked.user({"contact.read": "all"}).client
    assert nobody.get("/contacts", params={"fields": "name,ranks.place"}).json()["items"][0]["values"] == {
        "name": "Ada"
    }
    everybody = ranked.user().client
    for params in ({"ranks.place": "1"}, {"sort": "ranks.place"}):
        refused = everybody.get("/contacts", params=params)
        assert (refused.status_code, "worked out" in refused.text) == (422, True), refused.text
        assert nobody.get("/contacts", params=params).status_code == 422


def test_letter_falls_back_word_by_word_and_never_shows_braces(ranked: Crm) -> None:
    """EX-13: merge fields fall back: to the letter's own words, to the field's, to nothing."""
    first, second = _contacts(ranked, "Ada", "")
    with ranked.store() as store:
        text = "{{given_name | friend}}/{{ ranks.greeting }}/{{ ranks.broken | - }}/{{ gone.field | x }}/{{ ?? }}"
        letters = merge_letter(store, text, [second, first, second])
        assert letters == {second: "friend/dear first/-/x/", first: "Ada/customer/-/x/"}
        assert merge_letter(store, "no words", [first]) == {first: "no words"}


def test_letter_is_merged_for_those_the_actor_sees(ranked: Crm) -> None:
    """A letter is no way to read a stranger: who is out of scope is left out, and no plugin hears of them."""
    import retinue_ranks  # type: ignore[import-not-found]  # made by the fixture

    (hidden,) = _contacts(ranked, "Ada")
    user = ranked.user({"contact.read": "own", "contact.create": "own"})
    with ranked.store(user.actor) as store:
        own = create_contact(store, {"kind": "person", "given_name": "Bob"}).id
        assert merge_letter(store, "{{ ranks.greeting }}", [hidden, own]) == {own: "dear first"}
    assert [[own]] == retinue_ranks.CALLS
    asked = {"text": "{{ given_name }}", "contact_id": str(hidden)}
    assert user.client.post("/merge-fields/letter", asked).status_code == 404


def test_letter_that_names_what_nobody_knows_is_refused_with_the_nearest_word(ranked: Crm) -> None:
    with ranked.store() as store:
        assert {"given_name", "ranks.greeting"} <= {word.name for word in list_merge_fields(store)}
        check_letter(store, "Dear {{ ranks.greeting | you }}")
        with pytest.raises(Invalid) as raised:
            check_letter(store, "Dear {{ ranks.greetin }} {{ Given Name }}")
    assert [problem.pointer for problem in raised.value.problems] == ["/text", "/text"]
    assert "ranks.greeting" in raised.value.problems[0].detail


def test_column_may_not_have_the_name_of_a_field_or_of_another_plugin(site: Site) -> None:
    from retinue.plugins import build_plugin_set, discover

    toml = '[[list_columns]]\nname = "other.place"\nlabel = "x"\nrun = "a:b"'
    manifest = parse_manifest(f'name = "ranks"\napi = 1\n{toml}')
    assert [fault.code for fault in manifest_faults(manifest)] == ["PLG011"]
    site.install("ranks", {}, toml=TOML.replace("ranks.place", "ranks.a__b"), body=BODY)
    assert [f.code for f in build_plugin_set(discover(), ["ranks"]).set_aside["ranks"]] == ["PLG009"]
