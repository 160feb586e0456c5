"""`retinue contacts`: people and organisations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from retinue.cli.find import columns_of, contact_named, pairs
from retinue.cli.session import Cli, command
from retinue.contacts.service import create_contact
from retinue.errors import Invalid, Problem
from retinue.interactions.service import read_timeline
from retinue.lists import ListRequest, parse_sort, parse_words, select_page

_COLUMNS = "name,kind,city,country,last_interaction_at"
_TIMELINE = ("at", "kind", "direction", "duration", "subject", "body", "author_name", "id")


@command()
@click.argument("words", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--search", metavar="TEXT", help="Part of a name, an e-mail address, digits of a phone number.")
@click.option("--sort", metavar="FIELDS", help="Such as -last_interaction_at,name.")
@click.option("--columns", default=_COLUMNS, show_default=True, metavar="FIELDS", help="What to show.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Most rows.")
def show_all(
    cli: Cli, words: tuple[str, ...], search: str | None, sort: str | None, columns: str, limit: int
) -> None:
    """List contacts that fulfil every FIELD=VALUE, written as in the API: city=Praha, name__contains=nov.

    \b
    retinue contacts list kind=person country__in=CZ,SK --sort=-created_at
    retinue contacts list --search novak --json
    """
    request = list_request(
        [*words, *([f"q={search}"] if search else [])], sort=sort, columns=columns, limit=limit
    )
    with cli.house() as house, cli.store(house, readonly=True) as store:
        page = select_page(store, house.catalogues.of(store, "contact"), request)
    print_page(cli, page, request)


@command()
@click.argument("contact")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(0, 1000), help="Most interactions."
)
def show(cli: Cli, contact: str, limit: int) -> None:
    """Show one contact, named by its id, e-mail address or name, with its newest interactions."""
    with cli.house() as house, cli.store(house, readonly=True) as store:
        found = contact_named(store, contact)
        catalogue = house.catalogues.of(store, "contact")
        names = tuple(field.name for field in catalogue.visible(store.actor) if field.is_column)
        card = select_page(
            store, catalogue, ListRequest(tree=parse_words([f"id={found.id}"]), columns=names)
        ).rows[0]
        rows = (
            [columns_of(row, *_TIMELINE) for row in read_timeline(store, found.id, limit=limit)]
            if limit
            else []
        )
    if cli.out.json:
        cli.out.record({**card, "interactions": rows})
        return
    cli.out.record({name: value for name, value in card.items() if value not in (None, "", [], {})})
    if rows:
        cli.out.text("")
        cli.out.rows(rows, _TIMELINE[:-1])


@command()
@click.option("--person", "kind", flag_value="person", default=True, help="A person. [default]")
@click.option("--organisation", "kind", flag_value="organisation", help="An organisation.")
@click.option("--name", help="The name as it is shown; for a person made from the parts if left out.")
@click.option("--given-name", help="Given name.")
@click.option("--family-name", help="Family name.")
@click.option("--email", "emails", multiple=True, help="May be repeated, in order.")
@click.option("--phone", "phones", multiple=True, help="May be repeated, in order.")
@click.option("--tag", "tags", multiple=True, help="May be repeated.")
@click.option("--set", "words", multiple=True, metavar="FIELD=VALUE", help="Any other field.")
@click.option("--allow-duplicate", is_flag=True, help="Even if somebody has the same address or number.")
def add(cli: Cli, kind: str, words: tuple[str, ...], allow_duplicate: bool, **given: Any) -> None:
    """Add a contact.

    \b
    retinue contacts add --given-name Jiří --family-name Novák --email jiri@example.org --set country=CZ
    """
    draft: dict[str, Any] = {"kind": kind, **pairs(words, "fields")}
    draft |= {name: given[name] for name in ("name", "given_name", "family_name") if given[name]}
    draft |= {
        name: [{"value": value} for value in given[name]] for name in ("emails", "phones") if given[name]
    }
    draft |= {"tags": list(given["tags"])} if given["tags"] else {}
    with cli.house() as house, cli.store(house) as store:
        made = create_contact(store, draft, on_duplicate="allow" if allow_duplicate else "refuse")
        result = columns_of(made, "id", "kind", "name")
    cli.out.done(f"Added {result['name']}.", result, then=f"retinue contacts show {result['id']}")


def list_request(words: Sequence[str], *, sort: str | None, columns: str | None, limit: int) -> ListRequest:
    """Return what a list command asks for; the same filter language as the API."""
    try:
        order = parse_sort(sort) if sort else ()
    except ValueError as wrong:
        raise Invalid("The order cannot be read.", problems=[Problem("/sort", str(wrong))]) from wrong
    return ListRequest(
        tree=parse_words(words),
        sort=order,
        columns=tuple(name.strip() for name in columns.split(",")) if columns else (),
        limit=limit,
    )


def print_page(cli: Cli, page: Any, request: ListRequest) -> None:
    """Print a page of a list, and say what it does not show."""
    shown = [name for name in request.columns if name not in page.left_out]
    names = ["id", *shown] if shown else None
    cli.out.rows(page.rows, names, empty="No contact matches.")
    if page.left_out:
        cli.out.say(f"There is no column {', '.join(page.left_out)}, or not for you.")
    if page.next:
        cli.out.say(f"These are the first {len(page.rows)}; --limit shows more.")
