"""Which column fills which field: proposed from headings and samples, corrected by a person, saved and used
again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from typing import Literal

import msgspec
from msgspec import Struct

from retinue_io.faults import Invalid
from retinue_io.headings import Guess, recognise
from retinue_io.targets import CUSTOM_KINDS, LISTS, is_target
from retinue_io.text import slug
from retinue_io.values.dates import choose_order
from retinue_io.values.kinds import guess_kind

ERROR_COLUMNS = ("row", "column", "reason")
_LISTED = {"email": "emails", "phone": "phones", "socials": "socials"}
_PIECE = {"address": "street", "formatted": "street"}
_PIECES = ("street", "number", "city", "region", "postal_code", "country", "formatted", "address")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[\d\s().-]{8,20}")
_REGIONS = {"cs": "CZ", "tr": "TR", "ru": "RU", "de": "DE", "sk": "SK", "it": "IT", "fr": "FR", "pl": "PL"}


class Column(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One column: where its text goes (`target`, and for lists `index` and `part`), and how sure the
    proposal is.
    """

    heading: str
    target: str = ""  # empty: left out
    index: int = 0
    part: str = ""
    label: str = ""  # of the list entry, when no column of its own gives it
    confidence: float = 0.0
    order: Literal["", "ymd", "dmy", "mdy"] = ""  # of dates in this column
    kind: str = ""  # of a custom field
    on_fault: Literal["reject", "leave_out"] = "reject"


class Suggestion(Struct, frozen=True, kw_only=True):
    """A custom field that could take an unknown column."""

    heading: str
    key: str
    label: str
    kind: str


class Mapping(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All columns of a file and what holds for all rows. Saved as JSON and fitted to the next file's
    headings.
    """

    columns: tuple[Column, ...]
    region: str = ""  # country of telephone numbers without a country code, unless the row names one
    decimal: Literal["", ".", ","] = ""
    name_order: Literal["", "given_first", "family_first"] = ""
    source: str = ""  # google, outlook, hubspot or empty
    unknown: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    version: int = 1

    def to_json(self) -> bytes:
        """The mapping as JSON, for `load_mapping`."""
        return msgspec.json.encode(self)

    def column(self, heading: str) -> Column | None:
        """The column with this heading."""
        return next((c for c in self.columns if c.heading == heading), None)


def load_mapping(data: bytes | str) -> Mapping:
    """A saved mapping; Invalid when it is none or names a field that does not exist."""
    try:
        mapping = msgspec.json.decode(data, type=Mapping)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Invalid(
            f"The mapping cannot be read: {error}.", remedy="Choose the columns by hand."
        ) from error
    return check_mapping(mapping)


def check_mapping(mapping: Mapping) -> Mapping:
    """The mapping itself, or Invalid naming the first column that makes no sense."""
    taken: dict[tuple[str, int, str], str] = {}
    for column in mapping.columns:
        parts = LISTS.get(column.target, ("",))
        if not is_target(column.target) or (column.target in LISTS and column.part not in parts):
            raise Invalid(
                f"The column “{column.heading}” is mapped to “{column.target}”, which is no field.",
                remedy="Choose one of the fields offered, or leave the column out.",
            )
        if column.kind and column.kind not in CUSTOM_KINDS:
            raise Invalid(
                f"“{column.kind}” is no kind of custom field.", remedy=f"Use: {', '.join(CUSTOM_KINDS)}."
            )
        place = (column.target, column.index, column.part)
        if column.target not in ("", "tags", "note") and column.part != "street" and place in taken:
            raise Invalid(
                f"The columns “{taken[place]}” and “{column.heading}” are mapped to the same field.",
                remedy="Leave one of them out.",
            )
        taken.setdefault(place, column.heading)
    return mapping


def propose_mapping(
    headings: Sequence[str], sample: Iterable[Dict[str, str]] = (), *, locale: str = "", region: str = ""
) -> Mapping:
    """A mapping for these headings, with the sample's values used where headings do not say enough."""
    values = _sample_columns(headings, sample)
    own = len(headings) - len(ERROR_COLUMNS)
    known = list(headings[:own] if tuple(headings[own:]) == ERROR_COLUMNS and own > 0 else headings)
    guesses = {heading: recognise(heading) for heading in known}
    source = _source(headings)
    _settle(guesses, source)
    columns = _place(known, guesses, values)
    columns += [Column(heading=heading, confidence=1.0) for heading in headings[len(known) :]]
    unknown = tuple(c.heading for c in columns if not c.target and not c.confidence)
    return Mapping(
        columns=tuple(_with_order(c, values[c.heading], locale) for c in columns),
        region=region or _region(locale),
        source=source,
        unknown=unknown,
        suggestions=_suggest(unknown, values, {c.target for c in columns}),
    )


def fit_mapping(mapping: Mapping, headings: Sequence[str], sample: Iterable[Dict[str, str]] = ()) -> Mapping:
    """A saved mapping for a new file: known headings keep their place, new ones are proposed if free."""
    fresh = propose_mapping(headings, sample, region=mapping.region)
    saved = {column.heading: column for column in mapping.columns}
    taken = {(c.target, c.index, c.part) for c in saved.values() if c.heading in headings}
    columns = []
    for column in fresh.columns:
        if column.heading in saved:
            columns.append(saved[column.heading])
        elif (column.target, column.index, column.part) in taken:
            columns.append(Column(heading=column.heading))
        else:
            columns.append(column)
    unknown = tuple(c.heading for c in columns if not c.target and not c.confidence)
    suggestions = tuple(s for s in fresh.suggestions if s.heading in unknown)
    return msgspec.structs.replace(mapping, columns=tuple(columns), unknown=unknown, suggestions=suggestions)


def _sample_columns(headings: Sequence[str], sample: Iterable[Dict[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {heading: [] for heading in headings}
    for row in sample:
        for heading, text in row.items():
            if text.strip() and heading in values:
                values[heading].append(text.strip())
    return values


def _source(headings: Sequence[str]) -> str:
    """The program that wrote the file, told by headings only it uses."""
    names = {heading.casefold() for heading in headings}
    if {"e-mail 1 - value", "phone 1 - value", "phone 1 - label", "group membership"} & names:
        return "google"
    if {"e-mail 2 address", "e-mail display name", "business street", "home phone 2"} & names:
        return "outlook"
    if {"straße geschäftlich", "telefon geschäftlich", "e-mail: angezeigter name"} & names:
        return "outlook"
    if {"record id", "lifecycle stage", "lead status", "contact owner"} & names:
        return "hubspot"
    return ""


def _settle(guesses: dict[str, Guess | None], source: str) -> None:
    """Headings whose meaning depends on the others: Name, Jméno, Title."""
    found = {guess.meaning for guess in guesses.values() if guess}
    split = {"family_name", "given_name"} & found
    for guess in guesses.values():
        if guess is None:
            continue
        if source == "outlook" and guess.part == "label":
            guess.meaning, guess.part = "", ""  # “E-mail 2 Type” holds SMTP, no label
        elif guess.meaning == "given_or_full":
            guess.meaning = "given_name" if "family_name" in found or "family_or_full" in found else "name"
        elif guess.meaning == "family_or_full":
            beside = "given_or_full" in found or split == {"given_name"}
            guess.meaning = "family_name" if beside and "family_name" not in found else "name"
        elif guess.meaning == "title":
            guess.meaning = "title_before" if source == "outlook" or "job_title" in found else "job_title"


def _place(
    headings: list[str], guesses: dict[str, Guess | None], values: dict[str, list[str]]
) -> list[Column]:
    """Give each guess its target; entries of lists are numbered in the order of the columns."""
    groups: dict[tuple[str, str, int], int] = {}
    taken: set[tuple[str, int, str]] = set()
    columns = []
    for heading in headings:
        guess = guesses[heading] or _by_content(values[heading])
        if guess is None:
            columns.append(Column(heading=heading))
            continue
        column = _column(heading, guess, groups)
        place = (column.target, column.index, column.part)
        several = column.target in ("tags", "note") or (
            column.part == "street" and guess.meaning != "formatted"
        )
        if column.target and place in taken and not several:
            column = Column(heading=heading)
        taken.add(place)
        columns.append(column)
    return _without_formatted(columns, guesses)


def _column(heading: str, guess: Guess, groups: dict[tuple[str, str, int], int]) -> Column:
    meaning, confidence = guess.meaning, guess.confidence
    if meaning == "custom":
        return Column(heading=heading, target=f"custom.{guess.key}", confidence=confidence)
    if meaning in _LISTED:
        target, part = _LISTED[meaning], "label" if guess.part == "label" else "value"
        label = "" if part == "label" else guess.label
        index = _index(groups, (target, guess.label, guess.ordinal))
        return Column(
            heading=heading, target=target, index=index, part=part, label=label, confidence=confidence
        )
    if meaning in _PIECES and (
        guess.label or guess.address or meaning in ("street", "number", "address", "formatted")
    ):
        line = meaning == "address" or (meaning == "street" and not guess.address)
        index = _index(
            groups, ("addresses", guess.label, 0 if line and guess.part != "label" else guess.ordinal)
        )
        part = "label" if guess.part == "label" else _PIECE.get(meaning, meaning)
        label = "" if part == "label" else guess.label
        return Column(
            heading=heading, target="addresses", index=index, part=part, label=label, confidence=confidence
        )
    if guess.part == "label" or (guess.ordinal > 1 and meaning not in ("tags", "note")):
        return Column(heading=heading, confidence=0.5)
    return Column(heading=heading, target=meaning, confidence=confidence)


def _index(groups: dict[tuple[str, str, int], int], key: tuple[str, str, int]) -> int:
    """Number of this entry within its list."""
    if key not in groups:
        groups[key] = sum(1 for other in groups if other[0] == key[0])
    return groups[key]


def _without_formatted(columns: list[Column], guesses: dict[str, Guess | None]) -> list[Column]:
    """A whole address in one cell is left out where the same address also comes in pieces."""

    def whole(column: Column) -> bool:
        guess = guesses[column.heading]
        return column.target == "addresses" and guess is not None and guess.meaning == "formatted"

    pieces = {c.index for c in columns if c.target == "addresses" and c.part == "street" and not whole(c)}
    return [
        Column(heading=c.heading, confidence=0.9) if whole(c) and c.index in pieces else c for c in columns
    ]


def _by_content(values: list[str]) -> Guess | None:
    """An unknown heading over values that can only be one thing."""
    if len(values) < 3:
        return None
    if sum(1 for v in values if _EMAIL.fullmatch(v)) > 0.8 * len(values):
        return Guess("email", 0.5)
    if sum(1 for v in values if _PHONE.fullmatch(v)) > 0.8 * len(values):
        return Guess("phone", 0.5)
    return None


def _with_order(column: Column, values: list[str], locale: str) -> Column:
    """The order of day, month and year, decided over the whole sample of a column."""
    if column.target not in ("birth_date", "created_at") or not values:
        return column
    return msgspec.structs.replace(column, order=choose_order(values, locale=locale))


def _suggest(
    unknown: tuple[str, ...], values: dict[str, list[str]], taken: set[str]
) -> tuple[Suggestion, ...]:
    suggestions = []
    for heading in unknown:
        key = base = slug(heading) or "field"
        number = 2
        while f"custom.{key}" in taken:
            key, number = f"{base}_{number}", number + 1
        taken.add(f"custom.{key}")
        suggestions.append(
            Suggestion(heading=heading, key=key, label=heading, kind=guess_kind(values[heading]))
        )
    return tuple(suggestions)


def _region(locale: str) -> str:
    language, _, country = locale.replace("_", "-").partition("-")
    return country.upper() if len(country) == 2 else _REGIONS.get(language.lower(), "")
