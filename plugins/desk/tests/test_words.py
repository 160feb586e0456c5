"""Five languages: every text of the desk has its translation, with the same places to fill in and the right plurals."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import expect

from retinue.access import CORE_PERMISSIONS
from retinue.actor import Actor
from retinue.app.catalogues import base_catalogue
from retinue.interactions.service import CORE_KINDS as INTERACTION_KINDS
from retinue.plugins import Manifest, discover
from retinue.relations import ROLES
from retinue.relations.service import CORE_KINDS as RELATION_KINDS
from retinue_desk.change_routes import ACTIONS
from retinue_desk.filters import OPERATORS
from retinue_desk.tabs import ABOUT, TABS
from retinue_desk.words import LANGUAGES, Catalogs, Speech

if TYPE_CHECKING:
    from conftest import Opens, Site, Visitor

OTHERS = [code for code in LANGUAGES if code != "en"]
PLACE = re.compile(r"%\((\w+)\)s|…")
SOURCE = Path(__file__).parents[1] / "src" / "retinue_desk"
STATES = ("done", "running", "waiting", "dead", "parked", "stopped")


def _texts() -> set[str]:
    """Return every text that the desk says: in templates, in code, in its manifest, and core's labels."""
    found: set[str] = set()
    for file in SOURCE.rglob("*.html"):
        found |= set(re.findall(r"""(?<![\w.])_\('((?:[^'\\]|\\.)*)'""", file.read_text("utf-8")))
    for file in SOURCE.glob("*.py"):
        found |= set(re.findall(r"""say\(\s*"([^"]+)"\s*\)""", file.read_text("utf-8")))
    for field in base_catalogue().visible(Actor.system("test")):
        found |= {field.label, *field.choices}
    found |= {kind.label for kind in INTERACTION_KINDS.values()}
    found |= {label for kind in RELATION_KINDS.values() for label in (kind.label, kind.inverse_label)}
    found |= {*ROLES, *OPERATORS.values(), *ACTIONS.values(), *STATES}
    found |= {sentence for _, sentence in ABOUT.values()} | {label for _, label, _ in TABS}
    found |= {text for p in CORE_PERMISSIONS for text in (p.label, p.noun.replace("_", " "))}
    manifest = tomllib.loads((SOURCE / "plugin.toml").read_text("utf-8"))
    items = [item for value in manifest.values() if isinstance(value, list) for item in value]
    return found | {item["label"] for item in items if isinstance(item, dict) and "label" in item}


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_without_translation(language: str) -> None:
    """C-26: missing keys = 0; a translation keeps the places that are filled in."""
    with (SOURCE / "locale" / language / "LC_MESSAGES" / "desk.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    known = {m.id: m.string for m in catalog if m.id and isinstance(m.id, str)}
    assert not sorted(text for text in _texts() if text and not known.get(text))
    wrong = [
        text for text, said in known.items() if sorted(PLACE.findall(text)) != sorted(PLACE.findall(said))
    ]
    assert not wrong
    for message in catalog:
        if isinstance(message.id, tuple):
            assert len(message.string) == catalog.num_plurals
            assert all(message.string)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["1 contact", "2 contacts", "5 contacts", "21 contacts"]),
        ("ru", ["1 контакт", "2 контакта", "5 контактов", "21 контакт"]),
        ("tr", ["1 kişi", "2 kişi", "5 kişi", "21 kişi"]),
        ("cs", ["1 kontakt", "2 kontakty", "5 kontaktů", "21 kontaktů"]),
        ("de", ["1 Kontakt", "2 Kontakte", "5 Kontakte", "21 Kontakte"]),
    ],
)
def test_numbers_take_the_right_plural(language: str, said: list[str]) -> None:
    """C-26: 1 контакт, 2 контакта, 5 контактов."""
    catalogs = Catalogs([("desk", SOURCE / "locale")])
    speech = Speech(language, "UTC", catalogs.of(language), datetime.now(UTC))
    assert [speech.count("%(num)s contact", "%(num)s contacts", number) for number in (1, 2, 5, 21)] == said


def test_dates_and_numbers_follow_the_language() -> None:
    catalogs = Catalogs([])
    at = datetime(2026, 11, 25, 22, 30, tzinfo=UTC)
    said = {code: Speech(code, "Europe/Prague", catalogs.of(code), at).day(at, "long") for code in LANGUAGES}
    assert said == {
        "en": "November 25, 2026", "ru": "25 ноября 2026\u202fг.", "tr": "25 Kasım 2026", "cs": "25. listopadu 2026",
        "de": "25. November 2026",
    }  # fmt: skip
    assert Speech("de", "UTC", catalogs.of("de"), at).number(12480.5) == "12.480,5"
    assert Speech("xx-nonsense", "No/Where", catalogs.of("xx"), at).clock(at)


@pytest.mark.parametrize(
    "language", ["de", *(pytest.param(code, marks=pytest.mark.slow) for code in OTHERS if code != "de")]
)
def test_pages_speak_the_readers_language_within_the_width(visit: Opens, site: Site, language: str) -> None:
    """The longest words do not overflow: no sideways scroll at 360 px, axe finds nothing."""
    if not site.people.get(f"{language}@staff.example"):
        site.hire(f"{language}@staff.example", language=language)
    (contact,) = site.add(
        {"given_name": "Иван", "family_name": "Ёлкин", "emails": [f"ivan@{language}.example"]}
    )
    visitor = visit(f"{language}@staff.example", width=390)
    heads = {"ru": "Контакты", "tr": "Kişiler", "cs": "Kontakty", "de": "Kontakte"}
    page = visitor.go("/contacts")
    expect(page.get_by_role("heading", level=1)).to_have_text(heads[language])
    assert page.locator("html").get_attribute("lang") == language
    for path in ("/contacts", f"/contacts/{contact}", f"/contacts/{contact}/brief", "/settings/profile", "/"):
        visitor.go(path)
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    for plugin in (found for found in discover().values() if found.name in site.house.plugins.loaded):
        _check_form(visitor, plugin.manifest, language)
    visitor.check_quiet()


def test_turkish_letters_keep_their_dots(visit: Opens, site: Site) -> None:
    """C-26: on a Turkish page initials and headings grow i to İ and ı to I, on a Czech one i to I; the palette finds a word
    however its four letters are typed; the server too."""
    if not site.people.get("tr@staff.example"):
        site.hire("tr@staff.example", language="tr")
    (contact,) = site.add({"given_name": "ipek", "family_name": "ışık"})
    visitor = visit("tr@staff.example")
    page = visitor.go(f"/contacts/{contact}")
    expect(page.locator("main .avatar").first).to_have_text("İI", use_inner_text=True)
    page.keyboard.press("Control+k")
    for typed in ("kisiler", "KİŞİLER", "KISILER", "kışıler"):
        page.get_by_role("combobox").last.fill(typed)
        expect(page.get_by_role("option", name="Kişiler").first).to_be_visible()
    for typed in ("IPEK ISIK", "İpek Işık", "ipek ışık"):
        page.get_by_role("combobox").last.fill(typed)
        expect(page.get_by_role("option", name="ipek ışık").first).to_be_visible()
    visitor.check_quiet()
    english = visit().go(f"/contacts/{contact}")
    expect(english.locator("main .avatar").first).to_have_text("II", use_inner_text=True)
    catalogs, at = Catalogs([]), datetime(2026, 1, 1, tzinfo=UTC)
    said = {code: Speech(code, "UTC", catalogs.of(code), at).capital("isim") for code in ("tr", "cs")}
    assert said == {"tr": "İsim", "cs": "Isim"}


def _check_form(visitor: Visitor, manifest: Manifest, language: str) -> None:
    """EX-18: the form of a plugin's settings asks in the reader's language for each of them."""
    declared = manifest.contributions.get("settings", ())
    if declared:
        page = visitor.go("/settings/plugins")
        page.locator("[data-plugin-list] li", has_text=manifest.title).locator("button").first.click()
        form = page.locator("[data-plugin-form]")
        expect(form.locator("[data-plugin-fields] > *").first).to_be_visible()
        shown = form.inner_text()
        assert [item.name for item in declared if item.labels[language] not in shown] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
