"""One layout for people without an account: it stands alone, lets nothing in, and is kept nowhere."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.web import choose_language, public_page

SPOKEN = ("en", "cs", "de")


class _Loads(HTMLParser):
    """What a page asks for beside itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v for k, v in attrs if v and (k == "src" or (k == "href" and tag == "link"))]


def page(**words: Any) -> Any:
    return public_page("<h1>Hello</h1>", **{"title": "Hello", "language": "cs", **words})


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("cs", "cs"),
        ("cs-CZ,de;q=0.9", "cs"),
        ("fr, de;q=0.3, cs;q=0.8", "cs"),
        ("DE-at", "de"),
        ("de;q=0, en;q=0.1", "en"),
        ("cs;q=nonsense, de;q=0.2", "de"),
        ("fr", "en"),
        ("*", "en"),
        ("", "en"),
    ],
)
def test_language_is_the_one_the_browser_likes_best(accepted: str, expected: str) -> None:
    assert choose_language(accepted, SPOKEN) == expected


@given(st.text())
def test_any_header_gives_a_language_that_is_spoken(accepted: str) -> None:
    assert choose_language(accepted, SPOKEN, "de") in SPOKEN


def test_page_stands_alone_under_a_policy_that_lets_its_own_style_in_and_nothing_else() -> None:
    answer = page()
    policy, html = answer.headers["Content-Security-Policy"], answer.content
    style = re.search(r"<style>(.*)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    loads = _Loads()
    loads.feed(html)
    assert loads.found == ["data:,"]


def test_page_is_neither_kept_nor_told_to_others() -> None:
    headers = page(headers={"X-Own": "1", "Cache-Control": "private"}).headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Robots-Tag"] == "noindex"
    assert (headers["X-Own"], headers["Cache-Control"]) == ("1", "private"), "a page may say otherwise"
    assert page().headers["Cache-Control"] == "no-store"


def test_what_people_wrote_around_the_content_is_escaped() -> None:
    spoilt = '"><script>alert(1)</script>'
    html = page(title=spoilt, sender=spoilt, reach=spoilt, language=spoilt).content
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 4


def test_names_that_are_not_given_leave_no_empty_lines_of_the_layout() -> None:
    assert 'class="who"' not in page().content
    assert 'class="reach"' not in page().content
    assert page(status=404).status_code == 404
