"""The master keys, which wrap the data keys: read from a file, the environment or a provider, never from a database."""

from __future__ import annotations

import base64
import binascii
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from retinue.errors import Misconfigured
from retinue.storage.sealing import open_bytes, seal_bytes

KEY_BYTES: Final = 32


class MasterKeys:
    """The master keys by version; the highest wraps, the others still open what they wrapped."""

    def __init__(self, versions: Mapping[int, bytes]) -> None:
        for version, raw in versions.items():
            if len(raw) != KEY_BYTES:
                raise Misconfigured(
                    f"master key {version} has {len(raw)} bytes instead of {KEY_BYTES}", code="master-key"
                )
        self._keys = {version: AESGCM(raw) for version, raw in versions.items()}
        self.current = max(versions)
        self._raw = dict(versions)

    @classmethod
    def generate(cls) -> MasterKeys:
        """Return a first master key from the operating system's random source."""
        return cls({1: os.urandom(KEY_BYTES)})

    @classmethod
    def parse(cls, text: str, origin: str) -> MasterKeys:
        """Read lines of ``version:base64``; raises Misconfigured naming `origin` and the line, never its content."""
        versions: dict[int, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            version, _, raw = line.strip().partition(":")
            try:
                versions[int(version)] = base64.b64decode(raw, validate=True)
            except (ValueError, binascii.Error):
                raise Misconfigured(
                    f"{origin}, line {number}: not a master key (expected `1:` and base64)", code="master-key"
                ) from None
        if not versions:
            raise Misconfigured(
                f"{origin} holds no master key", code="master-key", remedy="Restore it from your backup."
            )
        return cls(versions)

    @classmethod
    def load(cls, path: Path) -> MasterKeys:
        """Read the master key file; raises Misconfigured if it is lost or open to other users."""
        if not path.exists():
            raise Misconfigured(
                f"the master key {path} is not there",
                code="master-key-lost",
                remedy="Restore it from your backup, or set RETINUE_MASTER_KEY. Without it sealed values stay closed; "
                "nothing was changed.",
            )
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise Misconfigured(
                f"the master key {path} can be read by others", remedy=f"Run: chmod 600 {path}"
            )
        return cls.parse(path.read_text(encoding="utf-8"), str(path))

    @classmethod
    def provided(cls, reference: str) -> MasterKeys:
        """Call the function `reference` names (``module:function``), which returns what a master key file holds.

        Raises Misconfigured for a function that is not there, and for keys it does not give; its own message is
        kept out, since it may hold a secret.
        """
        module, _, name = reference.partition(":")
        try:
            provide = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as fault:
            raise Misconfigured(
                f"there is no master key provider {reference}: {fault}",
                code="master-key",
                remedy="Correct keys.master_key_provider: module:function.",
            ) from fault
        try:
            text = provide()
        except Exception as fault:  # a vault's client has errors of its own
            raise Misconfigured(
                f"the master key provider {reference} gave no key ({type(fault).__name__})",
                code="master-key-lost",
                remedy="See whether the vault answers and lets this process in. Nothing was changed.",
            ) from fault
        return cls.parse(str(text), reference)

    def render(self) -> str:
        """Return the text of a master key file."""
        return "".join(f"{v}:{base64.b64encode(raw).decode()}\n" for v, raw in sorted(self._raw.items()))

    @property
    def versions(self) -> tuple[int, ...]:
        """Return the versions there are, the oldest first."""
        return tuple(sorted(self._raw))

    def with_next(self) -> MasterKeys:
        """Return these keys and a fresh one of the next version, which wraps from then on."""
        return MasterKeys({**self._raw, self.current + 1: os.urandom(KEY_BYTES)})

    def wrap(self, subject: UUID, raw: bytes) -> tuple[bytes, int]:
        """Return a data key wrapped for `subject`, and the version that wrapped it."""
        return seal_bytes(self._keys[self.current], raw, b"subject-key\x00" + subject.bytes), self.current

    def unwrap(self, subject: UUID, wrapped: bytes, version: int) -> bytes:
        """Return the data key of `subject`; raises Misconfigured if the master key is missing or another."""
        key = self._keys.get(version)
        if key is None:
            raise Misconfigured(
                f"master key version {version} is not there", code="master-key", remedy="Restore its line."
            )
        try:
            return open_bytes(key, wrapped, b"subject-key\x00" + subject.bytes)
        except (InvalidTag, ValueError):
            raise Misconfigured(
                "the master key does not open the key store: it belongs to another installation, or the store is damaged",
                code="master-key-wrong",
                remedy="Put the right master key back; nothing was changed.",
            ) from None


def write_masters(path: Path, masters: MasterKeys) -> None:
    """Write the master key file, readable by its owner alone; the old one is replaced in one step."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(masters.render())
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
