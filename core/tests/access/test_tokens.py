"""API tokens: on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from retinue.access import (
    ApiToken,
    Caller,
    TokenDraft,
    change_role,
    confirm_totp,
    create_role,
    create_token,
    list_tokens,
    offer_totp,
    revoke_token,
)
from retinue.access.secret import digest
from retinue.actor import Actor, Reach
from retinue.errors import Denied, Invalid, NotFound, Unauthenticated
from retinue.storage import Base

from .conftest import AWAY, HOME, PASSWORD, Office, current_code

HERE = Caller(HOME)
READ = {"contact.read": "own"}


def _draft(**parts: object) -> TokenDraft:
    return TokenDraft(**{"name": "robot", "scopes": READ, **parts})


def _make(office: Office, actor: Actor, **parts: object) -> tuple[ApiToken, str]:
    with office.database.store(actor) as store:
        return create_token(store, _draft(**parts), guard=office.guard)


# ---- tokens
def test_token_acts_for_its_owner_within_its_scopes(office: Office) -> None:
    account = office.account("anna", "Manager")
    row, secret = _make(office, office.actor("anna"))
    actor = office.who(bearer=secret)
    assert (actor.kind, actor.id, actor.token_id) == ("token", account, row.id)
    assert dict(actor.permissions) == {"contact.read": Reach.OWN}
    assert (row.expires_at - row.created_at) == timedelta(days=90)
    assert office.rows(ApiToken)[0].secret_hash == digest(secret)


def test_token_never_may_more_than_its_owner_at_this_moment(office: Office, admin: Actor) -> None:
    """Scopes are a subset of the owner's rights evaluated at each call."""
    with office.database.store(admin) as store:
        rights = {"contact.read": "team", "contact.change": "team", "token.create": "own"}
        role = create_role(store, {"name": "Sales", "permissions": rights}, guard=office.guard)
    office.roles["Sales"] = role.id
    office.account("anna", "Sales")
    _, secret = _make(office, office.actor("anna"), scopes={"contact.read": "team", "contact.change": "own"})
    assert dict(office.who(bearer=secret).permissions) == {
        "contact.read": Reach.TEAM,
        "contact.change": Reach.OWN,
    }
    with office.database.store(admin) as store:
        narrow = {"permissions": {"contact.read": "own"}, "hidden_fields": ["contact.revenue"]}
        change_role(store, role.id, narrow, guard=office.guard)
    actor = office.who(bearer=secret)
    assert dict(actor.permissions) == {"contact.read": Reach.OWN}
    assert actor.hidden_fields == {"contact.revenue"}


@pytest.mark.parametrize(
    "scopes", [{"contact.read": "all"}, {"audit.read": "all"}, {"contact.reed": "own"}, {}]
)
def test_token_beyond_its_owner_or_without_scope_is_invalid(office: Office, scopes: dict[str, str]) -> None:
    office.account("anna", "Manager")
    with pytest.raises(Invalid):
        _make(office, office.actor("anna"), scopes=scopes)
    assert office.rows(ApiToken) == []


def test_token_ends(office: Office) -> None:
    office.account("anna", "Manager")
    actor = office.actor("anna")
    row, secret = _make(office, actor, days=7)
    revoked, other = _make(office, actor)
    office.who(bearer=secret)
    with office.database.store(actor) as store:
        revoke_token(store, revoked.id)
        revoke_token(store, revoked.id)
        assert {found.id for found in list_tokens(store)} == {row.id, revoked.id}
    with pytest.raises(Unauthenticated):
        office.who(bearer=other)
    assert len(office.audit("token.revoke")) == 1
    office.age(ApiToken, timedelta(days=7), "created_at", "expires_at")
    with pytest.raises(Unauthenticated) as refused:
        office.who(bearer=secret)
    assert refused.value.headers["WWW-Authenticate"] == "Bearer"


def test_token_life_cannot_exceed_the_installations(office: Office) -> None:
    office.account("anna", "Manager")
    row, _ = _make(office, office.actor("anna"), days=4000)
    assert (row.expires_at - row.created_at).days == 90


def test_token_with_an_address_list_works_only_there(office: Office) -> None:
    office.account("anna", "Manager")
    _, secret = _make(office, office.actor("anna"), addresses=["203.0.113.0/24"])
    assert office.who(bearer=secret).kind == "token"
    with pytest.raises(Denied):
        office.who(bearer=secret, address=AWAY)
    with pytest.raises(Invalid):
        _make(office, office.actor("anna"), addresses=["the office"])


def test_token_with_a_wrong_checksum_never_reaches_the_database(office: Office) -> None:
    office.account("anna", "Manager")
    _, secret = _make(office, office.actor("anna"))
    wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")

    class Closed:
        def store(self, *_: object, **__: object) -> None:
            raise AssertionError("the database was asked")

    from retinue.access import RequestFacts, authenticate_request

    with pytest.raises(Unauthenticated):
        authenticate_request(Closed(), RequestFacts(bearer=wrong), guard=office.guard)


def test_token_notes_its_last_use_coarsely(office: Office) -> None:
    office.account("anna", "Manager")
    _, secret = _make(office, office.actor("anna"))
    office.who(bearer=secret)
    first = office.rows(ApiToken)[0].used_at
    office.who(bearer=secret)
    assert office.rows(ApiToken)[0].used_at == first
    office.age(ApiToken, timedelta(hours=1), "used_at")
    office.who(bearer=secret)
    assert office.rows(ApiToken)[0].used_at > first - timedelta(minutes=1)


def test_token_makes_no_tokens_and_proves_nothing(office: Office) -> None:
    office.account("anna", "Manager")
    _, secret = _make(office, office.actor("anna"), scopes={"token.create": "own", "contact.read": "own"})
    robot = office.who(bearer=secret)
    with pytest.raises(Denied):
        _make(office, robot)
    with pytest.raises(Denied), office.database.store(robot) as store:
        offer_totp(store, guard=office.guard)


def test_token_for_somebody_else_needs_their_rights_everywhere(office: Office, admin: Actor) -> None:
    """A token of a colleague reads the colleague's rows: own rights of the same name are not enough."""
    anna = office.account("anna", "Manager")
    with office.database.store(admin) as store:
        rights = {"token.create": "all", "contact.read": "own"}
        office.roles["Keys"] = create_role(
            store, {"name": "Keys", "permissions": rights}, guard=office.guard
        ).id
    office.account("keys", "Keys")
    with pytest.raises(Denied):
        _make(office, office.actor("keys"), account_id=anna)
    with pytest.raises(NotFound):
        _make(office, office.actor("anna"), account_id=admin.id)
    row, secret = _make(office, admin, account_id=anna)
    assert office.who(bearer=secret).id == anna
    with pytest.raises((NotFound, Denied)), office.database.store(office.actor("keys")) as store:
        revoke_token(store, row.id)


def test_token_of_the_command_line_needs_no_session(office: Office) -> None:
    account = office.account("robot", "Reader", password=None)
    with office.system() as store:
        _, secret = create_token(
            store, _draft(scopes={"contact.read": "all"}, account_id=account), guard=office.guard
        )
    assert office.who(bearer=secret).reach("contact.read") is Reach.ALL


def test_secrets_are_stored_nowhere_in_clear(office: Office, tmp_path: Path) -> None:
    """F5: neither token, session, seed, password nor recovery code stands in any table or file."""
    office.account("anna", "Manager")
    signed_in = office.sign_in("anna")
    _, token = _make(office, office.who(signed_in))
    with office.database.store(office.who(signed_in)) as store:
        seed = offer_totp(store, guard=office.guard).seed
        done = confirm_totp(store, current_code(seed), HERE, guard=office.guard)
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    with office.database.transaction() as connection:
        for table in Base.metadata.sorted_tables:
            content += repr(connection.execute(select(table)).all()).encode()
    secrets = [signed_in.secret, done.signed_in.secret, token, seed, PASSWORD, *done.recovery_codes]
    assert [secret for secret in secrets if secret.encode() in content] == []
    assert b"anna" in content
