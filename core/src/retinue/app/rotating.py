"""A new master key while the installation runs: the file gets it, then a job wraps every data key anew; no data are touched.

Only where the key lies in a file that every process reads: all of them on one machine. Elsewhere it is done where the key is.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from litestar.handlers import HTTPRouteHandler
from marshmallow import Schema, fields

from retinue.errors import Conflict
from retinue.jobs import DONE, BatchJob, RunningJob
from retinue.plugins import list_processes
from retinue.storage import MasterKeys, Store, write_masters
from retinue.web import get, post

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retinue.app.house import House
    from retinue.config import Config
    from retinue.storage import KeyStore

JOB: Final = "retinue.wrap_keys"
_FILE, _ENVIRONMENT, _PROVIDER = "file", "environment", "provider"


class KeyVersionSchema(Schema):
    """How many data keys one version of the master key wraps."""

    version = fields.Integer()
    keys = fields.Integer()
    current = fields.Boolean()


class KeyStateSchema(Schema):
    """Where the master key comes from and what its versions wrap; nothing of a key itself."""

    source = fields.String(metadata={"description": "`file`, `environment` or `provider`."})
    left = fields.Integer(metadata={"description": "Data keys that an older version wraps."})
    versions = fields.List(fields.Nested(KeyVersionSchema))


class RotationSchema(Schema):
    """A rotation that has begun, or goes on."""

    job_id = fields.UUID()
    version = fields.Integer()
    keys = fields.Integer(metadata={"description": "Data keys to wrap anew."})


_STATE: Final = KeyStateSchema()
_ROTATION: Final = RotationSchema()


def key_routes(house: House) -> list[HTTPRouteHandler]:
    """Return the routes of the installation's keys."""

    @get("/keys", permission="key.rotate", gives=_STATE)
    def get_keys(store: Store) -> dict[str, Any]:
        """Return what each version of the master key wraps."""
        store.require("key.rotate")
        return describe_keys(house.database.keys, house.config)

    @post("/keys/rotation", permission="key.rotate", gives=_ROTATION, status=202)
    def rotate_keys(store: Store) -> dict[str, Any]:
        """Make a new master key and wrap every data key anew; one that was cut off goes on."""
        return begin_rotation(store, house.database.keys, house.config)

    return [get_keys, rotate_keys]


def describe_keys(keys: KeyStore, config: Config) -> dict[str, Any]:
    """Return where the master key comes from and how many data keys each of its versions wraps."""
    keys.follow()
    current, counts = keys.masters.current, keys.count_by_master()
    versions = [
        {"version": version, "keys": counts.get(version, 0), "current": version == current}
        for version in sorted({*counts, *keys.masters.versions}, reverse=True)
    ]
    left = sum(count for version, count in counts.items() if version != current)
    return {"source": source_of(config), "left": left, "versions": versions}


def source_of(config: Config) -> str:
    """Return where the master key comes from: `environment`, `provider` or `file`, in this order."""
    if config.keys.master_key:
        return _ENVIRONMENT
    return _PROVIDER if config.keys.master_key_provider else _FILE


def begin_rotation(store: Store, keys: KeyStore, config: Config) -> dict[str, Any]:
    """Put a new master key into the file, unless one is not done yet, and start the job that wraps by it.

    Raises Conflict where the key lies in no file, where processes of several machines run, or where another one just begins.
    """
    store.require("key.rotate")
    if source_of(config) != _FILE:
        remedy = (
            "Change it where it is kept, then call this again: what an older version wraps is wrapped anew."
        )
        if not describe_keys(keys, config)["left"]:
            raise Conflict("The master key lies in no file of ours.", code="key-elsewhere", remedy=remedy)
    machines = {process.machine for process in list_processes(store.system("rotate keys")) if process.alive}
    if len(machines) > 1:
        remedy = "End all but those of one machine, use `retinue keys rotate` there, and copy the file to the others."
        raise Conflict("Processes of several machines run.", code="key-elsewhere", remedy=remedy)
    left = describe_keys(keys, config)["left"]
    if not left:
        left = _add_master(keys, config.master_key_path)
    job = store.later(JOB, {}, as_actor=True)
    store.record("key.rotate", detail={"version": keys.masters.current, "keys": left})
    return {"job_id": job, "version": keys.masters.current, "keys": left}


def _add_master(keys: KeyStore, path: Path) -> int:
    """Add a version to the file and to this process; return how many data keys are to be wrapped by it."""
    with _alone(path):
        keys.masters = MasterKeys.load(path).with_next()  # another process may have added one since we looked
        write_masters(path, keys.masters)
    return sum(keys.count_by_master().values())


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time change the file: two new keys of the same version would each open half of the data."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        remedy = f"Wait for it. If none runs, remove {lock.name} beside the master key."
        raise Conflict("Another rotation is just beginning.", code="key-busy", remedy=remedy) from None
    try:
        yield
    finally:
        lock.unlink()


class WrapKeys(BatchJob):
    """Wraps the data keys anew by the current master key, a batch in each step."""

    def step(self, store: Store, _payload: dict[str, Any], state: Any, job: RunningJob) -> Any:
        """Wrap the next keys; the state is how many there were at the beginning."""
        keys = store.keys
        keys.follow()
        before = sum(n for version, n in keys.count_by_master().items() if version != keys.masters.current)
        total = max(before, (state or {"total": 0})["total"])
        left = keys.rewrap()
        job.progress(total - left, total)
        return {"total": total} if left and not job.stopping else DONE
