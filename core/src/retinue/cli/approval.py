"""`retinue approval`: deeds that wait for a second person."""

from __future__ import annotations

from uuid import UUID

import click

from retinue.access import decide_approval, describe_approvals, list_approvals
from retinue.cli.session import Cli, command

_SHOWN = ("id", "state", "deed", "subject", "reason", "asked_by_name", "asked_at", "expires_at")


@command()
@click.option("--waiting", is_flag=True, help="Only those nobody has decided.")
def show_all(cli: Cli, waiting: bool) -> None:
    """List what waits for a second person, and what was decided."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = describe_approvals(store, list_approvals(store, waiting=waiting), guard=house.guard)
    cli.out.rows([{name: row[name] for name in _SHOWN} for row in rows], list(_SHOWN), empty="Nothing waits.")


@command()
@click.argument("approval_id", metavar="ID", type=click.UUID)
def approve(cli: Cli, approval_id: UUID) -> None:
    """Allow somebody else's deed; say with --as who you are.

    \b
    retinue approval approve 0199… --as ada@example.org
    """
    _decide(cli, approval_id, approve=True)


@command()
@click.argument("approval_id", metavar="ID", type=click.UUID)
def refuse(cli: Cli, approval_id: UUID) -> None:
    """Refuse somebody else's deed; say with --as who you are."""
    _decide(cli, approval_id, approve=False)


def _decide(cli: Cli, approval_id: UUID, *, approve: bool) -> None:
    with cli.house() as house, cli.store(house) as store:
        row = decide_approval(store, approval_id, approve=approve, guard=house.guard)
        result = {"id": row.id, "deed": row.deed, "decision": row.decision}
    cli.out.done(f"{row.deed} is {row.decision}.", result)
