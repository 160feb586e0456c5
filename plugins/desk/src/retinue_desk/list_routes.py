"""The lists of contacts and of companies."""

from __future__ import annotations

from typing import Any

from litestar import Response

from retinue import Store
from retinue.lists import Catalogues
from retinue.web import ListParams
from retinue_desk.base_routes import AnyRequest, Handlers, Pages
from retinue_desk.board import board_fields, read_board
from retinue_desk.filters import address
from retinue_desk.listing import COMPANIES, CONTACTS, Base, Listing


def list_routes(pages: Pages) -> Handlers:
    """Return the routes of lists."""
    catalogues: Catalogues = pages.front.house.catalogues

    def answer(
        store: Store, request: AnyRequest, base: Base, params: ListParams, *, part: str
    ) -> Response[Any]:
        raw = request.query_params.items()
        listing = Listing(store, catalogues.of(store, "contact"), base, params, raw=raw)
        speech = pages.front.speech(store)
        if part == "rows":
            return pages.part(store, "desk/list_rows.html", listing=listing, rows=listing.rows(speech))
        values = {"listing": listing, "rows": listing.rows(speech), "chips": listing.chips(speech)}
        if part == "list":
            shown = address(base.path, listing.pairs)
            return pages.part(store, "desk/list_body.html", headers={"HX-Replace-Url": shown}, **values)
        return pages.answer(store, request, "desk/list.html", builder=listing.builder(speech), **values)

    @pages.get("/contacts", permission="contact.read")
    def contacts_page(store: Store, request: AnyRequest, params: ListParams, part: str = "") -> Response[Any]:
        return answer(store, request, CONTACTS, params, part=part)

    @pages.get("/companies", permission="contact.read")
    def companies_page(
        store: Store, request: AnyRequest, params: ListParams, part: str = ""
    ) -> Response[Any]:
        return answer(store, request, COMPANIES, params, part=part)

    @pages.get("/contacts/board", permission="contact.read")
    def board_page(store: Store, request: AnyRequest, params: ListParams, by: str = "") -> Response[Any]:
        raw = [pair for pair in request.query_params.items() if pair[0] != "by"]
        listing = Listing(store, catalogues.of(store, "contact"), CONTACTS, params, raw=raw)
        speech, fields = pages.front.speech(store), board_fields(listing)
        chosen = next((f for f in fields if f.name == by), fields[0] if fields else None)
        columns = read_board(listing, chosen, speech) if chosen is not None and not listing.fault else []
        values = {"listing": listing, "fields": fields, "chosen": chosen, "columns": columns}
        return pages.answer(store, request, "desk/board.html", chips=listing.chips(speech), **values)

    return [contacts_page, companies_page, board_page]
