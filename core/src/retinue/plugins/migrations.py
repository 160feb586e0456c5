"""Bringing tables up to date: a version table for each distribution, checks before any DDL, one transaction.

Every distribution is a *line*: core and each plugin that is on. One whose migrations are refused is left out
with those that stand on it, and the plan says so; it never keeps core from going on. A line whose code is
missing is only reported. Whatever fails while running undoes everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from retinue.errors import Misconfigured
from retinue.plugins.faults import Fault
from retinue.plugins.migration_run import one_transaction, reading, run_line
from retinue.plugins.migration_scripts import (
    CORE,
    Chain,
    Line,
    Script,
    core_line,
    line_of,
    lines_of,
    owner_of,
    read_chain,
)
from retinue.plugins.ordering import Cycle, topological

LineState = Literal["current", "behind", "new", "newer", "missing", "refused"]
__all__ = [
    "Line",
    "LineStatus",
    "Plan",
    "Step",
    "check",
    "core_line",
    "downgrade",
    "line_of",
    "lines_of",
    "one_transaction",
    "owner_of",
    "plan_upgrade",
    "status",
    "upgrade",
    "upgrade_to",
    "upgrade_within",
    "version_tables",
]


@dataclass(frozen=True, slots=True)
class LineStatus:
    """How far one distribution's tables have come, and how far its code goes."""

    name: str
    state: LineState
    level: int | None
    head: int | None
    revision: str | None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that would run, or ran."""

    line: str
    revision: str
    level: int
    title: str
    irreversible: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade does: its steps in order, who is left out and why, and lines whose code is missing."""

    steps: tuple[Step, ...]
    left_out: tuple[Fault, ...]
    missing: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return the plan for ``--json``."""
        return {
            "steps": [
                {
                    "line": s.line,
                    "revision": s.revision,
                    "level": s.level,
                    "title": s.title,
                    "irreversible": s.irreversible,
                }
                for s in self.steps
            ],
            "left_out": [
                {"code": f.code, "line": f.plugin, "detail": f.detail, "remedy": f.remedy}
                for f in self.left_out
            ],
            "missing": list(self.missing),
        }


class _Preflight:
    """Everything known before the first statement: chains, where the database stands, who is refused."""

    def __init__(self, connection: Connection, lines: Iterable[Line], without: Collection[str] = ()) -> None:
        given = [line for line in lines if line.name not in without]
        self.lines = {line.name: line for line in given}
        self.revisions = _read_revisions(connection)
        self.names = sorted({*self.lines, *self.revisions} - {CORE})
        self.chains = {name: read_chain(line, self.names) for name, line in self.lines.items()}
        self.refused: dict[str, tuple[Fault, ...]] = {}
        for name, chain in self.chains.items():
            faults = chain.faults or tuple(self._newer(chain))
            if faults:
                self.refused[name] = faults
        self._refuse_needy()
        self.order = self._order()

    def _newer(self, chain: Chain) -> Iterator[Fault]:
        """Yield a fault if the database stands where this code has never been."""
        revision = self.revisions.get(chain.line.name)
        if chain.place(revision) is None:
            detail = f"the database stands at revision {revision}, this code knows levels up to {chain.head}."
            remedy = (
                "The database is newer than the code: install the version that wrote it, or restore a backup."
            )
            yield Fault("MIG001", chain.line.name, detail, remedy)

    def _refuse_needy(self) -> None:
        """Refuse lines that need a level nobody reaches, or a line that is refused, until nothing changes."""
        changed = True
        while changed:
            changed = False
            for name, line in self.lines.items():
                if name not in self.refused and (faults := tuple(self._needs(line))):
                    self.refused[name] = faults
                    changed = True

    def _needs(self, line: Line) -> Iterator[Fault]:
        wanted = {**dict.fromkeys(line.requires, 0), **line.requires_schema}
        for other, level in sorted(wanted.items()):
            chain = self.chains.get(other)
            if chain is None:
                yield Fault(
                    "MIG004", line.name, f"it requires {other}, which is not among the plugins that are on."
                )
            elif other in self.refused:
                yield Fault("MIG004", line.name, f"it requires {other}, which is left out.")
            elif chain.head < level:
                detail = f"it requires level {level} of {other}, which goes to level {chain.head}."
                yield Fault("MIG004", line.name, detail, f"Upgrade {other}.")

    def _order(self) -> list[str]:
        """Return the lines that run: core, then by requirement, then by name."""
        good = [name for name in self.lines if name not in self.refused]
        needs = {n: {*self.lines[n].requires, *self.lines[n].requires_schema} for n in good}
        for name in good:
            if name != CORE:
                needs[name].add(CORE)
        try:
            return topological(good, needs)
        except Cycle as cycle:
            fault = f"what migrations require goes round in a circle: {cycle}."
            self.refused |= {name: (Fault("MIG015", name, fault),) for name in cycle.names}
            self._refuse_needy()
            return self._order()

    def plan(self) -> Plan:
        """Return what would run."""
        steps = [
            Step(name, script.revision, script.level, script.title, script.irreversible)
            for name in self.order
            for script in self.pending(name)
        ]
        faults = [fault for name in sorted(self.refused) for fault in self.refused[name]]
        return Plan(tuple(steps), tuple(faults), tuple(n for n in self.revisions if n not in self.lines))

    def pending(self, name: str) -> tuple[Script, ...]:
        """Return the scripts of a line that have not run."""
        chain = self.chains[name]
        return chain.scripts[chain.place(self.revisions.get(name)) or 0 :]


def _read_revisions(connection: Connection) -> dict[str, str | None]:
    """Return where each line's version table stands, by name."""
    prefix = "alembic_"
    tables = sorted(t for t in inspect(connection).get_table_names() if t.startswith(prefix))
    found: dict[str, str | None] = {}
    for name in tables:
        table = Table(name, MetaData(), Column("version_num", String(32)))
        found[name.removeprefix(prefix)] = connection.scalar(select(table.c.version_num))
    return found


def version_tables(connection: Connection) -> dict[str, str | None]:
    """Return the revision of every plugin that ever had migrations here, its code here or not; core is left out."""
    return {name: revision for name, revision in _read_revisions(connection).items() if name != CORE}


def status(connection: Connection, lines: Iterable[Line]) -> list[LineStatus]:
    """Return how far each line has come, core first; lines whose code is missing are among them."""
    with reading(connection):
        return list(_statuses(_Preflight(connection, lines)))


def _statuses(preflight: _Preflight) -> Iterator[LineStatus]:
    for name in sorted({*preflight.chains, *preflight.revisions}, key=lambda n: (n != CORE, n)):
        revision = preflight.revisions.get(name)
        if name not in preflight.chains:
            yield LineStatus(name, "missing", None, None, revision)
            continue
        chain, faults = preflight.chains[name], preflight.refused.get(name, ())
        place = chain.place(revision)
        level = None if place is None else chain.scripts[place - 1].level if place else 0
        state: LineState = "current"
        if any(fault.code == "MIG001" for fault in faults):
            state = "newer"
        elif faults:
            state = "refused"
        elif preflight.pending(name):
            state = "behind" if revision else "new"
        yield LineStatus(name, state, level, None if chain.faults else chain.head, revision, faults)


def check(connection: Connection, lines: Iterable[Line]) -> dict[str, tuple[Fault, ...]]:
    """Return the plugins whose tables do not fit their code, and why; raises Misconfigured for core."""
    found: dict[str, tuple[Fault, ...]] = {}
    for line in status(connection, lines):
        if line.faults:
            found[line.name] = line.faults
        elif line.state in ("behind", "new"):
            detail = f"its tables stand at level {line.level}, the code wants {line.head}."
            found[line.name] = (Fault("MIG012", line.name, detail, "Run `retinue db upgrade`."),)
    _raise_for(found.pop(CORE, ()))
    return found


def _raise_for(faults: Iterable[Fault]) -> None:
    for fault in faults:
        detail = f"{fault.plugin}: {fault.detail}"
        raise Misconfigured(detail, code=fault.code, remedy=f"{fault.remedy} Nothing was changed.".strip())


def plan_upgrade(connection: Connection, lines: Iterable[Line], *, without: Collection[str] = ()) -> Plan:
    """Return what `upgrade` would do; the database is only read and no code of a plugin runs."""
    with reading(connection):
        return _Preflight(connection, lines, without).plan()


def upgrade(
    connection: Connection, lines: Iterable[Line], *, without: Collection[str] = (), strict: bool = False
) -> Plan:
    """Bring the lines up to date in one transaction of `connection`, now in none; returns what ran.

    Raises Misconfigured with the code of the first fault if core is refused, or any line with `strict`; with
    MIG008, MIG011 or MIG016 if a migration fails. Then nothing was changed.
    """
    with one_transaction(connection):
        return upgrade_within(connection, lines, without=without, strict=strict)


def upgrade_within(
    connection: Connection, lines: Iterable[Line], *, without: Collection[str] = (), strict: bool = False
) -> Plan:
    """Do what `upgrade` does inside `one_transaction` that the caller has opened."""
    preflight = _Preflight(connection, lines, without)
    plan = preflight.plan()
    _raise_for(plan.left_out if strict else preflight.refused.get(CORE, ()))
    for name in preflight.order:
        if preflight.pending(name):
            target = preflight.chains[name].scripts[-1].revision
            run_line(connection, preflight.lines[name], target, preflight.names)
    return plan


def upgrade_to(connection: Connection, lines: Iterable[Line], name: str, revision: str) -> None:
    """Bring one line that has no tables yet to `revision`, inside `one_transaction` that the caller has opened.

    Raises Misconfigured if the line is refused or has no such revision (MIG001).
    """
    preflight = _Preflight(connection, lines)
    _raise_for(preflight.refused.get(name, ()))
    chain = preflight.chains[name]
    if chain.place(revision) is None:
        detail = f"its code does not know the revision {revision}."
        _raise_for([Fault("MIG001", name, detail, f"Install a version of {name} that has it.")])
    run_line(connection, chain.line, revision, preflight.names)


def downgrade(connection: Connection, lines: Iterable[Line], name: str, level: int) -> Plan:
    """Take one line back to `level` (0: before its first migration); returns the steps that were undone.

    Raises Misconfigured, code MIG013, while another line stands on what would go; never touches another line.
    """
    with one_transaction(connection):
        preflight = _Preflight(connection, lines)
        chain = preflight.chains.get(name)
        if chain is None or chain.faults:
            faults = (
                chain.faults
                if chain
                else (Fault("MIG014", name, "its code is not here, so it cannot go back."),)
            )
            _raise_for(faults)
        assert chain is not None
        _raise_for(preflight.refused.get(name, ()))
        levels = [0, *(script.level for script in chain.scripts)]
        if level not in levels:
            _raise_for(
                (Fault("MIG014", name, f"there is no level {level}, only {', '.join(map(str, levels))}."),)
            )
        done = chain.scripts[: chain.place(preflight.revisions.get(name)) or 0]
        undone = [script for script in reversed(done) if script.level > level]
        _raise_for(_standing_on(preflight, name, level))
        _raise_for(
            Fault("MIG010", name, f"{s.revision} ({s.title}) cannot be undone.")
            for s in undone
            if s.irreversible
        )
        if undone:
            target = undone[-1].down or "base"
            run_line(connection, preflight.lines[name], target, preflight.names, back=True)
        steps = tuple(Step(name, s.revision, s.level, s.title, s.irreversible) for s in undone)
        return Plan(steps, (), ())


def _standing_on(preflight: _Preflight, name: str, level: int) -> Iterator[Fault]:
    """Yield a fault for each line in use that needs more of `name` than `level`."""
    for other, line in sorted(preflight.lines.items()):
        needed = max(line.requires_schema.get(name, 0), 1 if name in line.requires else 0)
        if name == CORE and other != CORE:
            needed = max(needed, 1)
        if preflight.revisions.get(other) and needed > level:
            detail = f"{other} stands on level {needed} of it."
            yield Fault("MIG013", name, detail, f"Take {other} back, or uninstall it, first.")
