"""The public pages below ``/letters``: unsubscribing by a signed link, without scripts, cookies or an account."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Request, Response

from retinue import Store
from retinue.errors import RetinueError
from retinue.web import PUBLIC, choose_language, get, post, public_page
from retinue_email import leaving
from retinue_email.wording import LANGUAGES, words_in

AnyRequest = Request[Any, Any, Any]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    loader = PackageLoader("retinue_email", "templates")
    return Environment(loader=loader, autoescape=select_autoescape(default=True), undefined=StrictUndefined)


def _show(request: AnyRequest, *, status: int = 200, **values: Any) -> Response[Any]:
    language = choose_language(request.headers.get("accept-language", ""), LANGUAGES)
    words = {"_": words_in(language).gettext, "path": request.url.path, **values}
    shown = _templates().get_template("public_leave.html").make_module(words)
    company = values["about"].company if values["about"] else ""
    return public_page(
        str(shown), title=vars(shown)["title"], language=language, sender=company, status=status
    )


def _fault(request: AnyRequest, error: RetinueError) -> Response[Any]:
    return _show(request, status=error.status, about=None, state="fault")


def _page(method: Callable[..., Any], path: str) -> Callable[[Any], Any]:
    faults: dict[Any, Any] = {RetinueError: _fault}
    made: Callable[[Any], Any] = method(
        path, permission=PUBLIC, status=200, include_in_schema=False, exception_handlers=faults
    )
    return made


@_page(get, "/unsubscribe/{token:str}")
def unsubscribe_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Ask whether to unsubscribe; a look changes nothing, for programs look at every link of a letter."""
    return _show(request, about=leaving.read_leaving(store, token), state="ask")


@_page(post, "/unsubscribe/{token:str}")
def unsubscribe(store: Store, request: AnyRequest, token: str, raw: bytes) -> Response[Any]:
    """Unsubscribe, by the button of the page or by one click in a mail program (RFC 8058)."""
    one_click = b"List-Unsubscribe=One-Click" in raw
    about = leaving.leave(store, token, "one click" if one_click else "page")
    return _show(request, about=about, state="done")


PAGES = [unsubscribe_page, unsubscribe]
