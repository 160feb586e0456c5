"""What a request says about itself: who sends it, from where, over what, and whether a foreign page made it.

`client_address` here is the one that counts; every room takes the address from the actor or from
`RequestParts`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from litestar import Request

from retinue.errors import Denied
from retinue.web.settings import Network, WebSettings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_SITE: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class RequestParts:
    """What `authenticate` may look at: never the body.

    `bearer` is the credential of an ``Authorization: Bearer`` header, `session` the value of our cookie,
    `address` the client's own, behind trusted proxies only.
    """

    method: str
    path: str
    address: str
    bearer: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    user_agent: str = ""
    languages: str = ""
    secure: bool = False
    csrf: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, request: Request[Any, Any, Any], settings: WebSettings) -> RequestParts:
        """Return the parts of `request`; address and scheme are those the hardening judged."""
        headers, client = request.headers, request.scope.get("client")
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        return cls(
            method=request.method,
            path=request.scope["path"],
            address=client[0] if client else "",
            bearer=credential.strip() or None if scheme.lower() == "bearer" else None,
            session=request.cookies.get(cookie_name(settings)) or None,
            user_agent=headers.get("user-agent", "")[:400],
            languages=headers.get("accept-language", "")[:200],
            secure=request.scope["scheme"] == "https",
            csrf=headers.get("x-csrf-token"),
            cookies=request.cookies,
        )


def client_address(peer: str | None, forwarded_for: str | None, trusted: Iterable[Network]) -> str:
    """Return the client's address: the socket's, or what trusted proxies say, counted from the right.

    Each hop is believed only if the one that reported it is a trusted proxy; the first that is not is the
    client. A client can therefore write any X-Forwarded-For it likes. An unreadable hop ends the walk.
    """
    trusted = tuple(trusted)
    address = _address(peer or "")
    if address is None:
        return peer or ""
    for hop in reversed((forwarded_for or "").split(",")):
        if not any(address in network for network in trusted):
            break
        reported = _address(hop.strip())
        if reported is None:
            break
        address = reported
    return str(address)


@lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address in `text`, which may carry a port, brackets or a zone."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_trusted(peer: str | None, trusted: Iterable[Network]) -> bool:
    """Say whether the socket's other end is a proxy whose headers are believed."""
    address = _address(peer or "")
    return address is not None and any(address in network for network in trusted)


def check_same_origin(
    method: str, headers: Mapping[str, str], settings: WebSettings, *, has_session: bool
) -> None:
    """Refuse an unsafe request that a foreign page made with our cookie (CSRF).

    ``Sec-Fetch-Site`` decides where the browser sends it, else Origin must be ours. A request with neither
    and without a session is no browser's; with a session it is refused.
    """
    if method in SAFE_METHODS:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        allowed = site.lower() in _SAME_SITE
    elif origin is not None:
        allowed = origin.lower() == settings.origin
    else:
        allowed = not has_session
    if not allowed:
        raise Denied(
            "The request comes from another site.",
            code="cross-site",
            remedy=f"Send it from a page of {settings.origin}, or use an API token instead of the cookie.",
        )


def cookie_name(settings: WebSettings) -> str:
    """Return the session cookie's name; its prefix makes browsers enforce Secure, our host and path /."""
    return "__Host-retinue" if settings.https else "retinue"


def session_cookie(settings: WebSettings, value: str, *, max_age: int | None = None) -> str:
    """Return the ``Set-Cookie`` header of a session; an empty value ends it."""
    parts = [f"{cookie_name(settings)}={value}", "Path=/", "HttpOnly", "SameSite=Lax"]
    if settings.https:
        parts.append("Secure")
    if not value:
        max_age = 0
    if max_age is not None:
        parts.append(f"Max-Age={max_age}")
    return "; ".join(parts)
