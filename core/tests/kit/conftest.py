"""The sample plugin as a project on disk, copied for each test that changes it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retinue.kit.scaffold import create_plugin

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project of a new plugin; nobody changes it."""
    folder = tmp_path_factory.mktemp("kit") / "sample"
    create_plugin("sample", folder)
    return folder


@pytest.fixture
def changed(sample: Path, tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Return a function that gives a copy of the sample with changes."""

    def change(changes: dict[str, Any]) -> Path:
        folder = tmp_path / "sample"
        shutil.copytree(sample, folder)
        for name, what in changes.items():
            path = folder / "src" / "retinue_sample" / name
            if what is None:
                path.unlink()
                continue
            old, new = what
            text = path.read_text("utf-8") if old is not None else ""
            assert old is None or old in text, f"{name} has no {old!r}"
            path.write_text(new if old is None else text.replace(old, new, 1), "utf-8")
        return folder

    return change
