"""What a plugin may do at all, beside what its user may: the grants of its manifest.

A plugin's code has the rights of whoever runs it, and of those only what the manifest names: a deed
(``contact.read``), every deed of a noun (``contact.*``), a host it may call (``net:smtp.example.org``, ``net:*``), or
``*``, which only a front of its own needs. The deeds a plugin declares itself are granted without a word. This guards
against mistakes and over-reach; it is no sandbox: hostile code in the same process is not held by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retinue.plugins.faults import Fault
from retinue.plugins.manifest import Manifest

GRANT = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.([a-z][a-z0-9_]*|\*)|net:(\*|[a-z0-9.:-]+)")


@dataclass(frozen=True, slots=True)
class Grants:
    """What one plugin may do."""

    names: frozenset[str]

    @classmethod
    def of(cls, manifest: Manifest) -> Grants:
        """Return the grants of a plugin, its own deeds among them."""
        own = (item.name for item in manifest.contributions.get("permissions", ()))
        return cls(frozenset((*manifest.grants, *own)))

    def __call__(self, permission: str) -> bool:
        """Say whether the plugin may do a deed, on top of its user's right to it."""
        noun = permission.rpartition(".")[0]
        return permission in self.names or f"{noun}.*" in self.names or "*" in self.names

    def reaches(self, host: str) -> bool:
        """Say whether the plugin may call `host`."""
        return f"net:{host}" in self.names or "net:*" in self.names

    def covers(self, grant: str) -> bool:
        """Say whether `grant` gives nothing new."""
        return grant in self.names or (self.reaches(grant[4:]) if grant.startswith("net:") else self(grant))


def grants_faults(manifest: Manifest) -> Iterator[Fault]:
    """Yield the grants that are none."""
    for grant in manifest.grants:
        if not GRANT.fullmatch(grant):
            detail = f"{grant} in grants is no deed, noun.* or net:host."
            yield Fault(
                "PLG034", manifest.name, detail, "Write contact.read, contact.* or net:smtp.example.org."
            )


def wanted_beyond(manifest: Manifest, approved: Mapping[str, Any]) -> list[str]:
    """Return the grants a plugin's code asks for that its remembered manifest, which somebody agreed to, has not."""
    before = Grants(frozenset(approved.get("grants", ())))
    return [grant for grant in manifest.grants if not before.covers(grant)]
