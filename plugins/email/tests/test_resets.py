"""Links for a new password go to the people of the staff who asked for them, and are kept nowhere."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from email_kit import deliver, set_up
from sqlalchemy import select

from retinue.access import Account, issue_asked_resets
from retinue.testing.house import Crm
from retinue_email.models import AccountLetter
from retinue_email.transport import FakeTransport


@pytest.fixture
def frieda(crm: Crm) -> str:
    """The login of somebody who speaks German."""
    set_up(crm, company="Dům knihy")
    person = crm.user()
    with crm.store() as store:
        account = store.get(Account, person.id)
        account.language = "de"
        return str(account.login)


def ask(crm: Crm, *logins: str) -> None:
    """Ask as the page does, and let the job make the links."""
    for login in logins:
        assert crm.client.post("/api/v1/password-resets", json={"login": login}).status_code == 204
    with crm.store() as store:
        issue_asked_resets(store, guard=crm.house.guard)


def opened(raw: bytes) -> tuple[Any, str]:
    """Return a letter and the secret of its link."""
    letter = message_from_bytes(raw, policy=policy.default)
    text = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has one
    (link,) = re.findall(r"\S+/reset-password#(\S+)", text)
    return letter, link


def test_link_asked_for_comes_by_letter_and_opens_a_new_password(crm: Crm, frieda: str) -> None:
    """The hook `password_resets_asked` is told once for each login that exists, and for no other."""
    fake = FakeTransport()
    ask(crm, frieda, "nobody@nowhere.example")
    deliver(crm, fake)
    ((_, recipient, raw),) = fake.sent
    assert recipient == frieda
    letter, secret = opened(raw)
    assert letter["Subject"] == "Ein neues Passwort für Dům knihy"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe"] is None
    assert secret in letter.get_body(("html",)).get_content()
    use = {"token": secret, "password": "a-new-horse-battery-43"}
    assert crm.client.put("/api/v1/password-resets", json=use).status_code == 204
    signed = crm.client.post("/api/v1/sessions", json={"login": frieda, "password": use["password"]})
    assert signed.is_success, signed.text
    assert deliver(crm, fake) == 0
    assert len(fake.sent) == 1


def test_link_that_waits_stands_nowhere_in_clear(crm: Crm, frieda: str) -> None:
    ask(crm, frieda)
    with crm.store() as store:
        own = store.system("test")
        (row,) = own.scalars(select(AccountLetter))
        own.unseal([row])
        secret = row.link.partition("#")[2]
        tables = store.raw_connection().exec_driver_sql
        names = (
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if crm.house.database.kind == "sqlite"
            else "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = [name for (name,) in tables(names) if secret in repr(tables(f"SELECT * FROM {name}").all())]
    assert len(secret) > 20
    assert found == []


def test_link_waits_for_a_server_that_is_away_and_for_no_longer_than_it_works(crm: Crm, frieda: str) -> None:
    fake = FakeTransport(reachable=False)
    ask(crm, frieda)
    deliver(crm, fake)
    assert fake.sent == []
    fake.reachable = True
    deliver(crm, fake)
    assert [recipient for _, recipient, _ in fake.sent] == [frieda]
    other = crm.user()
    with crm.store() as store:
        login = store.get(Account, other.id).login
    ask(crm, login)
    with crm.store() as store:
        own = store.system("test")
        for row in own.scalars(select(AccountLetter)):
            row.expires_at = own.now - timedelta(seconds=1)
    deliver(crm, fake)
    assert len(fake.sent) == 1
    with crm.store() as store:
        assert store.system("test").scalars(select(AccountLetter)) == []
