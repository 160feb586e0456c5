"""Whether an installed plugin is still what its wheel brought: each file against the hash in the wheel's RECORD."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
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
    recorded = [file for file in dist.files or () if file.hash is not None]
    if not recorded:
        return Integrity(found.name, "unverifiable", reason="its distribution has no RECORD with hashes")
    changed = [*_changed(recorded, thorough), *_added(found, dist)]
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


def _changed(recorded: list[PackagePath], thorough: bool) -> Iterator[str]:
    for file in recorded:
        assert file.hash is not None
        path = Path(str(file.locate()))
        try:
            stat = path.stat()
            asked = (file.hash.mode, path, stat.st_size, stat.st_mtime_ns)
            found = _digest.__wrapped__(*asked) if thorough else _digest(*asked)
        except (OSError, ValueError):
            found = ""
        if found != file.hash.value:
            yield str(file)


@functools.lru_cache(maxsize=10_000)
def _digest(mode: str, path: Path, _size: int, _changed: int) -> str:
    """Return the hash of a file as RECORD writes it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, mode).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _added(found: Found, dist: Distribution) -> Iterator[str]:
    """Yield files of the plugin's folder that the wheel did not bring: an import could run them."""
    if not found.folder:
        return
    folder = Path(found.folder).resolve()
    known = {Path(str(file.locate())).resolve() for file in dist.files or ()}
    for path in sorted(folder.rglob("*")):
        if path.suffix in _CODE and path.resolve() not in known and "__pycache__" not in path.parts:
            yield str(path.relative_to(folder.parent))
