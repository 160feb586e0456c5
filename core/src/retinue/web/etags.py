"""Strong ETags from the row's version, and what If-Match says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from retinue.errors import BadRequest, Conflict, PreconditionRequired, Stale

NO_VERSION: Final = -1
"""A version no row has: an If-Match that cannot match becomes this, so that the service refuses it."""

_TAG: Final = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')
_OURS: Final = re.compile(r"v(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Expected:
    """The version a writer has seen, and where it said so."""

    version: int | None
    source: Literal["header", "body", "none"]


def etag_of(row: Any) -> str | None:
    """Return the strong ETag of `row` (an object or dict with a version), None if it has no version."""
    version = row.get("version") if isinstance(row, dict) else getattr(row, "version", None)
    return f'"v{version}"' if isinstance(version, int) else None


def parse_if_match(header: str) -> int | None:
    """Return the version that If-Match asks for: None for ``*``, NO_VERSION for a tag that is none of ours.

    A weak tag never matches (RFC 9110, 13.1.1): If-Match compares strongly.
    """
    if header.strip() == "*":
        return None
    tags = _TAG.findall(header)
    if not tags or not re.fullmatch(f"{_TAG.pattern}(,{_TAG.pattern})*", header):
        raise BadRequest(
            "If-Match is not an entity tag.", remedy='Send the ETag of the answer as it was: "v3".'
        )
    ours = {NO_VERSION if weak else _version(tag) for weak, tag in tags}
    if len(ours - {NO_VERSION}) > 1:
        raise BadRequest("If-Match names several versions.", remedy="Send the one ETag you have read.")
    return max(ours)


def _version(tag: str) -> int:
    match = _OURS.fullmatch(tag)
    return int(match[1]) if match else NO_VERSION


def expected_version(if_match: str | None, in_body: int | None, *, required: bool) -> Expected:
    """Return what the writer expects; PreconditionRequired (428) if it says nothing and `required` is on."""
    if if_match is not None:
        return Expected(parse_if_match(if_match), "header")
    if in_body is not None:
        return Expected(in_body, "body")
    if required:
        raise PreconditionRequired(
            "This change needs the version you have read.",
            remedy="Send the ETag of your last answer as If-Match, or its version in the body.",
        )
    return Expected(None, "none")


def as_answered(error: Stale, expected: Expected) -> Stale | Conflict:
    """Return `error` under the status its writer expects: 412 to If-Match, 409 to a version in the body."""
    if expected.source == "body":
        return Conflict(
            error.detail, code=error.code, remedy=error.remedy, problems=error.problems, extra=error.extra
        )
    return error
