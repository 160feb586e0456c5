"""`retinue import` and `retinue export`: the services of the API in this process, with no worker needed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID

import click
import msgspec
from sqlalchemy import select

from retinue.cli import Cli, command
from retinue.errors import Invalid, NotFound
from retinue.jobs import DONE
from retinue.lists import SavedView, parse_words, to_json
from retinue_io import exporting, service
from retinue_io.checking import Check
from retinue_io.columns import choose_mapping
from retinue_io.error_file import write_error_file
from retinue_io.models import COUNTS, DUPLICATES, FORMATS, KEYS, MODES, STOPPED, Import
from retinue_io.plan import Plan, Reader
from retinue_io.readers import Reading, Source, open_source
from retinue_io.running import advance
from retinue_io.writers import ErrorWriter


@command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--what", default="contacts", show_default=True, help="Or interactions, or orders.order …")
@click.option(
    "--mapping", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A mapping as JSON."
)
@click.option("--encoding", default="", help="Such as cp1251; found out if left out.")
@click.option("--delimiter", default="", help="Found out if left out.")
@click.option("--sheet", default="", help="The sheet of a workbook; its first one if left out.")
@click.option("--mode", type=click.Choice(MODES), default="create", show_default=True, help="What is done.")
@click.option("--key", type=click.Choice(KEYS), help="By what update and upsert find contacts.")
@click.option("--duplicates", type=click.Choice(DUPLICATES), default="review", show_default=True)
@click.option("--system", default="", help="Which system gave the external ids.")
@click.option(
    "--set", "fixed", multiple=True, metavar="COLUMN=VALUE", help="The same in every row of a target."
)
@click.option("--contact-by", type=click.Choice(KEYS), help="What a target's column of contacts holds.")
@click.option("--create-fields", is_flag=True, help="Declare custom fields for unknown columns.")
@click.option("--lenient", is_flag=True, help="Leave a faulty value out instead of rejecting its row.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option(
    "--errors", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Rejected rows go here."
)
@click.option("--resume", type=click.UUID, metavar="ID", help="Take up an import that was stopped or killed.")
def import_file(
    cli: Cli,
    file: Path | None,
    mapping: Path | None,
    dry_run: bool,
    errors: Path | None,
    resume: UUID | None,
    **given: Any,
) -> None:
    """Bring contacts, interactions or rows of other plugins in from FILE: CSV, XLSX, ODS or vCard.

    \b
    retinue import people.csv --dry-run
    retinue import people.csv --mode upsert --key email --errors rejected.csv
    retinue import orders.csv --what orders.order --set currency=EUR --contact-by email
    """
    if (file is None) == (resume is None):
        raise click.UsageError("Name a file, or an import to take up with --resume.")
    with cli.house() as house:
        session = _Session(cli, house)
        if file is not None:
            wish = _Wish.of(file, mapping, given)
            if dry_run:
                session.check(wish, errors)
                return
            session.upload(wish)
        elif resume is not None:
            session.import_id = resume
        session.run(errors)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the command line asks for."""

    file: Path
    what: str
    reading: Reading
    data: dict[str, Any]

    @classmethod
    def of(cls, file: Path, mapping: Path | None, given: dict[str, Any]) -> _Wish:
        """Read it from the options; raises Invalid for a mapping that is no JSON."""
        data = {name: given[name] for name in ("mode", "key", "duplicates", "system", "create_fields")}
        data |= {"contact_by": given["contact_by"], "fixed": _pairs(given["fixed"])}
        data["on_fault"] = "leave_out" if given["lenient"] else None
        try:
            data["mapping"] = msgspec.json.decode(mapping.read_bytes()) if mapping else None
        except (msgspec.DecodeError, UnicodeError) as fault:
            raise Invalid(
                f"{mapping} is no mapping: {fault}.", remedy="It is JSON, as the preview shows it."
            ) from fault
        reading = Reading(**{name: given[name] for name in ("encoding", "delimiter", "sheet")})
        return cls(file, given["what"], reading, data)


def _pairs(words: Sequence[str]) -> dict[str, str]:
    pairs = dict[str, str]()
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{word} is no COLUMN=VALUE.")
        pairs[name] = value
    return pairs


class _Session:
    """One import at the terminal."""

    def __init__(self, cli: Cli, house: Any) -> None:
        self.cli, self.house, self.actor = cli, house, cli.actor(house)
        self.import_id = UUID(int=0)

    def store(self, *, readonly: bool = False) -> Any:
        """Open a transaction as whoever runs the command."""
        return self.house.store(self.actor, readonly=readonly, plugin="io")

    def upload(self, wish: _Wish) -> None:
        """Take the file in and map its columns."""
        with wish.file.open("rb") as stream, self.store() as store:
            row = service.start_upload(store, stream, wish.file.name, what=wish.what, reading=wish.reading)
            service.set_mapping(store, row.id, wish.data)
            self.import_id = row.id
            _say_mapping(self.cli, row)
        try:
            self.cli.confirm(f"Import {wish.file.name}?")
        except BaseException:
            with self.store() as store:
                service.remove_import(store, self.import_id)
            raise

    def _plan(self, wish: _Wish, source: Source) -> Plan:
        """Return what would be done with the file, without storing it."""
        with self.store(readonly=True) as store:
            row = Import(
                file_name=wish.file.name, what=wish.what, mode="create", duplicates="review", system=""
            )
            service.set_options(row, wish.data)
            mapping = choose_mapping(store, source, {**wish.data, "create_fields": False}, what=wish.what)
            row.mapping = msgspec.to_builtins(mapping)
            plan = Plan.of(store, row)
            plan.require(store)
        return plan

    def check(self, wish: _Wish, errors: Path | None) -> None:
        """Tell what a run would do; the file is read where it is, and nothing is written."""
        with wish.file.open("rb") as stream, self.cli.out.progress("Checking") as tick:
            source = open_source(stream, wish.file.name, wish.reading)
            plan = self._plan(wish, source)
            check, more = Check(plan, Reader(source)), True
            check.rejected = [] if errors else None
            while more:
                before = check.counts["rows"]
                with self.store(readonly=plan.target is None) as store:  # a target writes, and takes it back
                    more = check.advance(store)
                tick(check.counts["rows"] - before)
        if errors is not None:
            with errors.open("wb") as out, ErrorWriter(out, source.headings) as writer:
                for one, faults in check.rejected or ():
                    writer.write(one.cells, faults)
        self._tell(check.result)

    def _tell(self, result: dict[str, Any]) -> None:
        out = self.cli.out
        if out.json:
            out.record(result)
            return
        out.record({name: result["counts"][name] for name in COUNTS})
        for example in result["examples"]:
            out.say(f"Row {example['row']}, {example['column'] or 'the row'}: {example['reason']}")
        if result["failure"]:
            raise Invalid(
                result["failure"], remedy="Rows before this place could be imported.", code="unreadable"
            )
        out.say("Nothing was written.")

    def run(self, errors: Path | None) -> None:
        """Do the steps, in the same batches as a worker; Ctrl-C stops after the last one that is whole."""
        with self.store() as store:
            row = service.resume_import(store, self.import_id)
            total, position = row.total, row.position
        try:
            self._steps(total, position)
        except KeyboardInterrupt:
            self._stop()
            raise
        with self.store(readonly=True) as store:
            shown = service.describe_import(store, service.get_import(store, self.import_id))
            if errors is not None:
                with errors.open("wb") as stream:
                    write_error_file(store, self.import_id, stream)
        if shown["status"] == "failed":
            raise Invalid(
                shown["failure"],
                remedy=f"Then: retinue import --resume {self.import_id}",
                code="import-failed",
            )
        result = {"id": shown["id"], "status": shown["status"], **shown["counts"]}
        if not self.cli.out.json:
            self.cli.out.record(result)
        rejected = shown["counts"]["rejected"]
        then = f"correct {errors} and import it" if rejected and errors else "retinue contacts list"
        self.cli.out.done(
            f"Imported: {shown['counts']['created']} created, {rejected} rejected.", result, then=then
        )

    def _steps(self, total: int | None, position: int) -> None:
        with self.cli.out.progress("Importing", total=total) as tick:
            tick(position)
            state: Any = None
            while state is not DONE:
                with self.store() as store:
                    state = advance(store, self.import_id)
                if state is not DONE:
                    tick(state["row"] - position)
                    position = state["row"]

    def _stop(self) -> None:
        with self.store() as store:
            row = service.get_import(store, self.import_id, lock=True)
            row.status, row.finished_at = STOPPED, store.now
        self.cli.out.say(
            f"Stopped after {row.position} rows. Go on: retinue import --resume {self.import_id}"
        )


def _say_mapping(cli: Cli, row: Import) -> None:
    columns = (row.mapping or {}).get("columns")
    if not columns:
        return
    for column in columns:
        cli.out.say(f"  {column['heading']} → {column.get('target') or 'left out'}")


@command()
@click.argument("words", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option("--view", help="The name or id of a saved view.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("--columns", default="", metavar="FIELDS", help="Everything you may read, if left out.")
@click.option("--sort", default="", metavar="FIELDS", help="Such as -created_at,name; with --columns.")
@click.option("--delimiter", default=",", show_default=True)
@click.option("--output", "-o", required=True, help="The file, or - for stdout.")
def export_file(
    cli: Cli, words: tuple[str, ...], view: str | None, form: str, columns: str, output: str, **given: Any
) -> None:
    """Write the contacts that fulfil every FIELD=VALUE to a file.

    \b
    retinue export country=CZ -o contacts.csv
    retinue export --view "My customers" --format xlsx -o customers.xlsx
    """
    names = [name.strip() for name in columns.split(",") if name.strip()]
    data = {"format": form, "filter": to_json(parse_words(words)), "columns": names, **given}
    with ExitStack() as stack:
        house = stack.enter_context(cli.house())
        store = stack.enter_context(house.store(cli.actor(house), plugin="io"))
        if view:
            data["view"] = _view_named(store, view)
        wanted = exporting.Wanted.of(data)
        to_stdout = output == "-"
        stream = (
            cast(BinaryIO, sys.stdout.buffer) if to_stdout else stack.enter_context(_WholeFile(Path(output)))
        )
        row = exporting.export_now(store, wanted, stream)
        count = row.count
    if not to_stdout:
        cli.out.done(f"Exported {count} contacts to {output}.", {"count": count, "file": output})


def _view_named(store: Any, name: str) -> UUID:
    views = [v for v in store.scalars(select(SavedView)) if name in (v.name, str(v.id))]
    if len(views) != 1:
        raise NotFound(
            f"There is no view “{name}”." if not views else f"There are {len(views)} views “{name}”."
        )
    found: UUID = views[0].id
    return found


class _WholeFile:
    """A file that is there only when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(path.name + ".part")

    def __enter__(self) -> BinaryIO:
        self._stream = self._part.open("wb")
        return self._stream

    def __exit__(self, kind: object, *_: object) -> None:
        self._stream.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
