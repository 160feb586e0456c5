"""A worker: takes a place, runs jobs on threads, keeps house, and closes within ten seconds."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from types import TracebackType
from typing import Final

from sqlalchemy import inspect

from retinue.errors import Misconfigured
from retinue.jobs import keeper
from retinue.jobs.engine import Exchange
from retinue.jobs.models import job, job_schedule
from retinue.jobs.places import Place, beat, leave_place, split_places, take_place
from retinue.jobs.port import Jobs
from retinue.jobs.runner import ConnectionOf, OpenStore, Runner
from retinue.jobs.settings import check_journal

_log: Final = logging.getLogger(__name__)


class Worker:
    """Runs the jobs of `jobs`, one worker per process. Use as a context manager, or `run` until a signal.

    `open_store(job)` opens a transaction for a job's handler; `connection_of(store)` is its connection, on
    which the job's outcome is written before the store commits.
    """

    def __init__(self, jobs: Jobs, open_store: OpenStore, connection_of: ConnectionOf) -> None:
        self.jobs = jobs
        self._open, self._connection_of = open_store, connection_of
        self._end = threading.Event()
        self._moving = threading.Lock()
        self._keeper: threading.Thread | None = None
        self._parts: tuple[Place, Runner, Exchange] | None = None

    @property
    def executor(self) -> str:
        """Return the place this worker sits at, "" before it starts."""
        return self._parts[0].id if self._parts else ""

    def start(self) -> None:
        """Check the database, take a place, begin to work."""
        check_journal(self.jobs.engine)
        missing = {job.name, job_schedule.name} - set(inspect(self.jobs.engine).get_table_names())
        if missing:
            raise Misconfigured("The tables for jobs are missing.", remedy="Run `retinue db upgrade`.")
        self._sit_down()
        self._keeper = threading.Thread(target=self._keep, name="retinue-jobs-keeper", daemon=True)
        self._keeper.start()

    def _sit_down(self) -> None:
        with self.jobs.engine.begin() as connection:
            place = take_place(connection, self.jobs.settings.dead_after)
        runner = Runner(self.jobs, place.id, self._open, self._connection_of)
        with self.jobs.engine.begin() as connection:
            keeper.take_from(connection, self.jobs, [place.id])
        keeper.drop_calls(self.jobs, [place.id])
        exchange = Exchange(self.jobs.engine, place.id, runner.answer)
        self._parts = (place, runner, exchange)
        _log.info("worker %s has started", place.id)

    def _keep(self) -> None:
        """Beat, sweep and tick until the end; an error of the database is logged and tried again."""
        settings = self.jobs.settings
        next_beat = next_sweep = next_forget = 0.0
        while not self._end.wait(settings.tick):
            try:
                moment = time.monotonic()
                if moment >= next_beat:
                    next_beat = moment + settings.beat
                    self._beat()
                keeper.tick(self.jobs)
                if moment >= next_sweep:
                    next_sweep = moment + settings.sweep
                    keeper.sweep(self.jobs)
                if moment >= next_forget:
                    next_forget = moment + 3600.0
                    keeper.forget(self.jobs)
            except Exception as error:  # the database may be away for a while; the keeper must outlive that
                _log.error("housekeeping of jobs failed: %s", type(error).__name__)

    def _beat(self) -> None:
        if self._parts is None:
            return
        place, runner, _ = self._parts
        with self.jobs.engine.begin() as connection:
            mine = beat(connection, place)
            living, _dead = split_places(connection, self.jobs.settings.dead_after)
        runner.peers = len(living) > 1
        with self._moving:
            if mine or self._end.is_set():
                return
            _log.warning("worker %s was silent too long and lost its place; it takes another", place.id)
            self._stand_up()
            self._sit_down()

    def stop(self) -> int:
        """Take no more work, let what runs end or hand it back; returns how many handlers it left."""
        self._end.set()
        if self._parts is not None:
            self._parts[1].closing.set()
            self._parts[2].stop_taking()
        if self._keeper is not None:
            self._keeper.join(timeout=2.0)
        with self._moving:
            return self._stand_up()

    def _stand_up(self) -> int:
        if self._parts is None:
            return 0
        place, runner, exchange = self._parts
        self._parts = None
        runner.closing.set()
        exchange.stop_taking()
        deadline = time.monotonic() + self.jobs.settings.grace
        while runner.active and time.monotonic() < deadline:
            time.sleep(0.02)
        left = runner.active
        exchange.close()
        with self.jobs.engine.begin() as connection:
            keeper.take_from(connection, self.jobs, [place.id])
            leave_place(connection, place)
        keeper.drop_calls(self.jobs, [place.id])
        _log.info("worker %s has stopped, %d handlers left behind", place.id, left)
        return left

    def run(self) -> None:
        """Work until SIGTERM or SIGINT. A handler that will not end cannot hold the process."""
        asked: list[int] = []  # not an event: a handler must not take a lock that the main thread may hold
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: asked.append(number))
        self.start()
        while not asked:
            time.sleep(0.1)
        if self.stop():
            logging.shutdown()
            os._exit(0)

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
