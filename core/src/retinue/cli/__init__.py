"""The command `retinue`: thin commands over the same services that the API and the pages call."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from retinue.cli.errors import run
from retinue.cli.lazy import LazyGroup
from retinue.cli.table import COMMANDS

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


__all__ = ["app", "main"]
