"""What will go: a plugin that uses it is told so by name, file and line, a year before."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from retinue.plugins.discovery import Found
from retinue.plugins.loading import Loaded
from retinue.plugins.usage import usage_of

log = logging.getLogger("retinue.plugins")


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A public name that will go: since which version it is deprecated, which one drops it, what to use."""

    since: str
    until: str
    use: str


NAMES: dict[str, Deprecated] = {}
"""Dotted public names that will go (``retinue.web.get``); what drops them is at least twelve months later."""


class PluginDeprecation(DeprecationWarning):
    """A plugin uses what will go. Its place is the plugin's own file and line, so that its tests can turn it into an error."""


def warn_deprecated(found: Found, loaded: Loaded) -> None:
    """Warn for each hook and name in use that will go: in the log with the plugin's name, and as a Python warning."""
    for message, file, line in _uses(found, loaded):
        log.warning("plugin %s %s %s", found.name, found.manifest.version, message)
        text = f"plugin {found.name} {found.manifest.version} {message}"
        warnings.warn_explicit(text, PluginDeprecation, file, line, module=found.manifest.module)


def _uses(found: Found, loaded: Loaded) -> Iterator[tuple[str, str, int]]:
    for implementation in loaded.implementations:
        if use := implementation.spec.contract.deprecated:
            code = inspect.unwrap(implementation.function).__code__
            message = f"answers {implementation.spec.name}, which is deprecated: {use}"
            yield message, code.co_filename, code.co_firstlineno
    if not NAMES:
        return
    used = usage_of(found).names
    for name in sorted(set(used) & set(NAMES)):
        going = NAMES[name]
        file, _, line = used[name].rpartition(":")
        message = f"uses {name}, deprecated since {going.since} and gone in {going.until}: {going.use}"
        yield message, file, int(line)
