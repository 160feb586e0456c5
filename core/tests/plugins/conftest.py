"""Throwaway plugins: packages written to a folder on the path, installed by their metadata."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from sqlalchemy import Engine

from retinue.storage import MODELS, make_engine


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

    def forget(self) -> None:
        """Drop what was imported from here, as a new process would not have it."""
        inside = str(self.folder)
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(inside):
                del sys.modules[name]
        for table, model in list(MODELS.items()):
            if model.__plugin__ is not None:
                del MODELS[table]


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
