"""The plan of one route: what its decorator read off the function, the edge does, and the document tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import Schema

from retinue.web.schema_dto import Kind

Route = Callable[..., Any]

PUBLIC: Final = "(public)"
"""The permission of a route that anybody may call, signed in or not."""
SIGNED_IN: Final = "(signed in)"
"""The permission of a route that any signed-in actor may call."""

INJECTED: Final = frozenset({"store", "data", "params", "version", "actor", "request", "upload", "raw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a decorator read off a route; the edge carries it out and the OpenAPI document tells it."""

    fn: Route
    name: str
    method: str
    path: str
    permission: str
    takes: Schema | None
    takes_many: bool
    gives: Schema | None
    kind: Kind
    status: int
    readonly: bool
    wants: frozenset[str]
    path_names: tuple[str, ...]
    query_names: frozenset[str]
    location: str | None
    narrow: bool
    sends_file: bool

    @property
    def public(self) -> bool:
        """Say whether nobody needs to be signed in."""
        return self.permission == PUBLIC

    @property
    def is_search(self) -> bool:
        """Say whether the list's parameters come in the body."""
        return self.method == "POST" and "params" in self.wants

    @property
    def keeps_answers(self) -> bool:
        """Say whether an Idempotency-Key means something here."""
        return (
            self.method in ("POST", "PATCH")
            and not self.readonly
            and {"store", "upload"} & self.wants == {"store"}
        )
