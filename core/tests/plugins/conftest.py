"""Throwaway plugins: packages written to a folder on the path, installed by their metadata."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import Engine, inspect

from retinue.actor import Actor
from retinue.app.house import BUILTINS, House
from retinue.plugins import discover, enable_plugin
from retinue.plugins.migrations import Line, Plan, downgrade, plan_upgrade, status, upgrade
from retinue.storage import MODELS, make_engine

sys.path.insert(0, str(Path(__file__).parent))  # the tests of a plugin's life share lifecycle_kit


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        name: str,
        files: Mapping[str, str] | None = None,
        *,
        toml: str | None = None,
        distribution: str | None = None,
        version: str = "1.0",
        module: str | None = None,
        summary: str = "",
        **code: str,
    ) -> None:
        """Install plugin `name`: one module from `code` ``body``, or a package from `files` and `toml`."""
        distribution = distribution or f"retinue-{name}"
        module = module or f"retinue_{name}"
        body = dedent(code.get("body", ""))
        if files is None and toml is None:
            self.write(f"{module}.py", body)
        else:
            self.write(f"{module}/__init__.py", body)
            if toml is not None:
                text = dedent(toml)
                self.write(
                    f"{module}/plugin.toml",
                    text if text.lstrip().startswith("name") else f'name = "{name}"\napi = 1\n{text}',
                )
            for path, text in (files or {}).items():
                self.write(f"{module}/{path}", dedent(text))
        self.describe(distribution, {name: module}, version=version, summary=summary)

    def write(self, path: str, text: str) -> None:
        """Write a file below the folder."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def describe(
        self, distribution: str, points: Mapping[str, str], *, version: str = "1.0", summary: str = ""
    ) -> None:
        """Write the metadata of a distribution."""
        info = f"{distribution.replace('-', '_')}-{version}.dist-info"
        extra = f"Summary: {summary}\n" if summary else ""
        self.write(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{extra}"
        )
        lines = "\n".join(f"{name} = {module}" for name, module in points.items())
        self.write(f"{info}/entry_points.txt", f"[retinue.plugins]\n{lines}\n")

    def uninstall(self, name: str) -> None:
        """Remove the code and metadata of a plugin, as a deleted distribution leaves it."""
        import shutil

        for path in [*self.folder.glob(f"retinue_{name}*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.forget()

    def turn_on(self, house: House, *names: str) -> None:
        """Enable plugins without trying each in a process of its own first, which other tests do."""
        house.catalogue = discover()
        with house.store(Actor.system("test")) as store:
            for name in names:
                enable_plugin(store, name, catalogue=house.catalogue, builtins=BUILTINS)
        house.refresh(force=True)

    def forget(self) -> None:
        """Drop what was imported from here, as a new process would not have it."""
        inside = str(self.folder)
        ours = {n for n, m in sys.modules.items() if (getattr(m, "__file__", None) or "").startswith(inside)}
        for name in ours:
            del sys.modules[name]
        for table, model in list(MODELS.items()):
            if model.__module__ in ours:
                del MODELS[table]


@pytest.fixture(autouse=True)
def only_throwaway_plugins(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the plugins that are really installed beside core: these tests say what they install."""
    base, real = tmp_path_factory.getbasetemp().resolve(), importlib.metadata.entry_points

    def points(**wanted: str) -> list[importlib.metadata.EntryPoint]:
        found = [p for p in real(**wanted) if p.dist is not None]
        return [p for p in found if Path(str(p.dist.locate_file(""))).resolve().is_relative_to(base)]

    monkeypatch.setattr(importlib.metadata, "entry_points", points)


@pytest.fixture(scope="session")
def make_site() -> type[Site]:
    """Return the class, for folders that live longer than a test."""
    return Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Yield an empty folder of distributions on the path."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    made = Site(folder)
    yield made
    made.forget()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Yield an engine with explicit transactions over an empty database, once of each kind."""
    made = make_engine(database_url)
    yield made
    made.dispose()


CORE_SCRIPTS = {
    "c1": (None, 1, 'op.create_table("contact", sa.Column("id", sa.Integer, primary_key=True))', "contact"),
    "c2": ("c1", 2, 'op.create_table("tag", sa.Column("id", sa.Integer, primary_key=True))', "tag"),
    "c3": ("c2", 3, 'op.create_table("team", sa.Column("id", sa.Integer, primary_key=True))', "team"),
}


class Folder:
    """Lines written to a folder, as packages hold them."""

    def __init__(self, base: Path, engine: Engine) -> None:
        self.base, self.engine = base, engine
        self.lines: dict[str, Line] = {}

    def line(self, name: str, requires: tuple[str, ...] = (), **levels: int) -> None:
        folder = self.base / name / "migrations"
        (folder / "versions").mkdir(parents=True, exist_ok=True)
        self.lines[name] = Line(name, str(folder), requires, levels)

    def script(
        self,
        name: str,
        revision: str,
        down: str | None,
        level: int | str,
        up: str,
        undo: str = "",
        more: str = "",
    ) -> None:
        """Write a script; `undo` names a table to drop, `more` are further words of its head."""
        back = f'op.drop_table("{undo}")' if undo else "pass"
        text = (
            f'"""Make {revision}."""\nimport sqlalchemy as sa\nfrom alembic import op\n'
            f"revision = {revision!r}\ndown_revision = {down!r}\nlevel = {level}\n{more}\n"
            f"def upgrade():\n{_indented(up)}\ndef downgrade():\n{_indented(back)}\n"
        )
        folder = Path(self.lines[name].folder) / "versions"
        (folder / f"{name}_{len(list(folder.glob('*')))}_{revision}.py").write_text(text)

    def core(self, *revisions: str) -> None:
        self.line("core")
        for revision in revisions or CORE_SCRIPTS:
            down, level, up, undo = CORE_SCRIPTS[revision]
            self.script("core", revision, down, level, up, undo)

    def plugin(self, name: str, *, tables: int = 1, requires: tuple[str, ...] = (), **levels: int) -> None:
        self.line(name, requires, **levels)
        for number in range(1, tables + 1):
            down = f"{name[0]}{number - 1}" if number > 1 else None
            table = f"{name}_t{number}"
            up = f'op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))'
            self.script(name, f"{name[0]}{number}", down, number, up, table)

    def all(self, *without: str) -> list[Line]:
        return [line for name, line in self.lines.items() if name not in without]

    def up(self, *without: str, **options: bool) -> Plan:
        with self.engine.connect() as connection:
            return upgrade(connection, self.all(*without), **options)

    def down(self, name: str, level: int) -> Plan:
        with self.engine.connect() as connection:
            return downgrade(connection, self.all(), name, level)

    def plan(self, *without: str) -> Plan:
        with self.engine.connect() as connection:
            return plan_upgrade(connection, self.all(*without))

    def states(self, *without: str) -> dict[str, tuple[str, int | None]]:
        with self.engine.connect() as connection:
            return {s.name: (s.state, s.level) for s in status(connection, self.all(*without))}

    def tables(self) -> set[str]:
        with self.engine.connect() as connection:
            return set(inspect(connection).get_table_names())


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in dedent(code).strip().splitlines())


@pytest.fixture
def folder(tmp_path: Path, engine: Engine) -> Folder:
    return Folder(tmp_path / "lines", engine)


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Folder]:
    """A folder for what is decided before the first statement, and so alike on every database."""
    made = make_engine(f"sqlite:///{tmp_path}/paper.db")
    yield Folder(tmp_path / "lines", made)
    made.dispose()
