"""The command `retinue`: thin commands over the same services that the API and the pages call."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retinue.cli.errors import run
from retinue.cli.lazy import LazyGroup
from retinue.cli.table import COMMANDS

if TYPE_CHECKING:
    from retinue.cli.session import Cli, command

HELP = """Retinue keeps contacts, what happens with them, and who may see it.

\b
First steps:
  retinue init crm            make an installation in the folder crm
  cd crm && retinue serve     answer on http://127.0.0.1:8000
  retinue contacts list       look at the contacts

Data go to stdout, messages to stderr. The configuration is retinue.toml in this folder or above it,
or the one that --config or RETINUE_CONFIG names.
"""

app = LazyGroup(name="retinue", help=HELP, table=COMMANDS, plugins=True)


def main(args: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    sys.exit(run(app, list(sys.argv[1:] if args is None else args)))


def __getattr__(name: str) -> Any:
    if name in ("Cli", "command"):  # for commands of plugins; lazy, so that --help loads no configuration
        from retinue.cli import session  # noqa: PLC0415  # lazy, as said

        return getattr(session, name)
    raise AttributeError(f"module 'retinue.cli' has no attribute {name!r}")


__all__ = ["Cli", "app", "command", "main"]
