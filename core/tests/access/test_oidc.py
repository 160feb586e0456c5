"""Signing in, linking and proving through a real provider on loopback; on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from retinue.access import Account, Caller, SignedIn, SignInSession, TokenDraft, create_token, oidc_wire
from retinue.access import oidc as flow
from retinue.access import providers as admin_of
from retinue.access.models import Challenge, Identity
from retinue.access.roles import create_role
from retinue.actor import NOBODY, Actor
from retinue.errors import Conflict, Denied, Invalid, NotFound, RetinueError, Unauthenticated
from retinue.web import OutboundRules, configure_outbound

from .conftest import HOME, Office
from .issuer import CLIENT, SECRET, Issuer

HERE = Caller(HOME)
BACK = "http://localhost:8000/back"


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    issuer = Issuer()
    rules = OutboundRules(allow_networks=("127.0.0.0/8",), ports=frozenset({issuer.port, 443}))
    configure_outbound(rules)
    yield issuer
    issuer.close()
    configure_outbound(OutboundRules())


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    running.who, running.more, running.document, running.token_status = "person-1", {}, {}, 200
    running.codes.clear()
    oidc_wire.memory.forget()
    return running


def provide(office: Office, running: Issuer, /, **parts: Any) -> Any:
    draft = {"name": "house", "label": "House", "issuer": running.url, "client_id": CLIENT}
    with office.system() as store:
        whole = {**draft, "client_secret": SECRET, **parts}
        return admin_of.create_provider(store, whole, guard=office.guard).id


def leave(office: Office, purpose: str = flow.SIGN_IN, actor: Actor = NOBODY, **more: Any) -> flow.Departure:
    return flow.depart(
        office.database, "house", purpose, HERE, guard=office.guard, actor=actor, redirect=BACK, **more
    )


def come_back(office: Office, left: flow.Departure, back: dict[str, str], actor: Actor = NOBODY) -> Any:
    returned = flow.Returned(
        redirect=BACK,
        flow=left.flow,
        state=back["state"],
        code=back.get("code", ""),
        issuer=back.get("iss", ""),
    )
    return flow.arrive(office.database, returned, HERE, guard=office.guard, actor=actor)


def go(office: Office, issuer: Issuer, purpose: str = flow.SIGN_IN, actor: Actor = NOBODY) -> Any:
    left = leave(office, purpose, actor)
    return come_back(office, left, issuer.authorize(left.address), actor).outcome


def link(office: Office, login: str, subject: str = "person-1") -> None:
    account = office.find(login).id
    with office.system() as store:
        admin_of.link_identity(store, account, "house", subject, guard=office.guard)


# ---- signing in
def test_linked_identity_signs_in(office: Office, issuer: Issuer) -> None:
    """The key is (issuer, sub): no e-mail address, no login decides who somebody is."""
    provide(office, issuer)
    anna = office.account("anna", "Manager")
    link(office, "anna")
    outcome = go(office, issuer)
    assert isinstance(outcome, SignedIn)
    assert office.who(outcome).id == anna
    assert office.rows(Identity)[0].used_at is not None
    issuer.who = "person-2"
    issuer.more = {"email": "anna", "email_verified": True, "preferred_username": "anna"}
    refused = go(office, issuer)
    assert (refused.status, refused.code) == (401, "not-linked")


def test_question_carries_state_nonce_and_challenge_and_no_secret(office: Office, issuer: Issuer) -> None:
    provide(office, issuer)
    left = leave(office)
    assert left.address.startswith(f"{issuer.url}/authorize?response_type=code&client_id={CLIENT}&")
    for part in (
        "state=",
        "nonce=",
        "code_challenge=",
        "code_challenge_method=S256",
        "scope=openid%20profile",
    ):
        assert part in left.address
    kept = str([row.__dict__ for row in office.rows(Challenge)])
    assert left.flow not in left.address + kept


def test_answer_is_good_once_in_one_browser_and_soon(office: Office, issuer: Issuer) -> None:
    """F6: another browser, a replay, a late or an invented answer fit nothing."""
    provide(office, issuer)
    office.account("anna", "Manager")
    link(office, "anna")
    mine, theirs = leave(office), leave(office)
    back = issuer.authorize(mine.address)
    for lost in (flow.Departure("", ""), theirs, flow.Departure("", "x" * 43)):
        with pytest.raises(Unauthenticated) as refused:
            come_back(office, lost, back)
        assert refused.value.code == "flow-lost"
    assert isinstance(come_back(office, mine, back).outcome, SignedIn)
    with pytest.raises(Unauthenticated):
        come_back(office, mine, back)
    late = issuer.authorize(theirs.address)
    office.age(Challenge, timedelta(minutes=11), "expires_at")
    with pytest.raises(Unauthenticated):
        come_back(office, theirs, late)


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ({"more": {"nonce": "other"}}, "provider-not-believed"),
        ({"more": {"aud": "other"}}, "provider-not-believed"),
        ({"token_status": 500}, "provider-failed"),
        ({"back": {"iss": "https://evil.example"}}, "flow-lost"),
        ({"back": {"code": ""}}, "provider-refused"),
        ({"back": {"code": "invented"}}, "provider-failed"),
    ],
    ids=str,
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_answer_that_is_not_right_opens_nothing(
    office: Office, issuer: Issuer, odd: dict[str, Any], code: str
) -> None:
    """F7 through the whole way."""
    provide(office, issuer)
    office.account("anna", "Manager")
    link(office, "anna")
    issuer.more, issuer.token_status = odd.get("more", {}), odd.get("token_status", 200)
    left = leave(office)
    arrival = come_back(office, left, {**issuer.authorize(left.address), **odd.get("back", {})})
    assert isinstance(arrival.outcome, RetinueError)
    assert arrival.outcome.code == code
    assert office.rows(SignInSession) == []


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=lambda document: next(iter(document)),
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_discovery_of_a_document_that_is_not_the_issuers_own_fails(
    office: Office, issuer: Issuer, document: dict[str, str]
) -> None:
    provide(office, issuer)
    issuer.document = document
    with pytest.raises(oidc_wire.ProviderFailed):
        leave(office)
    assert office.rows(Challenge) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_provider_on_a_private_address_is_not_called(office: Office, issuer: Issuer) -> None:
    """E5: discovery goes through the client that refuses the inside."""
    provide(office, issuer, issuer="https://169.254.169.254/latest")
    calls = len(issuer.calls)
    with pytest.raises(RetinueError) as refused:
        leave(office)
    assert refused.value.code == "address-refused"
    assert len(issuer.calls) == calls


def test_leaver_and_second_factor_at_a_provider(office: Office, issuer: Issuer) -> None:
    """Our second factor is asked for unless the provider is trusted with it; a leaver is nobody."""
    from .test_factors import _enrol

    place = provide(office, issuer)
    anna = office.account("anna", "Manager")
    link(office, "anna")
    _enrol(office)
    outcome = go(office, issuer)
    assert (outcome.is_pending, outcome.factors) == (True, ("totp", "recovery"))
    with office.system() as store:
        admin_of.change_provider(store, place, {"trusts_factor": True}, guard=office.guard)
    assert go(office, issuer).is_pending is False
    with office.system() as store:
        store.get(Account, anna).is_active = False
    assert go(office, issuer).code == "not-linked"


def test_provider_makes_accounts_with_its_role_and_never_takes_one_over(
    office: Office, issuer: Issuer
) -> None:
    """A login that is taken is refused, verified address or not; nobody is linked by what can be changed."""
    provide(office, issuer, creates_accounts=True, default_role_id=office.roles["Reader"])
    office.account("boss@example.com", "Administrator")
    issuer.more = {"email": "boss@example.com", "email_verified": True}
    assert go(office, issuer).code == "link-first"
    assert office.rows(Identity) == []
    issuer.who, issuer.more = "p2", {"email": "new@example.com", "email_verified": True, "name": "New"}
    made = office.who(go(office, issuer))
    assert (made.name, made.reach("contact.read").word, made.may("contact.create")) == ("New", "all", False)
    assert office.who(go(office, issuer)).id == made.id
    assert len(office.audit("account.create_by_provider")) == 1
    issuer.who, issuer.more = "p3", {"email": "unverified@example.com", "preferred_username": "p.three"}
    office.who(go(office, issuer))
    assert office.find("p.three") is not None
    assert office.find("unverified@example.com") is None


# ---- linking and proving
def test_signed_in_person_links_an_identity_and_everything_else_ends(office: Office, issuer: Issuer) -> None:
    """F4: a new way in is a change of credentials."""
    provide(office, issuer)
    office.account("anna", "Manager")
    before = office.sign_in("anna")
    anna = office.who(before)
    with office.database.store(anna) as store:
        bearer = create_token(
            store, TokenDraft(name="x", scopes={"contact.read": "own"}), guard=office.guard
        )[1]
    outcome = go(office, issuer, flow.LINK, anna)
    assert office.who(outcome).id == anna.id
    for facts in ({"cookie": before.secret}, {"bearer": bearer}):
        with pytest.raises(Unauthenticated):
            office.who(**facts)
    assert office.who(go(office, issuer)).id == anna.id
    office.account("boris", "Manager")
    refused = go(office, issuer, flow.LINK, office.actor("boris"))
    assert refused.code == "identity-taken"


def test_link_begun_by_one_person_is_not_finished_by_another(office: Office, issuer: Issuer) -> None:
    provide(office, issuer)
    for login in ("anna", "boris"):
        office.account(login, "Manager")
    anna, boris = office.actor("anna"), office.actor("boris")
    for other in (boris, NOBODY, office.actor("anna")):
        left = leave(office, flow.LINK, anna)
        outcome = come_back(office, left, issuer.authorize(left.address), other).outcome
        assert isinstance(outcome, Unauthenticated)
    assert office.rows(Identity) == []
    office.age(SignInSession, timedelta(minutes=16), "proved_at")
    with pytest.raises(Denied) as stale:
        leave(office, flow.LINK, anna)
    assert stale.value.code == "proof-required"
    with pytest.raises(Denied):
        leave(office, flow.PROVE)


def test_provider_proves_who_is_there_only_if_it_asked_just_now(office: Office, issuer: Issuer) -> None:
    provide(office, issuer)
    office.account("anna", "Manager")
    link(office, "anna")
    anna = office.who(go(office, issuer))
    office.age(SignInSession, timedelta(minutes=16), "proved_at")
    assert "prompt=login&max_age=0" in leave(office, flow.PROVE, anna).address
    for odd in ({}, {"auth_time": int(time.time()) - 301}, {"auth_time": True}):
        issuer.more = odd
        assert go(office, issuer, flow.PROVE, anna).code == "no-proof"
    issuer.more, issuer.who = {"auth_time": int(time.time())}, "person-2"
    assert go(office, issuer, flow.PROVE, anna).code == "no-proof"
    issuer.who = "person-1"
    assert go(office, issuer, flow.PROVE, anna) is None
    with office.system() as store:
        row = store.first(select(SignInSession).where(SignInSession.id == anna.session_id))
        assert (store.now - row.proved_at).total_seconds() < 60


def test_identity_is_unlinked_by_its_owner_or_an_administrator(office: Office, issuer: Issuer) -> None:
    provide(office, issuer)
    for login in ("anna", "boris"):
        office.account(login, "Manager")
    link(office, "anna")
    identity = office.rows(Identity)[0].id
    signed_in = go(office, issuer)
    with pytest.raises(RetinueError), office.database.store(office.actor("boris")) as store:
        admin_of.unlink_identity(store, identity, guard=office.guard)
    with office.database.store(office.who(signed_in)) as store:
        assert [one["label"] for one in admin_of.list_identities(store)] == ["House"]
        admin_of.unlink_identity(store, identity, guard=office.guard)
    with pytest.raises(Unauthenticated):
        office.who(signed_in)
    assert go(office, issuer).code == "not-linked"


# ---- providers
@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"issuer": "http://id.example"}, "/issuer"),
        ({"name": "Häuser"}, "/name"),
        ({"algorithms": ["HS256"]}, "/algorithms"),
        ({"algorithms": ["none"]}, "/algorithms"),
        ({"algorithms": []}, "/algorithms"),
        ({"scopes": ["email"]}, "/scopes"),
        ({"creates_accounts": True}, "/default_role_id"),
    ],
    ids=str,
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_provider_that_cannot_be_used_is_refused(
    office: Office, issuer: Issuer, wrong: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        provide(office, issuer, **wrong)
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_provider_is_changed_by_who_may_and_is_there(office: Office, issuer: Issuer, admin: Actor) -> None:
    place = provide(office, issuer)
    with pytest.raises(Conflict):
        provide(office, issuer, name="again")
    with office.database.store(admin) as store:
        rights = {"provider.change": "all", "contact.read": "own"}
        office.roles["Desk"] = create_role(
            store, {"name": "Desk", "permissions": rights}, guard=office.guard
        ).id
    office.account("desk", "Desk")
    desk = office.actor("desk")
    role = {"default_role_id": office.roles["Administrator"], "creates_accounts": True}
    with pytest.raises(Denied) as above, office.database.store(desk) as store:
        admin_of.change_provider(store, place, role, guard=office.guard)
    assert above.value.code == "above-own-rights"
    with office.database.store(desk) as store:
        admin_of.change_provider(store, place, {"is_active": False}, guard=office.guard)
    with pytest.raises(NotFound):
        leave(office)
    office.age(SignInSession, timedelta(minutes=16), "proved_at")
    with pytest.raises(Denied), office.database.store(desk) as store:
        admin_of.change_provider(store, place, {"is_active": True}, guard=office.guard)
    with office.database.store(Actor.system("x")) as store:
        assert store.system("look").first(select(Challenge)) is None
        assert [row.client_secret for row in admin_of.list_providers(store)] == [SECRET]
        admin_of.remove_provider(store, place, guard=office.guard)


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a\nb"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_page_to_go_on_with_is_one_of_ours(office: Office, issuer: Issuer, page: str) -> None:
    with pytest.raises(Invalid) as refused:
        leave(office, next_page=page)
    assert [problem.pointer for problem in refused.value.problems] == ["/next"]
