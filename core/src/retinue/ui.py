"""What a plugin adds to the staff's web pages, as data; the desk (or another front) shows it.

Core knows no template: each kind names a function of the plugin that reads and returns plain values, and a file
of the plugin's own folder ``templates`` that shows them. Who may not do `permission` never sees the thing, and
its function is not called for them. An empty `permission` lets everybody who is signed in.

The functions read; what a page changes it changes through the API, as any other client does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Code: TypeAlias = object
"""A reference ``"module:attribute"``, or (from a hook) the function, class or object itself."""

Part = Literal["business", "contact", "analytical", "history"]
"""The four headed parts of a contact's page."""


@dataclass(frozen=True, slots=True)
class Site:
    """HTTP handlers outside the API, below `path` of the site itself; ``"/"`` takes the whole of it.

    `handlers` is what a Route's is. For a plugin that is a front of its own; a page among others is a `Page`.
    """

    path: str
    handlers: Code


@dataclass(frozen=True, slots=True)
class Page:
    """A page at `path`; ``{name}`` in it is a part that differs, and reaches `run` in the request.

    ``run(store, request)`` takes a `PageRequest` and returns what `template` shows. NotFound and Denied it may
    raise like any service.
    """

    name: str
    path: str
    label: str
    run: Code
    template: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What the reader of a page asked for: the parts of the path and of the query, both as text."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Panel:
    """A card on a contact's page, under the heading of `part`.

    ``run(store, contact_id)`` returns what `template` shows, or None where there is nothing to say. One that
    raises shows an error in its place; the page lives. Lower `order` stands higher.
    """

    name: str
    label: str
    run: Code
    template: str
    permission: str = ""
    part: Part = "analytical"
    icon: str = ""
    order: int = 100


@dataclass(frozen=True, slots=True)
class Widget:
    """A card on the home page; ``run(store)`` returns what `template` shows, or None to stay away."""

    name: str
    label: str
    run: Code
    template: str
    permission: str = ""
    icon: str = ""
    order: int = 100


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """A line of the navigation; `section` says where, and ``settings`` with a path beneath ``/settings/`` makes a tab there.

    ``badge(store)`` may return a number to show.
    """

    name: str
    label: str
    path: str
    permission: str = ""
    icon: str = "point"
    order: int = 100
    section: Literal["main", "plugins", "settings"] = "plugins"
    badge: Code = None


@dataclass(frozen=True, slots=True)
class PaletteItem:
    """A command of the palette: `path` is where it leads; `keys` is its shortcut, such as ``"g l"``.

    `on` ``contact`` offers it while a contact is open; ``{contact_id}`` in the path is then that contact.
    """

    name: str
    label: str
    path: str
    permission: str = ""
    icon: str = ""
    keys: str = ""
    on: Literal["anywhere", "contact"] = "anywhere"


UiContribution: TypeAlias = Site | Page | Panel | Widget | NavigationItem | PaletteItem

UI_KINDS: dict[str, type[UiContribution]] = {
    "sites": Site,
    "pages": Page,
    "panels": Panel,
    "widgets": Widget,
    "navigation_items": NavigationItem,
    "palette_items": PaletteItem,
}
"""The kinds by their table in `plugin.toml`; the hook is ``register_`` + the same word."""

__all__ = [
    "UI_KINDS",
    "Code",
    "NavigationItem",
    "Page",
    "PageRequest",
    "PaletteItem",
    "Panel",
    "Part",
    "Site",
    "UiContribution",
    "Widget",
]
