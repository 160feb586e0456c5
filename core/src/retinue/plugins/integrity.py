"""Whether an installed plugin is still what its wheel brought: each file against the hash in the wheel's RECORD."""

from __future__ import annotations

import base64
import contextlib
import csv
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from retinue.plugins.discovery import Found
from retinue.plugins.faults import Fault

_CODE = (".py", ".so", ".pyd", ".toml", ".po", ".mo", ".html", ".js")
Verdict = Literal["unchanged", "changed", "unverifiable"]


@dataclass(frozen=True, slots=True)
class Integrity:
    """What was found about one plugin: how many files were compared, and what is wrong or why nothing can be said."""

    plugin: str
    verdict: Verdict
    files: int = 0
    changed: tuple[str, ...] = ()
    reason: str = ""


def verify_plugin(found: Found, *, thorough: bool = True) -> Integrity:
    """Compare every file of the plugin's distribution with its hash.

    Without `thorough` a file whose size and time are those of the last comparison in this process is not read again.
    """
    try:
        dist = distribution(found.manifest.distribution)
    except (PackageNotFoundError, ValueError):
        return Integrity(found.name, "unverifiable", reason="its distribution cannot be found")
    if _editable(dist):
        return Integrity(
            found.name, "unverifiable", reason="it is installed for editing, so its files may change"
        )
    entries = _entries(dist)
    recorded = {name: digest for name, digest in entries.items() if digest}
    if not recorded:
        return Integrity(found.name, "unverifiable", reason="its distribution has no RECORD with hashes")
    changed = [*_changed(dist, recorded, thorough), *_added(found, dist, entries)]
    verdict: Verdict = "changed" if changed else "unchanged"
    reason = (
        f"{', '.join(changed[:3])} {'is' if len(changed) == 1 else 'are'} not as installed" if changed else ""
    )
    return Integrity(found.name, verdict, len(recorded), tuple(changed), reason)


def integrity_faults(found: Found, *, thorough: bool = False) -> Iterator[Fault]:
    """Yield the fault of a plugin whose files were changed after it was installed."""
    result = verify_plugin(found, thorough=thorough)
    if result.verdict == "changed":
        remedy = f"Install {found.manifest.distribution} again, and find out who changed it."
        yield Fault("PLG013", found.name, f"{result.reason}.", remedy)


def _editable(dist: Distribution) -> bool:
    with contextlib.suppress(ValueError):
        return bool(json.loads(dist.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"))
    return False


def _entries(dist: Distribution) -> dict[str, str]:
    """Return the files of RECORD and their hashes, ``sha256=…``.

    Python's own list leaves out the files that are gone from 3.13 on, and those are what is looked for here.
    """
    rows = csv.reader((dist.read_text("RECORD") or "").splitlines())
    return {row[0]: row[1] for row in rows if len(row) > 1}


def _changed(dist: Distribution, recorded: dict[str, str], thorough: bool) -> Iterator[str]:
    for name, digest in recorded.items():
        path = Path(str(dist.locate_file(name)))
        mode, _, wanted = digest.partition("=")
        try:
            stat = path.stat()
            asked = (mode, path, stat.st_size, stat.st_mtime_ns)
            found = _digest.__wrapped__(*asked) if thorough else _digest(*asked)
        except (OSError, ValueError):
            found = ""
        if found != wanted:
            yield name


@functools.lru_cache(maxsize=10_000)
def _digest(mode: str, path: Path, _size: int, _changed: int) -> str:
    """Return the hash of a file as RECORD writes it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, mode).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _added(found: Found, dist: Distribution, entries: Iterable[str]) -> Iterator[str]:
    """Yield files of the plugin's folder that the wheel did not bring: an import could run them."""
    if not found.folder:
        return
    folder = Path(found.folder).resolve()
    known = {Path(str(dist.locate_file(name))).resolve() for name in entries}
    for path in sorted(folder.rglob("*")):
        if path.suffix in _CODE and path.resolve() not in known and "__pycache__" not in path.parts:
            yield str(path.relative_to(folder.parent))
