"""What plugins show on the desk's own pages: each card behind a fault boundary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from markupsafe import Markup

from retinue import Store
from retinue.ui import Panel, Widget
from retinue_desk.rendering import Front
from retinue_desk.words import Speech


@dataclass(frozen=True, slots=True)
class Shown:
    """A plugin's card: its HTML, or the fact that it failed."""

    name: str
    label: str
    plugin: str
    icon: str
    part: str
    html: Markup
    failed: bool


def show_panels(front: Front, store: Store, speech: Speech, contact_id: UUID) -> dict[str, list[Shown]]:
    """Return the cards of plugins for a contact, by the part of the page they belong to."""
    found: dict[str, list[Shown]] = {"business": [], "contact": [], "analytical": [], "history": []}
    offered = sorted(front.plugins.offered(Panel, store), key=lambda o: (o.item.order, o.item.name))
    for owned in offered:
        shown = _show(front, store, speech, owned, contact_id)
        if shown is not None:
            found[owned.item.part].append(shown)
    return found


def arrange_widgets(front: Front, store: Store, kept: Any) -> list[tuple[Any, bool]]:
    """Return the cards that plugins offer for the first page, in the reader's order, each with whether it is shown."""
    kept = kept if isinstance(kept, dict) else {}
    order = {name: place for place, name in enumerate(kept.get("order") or ())}
    hidden = set(kept.get("hidden") or ())
    offered = front.plugins.offered(Widget, store)
    placed = sorted(offered, key=lambda o: (order.get(o.item.name, len(order)), o.item.order, o.item.name))
    return [(owned, owned.item.name not in hidden) for owned in placed]


def show_widgets(
    front: Front, store: Store, speech: Speech, arranged: Iterable[tuple[Any, bool]]
) -> list[Shown]:
    """Return the cards for the first page that the reader wants to see."""
    shown = [_show(front, store, speech, owned) for owned, wanted in arranged if wanted]
    return [card for card in shown if card is not None]


def _show(front: Front, store: Store, speech: Speech, owned: Any, *arguments: Any) -> Shown | None:
    item = owned.item
    template = f"{owned.plugin}/{item.template}"

    def work(code: Any) -> str | None:
        values = code(store, *arguments)
        return None if values is None else front.render(template, speech, may=store.may, **values)

    outcome = front.plugins.attempt(store, owned, work)
    if outcome.value is None and not outcome.failed:
        return None
    title = front.plugins.loaded[owned.plugin].manifest.title or owned.plugin
    html = Markup(outcome.value or "")  # noqa: S704  # made by an escaping template
    return Shown(item.name, item.label, title, item.icon, getattr(item, "part", ""), html, outcome.failed)
