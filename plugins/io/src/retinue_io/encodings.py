"""Which encoding a text file has: candidates ranked by how well the decoded text reads, each with a live
sample.

Detectors that look at byte statistics take Turkish for Central European. Here the *decoded* text is scored
by the letters of the languages that write that way, and the person chooses by looking at real lines of the
file.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from charset_normalizer import from_bytes

from retinue_io.limits import SAMPLE_BYTES, SAMPLE_LINES, SAMPLE_SCAN

_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_LETTERS = {
    "ru": _CYRILLIC + "«»№–—",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя«»№–—",
    "cs": "áčďéěíňóřšťúůýž„“–",
    "sk": "áäčďéíĺľňóôŕšťúýž„“–",
    "pl": "ąćęłńóśźż„”–",
    "hu": "áéíóöőúüű„”–",
    "tr": "çğıiöşüâî–’“”",
    "de": "äöüß„“–",
    "fr": "àâæçéèêëîïôœùûüÿ«»–’",
    "es": "áéíñóúü¿¡ºª–",
    "it": "àèéìòù–’",
}
_ENCODINGS: dict[str, tuple[str, ...]] = {
    "cp1251": ("ru", "uk"),
    "cp1250": ("cs", "sk", "pl", "hu", "de"),
    "iso8859_9": ("tr", "de", "fr", "es", "it"),
    "cp1254": ("tr", "de", "fr", "es", "it"),
    "cp1252": ("de", "fr", "es", "it"),
    "iso8859_2": ("cs", "sk", "pl", "hu", "de"),
    "koi8_r": ("ru",),
    "cp866": ("ru",),
    "cp852": ("cs", "sk", "pl", "hu", "de"),
    "cp857": ("tr", "de"),
    "mac_cyrillic": ("ru", "uk"),
}
_RARE = {"cp866": 0.12, "koi8_r": 0.08, "cp852": 0.15, "cp857": 0.15, "mac_cyrillic": 0.15, "iso8859_2": 0.03}
_WESTERN_BONUS = {"cp1252": 0.02, "iso8859_9": 0.005}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_POOR = 0.3  # below this none of our languages reads well: ask the statistics library
_WORD = re.compile(r"[^\W\d_]+")
_HIGH = re.compile(r"[^\x00-\x7f]")
_LATIN = re.compile(r"[A-Za-z]")
_CASE_FLIP = re.compile(r"[a-zа-яё][A-ZА-ЯЁ]|[^\W\d_a-zа-яёA-ZА-ЯЁ]{5,}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible encoding: how sure we are (0 to 1), in which language it reads well, and real lines
    decoded.
    """

    encoding: str
    score: float
    language: str
    sample: tuple[str, ...]


def rank_encodings(sample: bytes, *, locale: str = "") -> list[Candidate]:
    """Candidate encodings for these bytes, best first; `locale` (``tr``, ``cs-CZ``) settles what letters
    cannot.
    """
    marked = _by_mark(sample)
    if marked:
        return [_candidate(sample, marked, 1.0, "")]
    wide = _wide_without_mark(sample)
    if wide:
        return [_candidate(sample, wide, 0.9, "")]
    if sample.isascii():
        return [_candidate(sample, "utf-8", 1.0, "")]
    found: list[Candidate] = []
    ceiling = 0.98
    if _reads_as_utf8(sample):
        ceiling = 0.5
        found.append(_candidate(sample, "utf-8", 0.99, ""))
    language = locale[:2].lower()
    probe = _telling_lines(sample)
    for encoding, languages in _ENCODINGS.items():
        score, best = _score(probe, encoding, languages, language)
        if score > 0:
            found.append(_candidate(sample, encoding, min(score, ceiling), best))
    found.sort(key=lambda c: -c.score)
    kept = _different(found, probe)
    if not kept or kept[0].score < _POOR:
        kept = _by_statistics(sample) + kept
    return kept


def _different(found: list[Candidate], probe: bytes) -> list[Candidate]:
    """Without the candidates that read exactly like a better one: nobody could choose between them."""
    seen: set[str] = set()
    kept: list[Candidate] = []
    for candidate in found:
        text = probe.decode(candidate.encoding, errors="replace")
        if text not in seen:
            kept.append(candidate)
        seen.add(text)
    return kept


def detect_encoding(sample: bytes, *, locale: str = "") -> str:
    """The best candidate's name."""
    return rank_encodings(sample, locale=locale)[0].encoding


def sample_bytes(stream: BinaryIO, size: int = SAMPLE_BYTES) -> bytes:
    """The start of the file, and the next piece that has letters beyond ASCII where the start has none."""
    stream.seek(0)
    head = stream.read(size)
    kept = head if len(head) < size else head[: head.rfind(b"\n") + 1] or head
    read = len(head)
    while kept.isascii() and b"\0" not in kept and read < SAMPLE_SCAN and (piece := stream.read(size)):
        read += len(piece)
        if not piece.isascii():
            kept += piece[piece.find(b"\n") + 1 :]
    stream.seek(0)
    return kept


def _by_mark(sample: bytes) -> str:
    return next((name for mark, name in _BOMS if sample.startswith(mark)), "")


def _wide_without_mark(sample: bytes) -> str:
    """UTF-16 without a mark has NUL bytes, and reads as letters of our alphabets in one of its two orders
    only.
    """
    head = sample[: min(4000, len(sample) // 2 * 2)]
    if head.count(0) < 2:
        return ""
    for encoding in ("utf-16-le", "utf-16-be"):
        text = head.decode(encoding, errors="replace")
        if sum(1 for c in text if " " <= c < "\u0600" or c in "\t\r\n") > 0.95 * len(text):
            return encoding
    return ""


def _reads_as_utf8(sample: bytes) -> bool:
    """Valid UTF-8 with letters beyond ASCII, but for a character cut at the sample's end."""
    try:
        return not codecs.getincrementaldecoder("utf-8")().decode(sample, final=False).isascii()
    except UnicodeDecodeError:
        return False


def _telling_lines(sample: bytes) -> bytes:
    """Lines with bytes beyond ASCII, as much as is enough to judge."""
    lines: list[bytes] = []
    size = 0
    for line in sample.splitlines():
        if not line.isascii():
            lines.append(line[:2000])
            size += len(lines[-1])
            if size > 40_000:
                break
    return b"\n".join(lines)


def _score(probe: bytes, encoding: str, languages: tuple[str, ...], hint: str) -> tuple[float, str]:
    """How well the bytes read in this encoding, from 0 to about 1, and in which of its languages."""
    try:
        text = probe.decode(encoding)
    except UnicodeDecodeError:
        return 0.0, ""
    high = _HIGH.findall(text)
    if not high:
        return 0.0, ""
    controls = sum(1 for c in high if c < "\xa0")
    folded = "".join(high).replace("İ", "i").lower()
    best, language = -1.0, ""
    for name in languages:
        alphabet = _LETTERS[name]
        fits = sum(
            1 if c in alphabet else 0.35 if c in "äöüéáß" else -1 if c.isalpha() else -0.6 for c in folded
        )
        score = fits / len(folded)
        if score > best:
            best, language = score, name
    best -= 2.0 * controls / len(high) + 1.2 * _broken_words(text) + _RARE.get(encoding, 0.0)
    best = best * 0.9 + _WESTERN_BONUS.get(encoding, 0.0)
    return best + (0.05 if hint in languages else 0.0), language


def _broken_words(text: str) -> float:
    """Share of words no language has: two scripts in one word, capitals inside, accents only."""
    total = broken = 0
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        total += 1
        cyrillic = any("Ѐ" <= c <= "ӿ" for c in word)
        if cyrillic:
            bad = bool(_LATIN.search(word)) or (not word.isupper() and bool(_CASE_FLIP.search(word)))
        else:
            bad = (len(word) > 3 and not _LATIN.search(word)) or bool(_CASE_FLIP.search(word))
        broken += bad
    return broken / total if total else 0.0


def _by_statistics(sample: bytes) -> list[Candidate]:
    """Writings we keep no alphabet for (Chinese, Greek, Arabic): ask the statistics library."""
    found = [_candidate(sample, m.encoding, 0.4, m.language) for m in from_bytes(sample[:60_000])]
    return found or [_candidate(sample, "cp1252", 0.1, "")]


def _candidate(sample: bytes, encoding: str, score: float, language: str) -> Candidate:
    return Candidate(encoding, round(score, 3), language, live_sample(sample, encoding))


def live_sample(sample: bytes, encoding: str, lines: int = SAMPLE_LINES) -> tuple[str, ...]:
    """Real lines of the file decoded this way: first those with letters beyond ASCII, since only they
    differ.
    """
    text = sample[:200_000].decode(encoding, errors="replace")
    rows = [line.strip()[:200] for line in text.splitlines() if line.strip()]
    telling = [row for row in rows if not row.isascii()][:lines]
    return tuple(telling or rows[:lines])
