"""Orders from a file: one row per line of an order, rows of one number together are one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.contacts import exact_tokens, holders_of
from retinue.errors import Invalid, Problem
from retinue_orders.models import PAID, UNPAID
from retinue_orders.money import CURRENCY, to_minor
from retinue_orders.service import MAX_BATCH, record_orders

_PAID_WORDS = ("paid", "shipped", "completed", "")


def import_orders(store: Store, rows: Sequence[Mapping[str, Any]]) -> int:
    """Take in the orders of a file's rows and return how many there are; what is known already changes nothing.

    A row has ``number``, ``contact`` (an id, an e-mail address or a phone number; empty for an unknown customer),
    ``placed_at``, ``total`` as ``100.00`` and ``currency``; ``status`` ``unpaid`` for an unpaid order. Raises
    Invalid with a pointer per row and column.
    """
    store.require("order.record")
    problems: list[Problem] = []
    people = _find_contacts(store, rows)
    drafts: dict[tuple[str, str], dict[str, Any]] = {}
    for place, row in enumerate(rows):
        try:
            draft = _read(row, people)
        except _Wrong as wrong:
            problems.append(Problem(f"/{place}/{wrong.column}", str(wrong), "value"))
            continue
        whole = drafts.setdefault(
            (draft["source"], draft["number"]), {**draft, "lines": [], "total_minor": 0}
        )
        whole["total_minor"] += draft["total_minor"]
        whole["lines"] += draft["lines"]
    if problems:
        raise Invalid("Rows cannot be read.", remedy="Correct what errors names.", problems=problems)
    ready = [_plain(draft) for draft in drafts.values()]
    for start in range(0, len(ready), MAX_BATCH):
        record_orders(store, ready[start : start + MAX_BATCH])
    return len(ready)


class _Wrong(ValueError):
    """A value that cannot be read, with the name of its column."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(detail)
        self.column = column


def _read(row: Mapping[str, Any], people: Mapping[str, UUID | None]) -> dict[str, Any]:
    text = {name: str(value).strip() if value is not None else "" for name, value in row.items()}
    if not text.get("number"):
        raise _Wrong("number", "is missing")
    currency, status = text.get("currency", "").upper(), text.get("status", "").lower()
    if not CURRENCY.fullmatch(currency):
        raise _Wrong("currency", "must be an ISO 4217 code such as EUR")
    if status not in (*_PAID_WORDS, UNPAID):
        raise _Wrong("status", "must be paid or unpaid")
    who = text.get("contact", "")
    if who and people.get(who) is None:
        raise _Wrong("contact", "belongs to no contact, or to several")
    try:
        total = to_minor(text.get("total", ""), currency)
    except ValueError as wrong:
        raise _Wrong("total", str(wrong)) from None
    if total < 0:
        raise _Wrong("total", "must not be negative")
    return {
        "source": text.get("source", ""), "number": text["number"], "contact_id": people.get(who),
        "placed_at": _moment(row.get("placed_at")), "currency": currency, "total_minor": total,
        "payment": UNPAID if status == UNPAID else PAID, "lines": _lines(text, total),
    }  # fmt: skip


def _lines(text: Mapping[str, str], total: int) -> list[dict[str, Any]]:
    if not (text.get("sku") or text.get("name") or text.get("quantity")):
        return []
    quantity = text.get("quantity") or "1"
    if not quantity.isascii() or not quantity.isdigit() or not 0 < int(quantity[:9]) < 10**6:
        raise _Wrong("quantity", "must be a whole number from 1")
    line = {name: text[name] for name in ("sku", "name", "category") if text.get(name)}
    return [{**line, "quantity": int(quantity), "amount_minor": total}]


def _plain(draft: dict[str, Any]) -> dict[str, Any]:
    """Return a draft whose lines make its total, or none of them."""
    if draft["lines"] and sum(line["amount_minor"] for line in draft["lines"]) != draft["total_minor"]:
        return {**draft, "lines": []}
    return draft


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    try:
        found = datetime.fromisoformat(str(value or "").strip())
    except ValueError:
        raise _Wrong("placed_at", "must be a day or a moment such as 2026-01-05") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _find_contacts(store: Store, rows: Sequence[Mapping[str, Any]]) -> dict[str, UUID | None]:
    """Return who is meant by each value of the column ``contact``; None for nobody or several."""
    found: dict[str, UUID | None] = {}
    tokens: dict[str, bytes] = {}
    for who in {str(row.get("contact") or "").strip() for row in rows} - {""}:
        try:
            found[who] = UUID(who)
        except ValueError:
            if "@" in who:
                token = exact_tokens(store, {"emails": [{"value": who}]})
            else:
                digits = "+" + "".join(c for c in who if c.isdigit())
                token = exact_tokens(store, {"phones": [{"e164": digits}]}) if len(digits) > 6 else {}
            tokens |= {who: next(iter(token))} if token else {}
    holders = holders_of(store, tokens.values()) if tokens else {}
    for who, sought in tokens.items():
        ids = holders.get(sought, [])
        found[who] = ids[0] if len(ids) == 1 else None
    return found
