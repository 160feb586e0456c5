"""Saved views: keep a list under a name, share it, run it as whoever reads.

A view belongs to who saved it. Whoever runs it sees their own rows through it and is refused the fields
hidden from them: a view never widens what anybody sees. A view over a field that is gone stops with an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from retinue.actor import Actor, Reach
from retinue.errors import Conflict, Denied, Invalid, Problem, Stale
from retinue.lists.catalogue import Catalogue
from retinue.lists.models import VISIBILITIES, SavedView, SavedViewMember
from retinue.lists.parse import Order, parse_sort
from retinue.lists.queries import ListPage, ListRequest, check_list, count_rows, select_ids, select_page
from retinue.lists.tree import EVERYBODY, both, from_json, to_json
from retinue.lists.values import nearest
from retinue.storage import Store, new_id

MAX_MEMBERS: Final = 100_000

Maker = Callable[[Store], Catalogue]


class Catalogues:
    """The catalogues of an installation by entity; the app says how each is made."""

    def __init__(self, makers: Mapping[str, Maker]) -> None:
        self._makers = dict(makers)

    @property
    def entities(self) -> tuple[str, ...]:
        """Return what can be listed, such as ``contact``."""
        return tuple(sorted(self._makers))

    def of(self, store: Store, entity: str) -> Catalogue:
        """Return the catalogue of `entity` as it is now; raises Invalid (422) if there is none."""
        maker = self._makers.get(entity)
        if maker is None:
            known = ", ".join(self.entities)
            detail = (
                f'there are no lists of "{entity[:60]}"{nearest(entity, self.entities)}; there are: {known}'
            )
            raise Invalid(
                "the view does not fit", code="view", problems=[Problem("/entity", detail, "entity")]
            )
        return maker(store)


def create_view(store: Store, catalogues: Catalogues, draft: Mapping[str, Any]) -> SavedView:
    """Save a list under a name.

    A ``fixed`` one keeps the contacts in ``members`` or, without these, all that its filter finds now.
    """
    store.require("view.create")
    view = SavedView(
        id=new_id(),
        name="",
        entity=draft.get("entity") or "contact",
        kind=draft.get("kind") or "live",
        filter=to_json(EVERYBODY),
        columns=[],
        sort="",
        layout="table",
        time_zone="UTC",
        owner_id=store.actor.id if store.actor.kind in ("person", "token") else None,
        is_public=False,
        is_pinned=False,
        created_at=store.now,
        updated_at=store.now,
    )
    catalogue = catalogues.of(store, view.entity)
    _fill(store, catalogue, view, draft)
    store.deed("view.create", view.name)
    store.add(view)
    store.flush()
    if view.kind == "fixed":
        _freeze(store, catalogue, view, draft.get("members"))
    return view


def change_view(
    store: Store,
    catalogues: Catalogues,
    view_id: UUID,
    changes: Mapping[str, Any],
    *,
    version: int | None = None,
) -> SavedView:
    """Change a view; raises Stale (412) if `version` is not the current one."""
    view = _own(store, "view.change", view_id)
    if version is not None and version != view.version:
        raise Stale(
            f'view "{view.name}" was changed by someone else',
            remedy="Read it again and repeat your change.",
            extra={"current": describe_view(view)},
        )
    fixed = [
        name for name in ("entity", "kind") if changes.get(name, getattr(view, name)) != getattr(view, name)
    ]
    if fixed:
        detail = f"the {fixed[0]} of a saved view cannot be changed: save another view"
        raise Invalid("the view does not fit", code="view", problems=[Problem(f"/{fixed[0]}", detail)])
    _fill(store, catalogues.of(store, view.entity), view, changes)
    view.updated_at = store.now
    store.deed("view.change", view.name)
    store.flush()
    return view


def remove_view(store: Store, view_id: UUID) -> None:
    """Remove a view; the rows it listed stay."""
    view = _own(store, "view.remove", view_id)
    store.deed("view.remove", view.name)
    store.remove(view)
    store.flush()


def get_view(store: Store, view_id: UUID) -> SavedView:
    """Return a view the actor may see."""
    store.require("view.read")
    return store.get(SavedView, view_id)


def list_views(store: Store, entity: str = "") -> list[SavedView]:
    """Return the views the actor may see: pinned ones first, then by name."""
    store.require("view.read")
    statement = select(SavedView).order_by(
        SavedView.is_pinned.desc(), func.lower(SavedView.name), SavedView.id
    )
    return store.scalars(statement.where(SavedView.entity == entity) if entity else statement)


def run_view(
    store: Store, catalogues: Catalogues, view_id: UUID, request: ListRequest | None = None
) -> ListPage:
    """Return a page of a view as the actor sees it; `request` narrows it, and may sort otherwise."""
    view = get_view(store, view_id)
    catalogue = catalogues.of(store, view.entity)
    return select_page(store, catalogue, request_of_view(store, catalogue, view, request))


def view_ids(
    store: Store, catalogues: Catalogues, view_id: UUID, *, size: int = 1000, after: UUID | None = None
) -> Iterator[list[UUID]]:
    """Yield the ids of a view's rows in their order, in lists of `size`, for an audience; `after` goes on behind one.

    A view that no longer fits raises Conflict before the first id, so that it never stands for everybody.
    """
    view = get_view(store, view_id)
    catalogue = catalogues.of(store, view.entity)
    return select_ids(store, catalogue, request_of_view(store, catalogue, view), size=size, after=after)


def count_view(store: Store, catalogues: Catalogues, view_id: UUID, cap: int | None = None) -> int:
    """Return how many rows of a view the actor sees, counting no further than `cap`."""
    view = get_view(store, view_id)
    catalogue = catalogues.of(store, view.entity)
    return count_rows(store, catalogue, request_of_view(store, catalogue, view), cap)


def request_of_view(
    store: Store, catalogue: Catalogue, view: SavedView, request: ListRequest | None = None
) -> ListRequest:
    """Return what a view asks for, narrowed by `request`; raises Conflict if the view no longer fits."""
    own = ListRequest(
        tree=from_json(view.filter) if view.kind == "live" else EVERYBODY,
        sort=parse_sort(view.sort) if view.sort else (),
        columns=tuple(view.columns),
        zone=view.time_zone,
        members_of=view.id if view.kind == "fixed" else None,
    )
    try:
        check_list(store, catalogue, own)
    except Invalid as fault:
        whys = "; ".join(problem.detail for problem in fault.problems)
        raise Conflict(
            f'view "{view.name}" has stopped: {whys}',
            code="view-stopped",
            remedy="Enable the plugin or bring back the field it uses, or change the view.",
            problems=fault.problems,
        ) from None
    if request is None:
        return own
    return replace(
        request,
        tree=both(own.tree, request.tree),
        sort=request.sort or own.sort,
        columns=request.columns or own.columns,
        zone=own.zone,
        members_of=own.members_of,
    )


def change_members(
    store: Store, view_id: UUID, *, add: Sequence[UUID] = (), remove: Sequence[UUID] = ()
) -> tuple[int, int]:
    """Put contacts on a fixed list and take others off; returns how many of each it were."""
    view = _own(store, "view.change", view_id)
    if view.kind != "fixed":
        raise Conflict(f'view "{view.name}" is live: its filter decides who is on it', code="view-live")
    members = SavedViewMember
    removed = 0
    if remove:
        gone = select(members.id).where(members.view_id == view.id, members.contact_id.in_(list(remove)))
        removed = store.remove_many(members, store.scalars(gone))
    return _add_members(store, view, add), removed


def describe_view(view: SavedView) -> dict[str, Any]:
    """Return a view as plain values, as it goes over the wire."""
    names = ("id", "name", "entity", "kind", "filter", "columns", "sort", "layout", "time_zone", "visibility")
    more = ("owner_id", "team_id", "is_pinned", "version", "created_at", "updated_at")
    return {name: getattr(view, name) for name in (*names, *more)}


def describe_fields(catalogue: Catalogue, actor: Actor) -> list[dict[str, Any]]:
    """Return what the actor can list, filter and sort by: what a filter builder needs to know."""
    return [
        {
            "name": field.name,
            "label": field.label,
            "kind": field.kind,
            "operators": list(field.operators),
            "choices": list(field.choices),
            "sortable": field.can_sort,
            "column": field.is_column,
            "protected": field.protected,
        }
        for field in catalogue.visible(actor)
    ]


def _own(store: Store, permission: str, view_id: UUID) -> SavedView:
    """Return a view that the actor's `permission` reaches: its own, its teams' or all it sees."""
    reach = store.require(permission)
    view = store.get(SavedView, view_id)
    own = view.owner_id is not None and view.owner_id == store.actor.id
    in_team = view.team_id in store.actor.team_ids
    if not (own or reach is Reach.ALL or (reach is Reach.TEAM and in_team)):
        raise Denied(
            f'your permission {permission} does not reach view "{view.name}"',
            code="permission",
            remedy="Save a copy under your own name.",
            extra={"permission": permission},
        )
    return view


def _fill(store: Store, catalogue: Catalogue, view: SavedView, draft: Mapping[str, Any]) -> None:
    """Put the draft's values on the view and check that it can be run."""
    for name in ("layout", "time_zone", "is_pinned"):
        if draft.get(name) is not None:
            setattr(view, name, draft[name])
    if "name" in draft:
        view.name = str(draft["name"] or "").strip()
    if not view.name:
        raise _unfit("/name", "a view needs a name")
    if "filter" in draft:
        view.filter = to_json(from_json(draft["filter"] or to_json(EVERYBODY)))
    if "sort" in draft:
        view.sort = ",".join(str(order) for order in _sort(draft["sort"]))
    check = ListRequest(
        tree=from_json(view.filter), sort=parse_sort(view.sort) if view.sort else (), zone=view.time_zone
    )
    check_list(store, catalogue, check)
    if "columns" in draft:
        view.columns = _known_columns(store, catalogue, draft["columns"] or [])
    _share(store, view, draft)


def _sort(text: str | None) -> tuple[Order, ...]:
    try:
        return parse_sort(text) if text else ()
    except ValueError as fault:
        raise _unfit("/sort", str(fault)) from None


def _known_columns(store: Store, catalogue: Catalogue, names: Sequence[str]) -> list[str]:
    known = [field.name for field in catalogue.visible(store.actor)]
    problems = [
        Problem(
            f"/columns/{place}", f'there is no column "{name[:100]}"{nearest(name, known)}', "unknown-field"
        )
        for place, name in enumerate(names)
        if catalogue.find(name, store.actor) is None
    ]
    if problems:
        raise Invalid("the view does not fit", code="view", problems=problems)
    return list(dict.fromkeys(names))


def _share(store: Store, view: SavedView, draft: Mapping[str, Any]) -> None:
    """Set who sees the view; showing it to everybody is a permission of its own."""
    visibility = draft.get("visibility") or view.visibility
    if visibility not in VISIBILITIES:
        raise _unfit("/visibility", f"a view is one of {', '.join(VISIBILITIES)}")
    team = draft.get("team_id") or view.team_id
    if visibility == "team" and team not in store.actor.team_ids and team != view.team_id:
        raise _unfit(
            "/team_id", "name a team that you belong to" if team else "name the team that sees the view"
        )
    if visibility == "team" and team is None:
        raise _unfit("/team_id", "name the team that sees the view")
    if visibility == "public" and not view.is_public:
        store.require("view.share")
    view.is_public = visibility == "public"
    view.team_id = team if visibility == "team" else None


def _freeze(store: Store, catalogue: Catalogue, view: SavedView, members: Sequence[UUID] | None) -> None:
    """Fill a fixed list with `members`, or with everybody its filter finds now."""
    if catalogue.entity != "contact":
        raise _unfit("/kind", "only lists of contacts can be fixed")
    if members is not None:
        _add_members(store, view, members)
        return
    request = ListRequest(tree=from_json(view.filter), zone=view.time_zone)
    for part in list(select_ids(store, catalogue, request)):
        _add_members(store, view, part)


def _add_members(store: Store, view: SavedView, ids: Sequence[UUID]) -> int:
    """Put contacts on a fixed list, each once; raises NotFound for one the actor cannot see."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return 0
    members = SavedViewMember
    known = set(store.scalars(select(members.contact_id).where(members.view_id == view.id)))
    fresh = [one for one in wanted if one not in known]
    if len(known) + len(fresh) > MAX_MEMBERS:
        raise _unfit("/members", f"a fixed list has at most {MAX_MEMBERS} members; use a live view")
    store.check_visible("contact", set(fresh))
    rows = [{"id": new_id(), "view_id": view.id, "contact_id": one, "added_at": store.now} for one in fresh]
    if rows:
        store.insert_many(members, rows)
    return len(rows)


def _unfit(pointer: str, detail: str) -> Invalid:
    return Invalid("the view does not fit", code="view", problems=[Problem(pointer, detail)])
