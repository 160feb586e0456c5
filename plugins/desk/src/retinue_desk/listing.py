"""A list of contacts as a page shows it: tabs, filter, columns, rows, and where each link leads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from retinue import Store
from retinue.errors import Conflict, Invalid, Problem
from retinue.lists import (
    And,
    Catalogue,
    ListField,
    ListPage,
    ListRequest,
    Node,
    Order,
    SavedView,
    Test,
    both,
    describe_fields,
    from_json,
    get_view,
    list_views,
    request_of_view,
    select_page,
    tests_of,
    to_json,
    tree_of,
)
from retinue.web import ListParams
from retinue_desk.card import editor_of
from retinue_desk.filters import OPERATORS, Pairs, address, chips, pairs_of, without
from retinue_desk.people import active_accounts
from retinue_desk.showing import Names, Shown, Wording, show_value
from retinue_desk.words import Speech

USUAL: Final = ("name", "emails", "phones", "city", "tag", "owner_id", "last_interaction_at")
ALWAYS: Final = ("name", "kind", "job_title", "city")
"""Columns that every row is read with: what its first cell shows."""
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Base:
    """What a list is of: its address, its heading, and the condition all of its rows meet."""

    path: str
    title: str
    new: str
    tree: Node | None = None


CONTACTS: Final = Base("/contacts", "Contacts", "New contact")
COMPANIES: Final = Base("/companies", "Companies", "New company", Test("kind", "eq", "organisation"))


@dataclass(frozen=True, slots=True)
class Row:
    """One contact of a list."""

    id: UUID
    name: str
    kind: str
    second: str
    cells: tuple[Shown, ...]


class Listing:
    """One page of a list, read and made ready; `fault` says why there is none."""

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        base: Base,
        params: ListParams,
        *,
        raw: Iterable[tuple[str, str]],
    ) -> None:
        self.store, self.catalogue, self.base, self.params = store, catalogue, base, params
        self.pairs: Pairs = pairs_of(raw)
        self.views = [view for view in list_views(store, "contact") if store.may("view.read")]
        self.view: SavedView | None = get_view(store, UUID(params.view)) if params.view else None
        self.fields = {f.name: f for f in catalogue.visible(store.actor)}
        self.columns: list[ListField] = []
        self.fault: Sequence[Problem] = ()
        self.page: ListPage = ListPage([])
        self.sort: tuple[Order, ...] = ()
        self.request = ListRequest()
        self._read()

    # ---- reading ------------------------------------------------------------------------------------------------
    def _read(self) -> None:
        try:
            self.request = self._request()
            self.page = select_page(self.store, self.catalogue, self.request)
        except (Invalid, Conflict) as error:
            self.fault = error.problems or (Problem("", error.detail),)

    def _request(self) -> ListRequest:
        params, view = self.params, self.view
        own = ListRequest(
            tree=tree_of(params),
            sort=tuple(Order(key.field, key.descending) for key in params.sort),
            limit=PAGE,
            after=params.after(),
            count_cap=0 if params.cursor else params.count_cap,
        )
        names = params.fields
        if view is not None:
            own = request_of_view(self.store, self.catalogue, view, own)
            names = names or tuple(view.columns)
        self.sort = own.sort or self.catalogue.sort
        self.columns = [self.fields[n] for n in names or USUAL if n in self.fields]
        if self.base.tree is not None:
            own = replace(own, tree=both(self.base.tree, own.tree))
        wanted = dict.fromkeys((*ALWAYS, *(column.name for column in self.columns)))
        return replace(own, columns=tuple(wanted))

    # ---- showing ------------------------------------------------------------------------------------------------
    def rows(self, speech: Speech) -> list[Row]:
        """Return the rows, each with one cell per column."""
        shown = [column for column in self.columns if column.name != "name"]
        wording = Wording(speech, Names.of(self.store, shown, self.page.rows))
        return [self._row(values, shown, wording) for values in self.page.rows]

    def _row(self, values: Mapping[str, Any], shown: Sequence[ListField], wording: Wording) -> Row:
        second = values.get("job_title") or ""
        cells = tuple(show_value(c.kind, c.name, values.get(c.name), wording) for c in shown)
        return Row(values["id"], values.get("name") or "—", values.get("kind") or "person", second, cells)

    def heads(self) -> list[dict[str, Any]]:
        """Return the headings of the columns, each with the address that sorts by it."""
        current = self.sort[0] if self.sort else None
        found = []
        for column in self.columns:
            here = current is not None and current.field == column.name
            descending = here and current is not None and not current.descending
            order = f"{'-' if descending else ''}{column.name}"
            link = address(self.base.path, [*without(self.pairs, "sort"), ("sort", order)])
            state = ("descending" if current.descending else "ascending") if here and current else "none"
            found.append({"name": column.name, "label": column.label, "state": state,
                          "link": link if column.can_sort else ""})  # fmt: skip
        return found

    def tabs(self) -> list[dict[str, Any]]:
        """Return the saved views that belong here, the list of all first."""
        wanted = self.base.tree is not None
        belonging = [v for v in self.views if (_kind_of(v) == "organisation") is wanted]
        tabs: list[dict[str, Any]] = [
            {"id": None, "name": "", "link": self.base.path, "here": self.view is None, "pinned": False}
        ]
        for view in belonging:
            link = address(self.base.path, [("view", str(view.id))])
            here = self.view is not None and self.view.id == view.id
            tabs.append(
                {"id": view.id, "name": view.name, "link": link, "here": here, "pinned": view.is_pinned}
            )
        return tabs

    def chips(self, speech: Speech) -> list[dict[str, Any]]:
        """Return the conditions in words, each with the address without it."""
        labels = {name: field.label for name, field in self.fields.items()}
        wording = Wording(speech, Names(dict(self.accounts), {}), labels)
        return list(chips(self.params, self.pairs, self.base.path, wording))

    def next_link(self) -> str:
        """Return the address of the rows that follow; empty when there are none."""
        if self.page.next is None:
            return ""
        cursor = self.params.next_cursor(self.page.next)
        return address(self.base.path, [*self.pairs, ("cursor", cursor), ("part", "rows")])

    @cached_property
    def accounts(self) -> list[tuple[UUID, str]]:
        """Return everybody who can own something, by name; asked for once."""
        return active_accounts(self.store)

    @property
    def board_link(self) -> str:
        """Return the address of the same contacts as a board; empty where there is none."""
        return "" if self.base.tree is not None else address(f"{self.base.path}/board", self.pairs)

    @property
    def is_changed(self) -> bool:
        """Say whether the list differs from the saved view it began with."""
        return bool(without(self.pairs, "view"))

    def state(self) -> dict[str, Any]:
        """Return what saving a view keeps, as the API takes it."""
        tree = tree_of(self.params) if not self.fault else And(())
        if self.view is not None and not self.fault:
            own = request_of_view(self.store, self.catalogue, self.view)
            tree = both(own.tree, tree)
        elif self.base.tree is not None:
            tree = both(self.base.tree, tree)
        sort = ",".join(str(order) for order in self.sort)
        return {
            "entity": "contact",
            "filter": to_json(tree),
            "columns": [c.name for c in self.columns],
            "sort": sort,
        }

    def selection(self) -> dict[str, Any]:
        """Return what *all in this list* means, as the API's bulk deeds take it."""
        tree = tree_of(self.params) if not self.fault else And(())
        if self.base.tree is not None:
            tree = both(self.base.tree, tree)
        return {"view": str(self.view.id) if self.view else None, "filter": to_json(tree)}

    def builder(self, speech: Speech) -> dict[str, Any]:
        """Return what the filter builder and the chooser of columns need to know."""
        described = describe_fields(self.catalogue, self.store.actor)
        fields = [
            {
                "name": f["name"],
                "label": speech.say(f["label"]),
                "kind": f["kind"],
                "operators": f["operators"],
                "choices": [[c, speech.say(c)] for c in f["choices"]],
                "column": f["column"],
                "why": f["protected"],
            }
            for f in described
            if f["name"] != "q"
        ]
        accounts = [[str(key), name] for key, name in self.accounts]
        words = {op: speech.say(text) for op, text in OPERATORS.items()}
        return {
            "fields": fields,
            "accounts": accounts,
            "operators": words,
            "columns": [c.name for c in self.columns],
            "editors": self.editors(),
            "parts": []
            if self.fault
            else [{"text": c["text"], "tree": c["tree"]} for c in self.chips(speech)],
        }

    def editors(self) -> dict[str, str]:
        """Return how the cells of each column are edited; a column that is not there cannot be."""
        kinds = {c.name: editor_of(self.store, c) for c in self.columns}
        return {name: kind for name, kind in kinds.items() if kind and kind not in ("long", "addresses")}


def _kind_of(view: SavedView) -> str:
    """Return the kind of contact that a view is limited to, if it is."""
    for test in tests_of(from_json(view.filter)):
        if test.field == "kind" and test.op == "eq":
            return str(test.value)
    return ""
