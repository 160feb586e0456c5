"""The file of a plugin that was taken away: its rows as JSON lines in a ZIP, checked before anything is purged.

Sealed values stay sealed in it, as they stood in the database: only this installation's key store opens them, and
a person erased later is unreadable in the file as well. The index is signed, so that no row can be slipped in.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from retinue.errors import Conflict, Invalid

FORMAT: Final = 1
INDEX, SIGNATURE = "index.json", "signature"
VALUES: Final = "archive"
"""What single values are sealed to, where a table's name stands for rows."""
NOTE: Final = (
    "Personal data: keep this file like a backup. Sealed values are still sealed; only the installation that wrote "
    "it can read it back."
)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive: how many rows, and the SHA-256 of its bytes."""

    path: str
    rows: int
    sha256: str


@dataclass(slots=True)
class Part:
    """What the archive says of one plugin; `tables` are in the order in which they can be filled."""

    name: str
    version: str
    revision: str | None
    manifest: Mapping[str, Any]
    tables: list[str] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    def rows(self) -> dict[str, int]:
        """Return the number of rows by member."""
        return {member.path: member.rows for member in self.members}


class Writer:
    """Writes an archive beside its place and puts it there only when it was read back whole."""

    def __init__(self, path: Path, secret: bytes) -> None:
        if path.exists():
            raise Conflict(f"{path} is there already", code="export-exists", remedy="Name another file.")
        self.path, self._secret = path, secret
        self._part = path.with_name(f"{path.name}.part")
        handle = os.open(self._part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
        self._file = os.fdopen(handle, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED)
        self.parts: list[Part] = []

    def write(self, part: Part, path: str, rows: Iterable[Row]) -> int:
        """Write rows as one member of `part`; returns how many."""
        digest, count, name = hashlib.sha256(), 0, f"{part.name}/{path}.jsonl"
        with self._zip.open(name, "w") as member:
            for row in rows:
                line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
                digest.update(line)
                member.write(line)
                count += 1
        part.members.append(Member(name, count, digest.hexdigest()))
        return count

    def finish(self, **facts: Any) -> str:
        """Write index and signature, read all of it back, and put the file into its place; returns its SHA-256."""
        index = {"format": FORMAT, "note": NOTE, **facts, "plugins": [asdict(part) for part in self.parts]}
        text = json.dumps(index, indent=1, ensure_ascii=False).encode()
        self._zip.writestr(INDEX, text)
        self._zip.writestr(SIGNATURE, _sign(self._secret, text))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        with Reader(self._part, self._secret) as reader:
            reader.verify()
        digest = hashlib.sha256(self._part.read_bytes()).hexdigest()
        os.replace(self._part, self.path)
        return digest

    def abandon(self) -> None:
        """Leave no file behind; nothing was purged."""
        with contextlib.suppress(ValueError, OSError):  # closed already, or broken off in the middle
            self._zip.close()
        self._file.close()
        for path in (self._part, self.path):
            path.unlink(missing_ok=True)


class Reader:
    """Reads an archive of this installation; raises Invalid for any other file."""

    def __init__(self, path: Path, secret: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            text = self._zip.read(INDEX)
            signature = self._zip.read(SIGNATURE).decode()
            index = json.loads(text)
        except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
            raise Invalid(f"{path} is no archive of a plugin", code="archive", remedy="Name the file that "
                          "`retinue plugins uninstall --export` wrote.") from error  # fmt: skip
        if not hmac.compare_digest(signature, _sign(secret, text)):
            raise Invalid(
                f"{path} was not written by this installation, or was changed",
                code="archive-signature",
                remedy="Sealed values open only where they were sealed: import it there.",
            )
        self.parts = [
            Part(**{**part, "members": [Member(**member) for member in part["members"]]})
            for part in index["plugins"]
        ]

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, part: Part, path: str) -> Iterator[Row]:
        """Yield the rows of one member; none if the archive has no such member."""
        name = f"{part.name}/{path}.jsonl"
        if name in part.rows():
            with self._zip.open(name) as member:
                for line in member:
                    yield json.loads(line)

    def paths(self, part: Part, folder: str) -> list[str]:
        """Return the members of `part` in a folder, without their ending."""
        start = f"{part.name}/"
        found = (m.path.removeprefix(start).removesuffix(".jsonl") for m in part.members)
        return [path for path in found if path.startswith(f"{folder}/")]

    def verify(self) -> None:
        """Read every member; raises Invalid naming the first whose rows are not what the index says."""
        for part in self.parts:
            for member in part.members:
                digest, count = hashlib.sha256(), 0
                with self._zip.open(member.path) as lines:
                    for line in lines:
                        digest.update(line)
                        json.loads(line)
                        count += 1
                if (count, digest.hexdigest()) != (member.rows, member.sha256):
                    raise Invalid(f"{member.path} in the archive is damaged", code="archive-damaged")


def _sign(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()
