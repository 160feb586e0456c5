"""Around every application: proxies, hosts, https, HEAD, and security headers on every answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import quote

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from retinue.errors import RetinueError
from retinue.web.edge import EXTRA_HEADERS
from retinue.web.problems import PROBLEM_JSON, Misdirected, document, encode
from retinue.web.requests import client_address, is_trusted
from retinue.web.settings import WebSettings

Headers = list[tuple[bytes, bytes]]

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Paths asked by machines that know neither our name nor https."""

_DEFAULTS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
    (b"cache-control", b"no-store"),
)
_PATH_SAFE: Final = "/:@!$&'()*+,;=~-._"
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")


class Hardened:
    """An ASGI application inside; outside only what passed, and nothing without its headers.

    A header that the application sets itself (a page's own policy, a static file's caching) is left alone.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self.app, self._settings = app, settings
        self._defaults = (*_DEFAULTS, *((_HSTS,) if settings.https else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        outer = cast(dict[str, Any], scope)
        if outer["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = _read(outer)
        inner = self._judged(outer, headers)
        extra: list[tuple[str, str]] = []
        inner[EXTRA_HEADERS] = extra
        sender = self._sender(send, extra, bodyless=outer["method"] == "HEAD")
        refusal = self._refusal(inner, headers)
        if refusal is not None:
            await _refuse(refusal, sender)
        else:
            await self.app(cast(Scope, inner), receive, sender)

    def _judged(self, scope: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        """Return the scope with the true client and scheme, and HEAD as the GET it stands for."""
        inner = dict(scope)
        client, trusted = scope.get("client"), self._settings.trusted_proxies
        peer = client[0] if client else None
        if is_trusted(peer, trusted):
            forwarded = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
            inner["scheme"] = forwarded if forwarded in ("http", "https") else scope["scheme"]
        inner["client"] = (
            client_address(peer, headers.get("x-forwarded-for"), trusted),
            client[1] if client else 0,
        )
        if scope["method"] == "HEAD":
            inner["method"] = "GET"
        return inner

    def _refusal(self, scope: dict[str, Any], headers: dict[str, str]) -> RetinueError | str | None:
        """Return the error, or the https address to go to, if the request may not pass."""
        if scope["path"] in PROBES:
            return None
        hosts, host = self._settings.allowed_hosts, _host(headers.get("host", ""))
        if hosts and host not in hosts:
            return Misdirected(
                "This host name is not answered here.",
                remedy="Name it in server.base_url or server.allowed_hosts.",
            )
        if self._settings.require_https and scope["scheme"] != "https":
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            return self._settings.origin + quote(scope["path"], safe=_PATH_SAFE) + query
        return None

    def _sender(self, send: Send, extra: list[tuple[str, str]], *, bodyless: bool) -> Send:
        """Return a `send` that adds our headers, and drops the body of an answer to HEAD."""

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                present: Headers = list(message.get("headers", ()))
                present += [
                    (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in extra
                ]
                names = {name.lower() for name, _ in present}
                present += [header for header in self._defaults if header[0] not in names]
                message["headers"] = present
            elif bodyless and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        return sender


def _read(scope: dict[str, Any]) -> dict[str, str]:
    """Return the headers we judge by; repeated ones are joined as the standard says."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]},{text}" if name in found else text
    return found


def _host(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


async def _refuse(refusal: RetinueError | str, send: Callable[[Any], Any]) -> None:
    """Send a redirect to https, or a problem document."""
    if isinstance(refusal, str):
        status, body, headers = 308, b"", [(b"location", refusal.encode("latin-1", "ignore"))]
    else:
        status, body = refusal.status, encode(document(refusal))
        headers = [(b"content-type", PROBLEM_JSON.encode())]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
