"""Cards: every contact has one, and only who may sees it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from retinue.ui import PageRequest
from retinue_keepsake.models import Card
from retinue_keepsake.pages import show_card, show_overview
from retinue_keepsake.service import open_missing_cards


def points(crm: Any) -> list[int]:
    with crm.store() as store:
        return sorted(store.scalars(select(Card.points)))


def test_new_contact_has_a_card(plugin: Any, make_contact: Any) -> None:
    """The hook contacts_created opens it."""
    make_contact(given_name="Ada", family_name="Lovelace")
    assert points(plugin) == [0]


def test_new_contact_gets_the_points_that_are_set(plugin: Any, make_contact: Any, client: Any) -> None:
    answer = client.patch("/plugins/keepsake/settings", {"values": {"welcome": 5}})
    assert answer.status_code == 200, answer.text
    make_contact(given_name="Ada", family_name="Lovelace")
    assert points(plugin) == [5]


def test_card_is_changed_over_the_api(plugin: Any, make_contact: Any, as_user: Any) -> None:
    contact = make_contact(given_name="Ada", family_name="Lovelace")
    api = as_user().client
    answer = api.patch(f"/keepsake/{contact.id}", {"points": 7, "remark": "likes tea"})
    assert (answer.status_code, answer.json()["points"]) == (200, 7)
    assert api.get(f"/keepsake/{contact.id}").json()["remark"] == "likes tea"


def test_card_with_negative_points_is_refused(plugin: Any, make_contact: Any, as_user: Any) -> None:
    contact = make_contact(given_name="Ada", family_name="Lovelace")
    answer = as_user().client.patch(f"/keepsake/{contact.id}", {"points": -1})
    assert answer.status_code == 422


def test_card_is_not_shown_without_permission(plugin: Any, make_contact: Any, as_user: Any) -> None:
    contact = make_contact(given_name="Ada", family_name="Lovelace")
    assert as_user({"contact.read": "all"}).client.get(f"/keepsake/{contact.id}").status_code == 403


def test_merged_contacts_put_their_points_together(plugin: Any, make_contact: Any, as_user: Any) -> None:
    """The hook contacts_merged leaves one card."""
    one, two = (make_contact(given_name="Ada", family_name=name) for name in ("Byron", "Lovelace"))
    api = as_user().client
    for contact, count in ((one, 3), (two, 4)):
        api.patch(f"/keepsake/{contact.id}", {"points": count})
    assert api.post(f"/contacts/{one.id}/merge", {"merged": [str(two.id)]}).status_code == 200
    assert points(plugin) == [7]


def test_job_opens_the_cards_that_are_missing_once(crm: Any, make_contact: Any, enable_plugin: Any) -> None:
    make_contact(given_name="Ada", family_name="Lovelace")
    enable_plugin()
    for _ in range(2):
        with crm.store() as store:
            open_missing_cards(store, {})
    assert points(crm) == [0]


def test_pages_show_who_has_points(plugin: Any, make_contact: Any, as_user: Any) -> None:
    ada, bob = (make_contact(given_name=name, family_name="Byron") for name in ("Ada", "Bob"))
    user = as_user()
    user.client.patch(f"/keepsake/{ada.id}", {"points": 7, "remark": "likes tea"})
    with plugin.store(user.actor, readonly=True) as store:
        assert show_card(store, ada.id) == {"points": 7, "remark": "likes tea"}
        (row,) = show_overview(store, PageRequest())["rows"]
        assert (row["id"], row["points"]) == (ada.id, 7)
        assert show_overview(store, PageRequest(query={"least": "8"}))["rows"] == []
        assert show_card(store, bob.id) == {"points": 0, "remark": ""}
