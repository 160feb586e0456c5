"""A member and a programme in three lines, days as text, and F1 through the plugin orders."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from retinue.contacts import create_contacts
from retinue_loyalty import ledger, members, programmes, service, verifying
from retinue_loyalty.accounts import find_accounts, lock_members
from retinue_loyalty.models import Lot
from retinue_loyalty.posting import Posting
from retinue_orders.service import record_orders

DATA = Path(__file__).parents[3] / "tests" / "data"


def day(text: str) -> datetime:
    """Return the beginning of a day in UTC, or a moment."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_people(store: Any, codes: list[str]) -> dict[str, UUID]:
    """Create a contact per code and return the ids."""
    drafts = [{"given_name": code, "family_name": "Buyer"} for code in codes]
    return dict(zip(codes, create_contacts(store, drafts, on_duplicate="allow").ids, strict=True))


def f1_orders(people: dict[str, UUID]) -> list[dict[str, Any]]:
    """Return the orders of F1 as drafts."""
    with (DATA / "f1_orders.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {
            "number": row["order_id"],
            "contact_id": people[row["contact_id"]],
            "placed_at": day(row["placed_at"]),
            "total_minor": round(float(row["total"]) * 100),
            "currency": "EUR",
            "payment": "paid",
        }
        for row in rows
    ]


@dataclass
class World:
    """One programme with one member, in an installation."""

    crm: Any
    rules: dict[str, Any] = field(default_factory=dict)
    zone: str = "UTC"
    programme_id: UUID = field(init=False)
    member: UUID = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        with self.crm.store() as store:
            draft = {
                "key": "club", "name": "Club", "currency": "EUR", "zone": self.zone, "state": "active",
                "rules": self.rules, "rules_from": day("2020-01-01"),
            }  # fmt: skip
            self.programme_id = programmes.create_programme(store, draft)["id"]
            self.member = make_people(store, ["M"])["M"]

    def key(self) -> str:
        """Return a key nobody had."""
        self.count += 1
        return f"k{self.count}"

    def earn(self, points: int, at: str, expires: str | None = None, **more: Any) -> Any:
        """Give points to the member."""
        draft = {"contact_id": self.member, "points": points, "key": self.key(), "at": day(at), **more}
        if expires:
            draft["expires_at"] = day(expires)
        with self.crm.store() as store:
            return service.earn_points(store, self.programme_id, [draft])[0]

    def redeem(self, points: int, at: str, **more: Any) -> Any:
        """Take points of the member."""
        draft = {"contact_id": self.member, "points": points, "key": self.key(), "at": day(at), **more}
        with self.crm.store() as store:
            return service.redeem_points(store, self.programme_id, draft)

    def reverse(self, transaction_id: UUID, at: str, **more: Any) -> Any:
        """Give points of a redemption back."""
        with self.crm.store() as store:
            return service.reverse_redemption(
                store, transaction_id, {"key": self.key(), "at": day(at), **more}
            )

    def settle(self, at: str) -> None:
        """Post what is due by a moment, as the job would have then."""
        with self.crm.store() as store:
            wallet = lock_members(store, self.programme_id, [self.member])[self.member]
            posting = Posting(store)
            ledger.settle(posting, wallet, day(at))
            posting.write()

    def points(self, at: str) -> tuple[int, int]:
        """Return usable and held points at a moment."""
        with self.crm.store() as store:
            account = find_accounts(store, self.programme_id, [self.member])[self.member]
            found = members.balance_of(store, members.family_of(store, account), day(at))
            return found["balance"], found["pending"]

    def lots(self) -> list[int]:
        """Return what remains in each lot, in the order they were earned."""
        with self.crm.store() as store:
            return store.scalars(Lot.__table__.select().with_only_columns(Lot.remaining).order_by(Lot.id))

    def buy(self, total: int, at: str, number: str = "", **more: Any) -> Any:
        """Let the member pay an order and return it."""
        draft = {
            "number": number or self.key(), "contact_id": self.member, "placed_at": day(at), "currency": "EUR",
            "total_minor": total, "payment": "paid", **more,
        }  # fmt: skip
        with self.crm.store() as store:
            return record_orders(store, [draft])[0]

    def tier(self, at: str) -> str:
        """Return the member's level at a moment."""
        with self.crm.store() as store:
            return members.show_member(store, self.member, day(at))[0]["tier"]

    def proof(self) -> Any:
        """Return the proof of the ledger, which must be good."""
        with self.crm.store(readonly=True) as store:
            found = verifying.verify_ledger(store)
        assert found.good, found.breaches
        return found
