"""The one row that proves an account's owner, and how everything signed in comes to an end."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select, update

from retinue.access.models import Account, ApiToken, Credential, Device, Passkey, SignInSession
from retinue.errors import Denied, NotFound
from retinue.storage import Store


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a check outside the transaction needs; `epoch` tells later whether it still holds."""

    account_id: UUID
    epoch: int
    password_hash: str | None
    earlier_hashes: tuple[str, ...]
    has_totp: bool
    words: tuple[str, ...]
    must_change: bool = False
    has_passkey: bool = False

    @property
    def has_second_factor(self) -> bool:
        """Say whether a password alone does not let anybody in."""
        return self.has_totp or self.has_passkey


def normal_login(text: str) -> str:
    """Return a login as it is kept and compared."""
    return text.strip().lower()


def locked_credential(store: Store, account_id: UUID) -> Credential:
    """Return the account's credential as it stands now, locked until the commit; it is made if there is
    none.
    """
    mine = select(Credential).where(Credential.account_id == account_id)
    row: Credential | None = store.first(mine.with_for_update().execution_options(populate_existing=True))
    if row is None:
        row = Credential(account_id=account_id, epoch=1, earlier_hashes=[], must_change=False, totp_step=0)
        store.add(row)
        store.flush()
    return row


def snapshot_of(store: Store, account: Account) -> Snapshot:
    """Return what can be checked of `account` after this transaction has ended."""
    row: Credential | None = store.first(select(Credential).where(Credential.account_id == account.id))
    words = (account.login, account.name, account.email or "")
    if row is None:
        return Snapshot(account.id, 1, None, (), False, words)
    return Snapshot(
        account.id,
        row.epoch,
        row.password_hash,
        tuple(row.earlier_hashes),
        row.totp_at is not None,
        words,
        row.must_change,
        has_passkeys(store, account.id),
    )


def has_passkeys(store: Store, account_id: UUID) -> bool:
    """Say whether the account has a passkey. `store` is the system's."""
    return store.first(select(Passkey.id).where(Passkey.account_id == account_id).limit(1)) is not None


def end_everything(store: Store, account_id: UUID) -> int:
    """Void every session and token of the account; return how many of them were alive. `store` is the
    system's.

    Raising the epoch alone is enough; sessions are ended and tokens revoked as well so that lists tell the
    truth, and its devices are strangers again.
    """
    credential = locked_credential(store, account_id)
    credential.epoch += 1
    store.flush()
    sessions = update(SignInSession).where(
        SignInSession.account_id == account_id, SignInSession.expires_at > store.now
    )
    tokens = update(ApiToken).where(ApiToken.account_id == account_id, ApiToken.revoked_at.is_(None))
    store.change(delete(Device).where(Device.account_id == account_id))
    return store.change(sessions.values(expires_at=store.now)) + store.change(
        tokens.values(revoked_at=store.now)
    )


def require_person(store: Store) -> UUID:
    """Return the id of the person whose browser session this is; tokens and plugins may not touch
    credentials.
    """
    actor = store.actor
    if actor.kind != "person" or actor.id is None:
        raise Denied(
            "Only a signed-in person may do this.",
            code="person-required",
            remedy="Sign in with your password instead of an API token.",
        )
    return actor.id


def account_by_login(store: Store, login: str) -> Account | None:
    """Return the account with `login`, None if there is none."""
    found: Account | None = store.first(select(Account).where(Account.login == normal_login(login)))
    return found


def active_account(store: Store, account_id: UUID) -> Account:
    """Return the account; NotFound if it is absent or deactivated."""
    account = store.find(Account, account_id)
    if account is None or not account.is_active:
        raise NotFound("There is no such account.")
    return account
