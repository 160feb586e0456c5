"""Access: who may sign in, what they may do, and how they lose it at once."""

from retinue.access.actors import actor_of
from retinue.access.api_tokens import TokenDraft, create_token, list_tokens, revoke_token
from retinue.access.approvals import (
    ask_approval,
    decide_approval,
    describe_approvals,
    list_approvals,
    withdraw_approval,
)
from retinue.access.authentication import RequestFacts, authenticate_request
from retinue.access.builtin import ADMINISTRATOR, MANAGER, READER, TEAM_LEAD, ensure_builtin_roles
from retinue.access.credentials import account_by_login
from retinue.access.deeds import DeedWatch
from retinue.access.factors import (
    Confirmed,
    Enrolment,
    confirm_totp,
    count_recovery_codes,
    offer_totp,
    remove_totp,
    renew_recovery_codes,
)
from retinue.access.guard import Caller, Guard, Opens
from retinue.access.housekeeping import forget_expired
from retinue.access.models import (
    Account,
    AccountRole,
    ApiToken,
    Approval,
    Role,
    SignInSession,
    Team,
    TeamMember,
)
from retinue.access.password_changes import change_own_password, set_password
from retinue.access.permissions import CORE_PERMISSIONS, Permission, Permissions
from retinue.access.proof import prove_again, require_fresh
from retinue.access.roles import change_role, create_role, get_role, list_roles, remove_role
from retinue.access.rules import AccessRules, HashCost
from retinue.access.secret import csrf_token, is_csrf_token
from retinue.access.service import (
    change_account,
    create_account,
    deactivate_account,
    find_accounts,
    get_account,
    list_accounts,
    reactivate_account,
    reset_second_factor,
)
from retinue.access.sessions import SignedIn, end_other_sessions, end_session, list_sessions, sign_out
from retinue.access.signing_in import confirm_sign_in, sign_in
from retinue.access.teams import (
    add_member,
    create_team,
    find_teams,
    get_team,
    list_members,
    list_teams,
    remove_member,
    remove_team,
    rename_team,
)

__all__ = [
    "ADMINISTRATOR",
    "CORE_PERMISSIONS",
    "MANAGER",
    "READER",
    "TEAM_LEAD",
    "AccessRules",
    "Account",
    "AccountRole",
    "ApiToken",
    "Approval",
    "Caller",
    "Confirmed",
    "DeedWatch",
    "Enrolment",
    "Guard",
    "HashCost",
    "Opens",
    "Permission",
    "Permissions",
    "RequestFacts",
    "Role",
    "SignInSession",
    "SignedIn",
    "Team",
    "TeamMember",
    "TokenDraft",
    "account_by_login",
    "actor_of",
    "add_member",
    "ask_approval",
    "authenticate_request",
    "change_account",
    "change_own_password",
    "change_role",
    "confirm_sign_in",
    "confirm_totp",
    "count_recovery_codes",
    "create_account",
    "create_role",
    "create_team",
    "create_token",
    "csrf_token",
    "deactivate_account",
    "decide_approval",
    "describe_approvals",
    "end_other_sessions",
    "end_session",
    "ensure_builtin_roles",
    "find_accounts",
    "find_teams",
    "forget_expired",
    "get_account",
    "get_role",
    "get_team",
    "is_csrf_token",
    "list_accounts",
    "list_approvals",
    "list_members",
    "list_roles",
    "list_sessions",
    "list_teams",
    "list_tokens",
    "offer_totp",
    "prove_again",
    "reactivate_account",
    "remove_member",
    "remove_role",
    "remove_team",
    "remove_totp",
    "rename_team",
    "renew_recovery_codes",
    "require_fresh",
    "reset_second_factor",
    "revoke_token",
    "set_password",
    "sign_in",
    "sign_out",
    "withdraw_approval",
]
