"""What may be enqueued: a payload of ids as JSON, a key that is not empty, a name of the right shape."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

from retinue.errors import Invalid, Problem, TooLarge
from retinue.jobs.spec import NAME

KEY_LENGTH: Final = 200
DEPTH: Final = 20


def check_name(name: str, known: Iterable[str]) -> None:
    """Refuse a name of the wrong shape, and an unknown one whose plugin is here: that is a typing error.

    A name of a plugin that is not here is let through: the job is parked until the plugin returns.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > 100:
        raise Invalid(
            f"{name!r} is no job name.", remedy="A job is named `plugin.verb_noun`.", code="job-name"
        )
    names = list(known)
    plugin = name.split(".")[0]
    if name not in names and any(other.startswith(f"{plugin}.") for other in names):
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "Declare it in register_jobs."
        raise Invalid(f"Plugin {plugin!r} has no job {name!r}.", remedy=remedy, code="job-name")


def check_key(key: str) -> str:
    """Refuse a key that is empty, blank, too long or unprintable: such keys make jobs run again and again."""
    if not isinstance(key, str) or not key.strip():
        raise Invalid("The job's key is empty.", remedy="Leave it out, or name the deed.", code="job-key")
    if len(key) > KEY_LENGTH or key != key.strip() or not key.isprintable():
        raise Invalid(
            f"A job's key is printable text of at most {KEY_LENGTH} characters without blanks around it.",
            code="job-key",
        )
    return key


def check_delay(delay: float) -> float:
    """Refuse a delay that is negative, endless or above a year."""
    if not isinstance(delay, int | float) or not math.isfinite(delay) or not 0 <= delay <= 366 * 86400:
        raise Invalid(f"A delay is from 0 to a year, in seconds, not {delay!r}.", code="job-delay")
    return float(delay)


def check_payload(payload: Any, limit: int) -> dict[str, Any]:
    """Return `payload` as the handler will get it; refuses what is not JSON or above `limit` bytes."""
    if not isinstance(payload, dict):
        raise Invalid(f"A job's payload is a dict, not {type(payload).__name__}.", code="job-payload")
    problems = list(_complaints(payload, "", 0))
    if problems:
        raise Invalid(
            "The job's payload is not JSON.",
            problems=problems,
            remedy="Put ids as text and numbers into it; the handler reads the rest from the store.",
            code="job-payload",
        )
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
    size = len(text.encode())
    if size > limit:
        raise TooLarge(
            f"The job's payload has {size:,} bytes; the limit is {limit:,}.",
            remedy="A payload carries ids. Keep the data in a row and enqueue the row's id.",
            code="job-payload",
        )
    result: dict[str, Any] = json.loads(text)
    return result


def _complaints(value: Any, pointer: str, depth: int) -> Iterator[Problem]:
    """Yield a problem for every place that cannot be stored as JSON on both databases."""
    if depth > DEPTH:
        yield Problem(pointer, f"is nested deeper than {DEPTH} levels")
    elif value is None or isinstance(value, bool | int):
        return
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Problem(pointer, f"{value} is not a JSON number")
    elif isinstance(value, str):
        if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            yield Problem(pointer, "holds a NUL or half a surrogate pair")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _complaints(item, f"{pointer}/{number}", depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                yield Problem(pointer, f"has a key of type {type(name).__name__}; keys are text")
            else:
                yield from _complaints(name, pointer, depth + 1)
                yield from _complaints(item, f"{pointer}/{name}", depth + 1)
    else:
        hint = "; write str(id)" if type(value).__name__ == "UUID" else ""
        yield Problem(pointer, f"is a {type(value).__name__}, which JSON does not have{hint}")
