"""From values to HTML: one template environment per set of plugins, everything escaped."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined, select_autoescape
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from retinue import Store
from retinue.access import Account
from retinue.ui import NavigationItem, PaletteItem
from retinue.web import choose_language
from retinue_desk import people
from retinue_desk.assets import Assets
from retinue_desk.tabs import is_tab
from retinue_desk.words import LANGUAGES, Catalogs, Speech, plain_speech

OWN: Final = "desk"
log = logging.getLogger("retinue.desk")
_markdown = MarkdownIt("js-default", {"html": False, "linkify": False, "typographer": False}).disable("image")


class Front:
    """What all pages of one set of plugins share: templates, static files, translations, contributions."""

    def __init__(self, house: Any) -> None:
        self.house, self.plugins = house, house.plugins
        folders = {
            name: Path(p.module.__file__).parent for name, p in self.plugins.loaded.items() if not p.builtin
        }
        static = {n: f / "static" for n, f in folders.items() if (f / "static").is_dir()}
        self.assets = Assets(static)
        first = sorted(folders, key=lambda name: name != OWN)
        self.catalogs = Catalogs(
            [(n, folders[n] / "locale") for n in first if (folders[n] / "locale").is_dir()]
        )
        loaders = {
            n: FileSystemLoader(f / "templates") for n, f in folders.items() if (f / "templates").is_dir()
        }
        self.templates = Environment(
            loader=PrefixLoader(loaders),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals.update(
            asset=self.assets.url,
            icon=self.icon,
            initials=people.initials,
            colour=people.colour,
            epoch=self.plugins.epoch,
        )
        self.templates.filters.update(markdown=markdown, data_json=data_json)

    def icon(self, name: str, css: str = "") -> Markup:
        """Return an icon of the sprite; decoration only, so that screen readers pass over it."""
        address = self.assets.url(f"desk/vendor/icons.svg#{name or 'point'}")
        return Markup('<svg class="icon {}" aria-hidden="true"><use href="{}"/></svg>').format(css, address)

    def render(self, template: str, speech: Speech, **values: Any) -> str:
        """Return a template filled in, in the reader's language."""
        found = self.templates.get_template(template)
        return found.render(_=speech.say, n_=speech.count, speech=speech, **values)

    # ---- whoever reads ------------------------------------------------------------------------------------------
    def speech(self, store: Store) -> Speech:
        """Return how the reader is spoken to."""
        account = store.find(Account, store.actor.id) if store.actor.id else None
        language = store.actor.language or "en"
        zone = account.time_zone if account is not None else "UTC"
        return Speech(language, zone, self.catalogs.of(language), store.now)

    def stranger(self, languages: str) -> Speech:
        """Return how somebody who is not signed in is spoken to, by the browser's Accept-Language."""
        plain, short = plain_speech(), choose_language(languages, LANGUAGES)
        return Speech(short, "UTC", self.catalogs.of(short), plain.now)

    def navigation(self, store: Store, here: str) -> dict[str, list[dict[str, Any]]]:
        """Return the lines of the navigation that the reader may use, by section."""
        found: dict[str, list[dict[str, Any]]] = {"main": [], "plugins": [], "settings": []}
        offered = self.plugins.offered(NavigationItem, store)
        for owned in sorted(offered, key=lambda o: (o.item.order, o.item.label)):
            item = owned.item
            if is_tab(item):
                continue
            found[item.section].append(
                {
                    "label": item.label,
                    "path": item.path,
                    "icon": item.icon,
                    "here": here == item.path or (item.path != "/" and here.startswith(f"{item.path}/")),
                    "badge": self._badge(store, owned),
                }
            )
        return found

    def _badge(self, store: Store, owned: Any) -> int | None:
        if owned.item.badge is None:
            return None
        outcome = self.plugins.attempt_code(store, owned, owned.item.badge, lambda code: code(store))
        return outcome.value if isinstance(outcome.value, int) else None

    def commands(self, store: Store) -> list[PaletteItem]:
        """Return the commands of plugins that the reader may use."""
        return [owned.item for owned in self.plugins.offered(PaletteItem, store)]


def markdown(text: str | None) -> Markup:
    """Return Markdown as HTML: raw HTML in it is shown as text, images are left out, links open nowhere by themselves."""
    return Markup(_markdown.render(text or ""))  # noqa: S704  # the renderer escapes; raw HTML is off


def data_json(value: Any) -> Markup:
    """Return values as JSON to stand in a data block of a page: no text in it can end the block."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704  # escaped


def chosen_theme(cookies: Mapping[str, str]) -> str:
    """Return the theme that the reader chose: ``light``, ``dark``, or ``auto``, which the device decides."""
    theme = cookies.get("retinue-theme", "auto")
    return theme if theme in ("light", "dark") else "auto"


__all__ = ["Front", "chosen_theme", "data_json", "escape", "markdown"]
