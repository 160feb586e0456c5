"""Saved views: whose they are, what they may show, when they stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from lists_kit import LoyaltyAccount, add_contact, contact_catalogue, definitions, make_loyalty
from sqlalchemy import select

from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, NotFound, Stale
from retinue.lists import Catalogues, ListRequest, Test, parse_sort, to_json
from retinue.lists import service as views
from retinue.storage import AuditEntry, new_id
from retinue.testing.fixtures import person

SYSTEM = Actor.system("test")
LISTS = Catalogues({"contact": lambda _store: contact_catalogue()})
DEEDS = ("view.read", "view.create", "view.change", "view.remove", "contact.read", "contact.change")
PRAHA = to_json(Test("city", "eq", "Praha"))


def names(page):
    return [row["name"] for row in page.rows]


@pytest.fixture
def people(database):
    """Return two colleagues of one team and a stranger, each with a contact in Praha."""
    team = new_id()
    anna = person(*(f"{deed}=own" for deed in DEEDS), teams=frozenset({team}))
    bert = person(*(f"{deed}=own" for deed in DEEDS), teams=frozenset({team}))
    carl = person(*(f"{deed}=own" for deed in DEEDS))
    with database.store(SYSTEM) as store:
        for name, owner in (("of Anna", anna), ("of Bert", bert), ("of Carl", carl)):
            add_contact(store, name, city="Praha", owner=owner.id)
        add_contact(store, "elsewhere", city="Brno", owner=anna.id)
    return anna, bert, carl, team


def make(database, actor, **draft):
    with database.store(actor) as store:
        return views.create_view(store, LISTS, {"name": "In Praha", "filter": PRAHA, **draft}).id


def test_view_is_seen_by_whom_it_is_shared_with(database, people):
    anna, bert, carl, team = people
    make(database, anna, name="private")
    make(database, anna, name="ours", visibility="team", team_id=team)
    with pytest.raises(Denied):
        make(database, anna, name="all", visibility="public")
    publisher = replace(anna, permissions={**anna.permissions, "view.share": anna.reach("view.read").ALL})
    make(database, publisher, name="all", visibility="public", is_pinned=True)
    seen = []
    for actor in (anna, bert, carl):
        with database.store(actor) as store:
            seen.append([view.name for view in views.list_views(store, "contact")])
    assert seen == [["all", "ours", "private"], ["all", "ours"], ["all"]]


def test_view_of_somebody_else_never_widens_what_one_sees(database, people):
    """C-13: the reader's rows, whoever saved the view."""
    anna, bert, _, team = people
    view_id = make(database, anna, visibility="team", team_id=team)
    for actor, expected in ((anna, ["of Anna"]), (bert, ["of Bert"])):
        with database.store(actor) as store:
            assert names(views.run_view(store, LISTS, view_id)) == expected
            assert views.count_view(store, LISTS, view_id) == 1
            assert [len(part) for part in views.view_ids(store, LISTS, view_id)] == [1]
    with database.store(SYSTEM) as store:
        assert len(names(views.run_view(store, LISTS, view_id))) == 3


def test_view_out_of_sight_does_not_exist(database, people):
    anna, _, carl, _ = people
    view_id = make(database, anna)
    with database.store(carl) as store:
        for deed in (
            lambda: views.get_view(store, view_id),
            lambda: views.run_view(store, LISTS, view_id),
            lambda: views.change_view(store, LISTS, view_id, {"name": "x"}),
            lambda: views.remove_view(store, view_id),
        ):
            with pytest.raises(NotFound):
                deed()


def test_view_is_changed_by_whom_the_permission_reaches(database, people):
    anna, bert, _, team = people
    view_id = make(database, anna, visibility="team", team_id=team)
    with database.store(bert) as store:
        with pytest.raises(Denied):
            views.change_view(store, LISTS, view_id, {"name": "Bert's"})
        with pytest.raises(Denied):
            views.remove_view(store, view_id)
    lead = person(*(f"{deed}=team" for deed in DEEDS), teams=frozenset({team}))
    with database.store(lead) as store:
        assert views.change_view(store, LISTS, view_id, {"name": "Lead's"}).name == "Lead's"
    nobody = person("contact.read")
    with database.store(nobody) as store, pytest.raises(Denied):
        views.list_views(store)


def test_view_of_a_hidden_field_is_refused_and_stops(database, people):
    """C-14, and a view saved before the field was hidden: it is checked at every run."""
    anna = people[0]
    by_revenue = to_json(Test("custom.revenue", "gt", 100))
    view_id = make(database, anna, filter=by_revenue, columns=["name", "custom.revenue"])
    blind = replace(anna, hidden_fields=frozenset({"contact.custom.revenue"}))
    with database.store(blind) as store:
        with pytest.raises(Conflict) as caught:
            views.run_view(store, LISTS, view_id)
        assert caught.value.code == "view-stopped"
        with pytest.raises(Invalid):
            views.create_view(store, LISTS, {"name": "x", "filter": by_revenue})
        with pytest.raises(Invalid):
            views.create_view(store, LISTS, {"name": "x", "sort": "custom.revenue"})
        with pytest.raises(Invalid):
            views.create_view(store, LISTS, {"name": "x", "columns": ["custom.revenue"]})
    only_column = make(database, anna, columns=["name", "custom.revenue"])
    with database.store(blind) as store:
        page = views.run_view(store, LISTS, only_column)
        assert page.left_out == ("custom.revenue",)
        assert set(page.rows[0]) == {"id", "name"}
    with database.store(anna) as store:
        assert set(views.run_view(store, LISTS, only_column).rows[0]) == {"id", "name", "custom.revenue"}


def test_view_over_a_plugin_that_is_off_stops(database, people):
    """Extension 13: a segment that uses a missing field stops rather than standing for everybody."""
    make_loyalty(database)
    anna = people[0]
    with_plugin = Catalogues({"contact": lambda _store: contact_catalogue(loyalty=True)})
    not_gold = {"not": to_json(Test("loyalty.tier", "eq", "gold"))}
    with database.store(SYSTEM) as store:
        gold = add_contact(store, "golden", owner=anna.id)
        store.add(LoyaltyAccount(id=1, contact_id=gold, tier="gold", points=1))
    with database.store(anna) as store:
        view = views.create_view(
            store, with_plugin, {"name": "Not gold", "filter": not_gold, "columns": ["name", "loyalty.tier"]}
        )
        assert names(views.run_view(store, with_plugin, view.id)) == ["elsewhere", "of Anna"]
        for deed in (views.run_view, views.view_ids, views.count_view):
            with pytest.raises(Conflict) as caught:
                deed(store, LISTS, view.id)
            assert caught.value.code == "view-stopped"
            assert (
                'view "Not gold" has stopped: field "loyalty.tier" cannot be filtered' in caught.value.detail
            )


def test_run_narrows_and_never_replaces_the_filter(database, people):
    anna = people[0]
    view_id = make(database, anna, sort="-name", columns=["name"])
    with database.store(anna) as store:
        for tree in (Test("city", "eq", "Brno"), Test("name", "eq", "elsewhere")):
            assert views.run_view(store, LISTS, view_id, ListRequest(tree=tree)).rows == []
        narrowed = ListRequest(
            tree=Test("name", "contains", "anna"), sort=parse_sort("city"), columns=("city",)
        )
        assert [row["city"] for row in views.run_view(store, LISTS, view_id, narrowed).rows] == ["Praha"]


def test_view_that_does_not_fit_is_not_saved(database, people):
    anna = people[0]
    for pointer, draft in (
        ("/filter/field", {"filter": {"field": "ctiy", "value": "x"}}),
        ("/filter/or", {"filter": {"or": []}}),
        ("?sort", {"sort": "emails"}),
        ("/columns/1", {"columns": ["name", "nmae"]}),
        ("/entity", {"entity": "contcat"}),
        ("/time_zone", {"time_zone": "Mars/Olympus"}),
        ("/team_id", {"visibility": "team"}),
        ("/team_id", {"visibility": "team", "team_id": new_id()}),
        ("/name", {"name": "  "}),
    ):
        with database.store(anna) as store:
            with pytest.raises(Invalid) as caught:
                views.create_view(store, LISTS, {"name": "x", **draft})
            assert [problem.pointer for problem in caught.value.problems] == [pointer]
    with database.store(SYSTEM) as store:
        assert views.list_views(store) == []


def test_change_of_an_old_version_is_refused(database, people):
    anna = people[0]
    view_id = make(database, anna)
    with database.store(anna) as store:
        assert views.change_view(store, LISTS, view_id, {"name": "second"}, version=1).version == 2
    with database.store(anna) as store, pytest.raises(Stale) as caught:
        views.change_view(store, LISTS, view_id, {"name": "third"}, version=1)
    assert caught.value.extra["current"]["name"] == "second"


def test_deeds_on_views_are_audited(database, people):
    anna = people[0]
    view_id = make(database, anna)
    with database.store(anna) as store:
        views.change_view(store, LISTS, view_id, {"name": "other"})
    with database.store(anna) as store:
        views.remove_view(store, view_id)
    with database.store(SYSTEM) as store:
        entries = store.scalars(select(AuditEntry).order_by(AuditEntry.turn))
        found = [entry.action for entry in entries if entry.action.startswith("view.")]
        assert found == ["view.create", "view.change", "view.remove"]


def test_fixed_list_keeps_its_members(database, people):
    """SG-06: a fixed list of 3 keeps 3 after data change; a live list of the same rule goes 3 to 4."""
    with database.store(SYSTEM) as store:
        for number in range(3):
            add_contact(store, f"vip{number}", tags=["vip"])
        rule = to_json(Test("tag", "has", "vip"))
        fixed = views.create_view(store, LISTS, {"name": "Fixed", "kind": "fixed", "filter": rule}).id
        live = views.create_view(store, LISTS, {"name": "Live", "filter": rule}).id
        assert (views.count_view(store, LISTS, fixed), views.count_view(store, LISTS, live)) == (3, 3)
        add_contact(store, "vip3", tags=["vip"])
        assert names(views.run_view(store, LISTS, fixed)) == ["vip0", "vip1", "vip2"]
        assert names(views.run_view(store, LISTS, live)) == ["vip0", "vip1", "vip2", "vip3"]


def test_fixed_list_takes_and_gives_members(database, people):
    anna, _, carl, _ = people
    with database.store(SYSTEM) as store:
        rows = {
            row["name"]: row["id"]
            for row in views.select_page(store, contact_catalogue(), ListRequest()).rows
        }
    view_id = make(database, anna, kind="fixed", members=[rows["of Anna"], rows["of Anna"]])
    with database.store(anna) as store:
        assert views.change_members(store, view_id, add=[rows["of Anna"], rows["elsewhere"]]) == (1, 0)
        assert views.change_members(store, view_id, remove=[rows["of Anna"], new_id()]) == (0, 1)
        assert names(views.run_view(store, LISTS, view_id)) == ["elsewhere"]
    with database.store(anna) as store, pytest.raises(NotFound):
        views.change_members(store, view_id, add=[rows["of Carl"]])
    with database.store(carl) as store, pytest.raises(NotFound):
        views.change_members(store, view_id, add=[rows["of Carl"]])
    live = make(database, anna)
    with database.store(anna) as store, pytest.raises(Conflict):
        views.change_members(store, live, add=[rows["of Anna"]])


def test_days_of_a_view_begin_in_its_zone(database):
    with database.store(SYSTEM) as store:
        add_contact(store, "late", birth_date=date(1990, 7, 1))
        rule = to_json(Test("birth_date", "anniversary_in_days", (0, 0)))
        zones = {
            zone: views.create_view(store, LISTS, {"name": zone, "filter": rule, "time_zone": zone})
            for zone in ("UTC", "Asia/Tokyo")
        }
        for zone, today, expected in (
            ("UTC", date(2026, 7, 1), ["late"]),
            ("Asia/Tokyo", date(2026, 6, 30), []),
        ):
            page = views.run_view(store, LISTS, zones[zone].id, ListRequest(today=today))
            assert names(page) == expected


def test_fields_are_described_without_the_hidden_ones():
    actor = person("contact.read", hidden_fields=frozenset({"contact.city"}))
    described = {field["name"]: field for field in views.describe_fields(contact_catalogue(), actor)}
    assert "city" not in described
    assert described["custom.seats"]["operators"][:2] == ["eq", "ne"]
    assert described["emails"]["operators"] == []
    assert "sealed" in described["emails"]["protected"]
    assert described["custom.plan"]["choices"] == ["free", "paid"]
    assert len(definitions()) == sum(name.startswith("custom.") for name in described)
