"""The API of accounts, roles, teams and tokens: ``/api/v1/accounts``, ``/roles``, ``/teams``, ``/tokens``
…
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from retinue.access import api_tokens, roles, schemas, service, sessions, teams
from retinue.access.approval_routes import approval_routes
from retinue.access.guard import Guard, Opens
from retinue.access.models import Account, ApiToken, Role, Team
from retinue.access.own_routes import me_routes, reset_routes, session_routes, totp_routes
from retinue.access.passkey_routes import passkey_routes
from retinue.access.password_changes import set_password
from retinue.access.permissions import Permission
from retinue.access.provider_routes import provider_routes
from retinue.access.resets import PasswordReset, issue_reset
from retinue.actor import Actor
from retinue.storage import Store
from retinue.web import SIGNED_IN, delete, get, patch, post, put

ACCOUNT: Final = schemas.AccountSchema()
ROLE: Final = schemas.RoleSchema()
TEAM: Final = schemas.TeamSchema()
MEMBER: Final = schemas.MemberSchema()
TOKEN: Final = schemas.TokenSchema()
SESSION: Final = schemas.SessionSchema()
PERMISSION: Final = schemas.PermissionSchema()
ACCOUNT_DRAFT: Final = schemas.AccountDraftSchema()
ACCOUNT_CHANGES: Final = schemas.AccountSchema(partial=True)
PASSWORD: Final = schemas.PasswordSchema()
ROLE_CHANGES: Final = schemas.RoleSchema(partial=True)
RESET: Final = schemas.ResetLinkSchema()
TOKEN_DRAFT: Final = schemas.TokenDraftSchema()
NEW_TOKEN: Final = schemas.NewTokenSchema()
Handlers = list[Any]


def access_routes(opens: Opens, guard: Guard) -> Handlers:
    """Return every route of the room; `opens` is the house, `guard` that of its current set of plugins."""
    return [
        *account_routes(guard),
        *lockout_routes(opens, guard),
        *role_routes(guard),
        *TEAM_ROUTES,
        *MEMBER_ROUTES,
        *token_routes(opens, guard),
        *session_routes(opens, guard),
        *me_routes(opens, guard),
        *reset_routes(opens, guard),
        *totp_routes(opens, guard),
        *passkey_routes(opens, guard),
        *provider_routes(opens, guard),
        *approval_routes(guard),
    ]


def describe_accounts(store: Store, accounts: list[Account]) -> list[dict[str, Any]]:
    """Return accounts as the schema shows them, with their roles."""
    held = service.role_ids_of(store, [account.id for account in accounts])
    shown = [name for name in ACCOUNT.dump_fields if name != "role_ids"]
    return [
        {**{name: getattr(account, name) for name in shown}, "role_ids": held[account.id]}
        for account in accounts
    ]


# ---- accounts
def account_routes(guard: Guard) -> Handlers:
    """Return the routes that make, show and change accounts."""

    @get("/accounts", permission="account.read", gives=ACCOUNT)
    def list_accounts(store: Store, active: bool | None = None) -> list[dict[str, Any]]:
        """List the accounts by name, all or only those that are active."""
        return describe_accounts(store, service.list_accounts(store, active=active))

    @post(
        "/accounts",
        permission="account.create",
        takes=ACCOUNT_DRAFT,
        gives=ACCOUNT,
        location="/accounts/{id}",
    )
    def create_account(store: Store, data: dict[str, Any]) -> dict[str, Any]:
        """Make an account; its roles may not reach beyond one's own."""
        return describe_accounts(store, [service.create_account(store, data, guard=guard)])[0]

    @get("/accounts/{account_id:uuid}", permission="account.read", gives=ACCOUNT)
    def get_account(store: Store, account_id: UUID) -> dict[str, Any]:
        """Return an account."""
        return describe_accounts(store, [service.get_account(store, account_id)])[0]

    @patch("/accounts/{account_id:uuid}", permission="account.change", takes=ACCOUNT_CHANGES, gives=ACCOUNT)
    def change_account(store: Store, account_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
        """Change an account; another set of roles ends its sessions and tokens."""
        return describe_accounts(store, [service.change_account(store, account_id, data, guard=guard)])[0]

    return [list_accounts, create_account, get_account, change_account]


def lockout_routes(opens: Opens, guard: Guard) -> Handlers:
    """Return the routes that lock somebody out, let them in again, or give them new credentials."""

    @post(
        "/accounts/{account_id:uuid}/deactivate", permission="account.deactivate", gives=ACCOUNT, status=200
    )
    def deactivate_account(store: Store, account_id: UUID) -> dict[str, Any]:
        """Deactivate an account: its sessions and tokens are void at once."""
        return describe_accounts(store, [service.deactivate_account(store, account_id, guard=guard)])[0]

    @post(
        "/accounts/{account_id:uuid}/reactivate", permission="account.deactivate", gives=ACCOUNT, status=200
    )
    def reactivate_account(store: Store, account_id: UUID) -> dict[str, Any]:
        """Let a deactivated account in again."""
        return describe_accounts(store, [service.reactivate_account(store, account_id, guard=guard)])[0]

    @put("/accounts/{account_id:uuid}/password", permission="account.set_password", takes=PASSWORD)
    def set_account_password(actor: Actor, account_id: UUID, data: dict[str, Any]) -> None:
        """Give somebody a new password, by default one to be changed at the first sign-in."""
        owed = data["must_change"]
        set_password(opens, actor, account_id, data["password"], guard=guard, must_change=owed)

    @delete("/accounts/{account_id:uuid}/totp", permission="account.set_password")
    def reset_account_totp(store: Store, account_id: UUID) -> None:
        """Take away the second factors of somebody who lost them: authenticator, passkeys, recovery codes."""
        service.reset_second_factor(store, account_id, guard=guard)

    @post("/accounts/{account_id:uuid}/reset-link", permission="account.set_password", gives=RESET)
    def issue_reset_link(actor: Actor, account_id: UUID) -> PasswordReset:
        """Make a link by which the owner sets a new password; it is shown once, works once, for some hours."""
        with opens.store(actor) as store:
            return issue_reset(store, account_id, guard=guard)

    @delete("/accounts/{account_id:uuid}/sessions", permission="session.revoke")
    def sign_out_account(store: Store, account_id: UUID) -> None:
        """End every session and token of an account."""
        sessions.sign_out_account(store, account_id)

    @get("/accounts/{account_id:uuid}/sessions", permission="session.read", gives=SESSION)
    def list_account_sessions(store: Store, account_id: UUID) -> list[dict[str, Any]]:
        """List the sessions of an account."""
        return sessions.describe_sessions(store, sessions.list_sessions(store, account_id))

    return [
        deactivate_account,
        reactivate_account,
        set_account_password,
        reset_account_totp,
        issue_reset_link,
        sign_out_account,
        list_account_sessions,
    ]


# ---- roles
def role_routes(guard: Guard) -> Handlers:
    """Return the routes of roles and of the permissions they can hold."""

    @get("/permissions", permission=SIGNED_IN, gives=PERMISSION)
    def list_permissions() -> list[Permission]:
        """List the declared permissions, the plugins' among them."""
        return list(guard.permissions)

    @get("/roles", permission="role.read", gives=ROLE)
    def list_roles(store: Store) -> list[Role]:
        """List the roles by name."""
        return roles.list_roles(store)

    @post("/roles", permission="role.create", takes=ROLE, gives=ROLE, location="/roles/{id}")
    def create_role(store: Store, data: dict[str, Any]) -> Role:
        """Make a role; it may not reach beyond one's own rights."""
        return roles.create_role(store, data, guard=guard)

    @get("/roles/{role_id:uuid}", permission="role.read", gives=ROLE)
    def get_role(store: Store, role_id: UUID) -> Role:
        """Return a role."""
        return roles.get_role(store, role_id)

    @patch("/roles/{role_id:uuid}", permission="role.change", takes=ROLE_CHANGES, gives=ROLE)
    def change_role(store: Store, role_id: UUID, data: dict[str, Any]) -> Role:
        """Change a role; it holds good from the next request of everybody who has it."""
        return roles.change_role(store, role_id, data, guard=guard)

    @delete("/roles/{role_id:uuid}", permission="role.remove")
    def remove_role(store: Store, role_id: UUID) -> None:
        """Remove a role nobody has."""
        roles.remove_role(store, role_id)

    return [list_permissions, list_roles, create_role, get_role, change_role, remove_role]


# ---- teams
@get("/teams", permission="team.read", gives=TEAM)
def list_teams(store: Store) -> list[Team]:
    """List the teams one may see."""
    return teams.list_teams(store)


@post("/teams", permission="team.create", takes=TEAM, gives=TEAM, location="/teams/{id}")
def create_team(store: Store, data: dict[str, Any]) -> Team:
    """Make a team."""
    return teams.create_team(store, data["name"])


@get("/teams/{team_id:uuid}", permission="team.read", gives=TEAM)
def get_team(store: Store, team_id: UUID) -> Team:
    """Return a team."""
    return teams.get_team(store, team_id)


@patch("/teams/{team_id:uuid}", permission="team.change", takes=TEAM, gives=TEAM)
def rename_team(store: Store, team_id: UUID, data: dict[str, Any]) -> Team:
    """Give a team another name."""
    return teams.rename_team(store, team_id, data["name"])


@delete("/teams/{team_id:uuid}", permission="team.remove")
def remove_team(store: Store, team_id: UUID) -> None:
    """Remove a team without members."""
    teams.remove_team(store, team_id)


TEAM_ROUTES: Final[Handlers] = [list_teams, create_team, get_team, rename_team, remove_team]


@get("/teams/{team_id:uuid}/members", permission="team.read", gives=MEMBER)
def list_members(store: Store, team_id: UUID) -> list[dict[str, Any]]:
    """List the members of a team, leads first."""
    found = teams.list_members(store, team_id)
    return [
        {"account_id": account.id, "login": account.login, "name": account.name, "is_lead": member.is_lead}
        for member, account in found
    ]


@put("/teams/{team_id:uuid}/members/{account_id:uuid}", permission="team.change", takes=MEMBER)
def add_member(store: Store, team_id: UUID, account_id: UUID, data: dict[str, Any]) -> None:
    """Put an account into a team, or change whether it leads."""
    teams.add_member(store, team_id, account_id, lead=data["is_lead"])


@delete("/teams/{team_id:uuid}/members/{account_id:uuid}", permission="team.change")
def remove_member(store: Store, team_id: UUID, account_id: UUID) -> None:
    """Take an account out of a team."""
    teams.remove_member(store, team_id, account_id)


MEMBER_ROUTES: Final[Handlers] = [list_members, add_member, remove_member]


# ---- tokens
def token_routes(opens: Opens, guard: Guard) -> Handlers:
    """Return the routes of API tokens."""

    @get("/tokens", permission="token.read", gives=TOKEN)
    def list_tokens(store: Store, account_id: UUID | None = None, everybody: bool = False) -> list[ApiToken]:
        """List one's own tokens, those of an account, or everybody's."""
        return api_tokens.list_tokens(store, account_id, everybody=everybody)

    @post("/tokens", permission="token.create", takes=TOKEN_DRAFT, gives=NEW_TOKEN)
    def create_token(actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
        """Make a token; the answer is the only place where it is shown."""
        # No `store` here: an answer with a secret in it must not be kept for replay.
        with opens.store(actor) as store:
            row, secret = api_tokens.create_token(store, api_tokens.TokenDraft(**data), guard=guard)
            return {**{name: getattr(row, name) for name in TOKEN.dump_fields}, "token": secret}

    @delete("/tokens/{token_id:uuid}", permission="token.revoke")
    def revoke_token(store: Store, token_id: UUID) -> None:
        """Revoke a token for good."""
        api_tokens.revoke_token(store, token_id)

    return [list_tokens, create_token, revoke_token]
