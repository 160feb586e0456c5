"""What a person or a token may do: roles joined, scopes subtracted. Pure functions over plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from retinue.access.addresses import Network, is_allowed
from retinue.actor import Reach


@dataclass(frozen=True, slots=True)
class RoleRights:
    """One role as values: permissions with their reach, denied fields, addresses it holds good from."""

    permissions: Mapping[str, Reach]
    hidden_fields: frozenset[str] = frozenset()
    locked_fields: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do in the end."""

    permissions: Mapping[str, Reach]
    hidden_fields: frozenset[str] = frozenset()
    locked_fields: frozenset[str] = frozenset()


NO_RIGHTS = Rights({})


def usable_roles(roles: Sequence[RoleRights], address: str | None) -> list[RoleRights]:
    """Return the roles that hold good at `address`: a role bound to addresses is absent elsewhere."""
    return [role for role in roles if is_allowed(address, role.networks)]


def join_roles(roles: Iterable[RoleRights]) -> Rights:
    """Return the union of `roles`: the strongest reach of each permission.

    A field is hidden (locked) only if every role that says anything about its noun hides (locks) it. A role
    that grants nothing on contacts cannot uncover a field of contacts. What a role hides it does not let
    change either.
    """
    roles = list(roles)
    reaches: dict[str, Reach] = {}
    for role in roles:
        for name, reach in role.permissions.items():
            reaches[name] = max(reach, reaches.get(name, Reach.NONE))
    return Rights(
        reaches,
        _denied(roles, lambda role: role.hidden_fields),
        _denied(roles, lambda role: role.locked_fields | role.hidden_fields),
    )


def narrow_to_scopes(rights: Rights, scopes: Mapping[str, Reach]) -> Rights:
    """Return what is left of the owner's `rights` within a token's `scopes`; fields stay as denied as
    they are.
    """
    both = {name: min(reach, rights.permissions.get(name, Reach.NONE)) for name, reach in scopes.items()}
    held = {name: reach for name, reach in both.items() if reach is not Reach.NONE}
    return Rights(held, rights.hidden_fields, rights.locked_fields)


def exceeding(wanted: Rights, held: Rights) -> list[str]:
    """Return what `wanted` allows beyond `held`: permissions, and fields that `held` may not see or
    change.
    """
    names = [
        name for name, reach in wanted.permissions.items() if reach > held.permissions.get(name, Reach.NONE)
    ]
    nouns = {_noun(name) for name in wanted.permissions}
    uncovered = (held.hidden_fields - wanted.hidden_fields) | (held.locked_fields - wanted.locked_fields)
    return sorted({*names, *(name for name in uncovered if _noun(name) in nouns)})


def _denied(roles: list[RoleRights], fields_of: Callable[[RoleRights], frozenset[str]]) -> frozenset[str]:
    named = frozenset[str]().union(*(fields_of(role) for role in roles))
    return frozenset(
        name for name in named if all(name in fields_of(role) for role in _speaking(roles, name))
    )


def _speaking(roles: list[RoleRights], field: str) -> list[RoleRights]:
    """Return the roles that grant something on the noun of `field`; all of them if none does."""
    found = [role for role in roles if any(_noun(name) == _noun(field) for name in role.permissions)]
    return found or roles


def _noun(name: str) -> str:
    return name.partition(".")[0]
