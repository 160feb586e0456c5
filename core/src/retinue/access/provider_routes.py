"""The API of outside sign-in services: ``/api/v1/providers``, ``/sessions/oidc`` and ``/me/identities``."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from retinue.access import oidc, provider_schemas, providers
from retinue.access.guard import Guard, Opens
from retinue.access.models import Provider
from retinue.access.oidc import Departure, Returned
from retinue.access.own_routes import AnyRequest, caller_of, signed_in_answer, web_settings
from retinue.access.sessions import SignedIn
from retinue.actor import Actor
from retinue.errors import RetinueError
from retinue.storage import Store
from retinue.web import API_PREFIX, PUBLIC, SIGNED_IN, Answer, WebSettings, delete, get, patch, post

BUTTON: Final = provider_schemas.ButtonSchema()
PROVIDER: Final = provider_schemas.ProviderSchema()
PROVIDER_CHANGES: Final = provider_schemas.ProviderSchema(partial=True)
DEPARTURE: Final = provider_schemas.DepartureSchema()
IDENTITY: Final = provider_schemas.IdentitySchema()


def provider_routes(opens: Opens, guard: Guard) -> list[Any]:
    """Return the routes of outside sign-in services."""
    return [*_admin_routes(opens, guard), *_flow_routes(opens, guard), *_identity_routes(guard)]


def _admin_routes(opens: Opens, guard: Guard) -> list[Any]:
    @get("/providers", permission="provider.read", gives=PROVIDER)
    def list_providers(store: Store) -> list[Provider]:
        """List the services people may sign in with."""
        return providers.list_providers(store)

    # No `store` in the two below: the body holds a secret, and no answer of theirs is kept for replay.
    @post("/providers", permission="provider.create", takes=PROVIDER, gives=PROVIDER)
    def create_provider(actor: Actor, data: dict[str, Any]) -> dict[str, Any]:
        """Add a service people may sign in with."""
        with opens.store(actor) as store:
            return _shown(providers.create_provider(store, data, guard=guard))

    @patch(
        "/providers/{provider_id:uuid}", permission="provider.change", takes=PROVIDER_CHANGES, gives=PROVIDER
    )
    def change_provider(actor: Actor, provider_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
        """Change a service people may sign in with."""
        with opens.store(actor) as store:
            return _shown(providers.change_provider(store, provider_id, data, guard=guard))

    @delete("/providers/{provider_id:uuid}", permission="provider.remove")
    def remove_provider(store: Store, provider_id: UUID) -> None:
        """Remove a service; identities stay and serve again if it comes back."""
        providers.remove_provider(store, provider_id, guard=guard)

    return [list_providers, create_provider, change_provider, remove_provider]


def callback_address(guard: Guard) -> str:
    """Return the address that a provider sends browsers back to; it has to be registered there."""
    return f"{guard.rules.origin}{guard.rules.base_path}{API_PREFIX}/sessions/oidc/callback"


def _shown(row: Provider) -> dict[str, Any]:
    return {name: getattr(row, name) for name in PROVIDER.dump_fields}


def _flow_routes(opens: Opens, guard: Guard) -> list[Any]:
    def depart(request: AnyRequest, actor: Actor, data: dict[str, Any], purpose: str) -> Answer[Any]:
        left = oidc.depart(
            opens,
            data["provider"],
            purpose,
            caller_of(request),
            guard=guard,
            actor=actor,
            redirect=callback_address(guard),
            next_page=data["next"],
        )
        return _leave(left, web_settings(request))

    @get("/sessions/providers", permission=PUBLIC, gives=BUTTON)
    def list_open_providers() -> list[dict[str, str]]:
        """List the services a sign-in page offers."""
        with opens.store(Actor.system("sign-in page"), readonly=True) as store:
            return [{"name": row.name, "label": row.label} for row in providers.open_providers(store)]

    @post("/sessions/oidc", permission=PUBLIC, takes=DEPARTURE, gives=DEPARTURE, status=200)
    def begin_sign_in(request: AnyRequest, actor: Actor, data: dict[str, Any]) -> Answer[Any]:
        """Return where to send the browser to sign in."""
        return depart(request, actor, data, oidc.SIGN_IN)

    @post("/sessions/proof/oidc", permission=SIGNED_IN, takes=DEPARTURE, gives=DEPARTURE, status=200)
    def begin_proof(request: AnyRequest, actor: Actor, data: dict[str, Any]) -> Answer[Any]:
        """Return where to send the browser to prove who is there, before a delicate deed."""
        return depart(request, actor, data, oidc.PROVE)

    @post("/me/identities", permission=SIGNED_IN, takes=DEPARTURE, gives=DEPARTURE, status=200)
    def begin_link(request: AnyRequest, actor: Actor, data: dict[str, Any]) -> Answer[Any]:
        """Return where to send the browser to link an identity of one's own."""
        return depart(request, actor, data, oidc.LINK)

    @get("/sessions/oidc/callback", permission=PUBLIC)
    def finish_oidc(request: AnyRequest, actor: Actor) -> Answer[None]:
        """Take the browser that comes back from the service, and send it on to a page of ours."""
        settings = web_settings(request)
        # Read by hand: `state` is a word of the framework's own.
        told = {name: request.query_params.get(name, "") for name in ("state", "code", "error")}
        issuer, flow = request.query_params.get("iss", ""), request.cookies.get(_flow_cookie(settings))
        back = Returned(redirect=callback_address(guard), flow=flow, issuer=issuer, **told)
        arrival = oidc.arrive(opens, back, caller_of(request), guard=guard, actor=actor)
        return _go_on(request, guard, arrival)

    return [list_open_providers, begin_sign_in, begin_proof, begin_link, finish_oidc]


def _go_on(request: AnyRequest, guard: Guard, arrival: oidc.Arrival) -> Answer[None]:
    """Return the redirect to the page that was named; a refusal without one is answered as itself."""
    settings, outcome = web_settings(request), arrival.outcome
    cookies: tuple[str, ...] = (_flow(settings, "", 0),)
    page = arrival.next or "/"
    if isinstance(outcome, RetinueError):
        if not arrival.next:
            raise outcome
        page += f"{'&' if '?' in page else '?'}problem={outcome.code}"
    elif isinstance(outcome, SignedIn):
        cookies += signed_in_answer(outcome, request, guard).cookies
    target = f"{guard.rules.base_path}{quote(page, safe='/?&=-._~%')}"
    return Answer(
        None, status=303, headers={"Location": target, "Cache-Control": "no-store"}, cookies=cookies
    )


def _leave(left: Departure, settings: WebSettings) -> Answer[dict[str, str]]:
    cookie = _flow(settings, left.flow, 600)
    return Answer({"address": left.address}, headers={"Cache-Control": "no-store"}, cookies=(cookie,))


def _flow_cookie(settings: WebSettings) -> str:
    return "__Host-retinue-flow" if settings.https else "retinue-flow"


def _flow(settings: WebSettings, value: str, life: int) -> str:
    """Return the cookie by which the browser that comes back is known as the one that left."""
    secure = "; Secure" if settings.https else ""
    return f"{_flow_cookie(settings)}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}"


def _identity_routes(guard: Guard) -> list[Any]:
    @get("/me/identities", permission=SIGNED_IN, gives=IDENTITY)
    def list_own_identities(store: Store) -> list[dict[str, Any]]:
        """List the outside identities of one's own."""
        return providers.list_identities(store)

    @get("/accounts/{account_id:uuid}/identities", permission="account.read", gives=IDENTITY)
    def list_account_identities(store: Store, account_id: UUID) -> list[dict[str, Any]]:
        """List the outside identities of an account."""
        return providers.list_identities(store, account_id)

    @post(
        "/accounts/{account_id:uuid}/identities",
        permission="account.set_password",
        takes=IDENTITY,
        gives=IDENTITY,
    )
    def link_identity(store: Store, account_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
        """Say who an account is at a service; whatever was signed in with the account ends."""
        made = providers.link_identity(store, account_id, data["provider"], data["subject"], guard=guard)
        return next(one for one in providers.list_identities(store, account_id) if one["id"] == made.id)

    @delete("/identities/{identity_id:uuid}", permission=SIGNED_IN)
    def unlink_identity(store: Store, identity_id: UUID) -> None:
        """Unlink an identity, one's own or an account's; whatever is signed in with the account ends."""
        providers.unlink_identity(store, identity_id, guard=guard)

    return [list_own_identities, list_account_identities, link_identity, unlink_identity]
