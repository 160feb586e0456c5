"""Who sends a request: the owner of a session cookie or of an API token, with the rights they have at
this moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Select, bindparam, update

from retinue.access.actors import Owner, RoleLike, is_usable_at, make_actor, select_rights, teams_in
from retinue.access.addresses import is_allowed, parse_networks
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import ApiToken, SignInSession
from retinue.access.rights import Rights, narrow_to_scopes
from retinue.access.secret import digest, is_csrf_token, is_token
from retinue.access.sessions import is_live, session_over, wrong_address
from retinue.actor import Actor
from retinue.errors import Denied, Unauthenticated
from retinue.storage import Store, UtcDateTime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """What the wire says about a request; `address` is the client's behind trusted proxies.

    That an unsafe request comes from a page of ours is the edge's to see; a `csrf` that came along must be
    the session's own in any case.
    """

    address: str = ""
    cookie: str | None = None
    bearer: str | None = None
    csrf: str | None = None


def authenticate_request(opens: Opens, facts: RequestFacts, *, guard: Guard) -> Actor:
    """Return who sends the request; Unauthenticated if nobody, Denied from a wrong address or a foreign page.

    A token in the header wins over a cookie, and a bad one is never made good by a cookie.
    """
    if facts.bearer is not None:
        return _token_owner(opens, facts, guard)
    if not facts.cookie:
        raise session_over()
    return _session_owner(opens, facts, facts.cookie, guard)


# ---- sessions -----
def _session_owner(opens: Opens, facts: RequestFacts, secret: str, guard: Guard) -> Actor:
    with doorkeeper(opens, Caller(facts.address), readonly=True) as store:
        row, roles = _read_session(store, secret, guard)
        if facts.csrf is not None and not is_csrf_token(secret, facts.csrf):
            raise Denied("The form token belongs to another session.", code="csrf", remedy="Reload the page.")
        if not _comes_from_allowed(roles, facts.address, guard):
            raise wrong_address()
        actor = make_actor(_owner(row), roles, teams_in(row.teams), guard=guard, address=facts.address)
        due = store.now - row.seen_at >= guard.rules.session_touch
    if due:
        _touch_session(opens, row.id, facts.address)
    return replace(actor, session_id=row.id, permissions={} if row.must_change else actor.permissions)


def _owner(row: Any) -> Owner:
    return Owner(row.account_id, row.name, row.language)


def _select_sessions() -> Select[Any]:
    session = SignInSession.__table__.c
    columns = (session.id, session.account_id, session.opened_at, session.seen_at, session.expires_at)
    return select_rights(SignInSession, *columns).where(
        session.secret_hash == bindparam("secret"), session.is_pending.is_(False)
    )


_SESSIONS = _select_sessions()


def _read_session(store: Store, secret: str, guard: Guard) -> tuple[Any, Sequence[RoleLike]]:
    """Return the columns of a live session and its account, and its roles; Unauthenticated if there is none."""
    rows = store.rows(_SESSIONS, secret=digest(secret))
    if not rows or not is_live(cast(SignInSession, rows[0]), store.now, guard):
        raise session_over()
    return rows[0], [row for row in rows if row.is_admin is not None]


def _touch_session(opens: Opens, session_id: UUID, address: str) -> None:
    """Note that a session was used, at most once a minute, so that reading does not become writing."""
    with doorkeeper(opens, Caller(address)) as store:
        mine = (SignInSession.id == session_id) & (SignInSession.expires_at > store.now)
        store.change(update(SignInSession).where(mine).values(seen_at=store.now))


def _comes_from_allowed(roles: Sequence[RoleLike], address: str, guard: Guard) -> bool:
    return is_allowed(address, guard.rules.allowed) and is_usable_at(roles, address)


# ---- tokens -----
def _token_owner(opens: Opens, facts: RequestFacts, guard: Guard) -> Actor:
    secret = facts.bearer or ""
    if not is_token(secret):
        raise _bad_token()
    with doorkeeper(opens, Caller(facts.address), readonly=True) as store:
        row, roles = _read_token(store, secret)
        allowed = _comes_from_allowed(roles, facts.address, guard)
        allowed = allowed and is_allowed(facts.address, parse_networks(row.token_addresses))
        actor = _token_actor(row, roles, guard=guard, address=facts.address)
        used_long_ago = row.used_at is None or store.now - row.used_at >= guard.rules.token_touch
        refused_long_ago = row.refused_at is None or store.now - row.refused_at >= guard.rules.token_touch
    if not allowed:
        if refused_long_ago:
            _note_refusal(opens, row, facts.address)
        raise wrong_address()
    if used_long_ago:
        with doorkeeper(opens, Caller(facts.address)) as store:
            store.change(update(ApiToken).where(ApiToken.id == row.id).values(used_at=store.now))
    return actor


def _select_tokens() -> Select[Any]:
    token, now = ApiToken.__table__.c, bindparam("now", type_=UtcDateTime())
    columns = (token.id, token.account_id, token.scopes, token.addresses.label("token_addresses"))
    more = (token.used_at, token.refused_at, token.name.label("token_name"))
    return select_rights(ApiToken, *columns, *more).where(
        token.secret_hash == bindparam("secret"),
        token.revoked_at.is_(None),
        token.created_at <= now,
        token.expires_at > now,
    )


_TOKENS = _select_tokens()


def _read_token(store: Store, secret: str) -> tuple[Any, Sequence[RoleLike]]:
    """Return the columns of a good token and its owner, and the owner's roles; Unauthenticated if there is none."""
    rows = store.rows(_TOKENS, secret=digest(secret), now=store.now)
    if not rows:
        raise _bad_token()
    return rows[0], [row for row in rows if row.is_admin is not None]


def _token_actor(row: Any, roles: Sequence[RoleLike], *, guard: Guard, address: str) -> Actor:
    owner = make_actor(_owner(row), roles, teams_in(row.teams), guard=guard, address=address)
    held = Rights(owner.permissions, owner.hidden_fields, owner.locked_fields)
    rights = narrow_to_scopes(held, guard.permissions.known(row.scopes))
    name = f"{row.name} ({row.token_name})"[:200]
    return replace(owner, kind="token", name=name, permissions=rights.permissions, token_id=row.id)


def _note_refusal(opens: Opens, row: Any, address: str) -> None:
    """Record a token that comes from a wrong address, at most once an hour: a program tries again and
    again.
    """
    with doorkeeper(opens, Caller(address)) as store:
        store.change(update(ApiToken).where(ApiToken.id == row.id).values(refused_at=store.now))
        detail = {"account": str(row.account_id), "token": str(row.id), "address": address}
        store.record("token.refuse", detail=detail)


def _bad_token() -> Unauthenticated:
    return Unauthenticated(
        "The API token is unknown, expired or revoked.",
        code="bad-token",
        remedy="Send a valid one as `Authorization: Bearer retinue_pat_…`.",
        headers={"WWW-Authenticate": "Bearer"},
    )
