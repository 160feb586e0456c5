"""The public page of a survey, as its reader sees it: on a phone, in the dark, in a language of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from retinue.actor import Actor

if TYPE_CHECKING:
    from conftest import Opens, Site

SYSTEM = Actor.system("test")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_public_page_is_answered_on_a_phone_without_an_account(visit: Opens, site: Site, theme: str) -> None:
    """NP-x4: a score of the address is chosen and no more; what is missing is said; axe finds nothing."""
    if "nps" not in site.house.plugins.loaded:
        pytest.skip("the plugin nps is off here")
    from retinue_nps import asking, service

    (contact,) = site.add({"given_name": "Ivana", "family_name": "Ř", "language": "cs"})
    with site.house.store(SYSTEM, plugin="nps") as store:
        draft = {"key": f"phone-{theme}", "name": "Phone", "pattern": "nps", "rest_days": 0}
        survey = service.create_survey(store, draft)["id"]
        service.open_survey(store, survey)
        asking.order_invitations(store.system("t"), [service.get_survey(store, survey)], [(contact, theme)])
    with site.house.store(SYSTEM, plugin="nps") as store:
        own = store.system("t")
        (one,) = asking.find_invitations(own, survey, [contact], theme)
        one.state, one.sent_at = "sent", own.now
        path = "/survey/" + asking.link_of(own, service.get_survey(store, survey), one).rpartition("/")[2]
    visitor = visit(theme=theme, width=390, height=844, login=None)
    page = visitor.go(path)
    assert page.locator("html").get_attribute("lang") == "cs"
    visitor.check_axe()
    page.get_by_role("button").click()
    assert page.get_by_role("alert").is_visible(), "a score is missing"
    visitor.check_axe()
    visitor.go(f"{path}?score=9")
    assert page.locator("[name=score][value='9']").is_checked()
    page.get_by_role("button").click()
    assert page.get_by_role("status").is_visible()
    visitor.check_axe()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
