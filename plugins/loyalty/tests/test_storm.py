"""Many at once: several processes spend one balance, refunds rain, a process is killed: nothing is doubled or lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from loyalty_kit import World
from sqlalchemy import func, select

from retinue.errors import Conflict
from retinue_loyalty import service
from retinue_loyalty.models import Transaction
from retinue_orders.models import Order

CHILD = Path(__file__).parent / "spender.py"


def _start(crm: Any, what: str, name: str, *rest: Any) -> subprocess.Popen[str]:
    config = crm.house.config
    words = [sys.executable, str(CHILD), what, str(config.folder), config.database.url, name, *map(str, rest)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _said(child: subprocess.Popen[str]) -> str:
    out, wrong = child.communicate(timeout=150)
    assert child.returncode == 0, wrong[-2000:]
    return out.strip().splitlines()[-1]


def _storm(crm: Any, processes: int, tries: int, points: int) -> None:
    world = World(crm)
    world.earn(points, "2026-01-01")
    children = [
        _start(crm, "spend", f"w{n}", world.programme_id, world.member, tries) for n in range(processes)
    ]
    rows = [tuple(map(int, _said(child).split())) for child in children]
    assert sum(row[0] for row in rows) == points
    assert sum(row[1] for row in rows) == processes * tries - points
    assert min(row[2] for row in rows) == 0, "nobody ever saw a balance below nothing"
    assert world.points("2030-01-01")[0] == 0
    world.proof()


@pytest.mark.slow_on("postgresql")
def test_two_processes_spend_a_balance_exactly_once(crm: Any) -> None:
    """LO-x9, short: balance 30, 40 spends of 1 by two processes: 30 taken, 10 refused, never below 0."""
    _storm(crm, 2, 20, 30)


@pytest.mark.slow
def test_eight_processes_spend_a_balance_exactly_once(crm: Any) -> None:
    """LO-x9: balance 100, 200 parallel spends of 1 over 8 workers: 100 taken, 100 refused, 0 negative observations."""
    _storm(crm, 8, 25, 100)


def test_one_key_fifty_times_at_once_is_one_deed(crm: Any) -> None:
    """LO-x8: the same key 50 times in parallel gives one transaction and 50 identical answers; other content 409.
    LO-02: two redemptions of all points at once: one is taken, one refused."""
    world = World(crm)
    world.earn(100, "2026-01-01")
    draft = {"contact_id": world.member, "points": 7, "key": "same"}
    answers: list[Any] = []

    def redeem(what: dict[str, Any]) -> None:
        try:
            with crm.store() as store:
                answers.append(service.redeem_points(store, world.programme_id, what))
        except Conflict as refused:
            answers.append(refused.code)

    def together(*drafts: dict[str, Any]) -> list[Any]:
        answers.clear()
        threads = [threading.Thread(target=redeem, args=(one,)) for one in drafts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return answers

    same = together(*[draft] * 50)
    assert len({(one.id, one.points, one.balance) for one in same}) == 1
    assert Counter(one.repeated for one in same) == {True: 49, False: 1}
    assert together({**draft, "points": 8}) == ["key-used"]
    all_of_it = together(*({**draft, "points": 93, "key": key} for key in ("a", "b")))
    assert sorted(one if isinstance(one, str) else one.kind for one in all_of_it) == [
        "not-enough-points",
        "redeem",
    ]
    with crm.store() as store:
        assert store.scalar(select(func.count(Transaction.id)).where(Transaction.kind == "redeem")) == 2
    world.proof()


def test_two_counters_redeem_all_points_at_once_over_http(crm: Any) -> None:
    """LO-02: two parallel requests for all 49 points: one is answered 200, one 409 with what is left."""
    world = World(crm)
    world.earn(49, "2026-01-01")
    path, start = f"/loyalty/programmes/{world.programme_id}/redeem", threading.Barrier(2)
    answers: list[tuple[int, Any]] = []

    def ask(api: Any, key: str) -> None:
        start.wait(60)
        answer = api.post(path, {"contact_id": str(world.member), "points": 49, "key": key})
        answers.append((answer.status_code, answer.json()))

    counters = [threading.Thread(target=ask, args=(crm.user().client, key)) for key in ("left", "right")]
    for counter in counters:
        counter.start()
    for counter in counters:
        counter.join(60)
    (good, paid), (bad, refused) = sorted(answers, key=lambda answer: answer[0])
    assert (good, paid["balance"]) == (200, 0)
    assert (bad, refused["available"]) == (409, 0), refused
    assert refused["type"].endswith("not-enough-points")
    assert world.points("2030-01-01") == (0, 0)
    world.proof()


@pytest.mark.slow
def test_refund_storm_with_a_kill_changes_nothing(crm: Any) -> None:
    """Two processes refund the same orders in parts, from both ends, one is killed in the middle and started anew:
    every part is taken back once, to the point."""
    rules = {"earn": {"points": 10, "per_minor": 1000, "shipping": True}}
    world = World(crm, rules)
    orders, parts = 12, 3
    for number in range(orders):
        world.buy(1000, f"2026-01-{number + 1:02}")
    assert world.points("2030-01-01")[0] == orders * 10
    world.redeem(orders * 5, "2026-02-01")
    doomed, other = _start(crm, "refund", "a", parts), _start(crm, "refund", "z", parts)
    deadline = time.monotonic() + 60
    while _refunds(crm) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    doomed.send_signal(signal.SIGKILL)
    doomed.wait()
    doomed.communicate()
    again = _start(crm, "refund", "b", parts)
    assert (_said(other), _said(again)) == ("done", "done")
    with crm.store() as store:
        assert store.scalars(select(Order.refunded_minor)) == [999] * orders
        chosen = select(func.sum(Transaction.points)).where(Transaction.kind == "clawback")
        assert store.scalar(chosen) == -10 * orders, "1 of 1000 is left, which earns nothing"
    assert world.points("2030-01-01")[0] == -5 * orders
    world.proof()


def _refunds(crm: Any) -> int:
    with crm.store(readonly=True) as store:
        chosen = select(func.count(Transaction.id)).where(Transaction.kind == "clawback")
        found: int = store.scalar(chosen)
    return found
