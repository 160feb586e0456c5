from __future__ import annotations

from typing import Any

from retinue.jobs import JobSpec, Registry, list_jobs
from retinue.jobs.engine import PROTOCOL


def only(bench: Any, *plugins: str) -> Registry:
    """Return the registry of a site where these plugins are enabled."""
    handler = bench.child.note_effect
    known = [JobSpec(name=f"{plugin}.note_effect", handler=handler, plugin=plugin) for plugin in plugins]
    return Registry(known)


def test_job_of_a_disabled_plugin_is_parked_visible_and_runs_when_it_returns(bench: Any) -> None:
    """JO-x4."""
    with_demo, without = only(bench, "demo", "loyalty"), only(bench, "loyalty")
    bench.jobs.swap(with_demo)
    asleep = bench.put("demo.note_effect", {"n": 1})
    bench.jobs.swap(without)
    awake = bench.put("loyalty.note_effect", {"n": 2})
    unknown = bench.put("demo.note_effect", {"n": 3})
    with bench.worker():
        bench.wait_state(awake, "done")
        info = bench.wait_state(asleep, "parked")
        bench.wait_state(unknown, "parked")
        assert info.parked_at is not None
        assert (info.attempts, info.error_type) == (0, None)
        with bench.jobs.engine.connect() as connection:
            assert {item.id for item in list_jobs(connection, state="parked", plugin="demo")} == {
                asleep,
                unknown,
            }
        bench.jobs.swap(with_demo)
        with bench.jobs.engine.begin() as connection:
            assert bench.jobs.release_parked(connection, ["demo.note_effect"]) in (
                0,
                2,
            )  # 0: the sweep was quicker
        assert bench.wait_state(asleep, "done").parked_at is None
        bench.wait_state(unknown, "done")
    assert bench.effects() == (3, 3)


def test_release_parked_lets_only_known_names_go(bench: Any) -> None:
    bench.jobs.swap(only(bench, "loyalty"))
    job_id = bench.put("demo.note_effect", {"n": 1})
    with bench.worker():
        bench.wait_state(job_id, "parked")
    with bench.jobs.engine.begin() as connection:
        assert bench.jobs.release_parked(connection) == 0
    assert bench.show(job_id).state == "parked"
    bench.jobs.swap(only(bench, "demo"))
    with bench.jobs.engine.begin() as connection:
        assert bench.jobs.release_parked(connection, ["loyalty.note_effect"]) == 0
        assert bench.jobs.release_parked(connection) == 1
    assert bench.show(job_id).state == "waiting"


def test_payload_of_a_newer_version_is_parked_until_the_code_is_new(bench: Any) -> None:
    handler = bench.child.note_effect
    old = Registry([JobSpec(name="demo.note_effect", handler=handler, plugin="demo", payload_version=1)])
    new = Registry([JobSpec(name="demo.note_effect", handler=handler, plugin="demo", payload_version=2)])
    bench.jobs.swap(new)
    job_id = bench.put("demo.note_effect", {"n": 1})
    bench.jobs.swap(old)
    with bench.worker():
        bench.wait_state(job_id, "parked")
        bench.jobs.swap(new)
        bench.wait_state(job_id, "done")


def test_enabling_another_plugin_strands_nothing(bench: Any) -> None:
    """JO-x4: enqueued and begun before, finished after, in a process that knows more plugins."""
    bench.jobs.swap(only(bench, "demo"))
    waiting = [bench.put("demo.note_effect", {"n": number}) for number in range(5)]
    later = bench.port(only(bench, "demo", "loyalty", "gdpr"), bench.child.QUICK)
    with bench.worker(later):
        for job_id in waiting:
            bench.wait_state(job_id, "done")
    assert bench.effects() == (5, 5)


def test_the_engines_own_version_would_strand_jobs_and_ours_is_pinned(bench: Any) -> None:
    """JO-x4, regression: left alone, the engine's version is a hash over all workflows."""
    from dbos import DBOS
    from dbos._dbos import _get_or_create_dbos_registry

    with bench.worker():
        assert DBOS.application_version == PROTOCOL
        known = _get_or_create_dbos_registry()
        before = known.compute_app_version("retinue")

        def send_badge(n: int) -> int:
            return n

        known.workflow_info_map["loyalty.send_badge"] = send_badge
        try:
            assert known.compute_app_version("retinue") != before
        finally:
            del known.workflow_info_map["loyalty.send_badge"]
        assert [name for name in known.workflow_info_map if not name.startswith("<temp>")].count(
            "run_job"
        ) == 1
        bench.jobs.swap(only(bench, "demo", "loyalty"))
        assert DBOS.application_version == PROTOCOL
        assert known.compute_app_version("retinue") == before, "enabling a plugin changed the workflow set"
