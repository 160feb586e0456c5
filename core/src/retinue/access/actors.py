"""From an account or a token to the `Actor` of a transaction: rights are looked up at every call, never
kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy import Select, String, func, select
from sqlalchemy import cast as sql_cast

from retinue.access.addresses import is_allowed, parse_networks
from retinue.access.guard import Guard
from retinue.access.models import Account, AccountRole, ApiToken, Credential, Role, SignInSession, TeamMember
from retinue.access.permissions import Permissions
from retinue.access.rights import NO_RIGHTS, Rights, RoleRights, exceeding, join_roles, usable_roles
from retinue.actor import Actor, Reach
from retinue.errors import Denied
from retinue.storage import Store


class RoleLike(Protocol):
    """A role, or the columns of one: whoever asks at every request reads no whole rows."""

    @property
    def is_admin(self) -> bool:
        """Say whether it is the administrators' role."""

    @property
    def permissions(self) -> dict[str, str]:
        """Return permissions with their reach."""

    @property
    def hidden_fields(self) -> list[str]:
        """Return the fields it hides."""

    @property
    def locked_fields(self) -> list[str]:
        """Return the fields it locks."""

    @property
    def addresses(self) -> list[str]:
        """Return where it holds good."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What an actor shows of its account."""

    id: UUID
    name: str
    language: str
    is_active: bool = True


def role_rights(role: RoleLike, permissions: Permissions) -> RoleRights:
    """Return a role as values; permissions nobody declares now are left out."""
    held: Mapping[str, object] = (
        permissions.everything() if role.is_admin else permissions.known(role.permissions)
    )
    return RoleRights(
        permissions=held,  # type: ignore[arg-type]  # both branches map names to reaches
        hidden_fields=frozenset() if role.is_admin else frozenset(role.hidden_fields),
        locked_fields=frozenset() if role.is_admin else frozenset(role.locked_fields),
        networks=parse_networks(role.addresses),
        is_admin=role.is_admin,
    )


_ROLE = (Role.is_admin, Role.permissions, Role.hidden_fields, Role.locked_fields, Role.addresses)


def read_roles(store: Store, account_id: UUID) -> Sequence[RoleLike]:
    """Return what the roles of an account say, as columns."""
    columns = select(*_ROLE).join(AccountRole, AccountRole.role_id == Role.id)
    return cast(Sequence[RoleLike], store.rows(columns.where(AccountRole.account_id == account_id)))


def select_rights(holder: type[ApiToken | SignInSession], *columns: Any) -> Select[Any]:
    """Return the select of `columns` of a session or token of a living account, once for each of its roles.

    Beside them stand the account's `name` and `language`, `must_change`, the columns of the role (all empty
    without one) and `teams`, which `teams_in` reads. One statement, built once: it runs at every request.
    """
    held, account, credential = holder.__table__, Account.__table__, Credential.__table__
    given, role, member = AccountRole.__table__, Role.__table__, TeamMember.__table__
    teams = select(func.aggregate_strings(sql_cast(member.c.team_id, String), ",")).where(
        member.c.account_id == account.c.id
    )
    source = (
        held.join(account, account.c.id == held.c.account_id)
        .join(credential, credential.c.account_id == account.c.id)
        .outerjoin(given, given.c.account_id == account.c.id)
        .outerjoin(role, role.c.id == given.c.role_id)
    )
    rights = [role.c[column.key] for column in _ROLE]
    return (
        select(*columns, account.c.name, account.c.language, credential.c.must_change, *rights)
        .add_columns(teams.scalar_subquery().label("teams"))
        .select_from(source)
        .where(account.c.is_active.is_(True), credential.c.epoch == held.c.epoch)
    )


def teams_in(text: str | None) -> frozenset[UUID]:
    """Return the ids in the `teams` of `select_rights`."""
    return frozenset(map(UUID, text.split(","))) if text else frozenset()


def roles_of(store: Store, account_id: UUID) -> list[Role]:
    """Return the roles of an account, by name."""
    joined = select(Role).join(AccountRole, AccountRole.role_id == Role.id)
    return store.scalars(joined.where(AccountRole.account_id == account_id).order_by(Role.name))


def teams_of(store: Store, account_id: UUID) -> frozenset[UUID]:
    """Return the ids of the teams an account is a member of."""
    return frozenset(store.scalars(select(TeamMember.team_id).where(TeamMember.account_id == account_id)))


def rights_of(roles: Iterable[RoleLike], permissions: Permissions, address: str | None = None) -> Rights:
    """Return what `roles` allow together; with an `address`, only those that hold good there."""
    held = [role_rights(role, permissions) for role in roles]
    return join_roles(held if address is None else usable_roles(held, address))


def is_usable_at(roles: Iterable[RoleLike], address: str | None) -> bool:
    """Say whether somebody with `roles` may come from `address`: one role without limits there is enough."""
    lists = [role.addresses for role in roles]
    return not lists or any(is_allowed(address, parse_networks(texts)) for texts in lists)


def actor_of(store: Store, account: Account, guard: Guard, address: str | None = None) -> Actor:
    """Return the person `account` as an actor, by its roles and teams as they stand now.

    Without an `address` (jobs, the command line) the roles' address lists do not apply. An account that is
    not active may do nothing.
    """
    owner = Owner(account.id, account.name, account.language, account.is_active)
    teams = teams_of(store, account.id)
    return make_actor(owner, read_roles(store, account.id), teams, guard=guard, address=address)


def make_actor(
    owner: Owner, roles: Iterable[RoleLike], teams: frozenset[UUID], *, guard: Guard, address: str | None
) -> Actor:
    """Return the actor of an account whose `roles` and `teams` were read already."""
    rights = rights_of(roles, guard.permissions, address) if owner.is_active else NO_RIGHTS
    return Actor(
        kind="person",
        id=owner.id,
        name=owner.name,
        permissions=rights.permissions,
        team_ids=teams,
        hidden_fields=rights.hidden_fields,
        locked_fields=rights.locked_fields,
        address=address,
        language=owner.language,
    )


def require_not_above(actor: Actor, wanted: Rights, what: str) -> None:
    """Raise Denied if `wanted` allows more than `actor` may: nobody hands out what he lacks."""
    if actor.kind == "system":
        return
    above = exceeding(wanted, Rights(actor.permissions, actor.hidden_fields, actor.locked_fields))
    if above:
        raise Denied(
            f"{what} reaches beyond your own rights: {', '.join(above[:5])}.",
            code="above-own-rights",
            remedy="Ask somebody who holds these rights.",
        )


def require_may_become(actor: Actor, wanted: Rights, what: str) -> None:
    """Raise Denied unless `actor` may get hold of somebody else's rights, by their password or a token of
    theirs.

    Their own rows are not his own rows, so whatever they reach at all he must reach everywhere.
    """
    everywhere = {name: Reach.ALL for name, reach in wanted.permissions.items() if reach is not Reach.NONE}
    require_not_above(actor, Rights(everywhere, wanted.hidden_fields, wanted.locked_fields), what)
