"""What the benchmarks share: the table of figures, invented people, raw baselines, a real server."""

from __future__ import annotations

import csv
import http.client
import io
import json
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Column, Engine, Index, MetaData, String, Table, Uuid, create_engine, insert, select

COUNT = int(os.environ.get("RETINUE_BENCH_CONTACTS", "100000"))
BATCH = 1000
GIVEN = ("Jan", "Petr", "Jiří", "Ayşe", "Yıldırım", "Пётр", "Anna", "Eva", "Hana", "Zoë")
FAMILY = ("Novák", "Dvořák", "Svoboda", "Şahin", "Müller", "Иванова", "Smith")
PERMISSIONS = {
    "contact.read": "team",
    "contact.create": "own",
    "contact.change": "own",
    "contact.share": "own",
    "tag.create": "all",
    "interaction.read": "team",
    "interaction.create": "own",
}
"""A member of the sales team: not an administrator, sees the team's contacts and what is shared."""


@dataclass
class Figures:
    """The table: what, how much, the limit, the verdict, the raw way measured beside it, and the ratio."""

    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(
        self, name: str, measured: float, limit: float, unit: str, *, raw: float = 0.0, most: bool = False
    ) -> bool:
        """Add a figure and return whether it holds; `most` says that the limit is an upper one."""
        holds = measured <= limit if most else measured >= limit
        ratio = f"{measured / raw:.2f}" if raw else ""
        shown = f"{limit:,.0f}" if limit == int(limit) else f"{limit:,}"
        bound = f"{'≤' if most else '≥'} {shown} {unit}"
        raw_text = f"{raw:,.2f} {unit}" if raw else ""
        self.rows.append(
            (name, f"{measured:,.2f} {unit}", bound, "holds" if holds else "MISSED", raw_text, ratio)
        )
        return holds

    def note(self, name: str, measured: float, unit: str, goal: str) -> None:
        """Add a figure without a verdict: where we stand against a later goal."""
        self.rows.append((name, f"{measured:,.2f} {unit}", goal, "noted", "", ""))

    def show(self) -> None:
        """Print the table."""
        head = ("figure", "measured", "limit", "verdict", "raw beside it", "ratio")
        table = [head, *self.rows]
        widths = [max(len(row[place]) for row in table) for place in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        ]
        sys.stdout.write(
            "\n" + "\n".join(lines) + f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
        )


# ---- people ----
def write_csv(start: int, count: int) -> str:
    """Return a CSV file of invented people, in the words of a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("given", "family", "born", "city", "country", "email", "phone", "tag"))
    for n in range(start, start + count):
        family = f"{FAMILY[n * 7919 % 7]}{n * 7919 % 99991}"
        born, tag = f"{1940 + n % 60}-07-0{1 + n % 9}", "VIP" if n % 3 == 0 else ""
        city = f"Město {n % 20}"
        writer.writerow(
            (f"{GIVEN[n % 10]}", family, born, city, "CZ", f"p{n}@firma{n % 300}.cz", f"+420 2{n:08d}", tag)
        )
    return text.getvalue()


def read_drafts(text: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the drafts of a CSV file in batches, as an import makes them."""
    batch: list[dict[str, Any]] = []
    for given, family, born, city, country, email, phone, tag in list(csv.reader(io.StringIO(text)))[1:]:
        draft: dict[str, Any] = {
            "given_name": given,
            "family_name": family,
            "birth_date": born,
            "city": city,
            "country": country,
            "emails": [email],
            "phones": [phone],
        }
        if tag:
            draft["tags"] = [tag]
        batch.append(draft)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# ---- the raw way ----
_metadata = MetaData()
RAW = Table(
    "bench_raw",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(100)),
    Column("city", String(100)),
    Column("email", String(100), unique=True),
    Index("ix_bench_name", "name"),
    Index("ix_bench_city", "city", "name"),
)


@contextmanager
def raw_engine(url: str) -> Iterator[Engine]:
    """Yield an engine with the raw table beside ours: four columns, three indexes, nothing else."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    _metadata.create_all(engine)
    try:
        yield engine
    finally:
        _metadata.drop_all(engine)
        engine.dispose()


def raw_import(engine: Engine, count: int) -> float:
    """Return rows per second of SQLAlchemy's executemany in one transaction: unchecked, unaudited."""
    rows = [
        {"id": uuid4(), "name": f"{FAMILY[n % 7]}{n}", "city": f"Město {n % 20}", "email": f"{n}@x.cz"}
        for n in range(count)
    ]
    started = time.perf_counter()
    with engine.begin() as connection:
        connection.execute(insert(RAW), rows)
    return count / (time.perf_counter() - started)


def raw_list(engine: Engine, times: int = 200) -> float:
    """Return the median milliseconds of one page of 50, filter and sort from one index, no server."""
    statement = select(RAW).where(RAW.c.city == "Město 3").order_by(RAW.c.name).limit(50)

    def read() -> None:
        with engine.connect() as connection:
            connection.execute(statement).all()

    return median(read, times)[0]


def median(call: Callable[[], Any], times: int) -> tuple[float, float]:
    """Return the 50th and 95th percentile of `call` in milliseconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return taken[times // 2], taken[times * 95 // 100]


# ---- a real server ----
def _serve(folder: str, database_url: str, port: int) -> None:
    """Run in a process of its own: the API of an installation on uvicorn, as `retinue serve` has it."""
    import uvicorn

    from retinue.app import open_house
    from retinue.app.serving import make_application
    from retinue.cli.server import settle
    from retinue.testing.house import make_config

    with open_house(make_config(Path(folder), database_url)) as house:
        application = make_application(house)
        settle()
        uvicorn.run(application, host="127.0.0.1", port=port, log_level="error", access_log=False)


@dataclass
class Client:
    """One connection to the server, kept open."""

    connection: http.client.HTTPConnection
    token: str
    pid: int

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the answer's JSON; anything but success is an error."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)

    def server_cpu(self) -> float:
        """Return the CPU seconds the server process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def server_memory(self) -> float:
        """Return the server's resident megabytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def served(folder: Path, database_url: str, token: str) -> Iterator[Client]:
    """Serve an installation in a process of its own while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(str(folder), database_url, port), daemon=True
    )
    process.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        _await_port(port)
        yield Client(connection, token, process.pid or 0)
    finally:
        connection.close()
        process.terminate()
        process.join(10)


def _await_port(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not start")
