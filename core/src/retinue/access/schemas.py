"""What accounts, roles, teams, sessions and tokens look like on the wire."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

_REACH = validate.OneOf(["none", "own", "team", "all"])
_NAME = validate.Length(1, 100)
_LANGUAGE = validate.Regexp(r"^[a-z]{2,3}(-[A-Z]{2})?$", error="Write a language like cs or pt-BR.")


def _text(limit: int, *, required: bool = False, least: int = 1) -> fields.String:
    return fields.String(required=required, validate=validate.Length(least, limit))


def _password(*, required: bool = False) -> fields.String:
    """Return a field for a password somebody types; what a new one must be, the service says."""
    length, form = validate.Length(1, 1024), {"format": "password"}
    return fields.String(validate=length, load_only=True, metadata=form, required=required)


def _permissions(*, required: bool = False) -> fields.Dict:
    words = {"description": "Permission to reach: own, team or all.", "example": {"contact.read": "team"}}
    reach = fields.String(validate=_REACH)
    return fields.Dict(keys=_text(100), values=reach, metadata=words, required=required)


def _texts(limit: int) -> fields.List[str]:
    return fields.List(_text(200), validate=validate.Length(0, limit))


# ---- accounts
class AccountSchema(Schema):
    """Somebody who signs in."""

    id = fields.UUID(dump_only=True)
    login = _text(254, required=True)
    name = _text(200, required=True)
    email = fields.Email(allow_none=True, validate=validate.Length(3, 254))
    language = fields.String(validate=_LANGUAGE)
    time_zone = _text(64)
    role_ids = fields.List(fields.UUID(), validate=validate.Length(0, 50))
    is_active = fields.Boolean(dump_only=True)
    created_at = fields.AwareDateTime(dump_only=True)
    updated_at = fields.AwareDateTime(dump_only=True)
    deactivated_at = fields.AwareDateTime(dump_only=True, allow_none=True)


class AccountDraftSchema(AccountSchema):
    """A new account, with a first password if somebody is to sign in."""

    password = _password()
    must_change = fields.Boolean(load_only=True)


class PasswordSchema(Schema):
    """A password for somebody else."""

    password = _password(required=True)
    must_change = fields.Boolean(load_only=True, load_default=True)


class ResetLinkSchema(Schema):
    """A link that sets a new password; shown once."""

    account_id = fields.UUID()
    link = fields.String()
    expires_at = fields.AwareDateTime()


class ResetAskSchema(Schema):
    """Whose password is forgotten."""

    login = _text(254, required=True)


class ResetUseSchema(Schema):
    """The part of the link behind its hash sign, and the new password."""

    token = fields.String(required=True, load_only=True, validate=validate.Length(1, 100))
    password = _password(required=True)


class SetUpSchema(Schema):
    """The first administrator, with the code that the installation printed."""

    code = fields.String(required=True, load_only=True, validate=validate.Length(1, 100))
    login = fields.Email(required=True, validate=validate.Length(3, 254))
    name = _text(200, required=True)
    language = fields.String(validate=_LANGUAGE)
    time_zone = _text(64)
    password = _password(required=True)


# ---- the signed-in person
class MeSchema(Schema):
    """Who is signed in, and what they may do."""

    id = fields.UUID()
    kind = fields.String()
    login = fields.String()
    name = fields.String()
    language = fields.String()
    time_zone = fields.String()
    preferences = fields.Dict(keys=fields.String(), values=fields.Raw())
    permissions = fields.Dict(keys=fields.String(), values=fields.String())
    hidden_fields = fields.List(fields.String())
    locked_fields = fields.List(fields.String())
    team_ids = fields.List(fields.UUID())
    must_change = fields.Boolean(metadata={"description": "Nothing else is allowed until it was changed."})
    has_totp = fields.Boolean()
    has_password = fields.Boolean()
    has_passkey = fields.Boolean()
    recovery_codes_left = fields.Integer()


class MeChangesSchema(Schema):
    """What people may change of themselves."""

    name = _text(200)
    language = fields.String(validate=_LANGUAGE)
    time_zone = _text(64)
    preferences = fields.Dict(
        keys=fields.String(
            validate=validate.Regexp(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", error="Write plugin.name.")
        ),
        values=fields.Raw(allow_none=True),
        metadata={
            "description": "What pages remember for oneself, by plugin.name; null forgets one of them."
        },
    )


class OwnPasswordSchema(Schema):
    """The current password and the new one."""

    current_password = _password(required=True)
    password = _password(required=True)


class ProofSchema(Schema):
    """The password once more, or the answer of a passkey."""

    password = _password()
    credential = fields.Dict(load_only=True)

    @validates_schema
    def one_of_both(self, data: dict[str, object], **_: object) -> None:
        """Refuse neither and both."""
        if ("password" in data) == ("credential" in data):
            raise ValidationError("Give the password, or the credential.", "password")


class CodeSchema(Schema):
    """A code of the authenticator, or a recovery code."""

    code = fields.String(required=True, load_only=True, validate=validate.Length(6, 64))


class EnrolmentSchema(Schema):
    """What an authenticator app needs; shown once."""

    seed = fields.String()
    address = fields.String(metadata={"description": "An otpauth: address."})
    picture = fields.String(metadata={"description": "The address as a QR code: an SVG element."})


class RecoveryCodesSchema(Schema):
    """Codes that stand in for the authenticator, each once; shown once."""

    recovery_codes = fields.List(fields.String())


# ---- passkeys
class OptionsSchema(Schema):
    """What the page hands to the browser's ``navigator.credentials``."""

    options = fields.Dict()


class CredentialSchema(Schema):
    """The answer of a passkey, as ``PublicKeyCredential.toJSON()`` writes it."""

    credential = fields.Dict(required=True, load_only=True)


class NewPasskeySchema(CredentialSchema):
    """A passkey that a browser made, and what to call it."""

    name = fields.String(required=True, validate=_NAME)


class PasskeySchema(Schema):
    """A passkey, without its keys."""

    id = fields.UUID(dump_only=True)
    name = fields.String(required=True, validate=_NAME)
    transports = fields.List(fields.String(), dump_only=True)
    is_synced = fields.Boolean(dump_only=True, metadata={"description": "It lives on several devices."})
    created_at = fields.AwareDateTime(dump_only=True)
    used_at = fields.AwareDateTime(dump_only=True, allow_none=True)


class AddedPasskeySchema(PasskeySchema):
    """A passkey just added; recovery codes come with the first second factor, and are shown once."""

    recovery_codes = fields.List(fields.String())


# ---- sessions
class SignInSchema(Schema):
    """Login and password, and the code where the account asks for one."""

    login = _text(254, required=True)
    password = _password(required=True)
    code = fields.String(load_only=True, validate=validate.Length(6, 64))


class SignedInSchema(Schema):
    """A session that was opened; its secret is in the cookie."""

    account_id = fields.UUID()
    session_id = fields.UUID()
    expires_at = fields.AwareDateTime()
    is_pending = fields.Boolean(metadata={"description": "True if a code is still owed."})
    must_change = fields.Boolean()
    csrf = fields.String(metadata={"description": "The session's form token, for pages."})
    factors = fields.List(
        fields.String(),
        metadata={"description": "What completes a pending session: totp, passkey, recovery."},
    )


class SessionSchema(Schema):
    """A signed-in browser."""

    id = fields.UUID()
    account_id = fields.UUID()
    opened_at = fields.AwareDateTime()
    seen_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    proved_at = fields.AwareDateTime(metadata={"description": "When the person last proved to be there."})
    address = fields.String()
    agent = fields.String()
    device = fields.String(metadata={"description": "The browser's name, like Firefox on Windows."})
    is_current = fields.Boolean(metadata={"description": "True for the session that asks."})


# ---- roles and permissions
class RoleSchema(Schema):
    """A set of permissions with their reach."""

    id = fields.UUID(dump_only=True)
    name = fields.String(required=True, validate=_NAME)
    is_admin = fields.Boolean(dump_only=True)
    permissions = _permissions()
    hidden_fields = _texts(200)
    locked_fields = _texts(200)
    addresses = _texts(200)


class PermissionSchema(Schema):
    """One deed that roles and tokens can allow."""

    name = fields.String()
    label = fields.String()
    scoped = fields.Boolean(metadata={"description": "True if own and team mean something."})
    plugin = fields.String(allow_none=True)


# ---- teams
class TeamSchema(Schema):
    """People who work on the same contacts."""

    id = fields.UUID(dump_only=True)
    name = fields.String(required=True, validate=_NAME)
    created_at = fields.AwareDateTime(dump_only=True)


class MemberSchema(Schema):
    """An account's place in a team."""

    account_id = fields.UUID(dump_only=True)
    login = fields.String(dump_only=True)
    name = fields.String(dump_only=True)
    is_lead = fields.Boolean(load_default=False)


# ---- tokens
class TokenSchema(Schema):
    """An API token, without the token itself."""

    id = fields.UUID(dump_only=True)
    account_id = fields.UUID()
    name = fields.String(required=True, validate=_NAME)
    scopes = _permissions(required=True)
    addresses = _texts(100)
    created_at = fields.AwareDateTime(dump_only=True)
    expires_at = fields.AwareDateTime(dump_only=True)
    used_at = fields.AwareDateTime(dump_only=True, allow_none=True)
    revoked_at = fields.AwareDateTime(dump_only=True, allow_none=True)


class TokenDraftSchema(TokenSchema):
    """A new token."""

    days = fields.Integer(load_only=True, validate=validate.Range(1, 3650))


class NewTokenSchema(TokenSchema):
    """A token just made; this is the only time it is shown."""

    token = fields.String(dump_only=True)


# ---- approvals
class ApprovalSchema(Schema):
    """A deed that waits for a second person."""

    id = fields.UUID(dump_only=True)
    deed = _text(80, required=True)
    subject = fields.String(load_default="", validate=validate.Length(0, 200))
    reason = fields.String(load_default="", validate=validate.Length(0, 500))
    label = fields.String(dump_only=True)
    state = fields.String(
        dump_only=True,
        metadata={"enum": ["waiting", "approved", "used", "refused", "withdrawn", "expired"]},
    )
    asked_by = fields.UUID(dump_only=True)
    asked_by_name = fields.String(dump_only=True)
    asked_at = fields.AwareDateTime(dump_only=True)
    expires_at = fields.AwareDateTime(dump_only=True)
    decided_by = fields.UUID(dump_only=True, allow_none=True)
    decided_by_name = fields.String(dump_only=True, allow_none=True)
    decided_at = fields.AwareDateTime(dump_only=True, allow_none=True)
    used_at = fields.AwareDateTime(dump_only=True, allow_none=True)
    may_decide = fields.Boolean(dump_only=True)
