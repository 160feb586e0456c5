"""Passwords: what a new one must be, how it is kept, and how its check takes the same time for everybody.

No rules of composition, no forced change, no hints. Text is brought to NFKC before it is measured and
hashed, so the same keys on another keyboard make the same password.
"""

from __future__ import annotations

import base64
import functools
import secrets
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from argon2.low_level import Type

from retinue.access.common_words import PHRASES, RUNS, WORDS
from retinue.access.rules import AccessRules, HashCost
from retinue.errors import Problem, Unavailable

_LEET = str.maketrans("@401!3$57", "aaoiiesst")
_WORD = 4
_RUN = 4


class Hasher:
    """Makes and checks argon2id hashes, at most `cost.parallel` at once in this process.

    One hash holds 64 MiB: without the bound, a flood of sign-ins would be a way to exhaust the memory.
    """

    def __init__(self, cost: HashCost) -> None:
        self.cost = cost
        self._argon = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes, type=Type.ID)
        self._room = threading.BoundedSemaphore(cost.parallel)
        self._dummy = self._made_up()

    def hash(self, password: str) -> str:
        """Return the hash of `password`, with its parameters and salt."""
        with self._turn():
            return self._argon.hash(normalise(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Say whether `password` belongs to `stored`; without a stored hash it takes as long and is false."""
        with self._turn():
            try:
                self._argon.verify(stored or self._dummy, normalise(password))
            except VerifyMismatchError:
                return False
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def is_weaker(self, stored: str) -> bool:
        """Say whether `stored` was made with other parameters than today's, so that it is time to hash
        again.
        """
        return self._argon.check_needs_rehash(stored)

    def _made_up(self) -> str:
        """Return a hash no password belongs to; checking it costs what checking a real one does."""
        salt, value = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
        cost = self.cost
        return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${value}"

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(timeout=self.cost.wait):
            raise Unavailable(
                "Too many people are signing in at this moment.",
                remedy="Try again in a few seconds.",
                headers={"Retry-After": "5"},
            )
        try:
            yield
        finally:
            self._room.release()


@functools.lru_cache(maxsize=16)
def hasher_of(cost: HashCost) -> Hasher:
    """Return the hasher of this process for `cost`: one, however often the house is built anew."""
    return Hasher(cost)


def normalise(password: str) -> str:
    """Return the form of a password that is measured, compared and hashed."""
    return unicodedata.normalize("NFKC", password)


def password_problems(
    password: str, rules: AccessRules, *, words: Iterable[str] = (), second_factor: bool = False
) -> list[Problem]:
    """Return what is wrong with a new password: length, common, context.

    `words` are the account's own: login, name, address.
    """
    text = normalise(password)
    least = rules.password_min_with_totp if second_factor else rules.password_min
    if len(text) < least:
        return [_problem("length", f"A password needs at least {least} characters.")]
    if len(text) > rules.password_max:
        return [_problem("length", f"A password has at most {rules.password_max} characters.")]
    own = (least + 1) // 2  # so many characters must be neither known words nor names nor runs of keys
    if _is_common(text, own):
        return [_problem("common", "This password is one of the first that are guessed.")]
    if _left_of(_without_runs(text.casefold()), _context(words, rules)) < own:
        return [_problem("context", "This password is made of names that belong to you or to this place.")]
    return []


def is_reused(hasher: Hasher, password: str, hashes: Iterable[str]) -> bool:
    """Say whether `password` belongs to one of the earlier `hashes`."""
    found = [hasher.verify(stored, password) for stored in hashes]  # all of them: no early answer
    return any(found)


def reuse_problem(history: int) -> Problem:
    """Return the complaint about a password that was used before."""
    return _problem("reused", f"This is one of your last {history} passwords.")


def _problem(rule: str, detail: str) -> Problem:
    return Problem("/password", detail, rule)


def _is_common(text: str, own: int) -> bool:
    """Say whether fewer than `own` characters are left without the words, phrases and runs everybody
    knows.
    """
    folded = text.casefold()
    if len(set(folded)) < _WORD or _plain(folded) in PHRASES:
        return True
    bare = _without_runs(folded)
    return any(_left_of(form, WORDS) < own for form in (bare, bare.translate(_LEET)))


def _context(words: Iterable[str], rules: AccessRules) -> set[str]:
    """Return the parts of the names that belong to the account and the place, without the ones too short."""
    parts: set[str] = set()
    for word in (*words, *rules.context_words):
        folded = normalise(word).casefold()
        pieces = "".join(letter if letter.isalnum() else " " for letter in folded).split()
        parts.update({piece for piece in pieces if len(piece) >= _WORD} | {_plain(folded)})
    return {part for part in parts if len(part) >= _WORD}


def _left_of(text: str, words: Iterable[str]) -> int:
    """Return how many letters and digits are left of `text` when the `words` are taken out."""
    left = text.casefold()
    for word in sorted(words, key=lambda word: (-len(word), word)):
        left = left.replace(word, " ")
    return len(_plain(left))


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())


def _without_runs(text: str) -> str:
    """Return `text` without stretches of four and more keys that lie in a row, forwards or backwards."""
    kept, start = [], 0
    while start < len(text):
        end = start + 1
        while end < len(text) and _is_run(text[start : end + 1]):
            end += 1
        if end - start < _RUN:
            kept.append(text[start])
            end = start + 1
        start = end
    return "".join(kept)


def _is_run(piece: str) -> bool:
    return len(set(piece)) == 1 or any(piece in run or piece[::-1] in run for run in RUNS)
