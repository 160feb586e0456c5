"""An installation with the plugin and every other one that keeps rows of people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from retinue.actor import Actor
from retinue.app import open_house

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., tuple[Path, str]]]:
    """An installation of each kind with the plugin on, made once and copied for each test."""
    from retinue.testing.house import _fold_wal, make_config  # rewritten as a plugin first
    from retinue.testing.postgres import fresh_database  # as above

    made: dict[str, tuple[Path, str]] = {}
    with ExitStack() as stack:

        def template(kind: str, server: Callable[[], str]) -> tuple[Path, str]:
            if kind not in made:
                folder = tmp_path_factory.mktemp(f"gdpr-{kind}")
                url = f"sqlite:///{folder}/retinue.db"
                if kind == "postgresql":
                    url = stack.enter_context(fresh_database(server()))
                with open_house(make_config(folder, url), check=False) as house:
                    house.upgrade()
                    for name in ("orders", "loyalty", "webhooks", "io", "gdpr"):
                        house.enable(Actor.system("test"), name)
                if kind == "sqlite":
                    _fold_wal(folder)
                made[kind] = (folder, url)
            return made[kind]

        yield template
