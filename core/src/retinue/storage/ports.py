"""What the rooms above give a Store: a way to enqueue jobs, and the hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy import Connection

from retinue.actor import Actor


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
