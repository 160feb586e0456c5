"""Pages for people without an account: one quiet layout for every plugin, without scripts, cookies or other files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from litestar import Response

from retinue.web.answers import web_page

_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
"""The address of such a page is a key: it is kept nowhere, told nobody and found by no search."""


def choose_language(accepted: str, spoken: Collection[str], otherwise: str = "en") -> str:
    """Return the language of `spoken` that a browser's Accept-Language likes best, `otherwise` where it likes none.

    Args:
        accepted: the header as it came, such as ``cs, en;q=0.8``; empty where there was none.
        spoken: languages without a country, such as ``{"en", "cs"}``.
        otherwise: what is spoken with everybody else.

    Source: RFC 9110, section 12.5.4: the higher quality first, in order where it is equal; quality 0 is refused.
    """
    liked = sorted((_liked(part) for part in accepted.split(",")), key=lambda found: -found[0])
    return next((language for quality, language in liked if quality > 0 and language in spoken), otherwise)


def _liked(part: str) -> tuple[float, str]:
    named, _, weight = part.partition(";")
    try:
        quality = float(weight.partition("q=")[2] or 1)
    except ValueError:
        quality = 0.0
    return quality, named.strip().partition("-")[0].lower()


def public_page(
    content: str,
    *,
    title: str,
    language: str,
    sender: str = "",
    reach: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    frames: Collection[str] = (),
) -> Response[Any]:
    """Return the response that shows `content` on the layout of pages for people without an account.

    The page brings its style along, so that one request shows it, and lets nothing else run or load. It is neither kept
    by the browser nor told to others, since its address is a key.

    Args:
        content: HTML of the page below the name of the sender; what people wrote must be escaped in it. It begins with
            an ``h1``. Forms send to this installation only.
        title: what the window is called, plain text.
        language: the language of `content`, such as ``cs``.
        sender: who asks or writes, plain text; it stands above the content.
        reach: how the sender is reached, plain text; it stands below.
        status: of the answer.
        headers: further headers, which go before those of the layout.
        frames: sites, such as ``https://www.example.org``, whose pages may show this one within them; none otherwise.
    """
    style, policy = _style()
    policy += f"; frame-ancestors {' '.join(frames) or _NOBODY}"
    above = f'<p class="who" dir="auto">{escape(sender)}</p>\n' if sender else ""
    below = f'\n<p class="reach" dir="auto">{escape(reach)}</p>' if reach else ""
    html = (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="robots" content="noindex">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{style}</style>\n</head>\n'
        f"<body>\n<main>\n{above}{content}{below}\n</main>\n</body>\n</html>\n"
    )
    return web_page(html, status=status, headers={**_HEADERS, **(headers or {})}, policy=policy)


_NOBODY: Final = "'none'"


@cache
def _style() -> tuple[str, str]:
    """Return the style, and the policy that lets this style in, known by its digest, and no other."""
    style = (files("retinue.web") / "public.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'"
    )
    return style, policy
