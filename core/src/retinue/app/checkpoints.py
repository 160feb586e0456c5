"""Checkpoints: the head of the audit, noted where this application cannot take it back.

A checkpoint says how many seals there are and what the newest one's hash is. Kept elsewhere, it shows a chain that was
cut off or made anew, whoever did it. `retinue audit verify` reads them back.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import select

from retinue.config import Config
from retinue.errors import Invalid, Unavailable
from retinue.storage import AuditSeal, Store
from retinue.web import shared

_LINE: Final = re.compile(r"retinue-checkpoint (?P<number>\d+):(?P<head>[0-9a-f]{64}) (?P<at>\S+)")
_HTTP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How many seals there were at an instant, and the hash of the newest."""

    number: int
    head: str
    at: datetime

    @property
    def line(self) -> str:
        """Return the one line that is noted; it holds no personal data."""
        return f"retinue-checkpoint {self.number}:{self.head} {self.at.isoformat()}"


Place = Callable[[Checkpoint], None]
"""Something that notes a checkpoint; raises OSError or RetinueError if it could not."""


def newest_checkpoint(store: Store) -> Checkpoint | None:
    """Return the checkpoint of the newest seal, or None before the first."""
    newest = select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1)
    seal = store.system("note a checkpoint").first(newest)
    return Checkpoint(seal.number, seal.hash, seal.at) if seal else None


def note_checkpoint(config: Config, checkpoint: Checkpoint) -> list[str]:
    """Note a checkpoint in every configured place; raises Unavailable naming those that did not take it."""
    done, failed = [], []
    for name, note in places_of(config).items():
        try:
            note(checkpoint)
            done.append(name)
        except Exception as fault:  # one place that is away must not keep the others from noting it
            failed.append(f"{name} ({type(fault).__name__}: {fault})")
    if failed:
        raise Unavailable(
            f"the checkpoint {checkpoint.number} was not noted in: {', '.join(failed)}",
            code="checkpoint",
            remedy="Correct the section [audit]; the next run notes the newest one.",
        )
    return done


def places_of(config: Config) -> dict[str, Place]:
    """Return the configured places by the name of their key."""
    audit, found = config.audit, dict[str, Place]()
    if audit.checkpoint_file:
        path = config.folder / Path(audit.checkpoint_file).expanduser()
        found["checkpoint_file"] = lambda checkpoint: _append(path, checkpoint)
    if audit.checkpoint_syslog:
        found["checkpoint_syslog"] = lambda checkpoint: _to_syslog(audit.checkpoint_syslog, checkpoint)
    if audit.checkpoint_url:
        found["checkpoint_url"] = lambda checkpoint: _post(audit.checkpoint_url, checkpoint)
    return found


def _append(path: Path, checkpoint: Checkpoint) -> None:
    """Append a line; the file is opened for appending alone, so that one marked append-only (chattr +a) takes it."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(handle, f"{checkpoint.line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _to_syslog(address: str, checkpoint: Checkpoint) -> None:
    host, colon, port = address.rpartition(":")
    target: Any = (host, int(port)) if colon and port.isdecimal() else address
    handler = _Syslog(target, facility=SysLogHandler.LOG_AUTH)
    try:
        handler.emit(
            logging.makeLogRecord({"msg": checkpoint.line, "levelno": logging.INFO, "levelname": "INFO"})
        )
    finally:
        handler.close()


class _Syslog(SysLogHandler):
    """A handler that tells what went wrong instead of printing it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002  # the base's name and argument
        """Raise the error that is being handled."""
        raise  # called inside the except block of emit


def _post(url: str, checkpoint: Checkpoint) -> None:
    body = msgspec.json.encode(
        {"seals": checkpoint.number, "head": checkpoint.head, "at": checkpoint.at.isoformat()}
    )
    headers = {"Content-Type": "application/json"}
    answer = shared().send("POST", url, headers=headers, content=body, total=_HTTP_SECONDS, cut=True)
    if answer.status >= 300:
        raise OSError(f"answered {answer.status}")


def read_checkpoints(lines: Iterable[str], origin: str) -> Iterator[tuple[int, str]]:
    """Yield (number, head) of each checkpoint among `lines`, such as a file or a syslog; raises Invalid if there is none."""
    found = False
    for line in lines:
        if match := _LINE.search(line):
            found = True
            yield int(match["number"]), match["head"]
    if not found:
        raise Invalid(
            f"{origin} holds no checkpoint.", remedy="Name the file that audit.checkpoint_file names."
        )


__all__ = ["Checkpoint", "newest_checkpoint", "note_checkpoint", "places_of", "read_checkpoints"]
