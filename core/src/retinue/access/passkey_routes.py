"""The API of passkeys: ``/api/v1/me/passkeys`` and ``/sessions/passkey``."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from retinue.access import passkeys, schemas
from retinue.access.guard import Guard, Opens
from retinue.access.models import Passkey
from retinue.access.own_routes import SIGNED, AnyRequest, caller_of, pending_secret, signed_in_answer
from retinue.actor import Actor
from retinue.storage import Store
from retinue.web import PUBLIC, SIGNED_IN, Answer, delete, get, patch, post

OPTIONS: Final = schemas.OptionsSchema()
CREDENTIAL: Final = schemas.CredentialSchema()
PASSKEY: Final = schemas.PasskeySchema()
NEW_PASSKEY: Final = schemas.NewPasskeySchema()
ADDED_PASSKEY: Final = schemas.AddedPasskeySchema()


def passkey_routes(opens: Opens, guard: Guard) -> list[Any]:
    """Return the routes of passkeys; those that give a session or a question keep no answer for replay."""
    return [*_own_routes(opens, guard), *_sign_in_routes(opens, guard)]


def _own_routes(opens: Opens, guard: Guard) -> list[Any]:
    @get("/me/passkeys", permission=SIGNED_IN, gives=PASSKEY)
    def list_passkeys(store: Store) -> list[Passkey]:
        """List one's own passkeys."""
        return passkeys.list_passkeys(store)

    @post("/me/passkeys/options", permission=SIGNED_IN, gives=OPTIONS, status=200)
    def offer_passkey(actor: Actor) -> dict[str, Any]:
        """Return what the browser needs to make a passkey."""
        with opens.store(actor) as store:
            return {"options": passkeys.offer_passkey(store, guard=guard)}

    @post("/me/passkeys", permission=SIGNED_IN, takes=NEW_PASSKEY, gives=ADDED_PASSKEY)
    def add_passkey(request: AnyRequest, actor: Actor, data: dict[str, Any]) -> Answer[dict[str, Any]]:
        """Keep the passkey that the browser made; everything else ends, this browser gets a new session."""
        caller = caller_of(request)
        with opens.store(actor) as store:
            row, done = passkeys.add_passkey(store, data["credential"], data["name"], caller, guard=guard)
            shown = {name: getattr(row, name) for name in PASSKEY.dump_fields}
        answer = signed_in_answer(done.signed_in, request, guard)
        body = {**shown, "recovery_codes": done.recovery_codes}
        return Answer(body, status=201, headers=answer.headers, cookies=answer.cookies)

    @patch("/me/passkeys/{passkey_id:uuid}", permission=SIGNED_IN, takes=PASSKEY, gives=PASSKEY)
    def rename_passkey(store: Store, passkey_id: UUID, data: dict[str, Any]) -> Passkey:
        """Give a passkey another name."""
        return passkeys.rename_passkey(store, passkey_id, data["name"])

    @delete("/me/passkeys/{passkey_id:uuid}", permission=SIGNED_IN)
    def remove_passkey(request: AnyRequest, actor: Actor, passkey_id: UUID) -> Answer[None]:
        """Remove a passkey; everything else ends, this browser gets a new session."""
        with opens.store(actor) as store:
            signed_in = passkeys.remove_passkey(store, passkey_id, caller_of(request), guard=guard)
        return Answer(None, status=204, cookies=signed_in_answer(signed_in, request, guard).cookies)

    return [list_passkeys, offer_passkey, add_passkey, rename_passkey, remove_passkey]


def _sign_in_routes(opens: Opens, guard: Guard) -> list[Any]:
    @post("/sessions/passkey/options", permission=PUBLIC, gives=OPTIONS, status=200)
    def offer_passkey_sign_in(request: AnyRequest) -> dict[str, Any]:
        """Return what the browser needs to present a passkey: any, or after the password one of the account."""
        secret, caller = pending_secret(request), caller_of(request)
        return {"options": passkeys.offer_sign_in(opens, secret, caller, guard=guard)}

    @post("/sessions/passkey", permission=PUBLIC, takes=CREDENTIAL, gives=SIGNED, status=200)
    def open_session_by_passkey(request: AnyRequest, data: dict[str, Any]) -> Answer[dict[str, Any]]:
        """Sign in with a passkey, alone or after the password."""
        signed_in = passkeys.sign_in_with_passkey(
            opens, data["credential"], pending_secret(request), caller_of(request), guard=guard
        )
        return signed_in_answer(signed_in, request, guard)

    @post("/sessions/proof/options", permission=SIGNED_IN, gives=OPTIONS, status=200)
    def offer_proof(actor: Actor) -> dict[str, Any]:
        """Return what the browser needs to prove with a passkey, before a delicate deed."""
        with opens.store(actor) as store:
            return {"options": passkeys.offer_proof(store, guard=guard)}

    return [offer_passkey_sign_in, open_session_by_passkey, offer_proof]
