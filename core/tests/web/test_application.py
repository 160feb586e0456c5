from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from litestar.testing import TestClient

from retinue import web
from retinue.actor import Actor
from retinue.errors import TooMany
from retinue.web.rate_limits import RateLimits


@pytest.fixture
def database(lite: Any) -> Any:
    """Return SQLite only: nothing here depends on the database."""
    return lite


def test_limit_counts_each_token_by_itself_and_says_what_is_left(make_client: Any) -> None:
    client = make_client(rate_limit=3)
    answers = [client.get("/api/v1/whoami") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert [a.headers["ratelimit"].split(";")[1] for a in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert answers[3].json()["type"] == "urn:retinue:problem:too-many"
    assert client.get("/api/v1/whoami", headers={"Authorization": "Bearer bob"}).status_code == 200


def test_headers_of_the_limit_stand_on_errors_too(make_client: Any) -> None:
    answer = make_client("reader").post("/api/v1/gadgets", json={})
    assert (answer.status_code, "ratelimit" in answer.headers) == (403, True)


def test_wrong_tokens_are_counted_by_address_and_nought_is_no_limit(make_client: Any) -> None:
    guesser = make_client(None, rate_limit=2)
    statuses = [
        guesser.get("/api/v1/whoami", headers={"Authorization": f"Bearer guess{n}"}).status_code
        for n in range(3)
    ]
    assert statuses == [401, 401, 429]
    free = make_client(rate_limit=0)
    assert "ratelimit" not in free.get("/api/v1/whoami").headers


def test_window_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, actor = RateLimits(1), Actor("nobody")
    limits.hit(actor, "a")
    with pytest.raises(TooMany):
        limits.hit(actor, "a")
    now = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limits.hit(actor, "a")


def test_counters_of_the_past_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, start = RateLimits(5), time.monotonic()
    for n in range(25_000):
        monkeypatch.setattr(time, "monotonic", lambda n=n: start + n / 100)
        limits.hit(Actor("nobody"), f"address {n}")
    assert len(limits._windows) < 20_000


def test_alive_and_ready_need_no_sign_in_and_tell_no_internals(make_client: Any) -> None:
    def broken() -> None:
        raise RuntimeError("could not connect to db.internal as retinue")

    client = make_client(None, checks={"database": lambda: None, "worker": broken})
    assert client.get("/healthz").json() == {"status": "alive"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "checks": {"database": "ok", "worker": "failed"}}
    assert make_client(None, checks={"database": lambda: None}).get("/readyz").status_code == 200


def test_public_route_answers_strangers_and_bad_tokens(make_client: Any) -> None:
    for token in (None, "unknown"):
        assert make_client(token).post("/api/v1/login").json() == {"was": "nobody"}


def test_one_thread_per_request_and_never_the_event_loop(make_client: Any, make_app: Any) -> None:
    seen: list[str] = []

    @web.get("/thread", permission="gadget.read")
    def name_thread(store: Any) -> dict[str, Any]:
        """Name the thread."""
        seen.append(threading.current_thread().name)
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return {}

    client = make_client(groups=[web.RouteGroup([name_thread])])
    assert client.get("/api/v1/thread").status_code == 200
    assert "asyncio" in seen[0] or "ThreadPool" in seen[0]


def test_hand_written_handler_opens_its_store_at_the_edge(make_client: Any, gadget_names: Any) -> None:
    from litestar import Request, post

    @post("/raw", sync_to_thread=True, opt={"retinue_permission": "gadget.create"})
    def raw(request: Request[Any, Any, Any]) -> dict[str, str]:
        with web.with_store(request, "gadget.create") as store:
            return {"plugin": str(store.plugin), "actor": store.actor.name}

    groups = [web.RouteGroup([raw], plugin="loyalty", prefix="/loyalty")]
    assert make_client(groups=groups).post("/loyalty/raw").json() == {"plugin": "loyalty", "actor": "alice"}
    assert make_client("reader", groups=groups).post("/loyalty/raw").status_code == 403


class Slow:
    """An ASGI application that answers its name when told to."""

    def __init__(self, name: str) -> None:
        self.name, self.entered, self.go = name, asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.entered.set()
        await self.go.wait()
        await send(self.name)


def test_swap_lets_old_requests_finish_on_the_old_application() -> None:
    async def flow() -> None:
        old, new, sent, drained = Slow("old"), Slow("new"), [], []
        switching = web.SwitchingApp(old)

        async def send(message: Any) -> None:
            sent.append(message)

        scope: Any = {"type": "http"}
        first = asyncio.create_task(switching(scope, None, send))  # type: ignore[arg-type]
        await old.entered.wait()
        switching.swap(new, drained=lambda: drained.append("old"))
        new.go.set()
        await switching(scope, None, send)  # type: ignore[arg-type]
        assert (sent, drained) == (["new"], [])
        old.go.set()
        await first
        assert (sent, drained) == (["new", "old"], ["old"])
        switching.swap(Slow("third"), drained=lambda: drained.append("new"))
        assert drained == ["old", "new"]

    asyncio.run(flow())


def test_swapped_application_serves_new_routes_and_forgets_old_ones(make_app: Any) -> None:
    @web.get("/fresh", permission=web.PUBLIC)
    def fresh() -> dict[str, Any]:
        """Answer."""
        return {"fresh": True}

    switching = web.SwitchingApp(make_app())
    with TestClient(switching) as client:
        assert client.get("/api/v1/fresh").status_code == 404
        switching.swap(make_app(groups=[web.RouteGroup([fresh])]))
        assert client.get("/api/v1/fresh").json() == {"fresh": True}
        assert client.get("/api/v1/whoami").status_code == 404
