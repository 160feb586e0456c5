"""Sealed values that were changed, cut, moved or swapped do not open; no nonce comes twice (B2, B5)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from goal_kit import Goal

from retinue.errors import Misconfigured, Unavailable
from retinue.storage import MasterKeys, new_id
from retinue.storage.sealing import open_row, seal_row

TABLES = ("contact", "interaction", "audit_entry")


@dataclass(frozen=True)
class Sealed:
    """A blob in its place."""

    table: str
    row: UUID
    subject: UUID
    key: AESGCM
    blob: bytes

    def opens(self, blob: bytes) -> bool:
        """Say whether `blob` is accepted in this place."""
        try:
            open_row(self.key, blob, self.table, (self.row, self.subject))
        except Unavailable:
            return False
        return True


def _sealed(count: int, source: random.Random) -> list[Sealed]:
    made, key, subject = [], AESGCM(AESGCM.generate_key(256)), new_id()
    for number in range(count):
        if number % 5 == 0:  # five rows of each subject, so that moves inside one person are tried too
            key, subject = AESGCM(AESGCM.generate_key(256)), new_id()
        table, row = TABLES[number % 3], new_id()
        values = {"emails": [{"value": f"{source.random()}@x.cz"}], "note": "x" * source.randrange(80)}
        made.append(Sealed(table, row, subject, key, seal_row(key, values, table, (row, subject))))
    return made


def _flip(blob: bytes, _other: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(blob) * 8)
    changed = bytearray(blob)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def _cut(blob: bytes, _other: bytes, source: random.Random) -> bytes:
    return blob[: source.randrange(len(blob))]


def _lengthen(blob: bytes, other: bytes, source: random.Random) -> bytes:
    return blob + other[: 1 + source.randrange(len(other))]


def _move(_blob: bytes, other: bytes, _source: random.Random) -> bytes:
    return other


def _splice(blob: bytes, other: bytes, source: random.Random) -> bytes:
    place = source.randrange(1, min(len(blob), len(other)))
    return blob[:place] + other[place:]


def _swap_nonce(blob: bytes, other: bytes, _source: random.Random) -> bytes:
    return blob[:1] + other[1:13] + blob[13:]


def _drop(blob: bytes, _other: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(blob))
    return blob[:place] + blob[place + 1 :]


WAYS: tuple[Callable[[bytes, bytes, random.Random], bytes], ...] = (
    _flip, _cut, _lengthen, _move, _splice, _swap_nonce, _drop,
)  # fmt: skip


@pytest.mark.goal("crypt-tamper")
def test_no_manipulated_blob_opens(goal: Goal) -> None:
    """B2: bit flips, cuts, additions, moves, splices, swapped nonces, over three tables and many subjects: 0 open."""
    source, accepted, tried = random.Random(4711), [], 0
    places = _sealed(120, source)
    for place in places:
        assert place.opens(place.blob)
    while tried < goal.size(7_000, 100_000):
        place, other = source.sample(places, 2)
        way = WAYS[tried % len(WAYS)]
        forged = way(place.blob, other.blob, source)
        tried += 1
        if forged != place.blob and place.opens(forged):
            accepted.append(f"{way.__name__} in {place.table}")
    goal.none_of(f"manipulations of sealed values that open, of {tried:,}", accepted)


@pytest.mark.goal("crypt-tamper")
def test_no_manipulated_data_key_opens(goal: Goal) -> None:
    """B2: a wrapped data key that was changed, cut, or given to another subject or master version is refused."""
    source, accepted, tried = random.Random(4712), [], 0
    masters = MasterKeys.generate().with_next()
    wrapped = {new_id(): bytes(source.randbytes(32)) for _ in range(40)}
    stored = {subject: masters.wrap(subject, raw) for subject, raw in wrapped.items()}
    subjects = list(stored)
    while tried < goal.size(2_000, 20_000):
        mine, other = source.sample(subjects, 2)
        way = WAYS[tried % len(WAYS)]
        forged, version = way(stored[mine][0], stored[other][0], source), source.choice((1, 2))
        tried += 1
        if forged != stored[mine][0] and _unwraps(masters, mine, forged, version):
            accepted.append(way.__name__)
        if _unwraps(masters, mine, stored[mine][0], 1):
            accepted.append("a key of version 2 opened under version 1")
    goal.none_of(f"manipulations of data keys that open, of {tried:,}", accepted)


def _unwraps(masters: MasterKeys, subject: UUID, wrapped: bytes, version: int) -> bool:
    try:
        masters.unwrap(subject, wrapped, version)
    except Misconfigured:
        return False
    return True


@pytest.mark.goal("crypt-nonce")
def test_no_nonce_comes_twice(goal: Goal) -> None:
    """B5: under one key, by the function that seals every row: 0 repeated nonces."""
    count, key = goal.size(100_000, 10_000_000), AESGCM(AESGCM.generate_key(256))
    ids: Any = (new_id(), new_id())
    buckets: list[bytearray] = [bytearray() for _ in range(256)]
    for _ in range(count):
        nonce = seal_row(key, {}, "contact", ids)[1:13]
        buckets[nonce[0]] += nonce
    repeated = sum(_repeated(bucket) for bucket in buckets)
    goal.at_most(f"repeated (key, nonce), of {count:,}", repeated, 0)


def _repeated(bucket: bytearray) -> int:
    nonces = [bytes(bucket[at : at + 12]) for at in range(0, len(bucket), 12)]
    return len(nonces) - len(set(nonces))
