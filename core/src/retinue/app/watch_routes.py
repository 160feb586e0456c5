"""The API of watching plugins: what hooks cost, which process has which plugins, and the end of a quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litestar.handlers import HTTPRouteHandler

from retinue.actor import Actor
from retinue.app.schemas import PluginGrantsSchema, PluginProcessSchema, PluginStateSchema, PluginTimingSchema
from retinue.plugins import Process, list_processes, read_timings, timing_figures
from retinue.storage import Store
from retinue.web import get, post

if TYPE_CHECKING:
    from retinue.app.house import House

_TIMING: Final = PluginTimingSchema()
_PROCESS: Final = PluginProcessSchema()
_GRANTS: Final = PluginGrantsSchema()
_STATE: Final = PluginStateSchema()


def watch_routes(house: House) -> list[HTTPRouteHandler]:
    """Return the routes that watch the plugins of `house`."""

    @get("/plugins/timing", permission="plugin.read", gives=_TIMING)
    def list_plugin_timing(store: Store, hours: int = 24) -> list[dict[str, Any]]:
        """List what each plugin's hooks took in the last hours (1 to 168), the slowest first."""
        return [timing_figures(timing) for timing in read_timings(store, hours=max(1, min(hours, 168)))]

    @get("/plugins/processes", permission="plugin.read", gives=_PROCESS)
    def list_plugin_processes(store: Store) -> list[Process]:
        """List the processes that serve or work, with the epoch each follows and the plugins it has."""
        return list_processes(store)

    @post("/plugins/{name:str}/resume", permission="plugin.enable", gives=_STATE, status=200)
    def resume_quarantined_plugin(actor: Actor, name: str) -> dict[str, str]:
        """End the quarantine of a plugin; every process follows within a second."""
        house.resume(actor, name)
        return {"state": "enabled"}

    @post("/plugins/{name:str}/approve", permission="plugin.approve", gives=_GRANTS, status=200)
    def approve_plugin_grants(actor: Actor, name: str) -> dict[str, Any]:
        """Agree to what a plugin newly wants to do; until then it is set aside."""
        return {"granted": house.approve(actor, name)}

    return [list_plugin_timing, list_plugin_processes, resume_quarantined_plugin, approve_plugin_grants]
