"""How we speak HTTP, without knowing any noun.

A room writes its ``routes.py`` like this; one route is one plain function of the store::

    CONTACT, DRAFT, CHANGES = ContactSchema(), ContactDraftSchema(), ContactDraftSchema(partial=True)

    @get("/contacts", permission="contact.read", gives=CONTACT)
    def list_contacts(store: Store, params: ListParams) -> Page[Contact]:
        return service.list_contacts(store, params)

    @post("/contacts", permission="contact.create", takes=DRAFT, gives=CONTACT, location="/contacts/{id}")
    def create_contact(store: Store, data: dict[str, Any]) -> Contact:
        return service.create_contact(store, data)

    @patch("/contacts/{contact_id:uuid}", permission="contact.change", takes=CHANGES, gives=CONTACT)
    def change_contact(store: Store, contact_id: UUID, data: dict[str, Any], version: int | None) -> Contact:
        return service.change_contact(store, contact_id, data, version=version)

    ROUTES = [list_contacts, create_contact, change_contact]

The edge does the rest: who asks, the permission, the body (422 with a pointer per complaint), one transaction
committed before the answer leaves, ETag and If-Match, Idempotency-Key, cursors, rate limits, problem
documents.
"""

from retinue.web.answers import PAGE_POLICY, Answer, Download, Page, web_page
from retinue.web.application import Application, RouteGroup, SwitchingApp, build_app
from retinue.web.codes import draw_code
from retinue.web.cursors import CursorCodec
from retinue.web.edge import Authenticate, Edge, Opener, with_store
from retinue.web.handlers import delete, get, patch, post, put, route
from retinue.web.idempotency import purge_idempotency_keys
from retinue.web.links import Link, make_link, read_link, sign_bytes
from retinue.web.outbound import Outbound, OutboundFailed, OutboundRefused, OutboundRules, shared
from retinue.web.outbound import configure as configure_outbound
from retinue.web.params import Condition, ListParams, Reader, SortKey
from retinue.web.plan import PUBLIC, SIGNED_IN, Plan
from retinue.web.problems import note_incident
from retinue.web.public import choose_language, public_page
from retinue.web.requests import RequestParts, client_address, cookie_name, session_cookie
from retinue.web.schema_dto import schema_dto
from retinue.web.settings import API_PREFIX, WebSettings

__all__ = [
    "API_PREFIX",
    "PAGE_POLICY",
    "PUBLIC",
    "SIGNED_IN",
    "Answer",
    "Application",
    "Authenticate",
    "Condition",
    "CursorCodec",
    "Download",
    "Edge",
    "Link",
    "ListParams",
    "Opener",
    "Outbound",
    "OutboundFailed",
    "OutboundRefused",
    "OutboundRules",
    "Page",
    "Plan",
    "Reader",
    "RequestParts",
    "RouteGroup",
    "SortKey",
    "SwitchingApp",
    "WebSettings",
    "build_app",
    "choose_language",
    "client_address",
    "configure_outbound",
    "cookie_name",
    "delete",
    "draw_code",
    "get",
    "make_link",
    "note_incident",
    "patch",
    "post",
    "public_page",
    "purge_idempotency_keys",
    "put",
    "read_link",
    "route",
    "schema_dto",
    "session_cookie",
    "shared",
    "sign_bytes",
    "web_page",
    "with_store",
]
