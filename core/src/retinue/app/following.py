"""What a process does beside its work: follow the plugins that are on, tell what they cost, set aside what fails."""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal

from retinue.actor import Actor
from retinue.errors import RetinueError
from retinue.plugins import (
    Limit,
    Process,
    TimingWriter,
    end_process,
    quarantine_failing,
    report_process,
    write_failures,
)

if TYPE_CHECKING:
    from retinue.app.house import House

_log: Final = logging.getLogger(__name__)
LOOK_SECONDS: Final = 0.1
"""How often a process asks which plugins are on; with the build of the new house that stays within a second."""
READ_SECONDS: Final = 1.0
"""How long it may take until it is written who looked at what."""
REPORT_SECONDS: Final = 10.0
"""How often a process writes what hooks took and that it lives."""


def settle_failures(house: House) -> list[str]:
    """Write what failed in this process, and quarantine what failed too often in all; returns those names."""
    if not house.watch.unwritten:
        return []
    plugins = house.config.plugins
    limit = Limit(plugins.quarantine_failures, plugins.quarantine_seconds)
    failures = [house.watch.unwritten.popleft() for _ in range(len(house.watch.unwritten))]
    try:
        with house.database.store(Actor.system("watch plugins")) as store:
            write_failures(store, house.id, failures)
            return quarantine_failing(store, limit, {failure.plugin: failure.trace for failure in failures})
    except Exception:
        house.watch.give_back({}, failures)
        raise


def settle_at_end(house: House) -> None:
    """Write what failed while a command ran; a database that is away must not hide the command's own outcome."""
    try:
        settle_failures(house)
    except RetinueError as fault:
        _log.warning("failures of plugins could not be written: %s", fault)


class Reporter:
    """Writes that this process lives, which plugins it has and what their hooks took."""

    def __init__(self, house: House, kind: Literal["serve", "worker"]) -> None:
        self.house, self.kind = house, kind
        self._started = datetime.now(UTC)
        self._times = TimingWriter(house.id)
        self._due = 0.0
        self._epoch = -1

    def report(self, *, now: bool = False) -> None:
        """Write, if the last time is long enough ago or another epoch has begun."""
        epoch = self.house.plugins.epoch
        if not now and epoch == self._epoch and time.monotonic() < self._due:
            return
        digests, failures = self.house.watch.take()
        self.house.watch.give_back({}, failures)
        try:
            with self.house.database.store(Actor.system("watch plugins")) as store:
                report_process(store, self._process(epoch))
                self._times.write(store, digests)
        except Exception:
            self.house.watch.give_back(digests, ())
            raise
        self._epoch, self._due = epoch, time.monotonic() + REPORT_SECONDS

    def _process(self, epoch: int) -> Process:
        moment = datetime.now(UTC)
        return Process(
            id=self.house.id,
            kind=self.kind,
            machine=platform.node(),
            pid=os.getpid(),
            version=version("retinue"),
            epoch=epoch,
            plugins=self.house.plugin_states(),
            started_at=self._started,
            seen_at=moment,
            alive=True,
        )

    def end(self) -> None:
        """Write the last times and take the process off the list."""
        try:
            self.report(now=True)
            with self.house.database.store(Actor.system("watch plugins")) as store:
                end_process(store, self.house.id)
        except Exception as fault:  # the process ends anyhow, and silence says the same a minute later
            _log.warning("the end of this process could not be written: %s", type(fault).__name__)


class Follower:
    """A thread that asks which plugins are on, tells when the house has changed with them, and reports."""

    def __init__(
        self, house: House, changed: Callable[[], None], *, kind: Literal["serve", "worker"] = "serve"
    ) -> None:
        self.house, self._changed = house, changed
        self._told = house.plugins.epoch
        self._reporter = Reporter(house, kind)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="retinue-epoch", daemon=True)

    def _follow(self) -> None:
        while True:
            try:
                self._look()
            except Exception as fault:  # the database may be away, a build may break: what stands goes on
                _log.error("the plugins that are on cannot be followed: %s", fault)
            if self._end.wait(LOOK_SECONDS):
                return

    def _look(self) -> None:
        settled = settle_failures(self.house)
        self.house.refresh(force=bool(settled))
        epoch = self.house.plugins.epoch
        if epoch != self._told:
            self._changed()
            self._told = epoch
            _log.info("plugin epoch %s", epoch)
        self._reporter.report()
        self.house.database.reads.write(after=READ_SECONDS)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End, within seconds."""
        self._end.set()
        self._thread.join(timeout=5)
        self._reporter.end()
