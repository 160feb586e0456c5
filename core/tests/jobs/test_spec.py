from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from retinue.errors import Invalid, Misconfigured
from retinue.jobs import DONE, BatchJob, JobSpec, Registry, Schedule, list_jobs, run_inline


def plain(store: Any, payload: dict[str, Any]) -> None: ...


def spec(**changes: Any) -> JobSpec:
    return JobSpec(**({"name": "demo.do_it", "handler": plain, "plugin": "demo"} | changes))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": "do_it"}, "is not `plugin.verb_noun`"),
        ({"name": "Demo.do_it"}, "is not `plugin.verb_noun`"),
        ({"plugin": "loyalty"}, "does not start with its plugin's name, `loyalty.`"),
        ({"queue": "fast"}, "names the queue 'fast'; there are default, long"),
        ({"retries": -1}, "retries outside 0 to 100"),
        ({"backoff_first": 0.0}, "0 < backoff_first <= backoff_cap"),
        ({"backoff_cap": 0.5}, "0 < backoff_first <= backoff_cap"),
        ({"timeout": 0.0}, "timeout above 0"),
        ({"payload_version": 0}, "payload_version from 1"),
        ({"handler": lambda: None}, "must take"),
        ({"handler": lambda a, b, c, d: None}, "must take"),
    ],
)
def test_job_that_cannot_work_is_refused_with_its_name(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        spec(**changes)
    assert text in str(wrong.value)
    assert repr(changes.get("name", "demo.do_it")) in str(wrong.value)


def test_async_handler_is_refused() -> None:
    async def handler(store: Any, payload: Any) -> None: ...

    with pytest.raises(Misconfigured, match="async def"):
        spec(handler=handler)


def test_registry_refuses_doubles_and_schedules_of_nothing() -> None:
    with pytest.raises(Misconfigured, match=r"Two jobs are named 'demo\.do_it'"):
        Registry([spec(), spec()])
    with pytest.raises(Misconfigured, match="which nobody declares"):
        Registry([spec()], [Schedule(name="demo.nightly", job="demo.do_that", cron="0 0 * * *")])


class Counting(BatchJob):
    def step(self, store: list[Any], payload: dict[str, Any], state: Any, job: Any) -> Any:
        reached = (state or 0) + 1
        store.append(reached)
        job.progress(reached, payload["to"])
        return DONE if reached == payload["to"] else reached


def test_run_inline_runs_handlers_and_batch_jobs_in_the_given_store() -> None:
    store: list[Any] = []
    assert run_inline(spec(handler=Counting()), store, {"to": 3}).noted == (3, 3, "")
    assert store == [1, 2, 3]
    run_inline(spec(handler=lambda store, payload: store.append(payload)), store, {"a": (1, 2)})
    assert store[3] == {"a": [1, 2]}, "the payload must be what JSON makes of it"
    with pytest.raises(Invalid):
        run_inline(spec(), store, {"a": b"x"})
    with pytest.raises(ZeroDivisionError):
        run_inline(spec(handler=lambda store, payload: 1 / 0), store, {})


def test_importing_the_room_does_not_import_the_engine() -> None:
    code = "import sys, retinue.jobs; print(sorted({'dbos', 'psycopg'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_list_jobs_pages_and_filters(bench: Any) -> None:
    ids = [bench.put("demo.note_effect", {"n": number}) for number in range(5)]
    ids.append(bench.put("loyalty.note_effect", {"n": 9}))
    with bench.jobs.engine.connect() as connection:
        first = list_jobs(connection, limit=4)
        rest = list_jobs(connection, limit=4, before=first[-1].id)
        assert [info.id for info in first + rest] == sorted(ids, reverse=True)
        assert [info.id for info in list_jobs(connection, plugin="loyalty")] == ids[5:]
        assert len(list_jobs(connection, name="demo.note_effect", state="waiting")) == 5
        with pytest.raises(Invalid, match="no job state 'lost'"):
            list_jobs(connection, state="lost")
