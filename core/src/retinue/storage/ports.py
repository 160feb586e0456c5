"""What the rooms above give a Store: a way to enqueue jobs, and the hooks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection

from retinue.actor import Actor
from retinue.errors import Denied


class Enqueue(Protocol):
    """What the jobs room gives the Store: put a job row into the caller's transaction."""

    def enqueue(
        self,
        connection: Connection,
        name: str,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        delay: float = 0.0,
        actor: Actor | None = None,
    ) -> Any:
        """Enqueue job `name`; it runs after the commit and vanishes with a rollback."""


class Watch(Protocol):
    """What the access room gives the Store: a second look at deeds that are delicate."""

    def __call__(self, store: Any, deed: str, subjects: tuple[Any, ...]) -> None:
        """Raise Denied unless the actor proved who it is, and a second person agreed, where that is asked for."""


class NoHooks:
    """Stands for the hooks where no plugin set was built: nobody answers."""

    def __getattr__(self, name: str) -> Callable[..., tuple[()]]:
        return lambda **_: ()


def is_granted(store: Any, permission: str) -> bool:
    """Say whether the plugin whose code runs now, if any, was granted a deed; its user's right to it is another matter."""
    plugin = store.plugin
    if plugin is None:
        return True
    grants = store.declared.get("grants", {}).get(plugin)
    return grants is None or bool(grants(permission))


def check_grant(store: Any, permission: str) -> None:
    """Raise Denied naming the plugin whose code wants to do what it was not granted; the audit keeps it."""
    if is_granted(store, permission):
        return
    reason = {"code": "grant", "permission": permission}
    store.auditor.objections.append({"plugin": store.plugin, "hook": store.hook, "reasons": [reason]})
    raise Denied(
        f"the plugin {store.plugin} was not granted {permission}",
        code="grant",
        remedy=f"Its plugin.toml must name {permission} in grants, and an administrator agree to it.",
        extra={"permission": permission, "plugin": store.plugin},
    )


def opener_of(store: Any, jobs: Any, actor: Any) -> Callable[[], Any]:
    """Return how to open more transactions for `actor` beside that of `store`, with its hooks and declarations."""
    more = {"plugin": store.plugin, "hooks": store.hooks, "jobs": jobs, "declared": store.declared}
    return partial(store.database.store, actor, **more)
