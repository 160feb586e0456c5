"""Plain values: yes and no, numbers with comma or point, choices, tags, sex, web addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from retinue import fold
from retinue_io.faults import BadValue
from retinue_io.text import short

_TRUE = frozenset(
    [
        "1",
        "true",
        "yes",
        "y",
        "x",
        "on",
        "ja",
        "wahr",
        "ano",
        "pravda",
        "evet",
        "dogru",
        "да",
        "истина",
        "истинно",
        "t",
        "j",
        "a",
        "e",
        "д",
        "✓",
        "✔",
    ]
)
_FALSE = frozenset(
    [
        "0",
        "false",
        "no",
        "n",
        "off",
        "nein",
        "falsch",
        "ne",
        "nepravda",
        "hayir",
        "yanlis",
        "нет",
        "ложь",
        "f",
        "h",
        "н",
        "-",
    ]
)
_SEX = {
    "male": [
        "m",
        "male",
        "man",
        "mr",
        "herr",
        "maennlich",
        "mannlich",
        "muz",
        "muzsky",
        "muzske",
        "pan",
        "erkek",
        "bay",
        "e",
        "муж",
        "м",
        "мужской",
        "мужчина",
    ],
    "female": [
        "f",
        "w",
        "female",
        "woman",
        "mrs",
        "ms",
        "frau",
        "weiblich",
        "zena",
        "zensky",
        "zenske",
        "pani",
        "kadin",
        "bayan",
        "k",
        "жен",
        "ж",
        "женский",
        "женщина",
    ],
    "other": [
        "o",
        "d",
        "x",
        "other",
        "divers",
        "diverse",
        "nonbinary",
        "jine",
        "jiny",
        "diger",
        "другой",
        "другое",
        "иной",
    ],
}
_SEX_OF = {word: sex for sex, words in _SEX.items() for word in words}
_GROUPED_POINT = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+")
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_URL = re.compile(r"(?:https?://)?[^\s/?#@]+\.[^\s/?#@.]{2,}(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE)
_TAG = re.compile(r"\s*(?::::|[;,|\n])\s*")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_SPACES = str.maketrans("", "", " \u00a0\u202f'’_")


def parse_boolean(text: str) -> bool:
    """Yes and no in five languages, ticks and digits."""
    word = fold(text)
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise BadValue("boolean", f"{short(text)} is neither yes nor no.", "Write yes or no.")


def parse_decimal(text: str, mark: str = "") -> Decimal:
    """A decimal number; `mark` says which sign is the decimal one, else the number itself has to tell."""
    plain = text.translate(_SPACES).replace("−", "-")
    if mark == ",":
        plain = plain.replace(".", "").replace(",", ".")
    elif mark == ".":
        plain = plain.replace(",", "")
    elif "," in plain and "." in plain:
        comma_last = plain.rfind(",") > plain.rfind(".")
        plain = plain.replace(".", "").replace(",", ".") if comma_last else plain.replace(",", "")
    elif plain.count(",") > 1 and _GROUPED_COMMA.fullmatch(plain):
        plain = plain.replace(",", "")
    elif plain.count(".") > 1 and _GROUPED_POINT.fullmatch(plain):
        plain = plain.replace(".", "")
    else:
        plain = plain.replace(",", ".")
    if not _PLAIN_NUMBER.fullmatch(plain):
        raise BadValue(
            "decimal", f"{short(text)} is not a number.", "Write digits, and one decimal sign at most."
        )
    try:
        return Decimal(plain)
    except InvalidOperation as error:  # pragma: no cover - the pattern above lets nothing else through
        raise BadValue("decimal", f"{short(text)} is not a number.", "Write digits only.") from error


def parse_integer(text: str, mark: str = "") -> int:
    """A whole number; 12.0 is one, 12.5 is not."""
    value = parse_decimal(text, mark)
    if value != value.to_integral_value() or abs(value) >= 2**63:
        raise BadValue("integer", f"{short(text)} is not a whole number we can keep.", "Write digits only.")
    return int(value)


def parse_choice(text: str, choices: Mapping[str, str]) -> str:
    """A key of `choices` (key → label) by its key or its label, whatever the case."""
    wanted = fold(text)
    for key, label in choices.items():
        if wanted in (fold(key), fold(label)):
            return key
    offered = ", ".join(list(choices.values())[:10])
    raise BadValue("choice", f"{short(text)} is not one of the choices.", f"Use one of: {offered}.")


def split_tags(text: str) -> list[str]:
    """Tags cut at ``;`` ``,`` ``|`` or ``:::``, each once; what address books add by themselves is left
    out.
    """
    tags = []
    for piece in _TAG.split(text):
        tag = piece.strip()
        if tag.startswith("* "):  # Google marks its own groups, which everybody is in
            tag = "" if fold(tag) in ("* mycontacts", "* my contacts") else tag[2:]
        if tag and tag not in tags:
            tags.append(tag)
    return tags


def parse_sex(text: str) -> str:
    """``male``, ``female`` or ``other`` from words and letters in five languages."""
    found = _SEX_OF.get(fold(text).strip("."))
    if found is None:
        raise BadValue("sex", f"{short(text)} is not understood as a sex.", "Write male, female or other.")
    return found


def parse_kind(text: str) -> str:
    """``person`` or ``organisation``."""
    word = fold(text)
    if word in (
        "organisation",
        "organization",
        "company",
        "org",
        "firma",
        "organizace",
        "sirket",
        "kurum",
        "организация",
    ):
        return "organisation"
    if word in ("person", "individual", "contact", "osoba", "kisi", "человек", "персона", "лицо"):
        return "person"
    raise BadValue("kind", f"{short(text)} is no kind of contact.", "Write person or organisation.")


def parse_url(text: str) -> str:
    """A web address, with ``https://`` put in front when it has none."""
    if not _URL.fullmatch(text) or text.lower().startswith(("javascript:", "data:")):
        raise BadValue("url", f"{short(text)} is not a web address.", "Write it as https://example.com.")
    return text if text.lower().startswith(("http://", "https://")) else f"https://{text}"
