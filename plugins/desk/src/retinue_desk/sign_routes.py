"""Signing in and out, and the first page."""

from __future__ import annotations

from typing import Any

from litestar import Response

from retinue.web import PUBLIC, SIGNED_IN
from retinue_desk.base_routes import AnyRequest, Handlers, Pages


def sign_routes(pages: Pages) -> Handlers:
    """Return the routes of signing in and of choosing a new password."""

    @pages.get("/sign-in", permission=PUBLIC)
    def sign_in_page(request: AnyRequest) -> Response[Any]:
        return pages.public(
            request, "desk/sign_in.html", next=local_address(request.query_params.get("next", "/"))
        )

    @pages.get("/password", permission=SIGNED_IN)
    def password_page(request: AnyRequest) -> Response[Any]:
        return pages.public(
            request, "desk/password.html", next=local_address(request.query_params.get("next", "/"))
        )

    @pages.get("/reset-password", permission=PUBLIC)
    def reset_page(request: AnyRequest) -> Response[Any]:
        return pages.public(request, "desk/reset.html")

    return [sign_in_page, password_page, reset_page]


def local_address(text: str) -> str:
    """Return an address of our own site; anything that could lead elsewhere becomes the first page."""
    plain = text.replace("\\", "/")
    if not plain.startswith("/") or plain.startswith("//") or any(ord(c) < 32 for c in plain):
        return "/"
    return plain
