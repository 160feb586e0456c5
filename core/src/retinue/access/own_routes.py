"""The API of signing in and of the signed-in person: ``/api/v1/sessions``, ``/me``."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from litestar import Request

from retinue.access import factors, resets, schemas, service, sessions, setup
from retinue.access.credentials import snapshot_of
from retinue.access.guard import Caller, Guard, Opens
from retinue.access.passkeys import prove_with_passkey
from retinue.access.password_changes import change_own_password
from retinue.access.proof import prove_again
from retinue.access.secret import csrf_token
from retinue.access.sessions import SignedIn, session_over
from retinue.access.signing_in import confirm_sign_in, sign_in
from retinue.actor import Actor
from retinue.errors import Denied
from retinue.storage import Store
from retinue.web import (
    PUBLIC,
    SIGNED_IN,
    Answer,
    RequestParts,
    WebSettings,
    delete,
    get,
    patch,
    post,
    put,
    session_cookie,
)

ME: Final = schemas.MeSchema()
ME_CHANGES: Final = schemas.MeChangesSchema()
OWN_PASSWORD: Final = schemas.OwnPasswordSchema()
PROOF: Final = schemas.ProofSchema()
RESET_ASK: Final = schemas.ResetAskSchema()
RESET_USE: Final = schemas.ResetUseSchema()
SET_UP: Final = schemas.SetUpSchema()
CODE: Final = schemas.CodeSchema()
ENROLMENT: Final = schemas.EnrolmentSchema()
CODES: Final = schemas.RecoveryCodesSchema()
SIGN_IN: Final = schemas.SignInSchema()
SIGNED: Final = schemas.SignedInSchema()
SESSION: Final = schemas.SessionSchema()
AnyRequest = Request[Any, Any, Any]
Handlers = list[Any]


# ---- what the wire carries
def caller_of(request: AnyRequest) -> Caller:
    """Return who knocks: address, browser and device cookie of a request."""
    settings = web_settings(request)
    parts = RequestParts.of(request, settings)
    return Caller(parts.address, parts.user_agent, request.cookies.get(device_cookie_name(settings)))


def device_cookie_name(settings: WebSettings) -> str:
    """Return the name of the cookie by which a browser is known."""
    return "__Host-retinue-device" if settings.https else "retinue-device"


def signed_in_answer(signed_in: SignedIn, request: AnyRequest, guard: Guard) -> Answer[dict[str, Any]]:
    """Return the answer that gives a browser its session, and its device cookie if it has none yet."""
    settings = web_settings(request)
    cookies = [session_cookie(settings, signed_in.secret)]
    if signed_in.device is not None:
        life = int(guard.rules.device_life.total_seconds())
        secure = "; Secure" if settings.https else ""
        name = device_cookie_name(settings)
        cookies.append(f"{name}={signed_in.device}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}")
    shown = {name: getattr(signed_in, name) for name in SIGNED.dump_fields if name != "csrf"}
    answer = {**shown, "csrf": csrf_token(signed_in.secret)}
    return Answer(answer, headers={"Cache-Control": "no-store"}, cookies=tuple(cookies))


def pending_secret(request: AnyRequest) -> str | None:
    """Return the cookie of this browser's session, complete or not."""
    return RequestParts.of(request, web_settings(request)).session


def web_settings(request: AnyRequest) -> WebSettings:
    """Return the settings of the edge that answers this request."""
    settings: WebSettings = request.app.state["edge"].settings
    return settings


# ---- sessions
def session_routes(opens: Opens, guard: Guard) -> Handlers:
    """Return the routes of signing in and out; none of them keeps its answer, which sets a secret cookie."""

    @post("/sessions", permission=PUBLIC, takes=SIGN_IN, gives=SIGNED, status=200)
    def open_session(request: AnyRequest, data: dict[str, Any]) -> Answer[dict[str, Any]]:
        """Sign in with login and password, and the code of the second factor where there is one."""
        code, caller = data.get("code"), caller_of(request)
        signed_in = sign_in(opens, data["login"], data["password"], caller, guard=guard, code=code)
        return signed_in_answer(signed_in, request, guard)

    @post("/sessions/code", permission=PUBLIC, takes=CODE, gives=SIGNED, status=200)
    def confirm_session(request: AnyRequest, data: dict[str, Any]) -> Answer[dict[str, Any]]:
        """Give the code that a pending session owes."""
        secret = RequestParts.of(request, web_settings(request)).session
        if not secret:
            raise session_over()
        signed_in = confirm_sign_in(opens, secret, data["code"], caller_of(request), guard=guard)
        return signed_in_answer(signed_in, request, guard)

    @post("/sessions/proof", permission=SIGNED_IN, takes=PROOF, status=204)
    def prove_session(request: AnyRequest, actor: Actor, data: dict[str, Any]) -> None:
        """Give the password or a passkey once more, before a delicate deed."""
        if "credential" in data:
            prove_with_passkey(opens, actor, data["credential"], caller_of(request), guard=guard)
        else:
            prove_again(opens, actor, data["password"], caller_of(request), guard=guard)

    return [open_session, confirm_session, prove_session, *ENDING_ROUTES]


def reset_routes(opens: Opens, guard: Guard) -> Handlers:
    """Return the routes of a forgotten password, which never tell whether an account exists, and of the first account."""

    @post("/password-resets", permission=PUBLIC, takes=RESET_ASK, status=204)
    def ask_password_reset(request: AnyRequest, data: dict[str, Any]) -> None:
        """Ask for a link that sets a new password; a plugin delivers it if there is such an account."""
        resets.ask_reset(opens, data["login"], caller_of(request), guard=guard)

    @put("/password-resets", permission=PUBLIC, takes=RESET_USE)
    def use_password_reset(request: AnyRequest, data: dict[str, Any]) -> None:
        """Set the new password by a link; everything signed in ends, then one signs in."""
        resets.use_reset(opens, data["token"], data["password"], caller_of(request), guard=guard)

    @post("/setup", permission=PUBLIC, takes=SET_UP, status=204)
    def set_up_installation(request: AnyRequest, data: dict[str, Any]) -> None:
        """Make the first administrator of an installation without any account, by the code that it printed."""
        code = data.pop("code")
        setup.set_up(opens, code, data, caller_of(request), guard=guard)

    return [ask_password_reset, use_password_reset, set_up_installation]


@get("/sessions", permission=SIGNED_IN, gives=SESSION)
def list_sessions(store: Store) -> list[dict[str, Any]]:
    """List one's own sessions, the newest first."""
    return sessions.describe_sessions(store, sessions.list_sessions(store))


@delete("/sessions/current", permission=SIGNED_IN)
def sign_out(store: Store, request: AnyRequest) -> Answer[None]:
    """Sign out."""
    sessions.sign_out(store)
    return Answer(None, status=204, cookies=(session_cookie(web_settings(request), ""),))


@delete("/sessions/others", permission=SIGNED_IN)
def end_other_sessions(store: Store) -> None:
    """End every other session of one's own."""
    sessions.end_other_sessions(store)


@delete("/sessions/all", permission=SIGNED_IN)
def sign_out_everywhere(store: Store, request: AnyRequest) -> Answer[None]:
    """Sign out here and everywhere else; API tokens end as well."""
    sessions.sign_out_everywhere(store)
    return Answer(None, status=204, cookies=(session_cookie(web_settings(request), ""),))


@delete("/sessions/{session_id:uuid}", permission=SIGNED_IN)
def end_session(store: Store, session_id: UUID) -> None:
    """End a session: one's own, or with the right to, somebody else's."""
    sessions.end_session(store, session_id)


ENDING_ROUTES: Final[Handlers] = [
    list_sessions,
    sign_out,
    end_other_sessions,
    sign_out_everywhere,
    end_session,
]


# ---- the signed-in person
def describe_me(store: Store) -> dict[str, Any]:
    """Return the actor as the schema of `/me` shows it."""
    actor = store.actor
    if actor.id is None:
        raise Denied("Nobody is signed in here.", code="person-required")
    account = service.get_account(store, actor.id)
    system = store.system("look at one's own credential")
    snapshot = snapshot_of(system, account)
    return {
        "id": account.id,
        "kind": actor.kind,
        "login": account.login,
        "name": account.name,
        "language": account.language,
        "time_zone": account.time_zone,
        "preferences": account.preferences or {},
        "permissions": {name: reach.word for name, reach in sorted(actor.permissions.items())},
        "hidden_fields": sorted(actor.hidden_fields),
        "locked_fields": sorted(actor.locked_fields),
        "team_ids": sorted(actor.team_ids),
        "must_change": snapshot.must_change,
        "has_totp": snapshot.has_totp,
        "has_password": snapshot.password_hash is not None,
        "has_passkey": snapshot.has_passkey,
        "recovery_codes_left": factors.count_codes(system, account.id),
    }


def me_routes(opens: Opens, guard: Guard) -> Handlers:
    """Return the routes about oneself."""

    @get("/me", permission=SIGNED_IN, gives=ME)
    def get_me(store: Store) -> dict[str, Any]:
        """Return who is signed in and what they may do."""
        return describe_me(store)

    @patch("/me", permission=SIGNED_IN, takes=ME_CHANGES, gives=ME)
    def change_me(store: Store, actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
        """Change one's own name, language or time zone."""
        if actor.id is not None:
            service.change_account(store, actor.id, data, guard=guard)
        return describe_me(store)

    @put("/me/password", permission=SIGNED_IN, takes=OWN_PASSWORD, gives=SIGNED)
    def change_password(request: AnyRequest, actor: Actor, data: dict[str, Any]) -> Answer[dict[str, Any]]:
        """Change one's own password; every session and token ends, this browser gets a new session."""
        signed_in = change_own_password(
            opens,
            actor,
            data["current_password"],
            data["password"],
            caller=caller_of(request),
            guard=guard,
        )
        return signed_in_answer(signed_in, request, guard)

    return [get_me, change_me, change_password]


def totp_routes(opens: Opens, guard: Guard) -> Handlers:
    """Return the routes of one's own second factor; without `store`, so that no secret is kept for replay."""

    @post("/me/totp", permission=SIGNED_IN, gives=ENROLMENT, status=200)
    def offer_totp(actor: Actor) -> factors.Enrolment:
        """Offer a seed for an authenticator app; nothing changes until a code of it is confirmed."""
        with opens.store(actor) as store:
            return factors.offer_totp(store, guard=guard)

    @put("/me/totp", permission=SIGNED_IN, takes=CODE, gives=CODES)
    def confirm_totp(request: AnyRequest, actor: Actor, data: dict[str, Any]) -> Answer[dict[str, Any]]:
        """Confirm the offered seed with a code; the recovery codes are shown once, everything else ends."""
        with opens.store(actor) as store:
            done = factors.confirm_totp(store, data["code"], caller_of(request), guard=guard)
        answer = signed_in_answer(done.signed_in, request, guard)
        codes = {"recovery_codes": done.recovery_codes}
        return Answer(codes, headers=answer.headers, cookies=answer.cookies)

    @delete("/me/totp", permission=SIGNED_IN)
    def remove_totp(request: AnyRequest, actor: Actor) -> Answer[None]:
        """Take the second factor away; every session and token ends, this browser gets a new session."""
        with opens.store(actor) as store:
            signed_in = factors.remove_totp(store, caller_of(request), guard=guard)
        return Answer(None, status=204, cookies=signed_in_answer(signed_in, request, guard).cookies)

    @post("/me/recovery-codes", permission=SIGNED_IN, gives=CODES, status=200)
    def renew_recovery_codes(actor: Actor) -> dict[str, Any]:
        """Make new recovery codes; the old ones are void."""
        with opens.store(actor) as store:
            return {"recovery_codes": factors.renew_recovery_codes(store, guard=guard)}

    return [offer_totp, confirm_totp, remove_totp, renew_recovery_codes]
