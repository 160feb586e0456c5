"""Pictures of the main pages, for the documentation and for the eye: `tox -e screenshots`."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from retinue.cli.demo_data import interactions, people

if TYPE_CHECKING:
    from uuid import UUID

    from conftest import Opens, Site, Visitor

FOLDER = Path(os.environ.get("RETINUE_SCREENSHOTS", "docs/screenshots"))
QUALITY = 60
"""Small enough to stand in the documentation."""
FORMS = {"light": ("light", 1440, 900), "dark": ("dark", 1440, 900), "phone": ("light", 390, 844)}


@pytest.fixture(scope="module")
def shown(site: Site) -> list[UUID]:
    """The people of the demo, with their history."""
    made = site.add(*people(120, [site.people["ada@staff.example"]]))
    now = datetime.now(UTC)
    site.record(*interactions(made, now - timedelta(minutes=1)))
    return made


@pytest.mark.slow
@pytest.mark.screenshots
@pytest.mark.parametrize("form", FORMS)
def test_pictures_are_made(visit: Opens, shown: list[UUID], form: str) -> None:
    theme, width, height = FORMS[form]
    visitor = visit(theme=theme, width=width, height=height)
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = {
        "home": "/",
        "contacts": "/contacts",
        "board": "/contacts/board?kind=person",
        "contact": f"/contacts/{shown[1]}",
        "brief": f"/contacts/{shown[1]}/brief",
        "merge": f"/merge?ids={shown[1]},{shown[2]}",
        "settings": "/settings",
        "roles": "/settings/roles",
        "plugins": "/settings/plugins",
    }
    for name, path in pages.items():
        visitor.go(path).screenshot(path=FOLDER / f"{name}-{form}.jpg", type="jpeg", quality=QUALITY)
    _palette(visitor, form)
    assert len(list(FOLDER.glob(f"*-{form}.jpg"))) == len(pages) + 1


def _palette(visitor: Visitor, form: str) -> None:
    page = visitor.go("/contacts")
    page.keyboard.press("Control+k")
    page.keyboard.type("an")
    page.get_by_role("option").first.wait_for()
    page.wait_for_timeout(400)
    page.screenshot(path=FOLDER / f"palette-{form}.jpg", type="jpeg", quality=QUALITY)
