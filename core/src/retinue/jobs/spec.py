"""What a plugin says about its jobs: name, handler, tries, queue, schedule; checked when it is said."""

from __future__ import annotations

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol
from uuid import UUID

from retinue.errors import Misconfigured
from retinue.jobs.cron import check_cron

NAME: Final = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


class Queue(NamedTuple):
    """How many calls one process may hold at a time, and how often it asks for more (seconds)."""

    held: int
    poll: float


QUEUES: Final[Mapping[str, Queue]] = MappingProxyType({"default": Queue(160, 0.2), "long": Queue(2, 0.5)})
"""The queues. `default` holds far more than it runs at a time, or short jobs would wait for the next look;
`long` is for work that takes more than seconds, and runs all it holds."""


class Done(Enum):
    """The answer of a step after which nothing is left to do."""

    DONE = "done"


DONE: Final = Done.DONE


class GiveUp(Exception):
    """Raised by a handler when another try cannot help: the job becomes a dead letter at once."""


class StopJob(Exception):
    """Raised by a handler that saw `job.stopping`: its transaction is undone, the job stops or waits."""


class RunningJob(Protocol):
    """What a handler may know about the job it works for."""

    @property
    def id(self) -> UUID:
        """Return the job's id."""

    @property
    def name(self) -> str:
        """Return the job's name, ``email.deliver_batch``."""

    @property
    def key(self) -> str:
        """Return the idempotency key, to hand on to systems outside."""

    @property
    def plugin(self) -> str:
        """Return the plugin whose job it is."""

    @property
    def attempt(self) -> int:
        """Return which try this is, from 1."""

    @property
    def payload_version(self) -> int:
        """Return the version of the code that wrote the payload."""

    @property
    def actor(self) -> tuple[str, UUID | None] | None:
        """Return kind and id of the actor who enqueued it, None if nobody was named."""

    @property
    def stopping(self) -> bool:
        """Say whether a person asked the job to stop or the worker is closing."""

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Note how far it is; written with the transaction that is open now."""


class BatchJob(ABC):
    """Long work as a sequence of transactions, each with its effects and the place to go on from.

    After a crash, a deploy or a stop the next step gets the last state that was committed: nothing is lost
    and nothing done twice. Keep a step under two seconds; on SQLite nobody else writes meanwhile.
    """

    @abstractmethod
    def step(self, store: Any, payload: dict[str, Any], state: Any, job: RunningJob) -> Any:
        """Do the next batch and return the state after it (JSON), or DONE. `state` is None at first."""


Handler = Callable[..., Any] | BatchJob


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSpec:
    """One kind of job. `handler(store, payload)` or `handler(store, payload, job)`, or a `BatchJob`.

    `retries` are tries after the first one (None: as configured); the n-th waits
    ``backoff_first * 2 ** (n - 1)`` seconds, at most `backoff_cap`, give or take a tenth. `timeout` is the
    lease: one transaction that takes longer is given to another worker and cannot commit any more.
    """

    name: str
    handler: Handler
    plugin: str
    retries: int | None = None
    backoff_first: float = 1.0
    backoff_cap: float = 3600.0
    queue: str = "default"
    timeout: float = 300.0
    payload_version: int = 1
    inside: bool = field(default=False, repr=False)  # core's own: gets a connection, not a store
    pin: Any = field(
        default=None, repr=False, compare=False
    )  # for whoever opens the store: with which plugins

    def __post_init__(self) -> None:
        checks = (
            (bool(NAME.fullmatch(self.name)) and len(self.name) <= 100, "is not `plugin.verb_noun`"),
            (
                self.name.split(".")[0] == self.plugin,
                f"does not start with its plugin's name, `{self.plugin}.`",
            ),
            (self.queue in QUEUES, f"names the queue {self.queue!r}; there are {', '.join(QUEUES)}"),
            (self.retries is None or 0 <= self.retries <= 100, "has retries outside 0 to 100"),
            (0 < self.backoff_first <= self.backoff_cap, "needs 0 < backoff_first <= backoff_cap"),
            (self.timeout > 0, "needs a timeout above 0 s"),
            (self.payload_version >= 1, "needs a payload_version from 1"),
        )
        for good, wrong in checks:
            if not good:
                raise Misconfigured(f"Job {self.name!r} of plugin {self.plugin!r} {wrong}.")
        wants_job(self)

    @property
    def in_steps(self) -> bool:
        """Say whether the handler is a `BatchJob`."""
        return isinstance(self.handler, BatchJob)


def wants_job(spec: JobSpec) -> bool:
    """Say whether the handler takes the running job as its last argument; refuses any other signature."""
    call = spec.handler.step if isinstance(spec.handler, BatchJob) else spec.handler
    least = 3 if isinstance(spec.handler, BatchJob) else 2
    if inspect.iscoroutinefunction(call):
        raise Misconfigured(
            f"The handler of job {spec.name!r} is `async def`.", remedy="Make it a plain `def`."
        )
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    known = inspect.signature(call).parameters.values()
    needed = [p for p in known if p.kind in kinds and p.default is p.empty]
    if len(needed) not in (least, least + 1):
        wanted = "(store, payload, state[, job])" if least == 3 else "(store, payload[, job])"
        raise Misconfigured(f"The handler of job {spec.name!r} must take {wanted}.")
    return len(needed) > least


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Start `job` whenever `cron` (five fields) says so in `zone`.

    `missed` is what happens when no worker was running at the time: nothing, or one run for all that were
    missed. In the hour a zone skips, a daily time runs right after the gap; in the hour it repeats, once.
    """

    name: str
    job: str
    cron: str
    zone: str = "UTC"
    missed: Literal["skip", "run_once"] = "skip"
    payload: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or len(self.name) > 100:
            raise Misconfigured(f"Schedule {self.name!r} is not `plugin.verb_noun`.")
        if self.missed not in ("skip", "run_once"):
            raise Misconfigured(f"Schedule {self.name!r}: missed is `skip` or `run_once`.")
        check_cron(self.name, self.cron, self.zone)

    @property
    def rule(self) -> str:
        """Return cron and zone in one text: when it changes, the next time is worked out anew."""
        return f"{self.cron} {self.zone}"


class Registry:
    """All jobs and schedules of the enabled plugins. Never changed: a new epoch brings a new one."""

    def __init__(self, jobs: Iterable[JobSpec] = (), schedules: Iterable[Schedule] = ()) -> None:
        by_name: dict[str, JobSpec] = {}
        for spec in jobs:
            if spec.name in by_name:
                raise Misconfigured(f"Two jobs are named {spec.name!r}.")
            by_name[spec.name] = spec
        planned: dict[str, Schedule] = {}
        for schedule in schedules:
            if schedule.name in planned:
                raise Misconfigured(f"Two schedules are named {schedule.name!r}.")
            if schedule.job not in by_name:
                raise Misconfigured(
                    f"Schedule {schedule.name!r} starts {schedule.job!r}, which nobody declares."
                )
            planned[schedule.name] = schedule
        self.jobs: Mapping[str, JobSpec] = MappingProxyType(by_name)
        self.schedules: Mapping[str, Schedule] = MappingProxyType(planned)

    def with_(self, jobs: Iterable[JobSpec], schedules: Iterable[Schedule]) -> Registry:
        """Return this registry with some more."""
        return Registry([*self.jobs.values(), *jobs], [*self.schedules.values(), *schedules])
