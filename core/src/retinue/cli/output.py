"""What commands print: tables for people, lines or JSON for programs; data on stdout, messages on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from typing import Any, Protocol

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]


class Tick(Protocol):
    """Called with how many more are done."""

    def __call__(self, done: int = 1) -> None:
        """Add `done` to the bar."""


class Output:
    """Prints in the one form the caller chose; without a terminal that is plain text."""

    def __init__(self, *, json: bool = False, plain: bool = False) -> None:
        self.json = json
        self.plain = plain or not sys.stdout.isatty()
        self.live = sys.stderr.isatty() and "NO_COLOR" not in os.environ and not json

    def rows(
        self, rows: Sequence[Row], columns: Sequence[str] | None = None, *, empty: str = "Nothing."
    ) -> None:
        """Print `rows` as a table, as tab-separated lines under a line of headings, or as a JSON array."""
        names = list(columns or (rows[0] if rows else ()))
        if self.json:
            self._json([{name: row.get(name) for name in (names or row)} for row in rows])
        elif self.plain:
            click.echo("\t".join(names))
            for row in rows:
                click.echo("\t".join(cell(row.get(name)) for name in names))
        elif not rows:
            self.say(empty)
        else:
            table = Table(box=None, header_style="bold", pad_edge=False)
            for name in names:
                table.add_column(name.replace("_", " "), overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell(row.get(name))) for name in names))
            Console(highlight=False).print(table)

    def record(self, record: Row) -> None:
        """Print one thing: a name and a value on each line, or a JSON object."""
        if self.json:
            self._json(dict(record))
            return
        width = 0 if self.plain else max((len(name) for name in record), default=0) + 2
        for name, value in record.items():
            shown = name.replace("_", " ")
            click.echo(f"{name}\t{cell(value)}" if self.plain else f"{shown:<{width}}{cell(value)}")

    def text(self, text: str) -> None:
        """Print data that have their own form."""
        click.echo(text)

    def say(self, message: str) -> None:
        """Tell the person something that is no data."""
        click.echo(message, err=True)

    def done(self, message: str, result: Row | None = None, *, then: str = "") -> None:
        """Say what changed and what to do next; with --json print `result` instead."""
        if self.json:
            self._json(dict(result or {}))
            return
        click.echo(message, err=True)
        if then:
            click.echo(f"Next: {then}", err=True)

    @contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Tick]:
        """Show a bar on stderr while the block runs; nothing where stderr is no terminal."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), disable=not self.live, transient=True) as bar:
            task = bar.add_task(label, total=total)

            def tick(done: int = 1) -> None:
                bar.advance(task, done)

            yield tick

    def _json(self, value: Any) -> None:
        click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode())


def cell(value: Any) -> str:
    """Return `value` as one line that cannot move the cursor or colour the terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping) and "value" in value:
        value = f"{value['value']} ({value['label']})" if value.get("label") else value["value"]
    elif isinstance(value, Mapping):
        value = ", ".join(f"{name}={cell(part)}" for name, part in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        value = ", ".join(cell(part) for part in value)
    return "".join(char if char.isprintable() else " " for char in str(value))
