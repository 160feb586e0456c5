"""From a house to what a server runs: the application, its watcher, and the worker inside."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from litestar.concurrency import sync_to_thread
from litestar.types import Receive, Scope, Send

from retinue.access import RequestFacts, authenticate_request
from retinue.access.routes import access_routes
from retinue.actor import Actor
from retinue.app.contact_routes import contact_list_routes
from retinue.app.following import Follower
from retinue.app.house import House
from retinue.app.lifecycle.routes import lifecycle_routes
from retinue.app.routes import house_routes
from retinue.app.watch_routes import watch_routes
from retinue.app.welcome import welcome
from retinue.contacts.routes import ROUTES as CONTACT_ROUTES
from retinue.history.routes import ROUTES as HISTORY_ROUTES
from retinue.interactions.routes import ROUTES as INTERACTION_ROUTES
from retinue.jobs.worker import Worker
from retinue.lists.routes import view_routes
from retinue.plugins import Owned, Route, migrations
from retinue.relations.routes import ROUTES as RELATION_ROUTES
from retinue.ui import Site
from retinue.web import (
    API_PREFIX,
    Application,
    RequestParts,
    RouteGroup,
    SwitchingApp,
    WebSettings,
    build_app,
)


def make_application(house: House) -> Application:
    """Return the application of the house as it is now: core's rooms and every plugin that is on.

    It stays with these plugins: a request that began in it never meets those of another epoch.
    """
    house = house.pinned()
    settings = WebSettings.from_config(
        house.config, secret=house.secret("cursors"), version=version("retinue")
    )

    def authenticate(parts: RequestParts) -> Actor:
        facts = RequestFacts(
            address=parts.address, cookie=parts.session, bearer=parts.bearer, csrf=parts.csrf
        )
        return authenticate_request(house, facts, guard=house.guard)

    return build_app(
        house,
        [*_core_groups(house), *_plugin_groups(house)],
        settings=settings,
        authenticate=authenticate,
        checks={
            "database": lambda: _check_database(house),
            "migrations": lambda: _check_tables(house),
            "plugins": lambda: _tell_plugins(house),
        },
        permissions=[permission.name for permission in house.permissions],
    )


def _core_groups(house: House) -> Iterator[RouteGroup]:
    yield RouteGroup([*CONTACT_ROUTES, *contact_list_routes(house.catalogues, house.jobs)], tag="contacts")
    yield RouteGroup(INTERACTION_ROUTES, tag="interactions")
    yield RouteGroup(RELATION_ROUTES, tag="relations")
    yield RouteGroup(view_routes(house.catalogues), tag="views")
    yield RouteGroup(HISTORY_ROUTES, tag="history")
    yield RouteGroup(
        [*house_routes(house), *lifecycle_routes(house), *watch_routes(house)], tag="administration"
    )
    yield RouteGroup(access_routes(house, house.guard), tag="access")
    if all(owned.item.path != "/" for owned in house.plugins.declared(Site)):
        yield RouteGroup([welcome], prefix="/")


def _plugin_groups(house: House) -> Iterator[RouteGroup]:
    for owned in house.plugins.declared(Route):
        prefix = f"{API_PREFIX}{owned.item.path}"
        yield RouteGroup(_handlers(house, owned), prefix=prefix, plugin=owned.plugin, tag=owned.plugin)
    for front in house.plugins.declared(Site):
        yield RouteGroup(_handlers(house, front), prefix=front.item.path, plugin=front.plugin)


def _handlers(house: House, owned: Owned[Any]) -> Sequence[Any]:
    """Return the handlers of a contribution: its list, one handler, or what its function makes for this house."""
    handlers = house.plugins.resolve(owned.plugin, owned.item.handlers)
    if callable(handlers) and not hasattr(handlers, "opt"):
        handlers = handlers(house)
    return handlers if isinstance(handlers, list | tuple) else [handlers]


def _check_database(house: House) -> None:
    with house.database.store(Actor.system("readiness"), readonly=True) as store:
        store.raw_connection().exec_driver_sql("SELECT 1")


def _tell_plugins(house: House) -> str:
    """Return how many plugins are set aside, without names: anybody may ask, and core works without them."""
    aside = [state for state in house.plugin_states().values() if state != "enabled"]
    return f"{len(aside)} set aside" if aside else "ok"


def _check_tables(house: House) -> None:
    with house.database.transaction() as connection:
        migrations.check(connection, house.lines(set()))


class Served:
    """The ASGI application of a house: while it lives it follows the plugins that are on and, if asked, runs jobs."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.switch = SwitchingApp(make_application(house))
        self._follower = Follower(house, lambda: self.switch.swap(make_application(house)))
        self._parts = contextlib.ExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or start and end with the server."""
        if scope["type"] == "lifespan":  # type: ignore[comparison-overlap]  # the stub names only connections
            await self._live(receive, send)
        else:
            await self.switch(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await sync_to_thread(self.start)
        except Exception as fault:
            await send({"type": "lifespan.startup.failed", "message": str(fault)})
            raise
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        except (
            asyncio.CancelledError
        ):  # a second Ctrl-C: the server leaves at once, our threads end all the same
            self.stop()
            return
        await sync_to_thread(self.stop)
        await send({"type": "lifespan.shutdown.complete"})

    def start(self) -> None:
        """Begin to follow the plugins and, where this process also works, to run jobs."""
        self._follower.start()
        self._parts.callback(self._follower.stop)
        if works_inside(self.house):
            self._parts.enter_context(worker_of(self.house))

    def stop(self) -> None:
        """End what `start` began."""
        self._parts.close()


class Working:
    """A worker process: runs jobs and follows the plugins that are on."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._worker = worker_of(house)
        self._follower = Follower(
            house, lambda: None, kind="worker"
        )  # the house has swapped its jobs already

    def __enter__(self) -> Working:
        self._worker.start()
        self._follower.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._follower.stop()
        if self._worker.stop():  # a handler that will not end must not hold the process; its lease runs out
            logging.shutdown()
            os._exit(0)


def works_inside(house: House) -> bool:
    """Say whether a serving process also runs jobs: by setting, or on SQLite, where it is the only process."""
    wanted = house.config.jobs.worker_in_serve
    return wanted == "always" or (wanted == "auto" and house.database.kind == "sqlite")


def worker_of(house: House) -> Worker:
    """Return a worker that runs the house's jobs."""
    return Worker(house.jobs, house.job_store, connection_of=_connection_of)


def _connection_of(store: Any) -> Any:
    return store.raw_connection()
