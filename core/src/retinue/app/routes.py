"""The API of running the installation: ``/api/v1/plugins`` and ``/jobs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from litestar.handlers import HTTPRouteHandler

from retinue.actor import Actor
from retinue.app.rotating import key_routes
from retinue.app.schemas import JobSchema, JobStateSchema, PluginSchema
from retinue.app.setting_routes import SETTING_ROUTES
from retinue.jobs import JobInfo, list_jobs, show_job
from retinue.plugins import PluginInfo, list_plugins
from retinue.storage import Store
from retinue.web import get, post

if TYPE_CHECKING:
    from retinue.app.house import House

_PLUGIN: Final = PluginSchema()
_JOB: Final = JobSchema()
_STATE: Final = JobStateSchema()


def house_routes(house: House) -> list[HTTPRouteHandler]:
    """Return the routes that run the installation of `house`."""
    return [*SETTING_ROUTES, *_plugin_routes(house), *_job_routes(house), *key_routes(house)]


def _plugin_routes(house: House) -> list[HTTPRouteHandler]:
    @get("/plugins", permission="plugin.read", gives=_PLUGIN)
    def list_installed_plugins(store: Store) -> list[PluginInfo]:
        """List the plugins that are installed or were ever enabled."""
        return list_plugins(store, catalogue=house.catalogue)

    @post("/plugins/{name:str}/enable", permission="plugin.enable", gives=_PLUGIN, status=200)
    def enable_installed_plugin(actor: Actor, name: str) -> PluginInfo:
        """Turn a plugin on; every process follows within a second."""
        return house.enable(actor, name)

    @post("/plugins/{name:str}/disable", permission="plugin.disable", gives=_PLUGIN, status=200)
    def disable_installed_plugin(actor: Actor, name: str) -> PluginInfo:
        """Turn a plugin off; its data stay."""
        return house.disable(actor, name)

    return [list_installed_plugins, enable_installed_plugin, disable_installed_plugin]


def _job_routes(house: House) -> list[HTTPRouteHandler]:
    @get("/jobs", permission="job.read", gives=_JOB)
    def list_all_jobs(store: Store, status: str = "", name: str = "", limit: int = 50) -> list[JobInfo]:
        """List jobs, newest first."""
        return list_jobs(store, state=status or None, name=name or None, limit=max(1, min(limit, 200)))

    @get("/jobs/{job_id:uuid}", permission="job.read", gives=_JOB)
    def get_job(store: Store, job_id: UUID) -> JobInfo:
        """Return one job with its progress."""
        return show_job(store.raw_connection(), job_id)

    @post("/jobs/{job_id:uuid}/stop", permission="job.retry", gives=_STATE, status=200)
    def stop_job(store: Store, job_id: UUID) -> dict[str, Any]:
        """Stop a job, at once or after the step it is in."""
        store.record("job.stop", detail={"job": str(job_id)})
        return {"state": house.jobs.stop(store.raw_connection(), job_id)}

    @post("/jobs/{job_id:uuid}/replay", permission="job.retry", gives=_STATE, status=200)
    def replay_job(store: Store, job_id: UUID) -> dict[str, Any]:
        """Start a dead or stopped job again."""
        store.record("job.replay", detail={"job": str(job_id)})
        house.jobs.replay(store.raw_connection(), job_id)
        return {"state": "waiting"}

    return [list_all_jobs, get_job, stop_job, replay_job]
