"""`retinue hooks`: where plugins answer, and who does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from retinue.cli.session import Cli, command
from retinue.history.explaining import explain_change

if TYPE_CHECKING:
    from retinue.app import House

_SHOWN = ("name", "mode", "phase", "on_failure", "publisher", "answered_by", "meaning")


@command()
@click.option("--mode", type=click.Choice(["declare", "ask", "tell"]), help="Only this mode.")
def show_all(cli: Cli, mode: str | None) -> None:
    """List every hook, core's and those that enabled plugins publish, with its contract and who answers."""
    with cli.house() as house:
        rows = [
            {**spec.as_data(), "answered_by": _answering(house, name) or ["nobody"]}
            for name, spec in house.plugins.specs.items()
            if mode in (None, spec.contract.mode)
        ]
    cli.out.rows(rows, None if cli.out.json else _SHOWN)


def _answering(house: House, hook: str) -> list[str]:
    return [place.plugin for place in house.plugins.orders.get(hook, ())]


@command()
@click.argument("hook")
def order(cli: Cli, hook: str) -> None:
    """Show who answers HOOK, in order, each with the reason for its place."""
    with cli.house() as house:
        positions = house.plugins.explain_order(hook)
        rows = [
            {"place": number, "plugin": p.plugin, "reason": p.reason} for number, p in enumerate(positions, 1)
        ]
    cli.out.rows(rows, ["place", "plugin", "reason"], empty=f"No plugin answers {hook}.")


@command()
@click.argument("change_id", metavar="ID", type=click.UUID)
def explain(cli: Cli, change_id: UUID) -> None:
    """Say which plugins had to do with a change: ID is its change set, or one of its audit entries.

    Each hook that was called stands with everybody who answered it, in order, with version, what it wrote, how it
    failed, or why it refused.
    """
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = explain_change(store, change_id)
    if cli.out.json:
        cli.out.record(found)
        return
    rows = [
        {**answer, "hook": call["hook"], "calls": call["calls"], "outcome": _outcome(answer)}
        for call in found["hooks"]
        for answer in call["answers"]
    ]
    facts = ("change_set_id", "at", "action", "label", "actor_name", "entries", "refused")
    cli.out.record({name: found[name] for name in facts})
    columns = ("hook", "calls", "place", "plugin", "version", "reason", "outcome")
    cli.out.rows(rows, columns, empty="No hook was called that anybody answers.")


def _outcome(answer: dict[str, Any]) -> str:
    """Return in words what one plugin did."""
    where = [f"{o.get('code', '')} {o.get('pointer', '')}".strip() for o in answer["objections"]]
    parts = [f"refused: {', '.join(where)}"] if where else []
    parts += [f"failed: {', '.join(answer['failures'])}"] if answer["failures"] else []
    parts += [f"wrote {answer['wrote']}"] if answer["wrote"] else []
    return "; ".join(parts) or "nothing to say"
