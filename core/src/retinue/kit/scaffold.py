"""A new plugin: a copy of the sample with its own name."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from retinue.errors import Conflict, Invalid
from retinue.plugins.discovery import RESERVED
from retinue.plugins.manifest import NAME
from retinue.storage import MODELS

VERSION = 1
"""The version of the scaffold; it stands in the `pyproject.toml` that is made, for `modernise`."""

SAMPLE = "keepsake"
"""The name that stands for the plugin's in the sample."""


def create_plugin(name: str, folder: Path, *, minimal: bool = False) -> list[Path]:
    """Write a new plugin into `folder` and return its files; `minimal` makes one module without tables.

    Raises Invalid for a name no plugin can have, Conflict where a file would be overwritten.
    """
    _check_name(name)
    sample = files("retinue.kit").joinpath("templates", "small" if minimal else "grown")
    written = {folder / rename(path, name): rename(text, name) for path, text in _read(sample)}
    there = sorted(path for path in written if path.exists())
    if there:
        raise Conflict(f"{there[0]} exists already.", remedy="Name another folder with --dir.")
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return sorted(written)


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or name in RESERVED:
        raise Invalid(
            f"{name} cannot be the name of a plugin.",
            remedy="Take 2 to 40 of a-z, 0-9 and _, beginning with a letter.",
        )
    taken = next((table for table in MODELS if table == name or table.startswith(f"{name}_")), None)
    if taken:
        raise Invalid(
            f"There is a table {taken}, so a plugin cannot be named {name}.", remedy="Take another name."
        )


def _read(folder: Traversable, above: str = "") -> list[tuple[str, str]]:
    """Return (path, text) of every file below a folder of the package."""
    found: list[tuple[str, str]] = []
    for item in sorted(folder.iterdir(), key=lambda one: one.name):
        if item.name.startswith((".", "__pycache__")):
            continue  # what tools leave behind
        if item.is_dir():
            found += _read(item, f"{above}{item.name}/")
        else:
            name = (
                ".gitignore" if item.name == "gitignore" else item.name
            )  # a real one would hide our own files
            found.append((f"{above}{name}", item.read_text("utf-8")))
    return found


def rename(text: str, name: str) -> str:
    """Return a text of the sample with the plugin's own name."""
    text = text.replace(f"retinue-{SAMPLE}", f"retinue-{name.replace('_', '-')}")
    return text.replace(SAMPLE, name).replace(SAMPLE.title(), name.replace("_", " ").capitalize())
