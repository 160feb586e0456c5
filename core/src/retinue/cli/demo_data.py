"""Made-up people, firms and what happened with them; the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from retinue.storage import fold


class Land(NamedTuple):
    """A country with its language, cities, given names of women and men, and family names of both."""

    country: str
    language: str
    cities: str
    women: str
    men: str
    families_of_women: str
    families_of_men: str


_LANDS = (
    Land("CZ", "cs", "Praha Brno Plzeň", "Jana Eliška Zuzana Věra", "Jiří Tomáš Ondřej Šimon",
         "Nováková Dvořáková Říhová Žáčková", "Novák Dvořák Říha Žáček"),
    Land("TR", "tr", "İstanbul İzmir Ankara", "Ayşe Elif Çiğdem Işıl", "Mehmet Emre Oğuz İlker",
         "Yılmaz Işık Öztürk Şahin", "Yılmaz Işık Öztürk Şahin"),
    Land("RU", "ru", "Москва Казань Самара", "Анна Ольга Мария Наталья", "Пётр Иван Сергей Фёдор",
         "Иванова Кузнецова Соловьёва Щукина", "Иванов Кузнецов Соловьёв Щукин"),
    Land("DE", "de", "Leipzig Köln München", "Anna Käthe Sabine Ute", "Jürgen Lukas Götz Uwe",
         "Müller Groß Schäfer Weiß", "Müller Groß Schäfer Weiß"),
    Land("GB", "en", "London Leeds Bristol", "Ada Grace Emily Jane", "Alan George Edward Hugh",
         "Turner O'Brien Hughes Fletcher", "Turner O'Brien Hughes Fletcher"),
)  # fmt: skip
_FIRMS = (
    "Dům knihy",
    "Kahve Köşkü",
    "Северный путь",
    "Bäckerei Süß",
    "Harbour Tools",
    "Zelená louka",
    "Yıldız Tekstil",
)
_LINES = ("books", "coffee", "logistics", "bakery", "hardware", "gardening", "textiles")
_GOODS = (
    ("TEA", "Green tea, 250 g", "tea", 9),
    ("POT", "Tea pot", "ware", 48),
    ("BOX", "Gift box", "gifts", 35),
    ("CUP", "Cup", "ware", 12),
)
_TAGS = ("newsletter", "price-sensitive", "wholesale", "trade-fair", "referred", "asked-for-offer")
_KINDS = (
    ("call", "Asked about delivery times.", 240),
    ("meeting", "Went through the spring catalogue together.", 2700),
    ("message", "Sent the offer as agreed.", None),
    ("note", "Prefers to be called before noon.", None),
)


def people(count: int, owners: Sequence[UUID], seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield drafts of `count` contacts, one in eight an organisation, owned in turn by `owners`."""
    chance = random.Random(seed)  # noqa: S311 - made-up people, no secret
    for number in range(count):
        make = _organisation if number % 8 == 0 else _person
        yield {**make(chance, number), "owner_id": owners[number % len(owners)], "source": "demo"}


def _person(chance: random.Random, number: int) -> dict[str, Any]:
    land, is_woman = chance.choice(_LANDS), chance.random() < 0.5
    return {
        "kind": "person",
        "given_name": chance.choice((land.women if is_woman else land.men).split()),
        "family_name": chance.choice((land.families_of_women if is_woman else land.families_of_men).split()),
        "sex": "female" if is_woman else "male",
        "birth_date": (date(1950, 1, 1) + timedelta(days=chance.randrange(20_000))).isoformat(),
        "country": land.country,
        "city": chance.choice(land.cities.split()),
        "language": land.language,
        "emails": [{"value": f"contact{number}@people.example", "label": "work"}],
        "phones": [{"value": f"+42060{number % 10_000_000:07}", "label": "mobile"}]
        if chance.random() < 0.7
        else [],
        "tags": chance.sample(_TAGS, chance.randrange(3)),
    }


def _organisation(chance: random.Random, number: int) -> dict[str, Any]:
    place = number // 8 % len(_FIRMS)
    land = chance.choice(_LANDS)
    return {
        "kind": "organisation",
        "name": f"{_FIRMS[place]} {number // 8 // len(_FIRMS) + 1}",
        "business_line": _LINES[place],
        "country": land.country,
        "city": chance.choice(land.cities.split()),
        "language": land.language,
        "website": f"https://{fold(_LINES[place])}{number}.example",
        "emails": [{"value": f"office{number}@firms.example", "label": "office"}],
        "tags": chance.sample(_TAGS, chance.randrange(2)),
    }


def programmes(now: datetime) -> list[dict[str, Any]]:
    """Return a loyalty programme that has been running for two years, as a row of its import."""
    rules = {
        "earn": {"points": 1, "per_minor": 500, "expires": {"months": 12}, "expires_at_end_of": "month"},
        "redeem": {"point_minor": 25, "most_percent": 50},
        "tiers": {
            "window": {"months": 12}, "grace_days": 30, "downgrade": "one_down",
            "levels": [
                {"key": "silver", "name": "Silver", "threshold": 20000},
                {"key": "gold", "name": "Gold", "threshold": 35000, "multiplier": "1.5"},
            ],
        },
        "delivery": {"fee_minor": 490, "from_minor": 10000},
        "vip_percent": "10",
    }  # fmt: skip
    text = msgspec.json.encode(rules).decode()
    row = {"key": "club", "name": "Tea club", "currency": "EUR", "rules": text}
    return [{**row, "rules_from": now - timedelta(days=730)}]


def purchases(contact_ids: Sequence[UUID], now: datetime, seed: int = 3) -> list[dict[str, Any]]:
    """Return up to six orders of the last year for every other contact, as rows of the import of orders."""
    chance = random.Random(seed)  # noqa: S311 - as above
    made: list[dict[str, Any]] = []
    for contact_id in contact_ids[::2]:
        for _ in range(chance.randrange(7)):
            placed = now - timedelta(minutes=chance.randrange(365 * 24 * 60))
            sku, name, category, price = chance.choice(_GOODS)
            quantity = chance.randrange(1, 5)
            made.append(
                {
                    "number": f"D{len(made) + 1:05}", "contact": str(contact_id), "placed_at": placed, "sku": sku,
                    "name": name, "category": category, "quantity": quantity, "total": f"{price * quantity}.00",
                    "currency": "EUR", "source": "demo", "status": "paid",
                }
            )  # fmt: skip
    return made


def interactions(contact_ids: Sequence[UUID], now: datetime, seed: int = 2) -> list[dict[str, Any]]:
    """Return up to five interactions of the last year for each contact; some contacts have none."""
    chance = random.Random(seed)  # noqa: S311 - as above
    made: list[dict[str, Any]] = []
    for contact_id in contact_ids:
        for _ in range(chance.randrange(6)):
            kind, body, duration = chance.choice(_KINDS)
            at = now - timedelta(minutes=chance.randrange(365 * 24 * 60))
            made.append(
                {"contact_id": contact_id, "kind": kind, "at": at, "body": body, "duration": duration}
            )
    return made
