"""Installations for the conformance tests: one with the plugin on that is shared, and fresh ones."""

from __future__ import annotations

import ast
import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from retinue.actor import Actor
from retinue.app import House, open_house
from retinue.app.lifecycle import deeds
from retinue.kit import Project
from retinue.kit.names import keyword, text_of
from retinue.kit.rules.hooks import answers
from retinue.plugins import discover
from retinue.testing.conformance.cases import project_of
from retinue.testing.fixtures import DATABASES
from retinue.testing.house import Crm, make_config
from retinue.testing.postgres import fresh_database

SYSTEM = Actor.system("conformance")


@pytest.fixture(scope="session")
def project(subject: str) -> Project:
    """Return the plugin's files."""
    return project_of(subject)


@pytest.fixture(scope="session", params=DATABASES)
def kind_of_database(request: pytest.FixtureRequest) -> str:
    """Return each kind of database that is asked for in turn."""
    return str(request.param)


@pytest.fixture(scope="session", autouse=True)
def tried_already() -> Iterator[None]:
    """Do not import the plugin in a process of its own before each enabling: one test does that, and it takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deeds, "refuse_dangerous", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def open_new_house(
    templates: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """Return a context manager that opens a new installation on a kind of database, no plugin on."""

    @contextlib.contextmanager
    def opened(kind: str) -> Iterator[House]:
        folder, url = templates(kind, lambda: request.getfixturevalue("postgres_server"))
        own = tmp_path_factory.mktemp("conformance")
        for name in ("master.key", "keys.db", *(["retinue.db"] if kind == "sqlite" else [])):
            shutil.copy(Path(folder) / name, own / name)
        with contextlib.ExitStack() as stack:
            target = f"sqlite:///{own}/retinue.db"
            if kind != "sqlite":
                server = request.getfixturevalue("postgres_server")
                target = stack.enter_context(fresh_database(server, template=make_url(url).database))
            yield stack.enter_context(open_house(make_config(own, target)))

    return opened


@pytest.fixture(scope="session")
def open_fresh(open_new_house: Any) -> Any:
    """Return a context manager that opens a new installation that answers HTTP, with some plugins on."""

    @contextlib.contextmanager
    def opened(kind: str, *names: str) -> Iterator[Crm]:
        with open_new_house(kind) as house:
            for name in names:
                turn_on(house, name)
            with contextlib.closing(Crm(house)) as crm:
                yield crm

    return opened


@pytest.fixture
def fresh(open_new_house: Any, kind_of_database: str) -> Iterator[House]:
    """Yield an installation of its own, no plugin on."""
    with open_new_house(kind_of_database) as house:
        yield house


@pytest.fixture(scope="session")
def shared(open_fresh: Any) -> Iterator[Callable[[str], Crm]]:
    """Return a function that gives an installation on SQLite in which a plugin is on; tests that only look share it."""
    made: dict[str, Crm] = {}
    with contextlib.ExitStack() as stack:

        def on(name: str) -> Crm:
            if name not in made:
                others = sorted(_publishers(project_of(name)) & set(discover()))
                made[name] = stack.enter_context(open_fresh("sqlite", name, *others))
            return made[name]

        yield on


@pytest.fixture
def on(shared: Callable[[str], Crm], subject: str) -> Crm:
    """Return the shared installation with the plugin on."""
    return shared(subject)


def _publishers(project: Project) -> set[str]:
    """Return the plugins whose hooks a plugin answers: only while they are on is it called."""
    markers = [answer.marker for answer in answers(project) if isinstance(answer.marker, ast.Call)]
    return {text_of(keyword(marker, "of")) for marker in markers} - {""}


def turn_on(house: House, name: str) -> None:
    """Enable a plugin behind those it requires."""
    if name in house.plugins.loaded:
        return
    for other in house.catalogue[name].manifest.requires:
        turn_on(house, other)
    house.enable(SYSTEM, name)


@pytest.fixture
def enable(subject: str) -> Callable[[House], None]:
    """Return a function that turns the plugin on."""
    return lambda house: turn_on(house, subject)
