"""`retinue views`: lists under a name."""

from __future__ import annotations

import click

from retinue.cli.contacts import list_request, print_page
from retinue.cli.find import columns_of, view_named
from retinue.cli.session import Cli, command
from retinue.lists.service import count_view, describe_view, list_views, run_view

_SHOWN = ("id", "name", "entity", "kind", "visibility", "sort")


@command()
def show_all(cli: Cli) -> None:
    """List the saved views you may see; as the system, all."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        rows = [columns_of(view, *_SHOWN) for view in list_views(store)]
    cli.out.rows(rows, _SHOWN, empty="There is no saved view.")


@command()
@click.argument("view")
def show(cli: Cli, view: str) -> None:
    """Show what VIEW, named by name or id, selects, and how many rows it has now."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = view_named(store, view)
        count = count_view(store, house.catalogues, found.id)
        record = {**describe_view(found), "rows": count}
    cli.out.record(record)


@command()
@click.argument("view")
@click.argument("words", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--sort", metavar="FIELDS", help="Another order than the view's.")
@click.option("--columns", metavar="FIELDS", help="Other columns than the view's.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Most rows.")
def run(
    cli: Cli, view: str, words: tuple[str, ...], sort: str | None, columns: str | None, limit: int
) -> None:
    """List the rows of VIEW, narrowed by each FIELD=VALUE."""
    request = list_request(words, sort=sort, columns=columns, limit=limit)
    with cli.house() as house, cli.store(house, readonly=True) as store:
        page = run_view(store, house.catalogues, view_named(store, view).id, request)
    print_page(cli, page, request)
