"""The pages of imports and exports, as the desk shows them: what there is, one file on its way in, files to take away."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.contacts import list_custom_fields
from retinue.errors import NotFound
from retinue.lists import list_views
from retinue.ui import PageRequest
from retinue_io import service
from retinue_io.exporting import list_exports
from retinue_io.models import DUPLICATES, FORMATS, KEYS, MODES, STANDBY, WHATS
from retinue_io.plan import choices_of
from retinue_io.rows import list_targets, target_named
from retinue_io.targets import LINKS, LISTS, SCALARS, heading_for

_SHOWN = 20


def show_imports(store: Store, _: PageRequest) -> dict[str, Any]:
    """Return the latest imports, and whether they may be taken away as a file."""
    rows = service.list_imports(store, after=None, limit=_SHOWN)
    shown = [service.describe_import(store, row) for row in rows]
    return {"imports": shown, "others": list_targets(store)}


def show_import(store: Store, request: PageRequest) -> dict[str, Any]:
    """Return one import at the step it stands at, with what that step needs."""
    try:
        import_id = UUID(request.path["import_id"])
    except ValueError:
        raise NotFound("there is no such import") from None
    row = service.get_import(store, import_id)
    shown = service.describe_import(store, row)
    values: dict[str, Any] = {"one": shown, "preview": None, "targets": [], "rejections": [], "target": None}
    values |= {"review": None, "offered": {}}
    if row.status == STANDBY:
        values["preview"] = service.preview_import(store, import_id)
        values["preview"]["mapping"] = row.mapping or values["preview"]["mapping"]
        target = None if row.what in WHATS else target_named(store, row.what)
        values["targets"] = _targets(store) if target is None else _columns(target)
        values["target"] = target
        values["review"] = service.review_values(store, import_id) if row.checked else None
        values["offered"] = _offered(store, row.mapping or {})
    elif shown["counts"].get("rejected"):
        values["rejections"] = service.list_rejections(store, import_id, limit=_SHOWN)
    return values | {"modes": MODES, "keys": KEYS, "duplicates": DUPLICATES}


def _offered(store: Store, mapping: dict[str, Any]) -> dict[str, list[str]]:
    """Return the choices of the custom fields that columns fill, by heading."""
    choices = choices_of(store)
    targets = {column["heading"]: column.get("target", "") for column in mapping.get("columns", ())}
    fields = {heading: target.removeprefix("custom.") for heading, target in targets.items()}
    return {heading: list(choices[key]) for heading, key in fields.items() if key in choices}


def show_exports(store: Store, _: PageRequest) -> dict[str, Any]:
    """Return one's latest exports and what a new one can be made of."""
    views = list_views(store, "contact") if store.may("view.read") else []
    return {"exports": list_exports(store, after=None, limit=_SHOWN), "views": views, "formats": FORMATS}


def _columns(target: Any) -> list[tuple[str, str]]:
    """Return what a column can fill of an import target, as ``column|``, with its name in words."""
    return [(f"{name}|", name.replace("_", " ").capitalize()) for name in target.columns]


def _targets(store: Store) -> list[tuple[str, str]]:
    """Return what a column can fill, as ``target|part``, with its heading."""
    lists = [
        (f"{t}|{p}", heading_for(t, 0, p).replace(" 1", "")) for t, parts in LISTS.items() for p in parts
    ]
    custom = [(f"custom.{field.key}|", field.label) for field in list_custom_fields(store)]
    plain = [(f"{target}|", heading_for(target)) for target in (*SCALARS, *LINKS)]
    return [*plain, *lists, *custom]
