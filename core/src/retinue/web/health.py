"""Is the process alive, and can it work: for supervisors and load balancers, without sign-in or details."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler, get

from retinue.web.plan import PUBLIC

Check = Callable[[], object]
"""A check of one part: raises if it does not work; a text that it returns stands in the answer instead of ``ok``."""

log = logging.getLogger("retinue.web")
_OPTIONS: dict[str, Any] = {"opt": {"retinue_permission": PUBLIC}, "tags": ["health"]}


def health_routes(checks: Mapping[str, Check]) -> list[HTTPRouteHandler]:
    """Return ``/healthz`` and ``/readyz``; the latter runs `checks` (database, migrations, keys, worker)."""

    @get("/healthz", operation_id="healthz", summary="The process lives", **_OPTIONS)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz", operation_id="readyz", summary="The process can work", sync_to_thread=True, **_OPTIONS)
    def readyz() -> Response[dict[str, Any]]:
        words = {name: _word(name, check) for name, check in checks.items()}
        ready = "failed" not in words.values()
        return Response(
            {"status": "ready" if ready else "not ready", "checks": words}, status_code=200 if ready else 503
        )

    return [healthz, readyz]


def _word(name: str, check: Check) -> str:
    try:
        found = check()
    except Exception as fault:  # any failure means the same outside: this part is not ready
        log.warning("readiness check %s failed: %s", name, type(fault).__name__)
        return "failed"
    return found if isinstance(found, str) else "ok"
