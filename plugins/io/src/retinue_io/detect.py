"""Duplicates: pairs of contacts that are probably one person, with a score and the reasons in words.

Only contacts that share a blocking key are compared, so the work grows with the number of contacts and not
with its square. The score adds up evidence for and against, each field weighted by how seldom it agrees by
chance.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import exp
from typing import NamedTuple

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from rapidfuzz.fuzz import ratio

from retinue_io.fingerprints import Fingerprint, blocks, pack, unpack
from retinue_io.limits import MAX_BLOCK

THRESHOLD = 0.5
_BIAS = 8.0
_FLOORS = {
    "same e-mail": 0.6,
    "same telephone": 0.5,
}  # shared by a family or an office: for a person to decide
_BEST_PLACE = 7.0
_WINDOW = 5  # neighbours compared in a block too large to compare all
_BATCH = 500
_BREATH = 200  # groups compared between two chances to stop
_INDEX_BITS = 24
_INDEX_MASK = (1 << _INDEX_BITS) - 1
_HASH_MASK = (1 << 40) - 1
Candidates = Callable[[frozenset[tuple[str, str]]], Iterable[Fingerprint]]


class Match(NamedTuple):
    """Two contacts by their keys, how probably they are one (0 to 1), and what speaks for it."""

    first: str
    second: str
    score: float
    reasons: tuple[str, ...]


class Finder:
    """Finds probable duplicates in two steps that can be taken in portions: `add` contacts, then `search`."""

    def __init__(self) -> None:
        self._packed: list[str] = []
        self._index: dict[str, array[int]] = {}

    def __len__(self) -> int:
        return len(self._packed)

    def add(self, packed: str, keys: Iterable[tuple[str, str]]) -> None:
        """Take a packed fingerprint with its blocking keys."""
        number = len(self._packed)
        self._packed.append(packed)
        for kind, text in keys:
            entry = (hash(text) & _HASH_MASK) << _INDEX_BITS | number
            self._index.setdefault(kind, array("Q")).append(entry)

    def search(self, *, threshold: float = THRESHOLD) -> Iterator[Match | None]:
        """Yield each pair once, and None now and then, for a caller that counts its time."""
        seen: set[int] = set()
        for kind in list(self._index):
            for count, members in enumerate(_groups(self._index.pop(kind))):
                if count % _BREATH == 0:
                    yield None
                loaded = [(number, unpack(self._packed[number])) for number in members]
                for (i, one), (j, two) in _couples(loaded):
                    couple = min(i, j) << _INDEX_BITS | max(i, j)
                    if couple not in seen:
                        seen.add(couple)
                        match = compare(one, two)
                        if match.score >= threshold:
                            yield match


def find_pairs(prints: Iterable[Fingerprint], *, threshold: float = THRESHOLD) -> Iterator[Match]:
    """Probable duplicates among these contacts, each pair once, in no particular order."""
    finder = Finder()
    for one in prints:
        finder.add(pack(one), blocks(one))
    yield from (match for match in finder.search(threshold=threshold) if match is not None)


def find_matches(
    prints: Iterable[Fingerprint], candidates: Candidates, *, threshold: float = THRESHOLD
) -> Iterator[Match]:
    """Probable duplicates of these contacts among others, which `candidates` fetches by blocking keys, in
    batches.
    """
    source = iter(prints)
    while batch := list(islice(source, _BATCH)):
        keys = {one.key: frozenset(blocks(one)) for one in batch}
        by_block: dict[tuple[str, str], list[Fingerprint]] = {}
        for other in candidates(frozenset().union(*keys.values())):
            for block in blocks(other):
                by_block.setdefault(block, []).append(other)
        for one in batch:
            seen = {one.key}
            for block in sorted(keys[one.key]):
                for other in by_block.get(block, ())[:MAX_BLOCK]:
                    if other.key not in seen:
                        seen.add(other.key)
                        match = compare(one, other)
                        if match.score >= threshold:
                            yield match


def compare(one: Fingerprint, two: Fingerprint) -> Match:
    """Weigh two contacts against each other; symmetric but for the order of the keys."""
    reasons: list[str] = []
    names = _names(one, two, reasons)
    weight = (
        names
        + _reach(one, two, names, reasons)
        + _marks(one, two, reasons)
        + _birth(one.birth, two.birth, reasons)
    )
    if weight + _BEST_PLACE < _BIAS - 5:  # no address can make up for that
        return Match(one.key, two.key, 0.0, ())
    weight += _place(one, two, reasons)
    score = 1 / (1 + exp(_BIAS - weight))
    floor = max((_FLOORS.get(reason, 0.0) for reason in reasons), default=0.0)
    return Match(one.key, two.key, round(max(score, floor), 4), tuple(reasons))


def _groups(entries: array[int]) -> Iterator[list[int]]:
    """Numbers of the records that share a hash, for every hash that has more than one."""
    members: list[int] = []
    last = -1
    for entry in sorted(entries):
        value = entry >> _INDEX_BITS
        if value != last:
            if len(members) > 1:
                yield members
            members, last = [], value
        if not members or members[-1] != entry & _INDEX_MASK:
            members.append(entry & _INDEX_MASK)
    if len(members) > 1:
        yield members


Loaded = tuple[int, Fingerprint]


def _couples(loaded: list[Loaded]) -> Iterator[tuple[Loaded, Loaded]]:
    """All couples of a small block; of a large one only neighbours, sorted by name and by date of birth."""
    if len(loaded) <= MAX_BLOCK:
        for position, one in enumerate(loaded):
            for two in loaded[position + 1 :]:
                yield one, two
        return
    for order in (lambda m: (m[1].family, m[1].given, m[1].birth), lambda m: (m[1].birth, m[1].street)):
        loaded.sort(key=order)
        for position, one in enumerate(loaded):
            for two in loaded[position + 1 : position + _WINDOW]:
                yield one, two


def _names(one: Fingerprint, two: Fingerprint, reasons: list[str]) -> float:
    """Names in their places, or given and family name exchanged, whichever fits better."""
    straight = _part(one.given, two.given, 3.0, -4.0) + _part(one.family, two.family, 4.0, -3.0)
    crossed = _part(one.given, two.family, 2.5, -4.0) + _part(one.family, two.given, 2.5, -4.0)
    swapped = (
        crossed > straight and crossed > 2 and bool(one.given and one.family and two.given and two.family)
    )
    best = crossed if swapped else straight
    if best >= 6.9:
        reasons.append("same name")
    elif swapped:
        reasons.append("given and family name exchanged")
    elif best > 2:
        reasons.append("similar name")
    return best


def _part(one: str, two: str, agree: float, differ: float) -> float:
    """Evidence of one part of a name: the same, a slip, an initial, something else, or unknown."""
    if not one or not two:
        return 0.0
    if one == two:
        return agree
    if one[0] == two[0] and 1 in (len(one), len(two)):
        return agree * 0.3
    if one.replace(" ", "") == two.replace(" ", ""):
        return agree * 0.95
    likeness = max(
        JaroWinkler.similarity(one, two), 1 - DamerauLevenshtein.distance(one, two) / max(len(one), len(two))
    )
    if likeness >= 0.9:
        return agree * 0.85
    if likeness >= 0.8:
        return agree * 0.55
    return 0.0 if likeness >= 0.7 else differ


def _birth(one: str, two: str, reasons: list[str]) -> float:
    if not one or not two:
        return 0.0
    if one == two:
        reasons.append("same date of birth")
        return 6.0
    if len(one) == len(two) == 8:
        if one[:4] == two[:4] and one[4:6] == two[6:] and one[6:] == two[4:6]:
            reasons.append("day and month of birth exchanged")
            return 4.5
        distance = DamerauLevenshtein.distance(one, two)
        if distance == 1:
            reasons.append("date of birth differs in one digit")
            return 4.0
        return 0.5 if distance == 2 else -4.0
    return -4.0


def _place(one: Fingerprint, two: Fingerprint, reasons: list[str]) -> float:
    """Street, town and postal code together: people move, so a different place says little."""
    weight = 0.0
    if one.street and two.street:
        likeness = ratio(one.street, two.street)
        weight += 3.5 if likeness >= 88 else 2.0 if likeness >= 70 else -0.5
    if one.postal and two.postal:
        distance = DamerauLevenshtein.distance(one.postal, two.postal)
        weight += 2.0 if distance == 0 else 1.0 if distance == 1 else -0.5
    if one.city and two.city:  # a town alone is shared by too many
        weight += -0.5 if ratio(one.city, two.city) < 84 else 1.5 if weight > 0 else 0.5
    if weight >= 4:
        reasons.append("same address")
    elif weight >= 2:
        reasons.append("similar address")
    return weight


def _marks(one: Fingerprint, two: Fingerprint, reasons: list[str]) -> float:
    """Numbers given to one person: the same is strong, another one a doubt."""
    weight = 0.0
    other = dict(two.marks)
    for field, value in one.marks:
        if field not in other:
            continue
        if other[field] == value:
            reasons.append(f"same {field.replace('_', ' ')}")
            weight += 6.0
        else:
            weight += (
                2.5 if DamerauLevenshtein.distance(value, other[field]) == 1 and len(value) > 5 else -2.0
            )
    return max(-3.0, min(weight, 8.0))


def _reach(one: Fingerprint, two: Fingerprint, names: float, reasons: list[str]) -> float:
    """The same mailbox or telephone; a name that contradicts it (a family's telephone) weakens it."""
    weight = 0.0
    if not set(one.emails).isdisjoint(two.emails):
        reasons.append("same e-mail")
        weight += 12.0
    if not set(one.phones).isdisjoint(two.phones):
        reasons.append("same telephone")
        weight += 9.0
    return weight if names >= -1 or not weight else weight * 0.8
