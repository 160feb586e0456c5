"""How it is seen that a contribution is on: one probe for each kind, by the way its users have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import click

from retinue.contacts.service import create_contact
from retinue.plugins import Command, WebhookEvent
from retinue.plugins.contributions import name_of
from retinue.testing.house import Api, Crm
from retinue.ui import UI_KINDS
from retinue.web import Application

Probe = Callable[[Crm, Any, Api], bool]
"""Says whether a contribution works in an installation, for somebody who may do everything."""


def served(crm: Crm) -> list[Any]:
    """Return the routes of the application that answers now."""
    return list(cast(Application, crm.client.app).litestar.routes)


def _paths(crm: Crm, prefix: str) -> bool:
    paths = [route.path for route in served(crm)]
    return any(path == prefix or path.startswith(f"{prefix.rstrip('/')}/") for path in paths)


def _site(crm: Crm, item: Any, _: Api) -> bool:
    """A site at the root takes the place of core's own page, so its address alone says nothing."""
    on = any(owned.item == item for owned in crm.house.plugins.declared(type(item)))
    return on and _paths(crm, item.path)


def _named(answer: Any, name: str) -> bool:
    assert answer.status_code == 200, answer.text
    return name in [row["name"] for row in answer.json()]


def _setting(crm: Crm, item: Any, _: Api) -> bool:
    """Settings are kept per plugin, so their names alone say nothing: the plugin that is on says which are its own."""
    declared = crm.house.plugins.declared(type(item))
    return any(owned.item == item for owned in declared)


def _schedule(crm: Crm, item: Any, _: Api) -> bool:
    planned = crm.house.jobs.registry.schedules.get(item.name)
    return planned is not None and planned.job in crm.house.jobs.registry.jobs


def _command(crm: Crm, item: Any, _: Api) -> bool:
    plugins = crm.house.plugins
    found = [owned for owned in plugins.declared(Command) if owned.item.name == item.name]
    return any(isinstance(plugins.resolve(owned.plugin, owned.item.run), click.Command) for owned in found)


def _facet(_: Crm, item: Any, api: Api) -> bool:
    fields = api.get("/views/fields").json()
    return any(field["name"].startswith(f"{item.name}.") for field in fields)


def _event(crm: Crm, item: Any, _: Api) -> bool:
    return any(owned.item.name == item.name for owned in crm.house.plugins.declared(WebhookEvent))


def _target(crm: Crm, item: Any, _: Api) -> bool:
    with crm.store() as store:
        return item.name in [owned.item.name for owned in crm.house.plugins.import_targets(store)]


def _column(crm: Crm, item: Any, api: Api) -> bool:
    with crm.store() as store:
        create_contact(store, {"kind": "person", "family_name": "Column"})
    rows = api.get("/contacts", params={"fields": f"name,{item.name}", "limit": "1"}).json()["items"]
    assert "name" in rows[0]["values"]
    return item.name in rows[0]["values"]


def _offered(crm: Crm, item: Any, _: Api) -> bool:
    with crm.store() as store:
        shown = crm.house.plugins.offered(type(item), store)
        return name_of(item) in [name_of(owned.item) for owned in shown]


PROBES: Final[dict[str, Probe]] = {
    "permissions": lambda _crm, item, api: _named(api.get("/permissions"), item.name),
    "settings": _setting,
    "jobs": lambda crm, item, _: item.name in crm.house.jobs.registry.jobs,
    "schedules": _schedule,
    "routes": lambda crm, item, _: _paths(crm, f"/api/v1{item.path}"),
    "commands": _command,
    "fields": _facet,
    "interaction_kinds": lambda _crm, item, api: _named(api.get("/interaction-kinds"), item.name),
    "webhook_events": _event,
    "import_targets": _target,
    "list_columns": _column,
    "merge_fields": lambda _crm, item, api: _named(api.get("/merge-fields"), item.name),
    **dict.fromkeys(UI_KINDS, _offered),
    "sites": _site,
}
"""By kind; a kind without a probe fails the suite of core."""
