"""Signing in, linking and proving through a provider: one question to its issuer, one answer, one browser.

The browser keeps one secret for the minutes it is away. State, nonce and code verifier all follow from it, so an
answer that comes back to another browser fits nothing, and the database keeps no secret at all.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from retinue.access.challenges import put_challenge, take_challenge
from retinue.access.credentials import active_account, end_everything
from retinue.access.factors import second_factors
from retinue.access.guard import Caller, Guard, Opens, doorkeeper
from retinue.access.models import Account, Challenge, Provider
from retinue.access.oidc_wire import (
    Claims,
    authorization_address,
    discover,
    read_id_token,
    redeem_code,
)
from retinue.access.proof import note_proof, require_fresh
from retinue.access.providers import client_of, identity_of, provider_named, put_identity
from retinue.access.secret import derived, digest, new_secret
from retinue.access.service import create_account
from retinue.access.sessions import SignedIn, open_session, session_over
from retinue.access.signing_in import admit
from retinue.actor import Actor
from retinue.errors import Conflict, Denied, Invalid, Problem, RetinueError, Unauthenticated
from retinue.storage import Store

FLOW = "oidc"
SIGN_IN, LINK, PROVE = "sign_in", "link", "prove"
_PROOF_AGE = 300


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and the secret it keeps until it is back."""

    address: str
    flow: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What the browser brings back: its secret, and what the provider put into the address it was sent back to."""

    redirect: str
    flow: str | None
    state: str = ""
    code: str = ""
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How it ended: a session, a proof (neither) or a refusal; and the page to go on with, if one was named."""

    outcome: SignedIn | RetinueError | None
    next: str


# ---- there
def depart(
    opens: Opens,
    provider: str,
    purpose: str,
    caller: Caller,
    *,
    guard: Guard,
    actor: Actor,
    redirect: str,
    next_page: str = "",
) -> Departure:
    """Return where to send the browser to sign in, to link an identity, or to prove who is there.

    `redirect` is the address of ours that the provider sends it back to, `next_page` the page to go on with then.
    """
    _check_page(next_page)
    with doorkeeper(opens, caller, readonly=True) as store:
        row = provider_named(store, provider)
        client, scopes = client_of(row), list(row.scopes)
    if purpose == LINK:
        with opens.store(actor, readonly=True) as store:
            require_fresh(store, guard)
    endpoints, flow = discover(client.issuer), new_secret()
    detail = {"provider": provider, "purpose": purpose, "next": next_page}
    if purpose != SIGN_IN:
        if actor.kind != "person" or actor.session_id is None:
            raise Denied("Only a signed-in person may do this.", code="person-required")
        detail["session"] = str(actor.session_id)
    with doorkeeper(opens, caller) as store:
        owner = actor.id if purpose != SIGN_IN else None
        state = derived(flow, "state")
        put_challenge(store, FLOW, state, guard=guard, account_id=owner, detail=detail)
    asked = {
        "redirect_uri": redirect,
        "scope": " ".join(scopes),
        "state": state,
        "nonce": derived(flow, "nonce"),
        "code_challenge": urlsafe_b64encode(digest(derived(flow, "verifier"))).decode().rstrip("="),
        "code_challenge_method": "S256",
        **({"prompt": "login", "max_age": "0"} if purpose == PROVE else {}),
    }
    return Departure(authorization_address(endpoints, client, asked), flow)


# ---- and back
def arrive(opens: Opens, returned: Returned, caller: Caller, *, guard: Guard, actor: Actor) -> Arrival:
    """Finish what `depart` began. A refusal is returned, so that a page can show it; nothing is done twice."""
    question = _question(opens, returned, caller)
    page = question.detail.get("next", "")
    try:
        claims = _claims(opens, returned, question.detail["provider"], caller)
        with doorkeeper(opens, caller) as store:
            outcome = _carry_out(store, question, claims, caller, guard=guard, actor=actor)
    except RetinueError as refused:
        return Arrival(refused, page)
    return Arrival(outcome, page)


def _question(opens: Opens, returned: Returned, caller: Caller) -> Challenge:
    """Return what this browser left with; Unauthenticated if it did not, or came back before."""
    flow = returned.flow or ""
    same = hmac.compare_digest(derived(flow, "state").encode(), returned.state.encode("utf-8", "replace"))
    if not flow or not same:
        raise _lost()
    with doorkeeper(opens, caller) as store:
        question = take_challenge(store, FLOW, returned.state)
    if question is None:
        raise _lost()
    return question


def _claims(opens: Opens, returned: Returned, provider: str, caller: Caller) -> Claims:
    """Return what the provider says, asked while no transaction is open."""
    with doorkeeper(opens, caller, readonly=True) as store:
        client = client_of(provider_named(store, provider))
        now = store.now
    if returned.error or not returned.code:
        raise Denied(
            "The sign-in service did not let you in.",
            code="provider-refused",
            remedy="Start again, or sign in another way.",
        )
    if returned.issuer and returned.issuer != client.issuer:  # an answer of another one, mixed in
        raise _lost()
    endpoints, flow = discover(client.issuer), returned.flow or ""
    verifier = derived(flow, "verifier")
    token = redeem_code(endpoints, client, code=returned.code, verifier=verifier, redirect=returned.redirect)
    return read_id_token(endpoints, client, token, nonce=derived(flow, "nonce"), now=now)


def _carry_out(
    store: Store, question: Challenge, claims: Claims, caller: Caller, *, guard: Guard, actor: Actor
) -> SignedIn | RetinueError | None:
    """Do what the browser left for. `store` is the system's."""
    row, purpose = provider_named(store, question.detail["provider"]), question.detail["purpose"]
    if purpose == SIGN_IN:
        return _sign_in(store, row, claims, caller, guard=guard)
    if actor.id != question.account_id or str(actor.session_id) != question.detail.get("session"):
        raise session_over()
    account = active_account(store, question.account_id or UUID(int=0))
    if purpose == LINK:
        made = put_identity(store, account.id, row.issuer, claims.subject)
        end_everything(store, account.id)
        store.record("account.link_identity", detail={"account": str(account.id), "identity": str(made.id)})
        return open_session(store, account, caller, guard=guard)
    identity = identity_of(store, row.issuer, claims.subject)
    age = store.now.timestamp() - (claims.auth_time or 0)
    if identity is None or identity.account_id != account.id or age > _PROOF_AGE:
        raise Unauthenticated(
            "The sign-in service did not say that you are there now.",
            code="no-proof",
            remedy="Give your password or a passkey.",
        )
    note_proof(store, actor)
    return None


def _sign_in(
    store: Store, row: Provider, claims: Claims, caller: Caller, *, guard: Guard
) -> SignedIn | RetinueError:
    identity = identity_of(store, row.issuer, claims.subject)
    if identity is None:
        if not row.creates_accounts:
            raise _unknown()
        account = _make_account(store, row, claims, guard=guard)
        identity = put_identity(store, account.id, row.issuer, claims.subject)
    identity.used_at = store.now
    found = store.find(Account, identity.account_id)
    if found is None or not found.is_active:
        return _unknown()
    pending = () if row.trusts_factor else second_factors(store, found.id)
    return admit(store, found, caller, guard=guard, pending=pending)


def _make_account(store: Store, row: Provider, claims: Claims, *, guard: Guard) -> Account:
    """Make an account for somebody new. A login that is taken is never taken over: only its owner may link."""
    login = claims.email or claims.username or f"{row.name}:{claims.subject}"[:254]
    draft = {
        "login": login,
        "name": claims.name or login[:200],
        "email": claims.email or None,
        "role_ids": [row.default_role_id] if row.default_role_id else [],
    }
    try:
        made = create_account(store, draft, guard=guard)
    except Conflict as taken:
        raise Conflict(
            "There is an account with your login, and it is not linked.",
            code="link-first",
            remedy="Sign in with your password and link this service, or ask your administrator to.",
        ) from taken
    store.record("account.create_by_provider", detail={"account": str(made.id), "provider": str(row.id)})
    return made


# ---- checks -----
def _check_page(page: str) -> None:
    """Refuse a page to go on with that is not one of ours."""
    if page and not (page.startswith("/") and page[1:2] not in ("/", "\\") and page.isprintable()):
        problem = Problem("/next", "Write a path of this site, like /contacts.", "path")
        raise Invalid("This page is not one of ours.", problems=[problem])


def _lost() -> Unauthenticated:
    return Unauthenticated(
        "This answer belongs to no question of your browser.", code="flow-lost", remedy="Start again."
    )


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "Nobody here is known by this identity.",
        code="not-linked",
        remedy="Sign in with your password and link this service, or ask your administrator.",
    )
