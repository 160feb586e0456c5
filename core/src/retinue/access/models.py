"""Tables of people who sign in: accounts, roles, teams, and (for the system only) what proves who they
are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped

from retinue.storage import (
    NOT_PERSONAL,
    Access,
    Base,
    Sealed,
    UtcDateTime,
    field,
    json_type,
    key,
    personal,
    ref,
    sealed,
)

_STAFF = personal("to know which member of staff did what", erase="keep", export=False)
_SECRET = personal("to let the account's owner in and nobody else", erase="delete", export=False)


class Account(Base):
    """Somebody who signs in: a member of staff, or a program that acts in its own name."""

    __tablename__ = "account"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.everyone()

    id: Mapped[UUID] = key()
    login: Mapped[str] = field(String(254), label="Login", privacy=_STAFF, unique=True, nullable=False)
    name: Mapped[str] = field(String(200), label="Name", privacy=_STAFF, nullable=False)
    email: Mapped[str | None] = field(
        String(254), label="E-mail", kind="email", privacy=_STAFF, nullable=True
    )
    language: Mapped[str] = field(String(8), label="Language", nullable=False, default="en")
    time_zone: Mapped[str] = field(String(64), label="Time zone", nullable=False, default="UTC")
    preferences: Mapped[dict[str, Any] | None] = field(
        json_type(), label="How pages are arranged", nullable=True
    )
    is_active: Mapped[bool] = field(Boolean, label="Active", nullable=False, default=True)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    updated_at: Mapped[datetime] = field(UtcDateTime, label="Changed", nullable=False)
    deactivated_at: Mapped[datetime | None] = field(UtcDateTime, label="Deactivated", nullable=True)


class Role(Base):
    """A set of permissions with their reach, fields denied, and addresses it holds good from."""

    __tablename__ = "role"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.everyone()

    id: Mapped[UUID] = key()
    name: Mapped[str] = field(String(100), label="Name", unique=True, nullable=False)
    is_admin: Mapped[bool] = field(Boolean, label="Administrator", nullable=False, default=False)
    permissions: Mapped[dict[str, str]] = field(json_type(), label="Permissions", nullable=False)
    hidden_fields: Mapped[list[str]] = field(json_type(), label="Hidden fields", nullable=False)
    locked_fields: Mapped[list[str]] = field(json_type(), label="Locked fields", nullable=False)
    addresses: Mapped[list[str]] = field(json_type(), label="Addresses it holds good from", nullable=False)


class AccountRole(Base):
    """A role an account has."""

    __tablename__ = "account_role"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.everyone()
    __table_args__ = (UniqueConstraint("account_id", "role_id"),)

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    role_id: Mapped[UUID] = ref("role.id", on_delete="RESTRICT", label="Role")


class Team(Base):
    """People who work on the same contacts."""

    __tablename__ = "team"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.everyone()

    id: Mapped[UUID] = key()
    name: Mapped[str] = field(String(100), label="Name", unique=True, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)


class TeamMember(Base):
    """An account's place in a team; a lead may change the team."""

    __tablename__ = "team_member"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.everyone()
    __table_args__ = (UniqueConstraint("team_id", "account_id"),)

    id: Mapped[UUID] = key()
    team_id: Mapped[UUID] = ref("team.id", on_delete="CASCADE", label="Team")
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    is_lead: Mapped[bool] = field(Boolean, label="Leads the team", nullable=False, default=False)


class Credential(Base, Sealed):
    """What proves that somebody is the account's owner; one row per account.

    `epoch` grows whenever everything signed in must end: sessions and tokens carry the epoch they were made
    in, and one of an earlier epoch is dead whatever else its row says.
    """

    __tablename__ = "account_credential"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # old and new values are hashes; each deed on them records an entry of its own
    __subject__: ClassVar[str | None] = None

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref(
        "account.id", on_delete="CASCADE", label="Account", kind="account", index=False, unique=True
    )
    epoch: Mapped[int] = field(Integer, label="Epoch", nullable=False, default=1)
    password_hash: Mapped[str | None] = field(
        String(300), label="Password hash", privacy=_SECRET, nullable=True
    )
    earlier_hashes: Mapped[list[str]] = field(
        json_type(), label="Hashes of earlier passwords", privacy=_SECRET, nullable=False, default=list
    )
    must_change: Mapped[bool] = field(
        Boolean, label="Must change the password", nullable=False, default=False
    )
    password_at: Mapped[datetime | None] = field(UtcDateTime, label="Password set", nullable=True)
    totp_at: Mapped[datetime | None] = field(UtcDateTime, label="Second factor confirmed", nullable=True)
    totp_step: Mapped[int] = field(Integer, label="Last code's time step", nullable=False, default=0)
    totp_seed: Any = sealed(label="Authenticator seed", kind="text", privacy=_SECRET)
    totp_seed_offered: Any = sealed(
        label="Authenticator seed not confirmed yet", kind="text", privacy=_SECRET
    )


class RecoveryCode(Base):
    """A code that stands in for the authenticator once."""

    __tablename__ = "account_recovery_code"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # secrets; making and using them is recorded

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    code_hash: Mapped[bytes] = field(LargeBinary(32), label="Code, hashed", privacy=_SECRET, nullable=False)
    used_at: Mapped[datetime | None] = field(UtcDateTime, label="Used", nullable=True)


class SignInSession(Base):
    """A signed-in browser, or one that still owes the second factor."""

    __tablename__ = "account_session"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # last use changes all the time; opening and ending are recorded

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    epoch: Mapped[int] = field(Integer, label="Epoch", nullable=False)
    secret_hash: Mapped[bytes] = field(
        LargeBinary(32), label="Id, hashed", privacy=_SECRET, nullable=False, unique=True
    )
    is_pending: Mapped[bool] = field(Boolean, label="Owes the second factor", nullable=False, default=False)
    opened_at: Mapped[datetime] = field(UtcDateTime, label="Opened", nullable=False)
    seen_at: Mapped[datetime] = field(UtcDateTime, label="Last used", nullable=False)
    expires_at: Mapped[datetime] = field(UtcDateTime, label="Ends", nullable=False)
    proved_at: Mapped[datetime] = field(UtcDateTime, label="Owner proved", nullable=False)
    address: Mapped[str] = field(String(45), label="Address", privacy=_SECRET, nullable=False, default="")
    agent: Mapped[str] = field(String(200), label="Browser", privacy=_SECRET, nullable=False, default="")


class Device(Base):
    """A browser somebody has signed in from before: strangers' wrong tries do not keep it out."""

    __tablename__ = "account_device"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # technical: follows from signing in

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    secret_hash: Mapped[bytes] = field(
        LargeBinary(32), label="Id, hashed", privacy=_SECRET, nullable=False, unique=True
    )
    expires_at: Mapped[datetime] = field(UtcDateTime, label="Forgotten", nullable=False)


class ApiToken(Base):
    """A program's key to act as an account, within scopes."""

    __tablename__ = "account_token"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # last use changes all the time; making and revoking are recorded

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    epoch: Mapped[int] = field(Integer, label="Epoch", nullable=False)
    name: Mapped[str] = field(String(100), label="Name", nullable=False)
    secret_hash: Mapped[bytes] = field(
        LargeBinary(32), label="Token, hashed", privacy=_SECRET, nullable=False, unique=True
    )
    scopes: Mapped[dict[str, str]] = field(json_type(), label="Scopes", nullable=False)
    addresses: Mapped[list[str]] = field(json_type(), label="Addresses it holds good from", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    expires_at: Mapped[datetime] = field(UtcDateTime, label="Ends", nullable=False)
    used_at: Mapped[datetime | None] = field(UtcDateTime, label="Last used", nullable=True)
    refused_at: Mapped[datetime | None] = field(
        UtcDateTime, label="Last refused for its address", nullable=True
    )
    revoked_at: Mapped[datetime | None] = field(UtcDateTime, label="Revoked", nullable=True)


class TryCounter(Base):
    """Wrong tries under one key: an account, an address or a known device."""

    __tablename__ = "account_try"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # a counter; a closing is recorded

    id: Mapped[UUID] = key()
    key_hash: Mapped[bytes] = field(LargeBinary(32), label="Key, hashed", nullable=False, unique=True)
    tries: Mapped[int] = field(Integer, label="Tries", nullable=False, default=0)
    since: Mapped[datetime | None] = field(UtcDateTime, label="First try", nullable=True)
    until: Mapped[datetime | None] = field(UtcDateTime, label="Closed until", nullable=True)
    level: Mapped[int] = field(Integer, label="Closings in a row", nullable=False, default=0)


class Approval(Base):
    """A deed that somebody wants to do and a second person has to allow; bound to the rows it is about."""

    __tablename__ = "approval"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # asking, deciding and using are recorded as deeds of their own

    id: Mapped[UUID] = key()
    deed: Mapped[str] = field(String(80), label="Deed", nullable=False)
    subject: Mapped[str] = field(String(200), label="Rows it is about", nullable=False, default="")
    reason: Mapped[str] = field(String(500), label="Reason", privacy=_STAFF, nullable=False, default="")
    asked_by: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Asked by", kind="account")
    asked_at: Mapped[datetime] = field(UtcDateTime, label="Asked", nullable=False)
    expires_at: Mapped[datetime] = field(UtcDateTime, label="Ends", nullable=False)
    decision: Mapped[str | None] = field(String(10), label="Decision", nullable=True)
    decided_by: Mapped[UUID | None] = ref(
        "account.id", on_delete="SET NULL", label="Decided by", kind="account", nullable=True
    )
    decided_at: Mapped[datetime | None] = field(UtcDateTime, label="Decided", nullable=True)
    used_at: Mapped[datetime | None] = field(UtcDateTime, label="Used", nullable=True)
    used_in: Mapped[UUID | None] = field(Uuid, label="Change set it was used in", nullable=True)


class Passkey(Base):
    """A WebAuthn credential: the public half of a key that lives in somebody's device."""

    __tablename__ = "account_passkey"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # the counter changes at every use; adding, removing and using are recorded

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    credential_hash: Mapped[bytes] = field(
        LargeBinary(32), label="Credential id, hashed", privacy=_SECRET, nullable=False, unique=True
    )
    credential_id: Mapped[bytes] = field(
        LargeBinary(1023), label="Credential id", privacy=_SECRET, nullable=False
    )
    public_key: Mapped[bytes] = field(LargeBinary(2048), label="Public key", privacy=_SECRET, nullable=False)
    sign_count: Mapped[int] = field(BigInteger, label="Signatures so far", nullable=False, default=0)
    transports: Mapped[list[str]] = field(json_type(), label="Transports", nullable=False, default=list)
    is_synced: Mapped[bool] = field(Boolean, label="Copied to other devices", nullable=False, default=False)
    name: Mapped[str] = field(String(100), label="Name", privacy=_SECRET, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Added", nullable=False)
    used_at: Mapped[datetime | None] = field(UtcDateTime, label="Last used", nullable=True)


class Challenge(Base):
    """A question put to a browser that it has to answer soon and once."""

    __tablename__ = "account_challenge"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # technical: lives for minutes

    id: Mapped[UUID] = key()
    kind: Mapped[str] = field(String(20), label="Kind", nullable=False)
    account_id: Mapped[UUID | None] = ref(
        "account.id", on_delete="CASCADE", label="Account", kind="account", nullable=True
    )
    value_hash: Mapped[bytes] = field(
        LargeBinary(32), label="Value, hashed", privacy=_SECRET, nullable=False, unique=True
    )
    detail: Mapped[dict[str, str]] = field(json_type(), label="Detail", nullable=False, default=dict)
    expires_at: Mapped[datetime] = field(UtcDateTime, label="Ends", nullable=False)


class Provider(Base, Sealed):
    """An outside service people may sign in with (OpenID Connect)."""

    __tablename__ = "sign_in_provider"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # holds a secret; each deed on it is recorded by hand
    __subject__: ClassVar[str | None] = None

    id: Mapped[UUID] = key()
    name: Mapped[str] = field(String(40), label="Name", unique=True, nullable=False)
    label: Mapped[str] = field(String(100), label="Label of the button", nullable=False)
    issuer: Mapped[str] = field(String(300), label="Issuer", unique=True, nullable=False)
    client_id: Mapped[str] = field(String(200), label="Client id", nullable=False)
    client_secret: Any = sealed(label="Client secret", kind="text", privacy=NOT_PERSONAL)
    scopes: Mapped[list[str]] = field(json_type(), label="Scopes", nullable=False)
    algorithms: Mapped[list[str]] = field(json_type(), label="Signature algorithms", nullable=False)
    is_active: Mapped[bool] = field(Boolean, label="In use", nullable=False, default=True)
    trusts_factor: Mapped[bool] = field(
        Boolean, label="Asks for the second factor itself", nullable=False, default=False
    )
    creates_accounts: Mapped[bool] = field(Boolean, label="Makes accounts", nullable=False, default=False)
    default_role_id: Mapped[UUID | None] = ref(
        "role.id", on_delete="SET NULL", label="Role of the accounts it makes", nullable=True
    )


class Identity(Base):
    """Who an account is at an outside service: the issuer's name for it, and nothing that may change."""

    __tablename__ = "account_identity"
    __revertible__ = False  # rights are given and taken by their own services
    __access__ = Access.system()
    __audited__ = False  # linking, unlinking and using are recorded
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = ref("account.id", on_delete="CASCADE", label="Account", kind="account")
    issuer: Mapped[str] = field(String(300), label="Issuer", nullable=False)
    subject: Mapped[str] = field(String(255), label="Name there", privacy=_SECRET, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Linked", nullable=False)
    used_at: Mapped[datetime | None] = field(UtcDateTime, label="Last used", nullable=True)
