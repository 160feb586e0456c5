"""Cells that a spreadsheet program would run as a formula, made safe without losing a character.

A dangerous text gets one apostrophe in front, the sign by which spreadsheet programs themselves mark text.
A text that already looks like a guarded one gets one more, so that taking one off always gives back the
original.
"""

from __future__ import annotations

import re

_SIGNS = "=+\\-@\t\r\n|%＝＋－＠﹦﹢﹣−"
_DANGER = re.compile(f"'*[\\s\ufeff\u200b\x00-\x1f]*[{_SIGNS}]")
_GUARDED = re.compile(f"'(?='*[\\s\ufeff\u200b\x00-\x1f]*[{_SIGNS}])")


def guard(text: str) -> str:
    """The text as it may stand in a CSV cell; anything that cannot start a formula stays as it is."""
    return "'" + text if _DANGER.match(text) else text


def unguard(text: str) -> str:
    """The text before `guard`; other apostrophes (``'t Hof``) stay."""
    return text[1:] if text[:1] == "'" and _GUARDED.match(text) else text
