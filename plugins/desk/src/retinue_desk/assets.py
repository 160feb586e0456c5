"""Static files of the desk and of the plugins that are on: one version for all, kept by browsers for a year."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_COMPRESSED = (".css", ".js", ".svg", ".json", ".webmanifest")
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, the same compressed where that helps, and its media type."""

    content: bytes
    compressed: bytes | None
    media_type: str


@dataclass
class Assets:
    """The folders ``static`` of the plugins that are on, by plugin; read once, then kept."""

    folders: Mapping[str, Path]
    version: str = field(init=False)
    _known: dict[tuple[str, str], Asset | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.version = _version(self.folders)

    def url(self, name: str) -> str:
        """Return the address of ``plugin/path``; it changes with any file, so that browsers need never ask again."""
        return f"/static/{self.version}/{name}"

    def find(self, plugin: str, path: str) -> Asset | None:
        """Return a file, or None for one that is not there; nothing outside the plugin's folder is."""
        key = (plugin, path)
        if key not in self._known:
            self._known[key] = self._read(plugin, path)
        return self._known[key]

    def _read(self, plugin: str, path: str) -> Asset | None:
        folder = self.folders.get(plugin)
        if folder is None:
            return None
        file = (folder / path).resolve()
        if not file.is_relative_to(folder.resolve()) or not file.is_file():
            return None
        content = file.read_bytes()
        small = gzip.compress(content, 9, mtime=0) if file.suffix in _COMPRESSED else None
        media_type = (
            _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        )
        return Asset(content, small, media_type)


def _version(folders: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, folder in sorted(folders.items()):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(f"{name}/{file.relative_to(folder)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
