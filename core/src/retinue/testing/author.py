"""Fixtures for the tests of a plugin: `plugin`, `enable_plugin`, `client`, `as_user`, `make_contact`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from retinue.actor import Actor
from retinue.contacts.models import Contact
from retinue.contacts.service import create_contact
from retinue.plugins import PluginRefused
from retinue.testing.house import Api, Crm, User
from retinue.testing.plugin import plugin_of


@pytest.fixture
def plugin_name(request: pytest.FixtureRequest) -> str:
    """Return the name of the plugin that this project is."""
    found = plugin_of(request.config.rootpath)
    if found is None:
        pytest.fail(
            f"{request.config.rootpath}/pyproject.toml names no plugin; use crm and enable one yourself"
        )
    return found[0]


@pytest.fixture
def enable_plugin(crm: Crm, plugin_name: str) -> Callable[..., Crm]:
    """Return a function that enables the plugin under test, or the one it is given the name of."""

    def enable(name: str = plugin_name) -> Crm:
        try:
            crm.house.enable(Actor.system("test"), name)
        except PluginRefused as refused:
            pytest.fail("\n".join(f"{fault}\n{fault.trace}" for fault in refused.faults), pytrace=False)
        crm.rebuild()
        return crm

    return enable


@pytest.fixture
def plugin(enable_plugin: Callable[..., Crm]) -> Crm:
    """Return an installation in which the plugin under test is enabled."""
    return enable_plugin()


@pytest.fixture
def as_user(crm: Crm) -> Callable[..., User]:
    """Return a function that makes a person with permissions (name → reach, all by default) and signs in."""

    def make(permissions: Mapping[str, str] | str = "all", **more: Any) -> User:
        return crm.user(permissions, **more)

    return make


@pytest.fixture
def client(as_user: Callable[..., User]) -> Api:
    """Return a client of the API that may do everything."""
    return as_user().client


@pytest.fixture
def make_contact(crm: Crm) -> Callable[..., Contact]:
    """Return a function that creates a contact as the system, a person unless its kind is given."""

    def make(**values: Any) -> Contact:
        draft = {"kind": "person", "given_name": "Ada", "family_name": "Lovelace", **values}
        with crm.store() as store:
            made: Contact = create_contact(store, draft)
            store.flush()
        return made

    return make
