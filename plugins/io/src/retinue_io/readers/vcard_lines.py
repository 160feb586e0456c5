"""The syntax of vCards: folded lines, parameters, escapes, and the quoted-printable of version 2.1."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from retinue_io.limits import MAX_CARD_VALUE

_SKIPPED = {"PHOTO", "LOGO", "SOUND", "KEY", "X-ABADR"}
_PARAMETER = re.compile(r';([^=:;"]+)(?:=((?:"[^"]*"|[^:;"]*)(?:,(?:"[^"]*"|[^:;",]*))*))?')
_NAME = re.compile(r"(?:([\w-]+)\.)?([\w-]+)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SEMICOLON = re.compile(r"(?<!\\)((?:\\\\)*);")
_COMMA = re.compile(r"(?<!\\)((?:\\\\)*),")


class Property(NamedTuple):
    """One property of a card: group (``item1``), name in capitals, parameters in capitals, raw value."""

    group: str
    name: str
    parameters: dict[str, list[str]]
    value: str

    def text(self) -> str:
        """The value with its escapes resolved."""
        return unescape(self.value)

    def parts(self, separator: str = ";") -> list[str]:
        """The value cut at unescaped separators, each part unescaped."""
        return split(self.value, separator)

    def types(self) -> list[str]:
        """TYPE values in lower case, the bare parameters of version 2.1 included."""
        return [t.lower() for value in self.parameters.get("TYPE", []) for t in value.split(",") if t]


def unescape(value: str) -> str:
    """Resolve ``\\n``, ``\\,``, ``\\;`` and ``\\\\``."""
    return _ESCAPE.sub(lambda m: "\n" if m[1] in "nN" else m[1], value) if "\\" in value else value


def split(value: str, separator: str) -> list[str]:
    """Cut at separators that are not escaped."""
    pattern = _SEMICOLON if separator == ";" else _COMMA
    return [unescape(part) for part in pattern.sub(lambda m: m[1] + "\0", value).split("\0")]


def unfold(stream: TextIO) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first physical line; overlong ones are cut, pictures are
    dropped.
    """
    current: list[str] = []
    size = number = start = 0
    soft = False
    while line := stream.readline(MAX_CARD_VALUE):
        number += 1
        body = line.rstrip("\r\n")
        if current and (soft or body[:1] in (" ", "\t")):
            addition = body if soft else body[1:]
            size += len(addition)
            if size <= MAX_CARD_VALUE:
                current.append(addition)
            soft = soft and body.endswith("=")
            if soft:
                current[-1] = current[-1].removesuffix("=")
            continue
        if current:
            yield start, "".join(current)
        start, size = number, len(body)
        soft = body.endswith("=") and "QUOTED-PRINTABLE" in body.partition(":")[0].upper()
        current = [_without_picture(body.removesuffix("=") if soft else body)]
    if current:
        yield start, "".join(current)


def _without_picture(line: str) -> str:
    name = re.split("[;:]", line, maxsplit=1)[0].rpartition(".")[2].upper()
    return f"{name}:" if name in _SKIPPED else line


def parse_property(line: str) -> Property | None:
    """One logical line as a property, None when it is none."""
    match = _NAME.match(line)
    if match is None:
        return None
    position = match.end()
    parameters: dict[str, list[str]] = {}
    while position < len(line) and line[position] == ";":
        found = _PARAMETER.match(line, position)
        if found is None:
            return None
        key, value = found[1].strip().upper(), found[2]
        if value is None:  # version 2.1 writes the type alone: TEL;HOME:
            key, value = ("ENCODING", key) if key in ("QUOTED-PRINTABLE", "BASE64") else ("TYPE", key)
        parameters.setdefault(key, []).append(value.replace('"', ""))
        position = found.end()
    if position >= len(line) or line[position] != ":":
        return None
    value = line[position + 1 :]
    if "QUOTED-PRINTABLE" in (e.upper() for e in parameters.get("ENCODING", [])):
        value = _from_quoted_printable(value, parameters)
    return Property((match[1] or "").lower(), match[2].upper(), parameters, value)


def _from_quoted_printable(value: str, parameters: dict[str, list[str]]) -> str:
    raw = quopri.decodestring(value.encode("latin-1", errors="replace"))
    charset = next(iter(parameters.get("CHARSET", [])), "utf-8")
    try:
        text = raw.decode(charset)
    except (LookupError, UnicodeDecodeError):
        text = raw.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")
