"""Orders from a file: one row per line of an order, rows of one number together are one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.contacts import exact_tokens, holders_of
from retinue.errors import Invalid, Problem
from retinue.history import read_audit
from retinue.money import CURRENCY, to_minor
from retinue_orders.intake import judge_drafts
from retinue_orders.models import PAID, UNPAID, Order
from retinue_orders.service import MAX_BATCH, cancel_untouched, known_orders, record_orders

_PAID_WORDS = ("paid", "shipped", "completed", "")
_COLUMNS = {"contact_id": "contact", "payment": "status", "total_minor": "total", "lines": "total"}
_PAGE = 500


def import_orders(store: Store, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Take in the orders of a file's rows and return for each row ``created``, or ``unchanged`` for a known order.

    A row has ``number``, ``contact`` (an id, an e-mail address or a phone number; empty for an unknown customer),
    ``placed_at``, ``total`` as ``100.00`` and ``currency``; ``status`` ``unpaid`` for an unpaid order. Raises
    Invalid with a pointer per row and column; nothing is written then.
    """
    store.require("order.record")
    wholes, problems = _put_together(rows, _find_contacts(store, rows))
    problems += _faults(store, wholes)
    if problems:
        raise Invalid("Rows cannot be read.", remedy="Correct what errors names.", problems=problems)
    known = known_orders(store, list(wholes))
    ready = [_plain(whole.draft) for whole in wholes.values()]
    for start in range(0, len(ready), MAX_BATCH):
        record_orders(store, ready[start : start + MAX_BATCH])
    answers = ["created"] * len(rows)
    for name, whole in wholes.items():
        for place in whole.places if name in known else ():
            answers[place] = "unchanged"
    return answers


def cancel_import(store: Store, change_set_id: UUID) -> None:
    """Undo an import: the orders it brought in, and nobody changed since, are cancelled, and whoever counted them is told."""
    own = store.system("orders")
    brought, after = list[UUID](), None
    while page := read_audit(own, change_set_id=change_set_id, after=after, limit=_PAGE):
        brought += [entry["row_id"] for entry in page if entry["table"] == Order.__tablename__]
        after = page[-1]["turn"], page[-1]["id"]
    for start in range(0, len(brought), _PAGE):
        cancel_untouched(store, brought[start : start + _PAGE])


@dataclass(slots=True)
class _Whole:
    """One order put together of its rows, which stand at `places`."""

    draft: dict[str, Any]
    places: list[int] = field(default_factory=list)


_Wholes = dict[tuple[str, str], _Whole]


def _put_together(
    rows: Sequence[Mapping[str, Any]], people: Mapping[str, UUID | None]
) -> tuple[_Wholes, list[Problem]]:
    problems, wholes = list[Problem](), _Wholes()
    for place, row in enumerate(rows):
        try:
            draft = _read(row, people)
        except _Wrong as wrong:
            problems.append(Problem(f"/{place}/{wrong.column}", str(wrong), "value"))
            continue
        name = draft["source"], draft["number"]
        whole = wholes.setdefault(name, _Whole({**draft, "lines": [], "total_minor": 0}))
        for column in ("contact_id", "placed_at", "currency", "payment"):
            if draft[column] != whole.draft[column]:
                shown = _COLUMNS.get(column, column)
                detail = f"differs from that of row {whole.places[0] + 1} of the same order"
                problems.append(Problem(f"/{place}/{shown}", detail, "differs"))
        whole.places.append(place)
        whole.draft["total_minor"] += draft["total_minor"]
        whole.draft["lines"] += draft["lines"]
    return wholes, problems


def _faults(store: Store, wholes: _Wholes) -> list[Problem]:
    """Return what the rules for orders say, with pointers to rows; a known number with other content among it."""
    drafts, places = [_plain(w.draft) for w in wholes.values()], [w.places[0] for w in wholes.values()]
    try:
        judged = judge_drafts(store, drafts)
    except Invalid as refused:
        return [_about(problem, places) for problem in refused.problems]
    known = known_orders(store, list(wholes))
    return [
        Problem(f"/{places[n]}/number", "is known already, with other content", "order-known")
        for n, draft in enumerate(judged)
        if draft.name in known and known[draft.name].fingerprint != draft.fingerprint
    ]


def _about(problem: Problem, places: Sequence[int]) -> Problem:
    """Return a complaint about the nth order (``/3/contact_id``; of a single one ``/contact_id``) as one about its row."""
    first, _, rest = problem.pointer.strip("/").partition("/")
    number, column = (int(first), rest.partition("/")[0]) if first.isdigit() else (0, first)
    return Problem(f"/{places[number]}/{_COLUMNS.get(column, column)}", problem.detail, problem.code)


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
