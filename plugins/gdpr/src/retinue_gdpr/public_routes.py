"""The public pages below ``/privacy``: plain HTML forms without scripts, by signed links alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from litestar import Request, Response

from retinue import Store
from retinue.errors import Invalid, RetinueError
from retinue.web import (
    PUBLIC,
    Download,
    RequestParts,
    choose_language,
    get,
    post,
    public_page,
    read_link,
)
from retinue_gdpr import preferences
from retinue_gdpr.copying import build_copy
from retinue_gdpr.duty_models import KINDS
from retinue_gdpr.words import LANGUAGES, words_in

AnyRequest = Request[Any, Any, Any]
_MAX: Final = 50


@lru_cache(maxsize=1)
def _templates() -> Environment:
    loader = PackageLoader("retinue_gdpr", "templates")
    return Environment(
        loader=loader, autoescape=select_autoescape(default=True), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def _show(
    request: AnyRequest, store: Store | None, template: str, *, status: int = 200, **values: Any
) -> Response[Any]:
    """Render a page under the name of who is responsible; a fault knows no store and stands without it."""
    language = choose_language(request.headers.get("accept-language", ""), LANGUAGES)
    settings = store.settings("gdpr") if store else {}
    shown = (
        _templates()
        .get_template(template)
        .make_module({"_": words_in(language), "path": request.url.path, **values})
    )
    sender = settings.get("controller", "")
    return public_page(
        str(shown),
        title=vars(shown)["title"],
        language=language,
        sender="" if sender == "The controller" else sender,
        reach=settings.get("controller_contact", ""),
        status=status,
    )


def _fault(request: AnyRequest, error: RetinueError) -> Response[Any]:
    return _show(request, None, "public_fault.html", status=error.status, error=error)


def _page(method: Callable[..., Any], path: str) -> Callable[[Any], Any]:
    faults: dict[Any, Any] = {RetinueError: _fault}
    made: Callable[[Any], Any] = method(
        path, permission=PUBLIC, status=200, include_in_schema=False, exception_handlers=faults
    )
    return made


def _fields(raw: bytes) -> dict[str, list[str]]:
    return parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX)


def _one(sent: Mapping[str, list[str]], name: str) -> str:
    return sent.get(name, [""])[0].strip()


def _origin(request: AnyRequest) -> dict[str, str]:
    edge = request.app.state["edge"]
    return {
        "address": RequestParts.of(request, edge.settings).address,
        "agent": request.headers.get("user-agent", ""),
    }


@_page(get, "/preferences/{token:str}")
def preferences_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Show the preference centre."""
    return _show(
        request, store, "public_preferences.html", saved=None, **preferences.show_preferences(store, token)
    )


@_page(post, "/preferences/{token:str}")
def save_preferences_page(store: Store, request: AnyRequest, token: str, raw: bytes) -> Response[Any]:
    """Save what was ticked, or withdraw all."""
    sent = _fields(raw)
    if "none" in sent:
        changed = preferences.withdraw_everything(store, token)
    else:
        wanted = {(k, c) for k, _, c in (entry.partition(":") for entry in sent.get("want", []))}
        changed = preferences.save_preferences(store, token, wanted, **_origin(request))["changed"]
    shown = preferences.show_preferences(store, token)
    return _show(request, store, "public_preferences.html", saved=changed, **shown)


@_page(get, "/form/{token:str}")
def form_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Show a consent form, nothing ticked."""
    shown = preferences.show_form(store, token)
    return _show(request, store, "public_form.html", problems=(), sent={}, done=None, **shown)


@_page(post, "/form/{token:str}")
def submit_form_page(store: Store, request: AnyRequest, token: str, raw: bytes) -> Response[Any]:
    """Take a consent form in; what is missing is named beside it, with status 422."""
    sent, shown = _fields(raw), preferences.show_form(store, token)
    answers = {
        "terms": _one(sent, "terms"), "email": _one(sent, "email"), "name": _one(sent, "name"),
        "purposes": sent.get("purpose", []),
    }  # fmt: skip
    try:
        done = preferences.submit_form(store, token, answers, **_origin(request))
    except Invalid as wrong:
        return _show(
            request,
            store,
            "public_form.html",
            status=422,
            problems=wrong.problems,
            sent=answers,
            done=None,
            **shown,
        )
    return _show(request, store, "public_form.html", problems=(), sent=answers, done=done, **shown)


@_page(get, "/request/{token:str}")
def request_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Show the form by which people ask for their rights."""
    known = read_link(store, preferences.ASK, token).subject != preferences.ANYBODY
    return _show(
        request, store, "public_request.html", known=known, kinds=KINDS, problems=(), sent={}, done=None
    )


@_page(post, "/request/{token:str}")
def submit_request_page(store: Store, request: AnyRequest, token: str, raw: bytes) -> Response[Any]:
    """Take a request in."""
    known = read_link(store, preferences.ASK, token).subject != preferences.ANYBODY
    sent = {name: _one(_fields(raw), name) for name in ("kind", "email", "message")}
    values: dict[str, Any] = {"known": known, "kinds": KINDS, "sent": sent}
    try:
        done = preferences.submit_request(store, token, sent)
    except Invalid as wrong:
        return _show(
            request, store, "public_request.html", status=422, problems=wrong.problems, done=None, **values
        )
    return _show(request, store, "public_request.html", problems=(), done=done, **values)


@_page(get, "/confirm/{token:str}")
def confirm_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Ask for a press: a mail program that opens links ahead must not confirm."""
    read_link(store, preferences.CONFIRM, token)
    return _show(request, store, "public_confirm.html", done=None)


@_page(post, "/confirm/{token:str}")
def do_confirm_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Confirm a request."""
    return _show(request, store, "public_confirm.html", done=preferences.confirm_request(store, token))


@_page(get, "/copy/{token:str}")
def copy_page(store: Store, request: AnyRequest, token: str) -> Response[Any]:
    """Offer the copy of one's data."""
    link = preferences.open_copy(store, token)
    return _show(request, store, "public_copy.html", until=link.until)


@post(
    "/copy/{token:str}", permission=PUBLIC, status=200, include_in_schema=False,
    exception_handlers={RetinueError: _fault},
)  # fmt: skip
def fetch_copy(store: Store, token: str) -> Download:
    """Send the copy as a ZIP; it is made now and kept nowhere."""
    link = preferences.open_copy(store, token, uses=True)
    return Download(build_copy(store.legal("copy link"), link.subject), "my-data.zip", "application/zip")


PAGES = [
    preferences_page, save_preferences_page, form_page, submit_form_page, request_page, submit_request_page,
    confirm_page, do_confirm_page, copy_page, fetch_copy,
]  # fmt: skip
