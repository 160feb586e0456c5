"""Both databases, a worker in this process, workers in others."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import make_url

from retinue.jobs import Jobs, JobSettings, Registry
from retinue.testing.postgres import fresh_database, server_url

CHILD = Path(__file__).with_name("child.py")


def _load_child() -> ModuleType:
    spec = importlib.util.spec_from_file_location("retinue_jobs_child", CHILD)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def child() -> ModuleType:
    return _load_child()


def _prepare(url: str, child: ModuleType) -> None:
    jobs = Jobs(url, child.registry(), child.QUICK)
    jobs.migrate()
    with jobs.engine.begin() as connection:
        child.tables.create_all(connection)
    jobs.close()


@pytest.fixture(scope="session")
def sqlite_template(child: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("jobs") / "template.db"
    _prepare(f"sqlite:///{file}", child)
    return file


@pytest.fixture(scope="session")
def postgres_template(child: ModuleType) -> Iterator[tuple[str, str]]:
    server = server_url()
    with fresh_database(server) as url:
        _prepare(url, child)
        yield server, str(make_url(url).database)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        file = tmp_path / "retinue.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server, template = request.getfixturevalue("postgres_template")
    with fresh_database(server, template) as database:
        yield database


class Bench:
    """One database that has the tables, and whatever works on it."""

    def __init__(self, url: str, child: ModuleType, stack: ExitStack) -> None:
        self.url, self.child, self._stack = url, child, stack
        self.jobs = self.port(child.registry(), child.QUICK)

    def port(self, registry: Registry, settings: JobSettings) -> Jobs:
        jobs = Jobs(self.url, registry, settings)
        self._stack.callback(jobs.close)
        return jobs

    @contextmanager
    def worker(self, jobs: Jobs | None = None) -> Iterator[Any]:
        """Run a worker in this process."""
        from retinue.jobs.worker import Worker

        jobs = jobs or self.jobs
        open_store = self.child.stores(jobs)
        try:
            with Worker(jobs, open_store, lambda store: store) as worker:
                yield worker
        finally:
            open_store.engine.dispose()

    def process(self) -> subprocess.Popen[bytes]:
        """Run a worker in a process of its own; it is killed when the test ends."""
        process = subprocess.Popen([sys.executable, "-W", "error", str(CHILD), self.url])

        def end() -> None:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()

        self._stack.callback(end)
        return process

    def put(self, name: str, payload: dict[str, Any], **options: Any) -> Any:
        with self.jobs.engine.begin() as connection:
            return self.jobs.enqueue(connection, name, payload, **options)

    def put_many(self, name: str, count: int) -> None:
        with self.jobs.engine.begin() as connection:
            for number in range(count):
                self.jobs.enqueue(connection, name, {"n": number})

    def show(self, job_id: Any) -> Any:
        from retinue.jobs import show_job

        with self.jobs.engine.connect() as connection:
            return show_job(connection, job_id)

    def counts(self) -> dict[str, int]:
        from retinue.jobs import count_jobs

        with self.jobs.engine.connect() as connection:
            return count_jobs(connection)

    def effects(self) -> tuple[int, int]:
        result: tuple[int, int] = self.child.count_effects(self.jobs)
        return result

    def wait(self, ready: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Wait until `ready()` is true and return it; fails after `seconds`, of which a busy machine gets three."""
        deadline = time.monotonic() + 3 * seconds
        while not (result := ready()):
            assert time.monotonic() < deadline, (
                f"not within {seconds} s: {self.counts()}, effects {self.effects()}"
            )
            time.sleep(0.05)
        return result

    def wait_state(self, job_id: Any, state: str, seconds: float = 20.0) -> Any:
        self.wait(lambda: self.show(job_id).state == state, seconds)
        return self.show(job_id)


@pytest.fixture
def bench(url: str, child: ModuleType) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(url, child, stack)
