"""Pages of surveys within the desk: questions written in a form, and a view that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from conftest import Opens, Site


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_poll_is_drafted_written_and_opened_in_the_pages(visit: Opens, site: Site, theme: str) -> None:
    """A question with choices, another for some of the answers, and complaints at the place they are about."""
    if "nps" not in site.house.plugins.loaded:
        pytest.skip("the plugin nps is off here")
    visitor = visit(theme=theme)
    page = visitor.go("/surveys")
    page.get_by_role("button", name="New survey").click()
    page.locator("#survey-name").fill(f"Colours {theme}")
    page.locator("#survey-key").fill(f"colours-{theme}")
    page.locator("#survey-pattern").select_option("poll")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name=f"Colours {theme}").click()
    form = page.locator("form[data-api^='PATCH']")
    first = form.locator("fieldset[data-row]").first
    first.get_by_role("textbox", name="Question", exact=True).fill("Which colour?")
    first.get_by_role("button", name="Add a choice").click()
    form.get_by_role("button", name="Add a question").click()
    second = form.locator("fieldset[data-row]").nth(1)
    second.get_by_role("textbox", name="Question", exact=True).fill("Why that one?")
    second.get_by_label("Answered by").select_option("text")
    form.get_by_role("button", name="Save").click()
    expect(form.locator("[aria-invalid=true]").first).to_be_visible()
    assert form.locator("[aria-invalid=true]").count() >= 5, "the new choice, in each language"
    visitor.check_axe()
    words = {"en": "Green", "cs": "Zelená", "de": "Grün", "ru": "Зелёный", "tr": "Yeşil"}
    for code, word in words.items():
        first.locator(f"[name='questions.0.words.{code}.choices.1000']").fill(word)
    for code in ("cs", "de", "ru", "tr"):
        second.locator(f"[name$='words.{code}.text']").fill(f"? {code}")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.locator("fieldset.card[data-row]")).to_have_count(2)
    assert page.locator("[name='questions.0.choices.2']").input_value() == "c1"
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("button", name="Close", exact=True)).to_be_visible()
    expect(page.locator("#survey-row")).to_be_visible()
    visitor.check_axe()
    visitor.check_quiet()
