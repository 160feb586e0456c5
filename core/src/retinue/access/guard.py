"""What the rooms' functions need beside a store: rules, declared permissions, the hasher. One per process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from retinue.access.passwords import Hasher, hasher_of
from retinue.access.permissions import Permissions
from retinue.access.rules import AccessRules
from retinue.actor import Actor
from retinue.config import Config
from retinue.storage import Store


class Opens(Protocol):
    """Whatever opens a store for an actor: the house, or a bare database."""

    def store(self, actor: Actor, *, readonly: bool = False) -> AbstractContextManager[Store]:
        """Open one transaction for `actor`."""
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    """Rules of signing in, declared permissions, and the one hasher that bounds the memory of hashing."""

    rules: AccessRules
    permissions: Permissions
    hasher: Hasher

    @classmethod
    def of(cls, rules: AccessRules, permissions: Permissions | None = None) -> Guard:
        """Return a guard by `rules`; permissions are core's unless given."""
        return cls(rules, permissions or Permissions(), hasher_of(rules.cost))

    @classmethod
    def from_config(
        cls, config: Config, permissions: Permissions | None = None, *, organisation: str = ""
    ) -> Guard:
        """Return the guard an installation's configuration asks for."""
        return cls.of(AccessRules.from_config(config, organisation=organisation), permissions)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who knocks, as far as the wire tells: address behind our proxies, browser, the device cookie it
    carries.
    """

    address: str = ""
    agent: str = ""
    device: str | None = None


@contextmanager
def doorkeeper(opens: Opens, caller: Caller, *, readonly: bool = False) -> Iterator[Store]:
    """Open a store for what happens before anybody is signed in; the audit shows the address."""
    actor = Actor(kind="system", name="sign-in", address=caller.address or None)
    with opens.store(actor, readonly=readonly) as store:
        yield store
