"""The proof of the ledger: whatever is altered past the ledger is found, named by its invariant, and nothing else is."""

from __future__ import annotations

from typing import Any

from loyalty_kit import World

from retinue.actor import Actor
from retinue_loyalty import verifying

ONE = "WHERE id = (SELECT id FROM {table}{where} ORDER BY id LIMIT 1)"


def _one(table: str, change: str, where: str = "") -> str:
    return f"UPDATE {table} SET {change} {ONE.format(table=table, where=where and f' WHERE {where}')}"


TAMPERINGS = {
    "an entry is worth more": (
        _one("loyalty_entry", "amount = amount + 1", "bucket = 'programme:issued'"),
        {"I1"},
    ),
    "both sides of a deed are worth more": (
        "UPDATE loyalty_entry SET amount = amount * 2 WHERE transaction_id ="
        " (SELECT id FROM loyalty_transaction WHERE kind = 'earn' ORDER BY id LIMIT 1)",
        {"I2"},
    ),
    "an account owes more": (_one("loyalty_account", "owed = owed + 1"), {"I2"}),
    "a lot holds less": (_one("loyalty_lot", "remaining = remaining - 1", "remaining > 1"), {"I2", "I4"}),
    "a lot with points is over": (_one("loyalty_lot", "state = 'over'", "remaining > 0"), {"I2", "I3"}),
    "an allocation took more": (_one("loyalty_allocation", "amount = amount + 1", "kind = 'spend'"), {"I4"}),
    "a refund took more than was given": (
        _one("loyalty_transaction", "points = points * 3", "kind = 'clawback'"),
        {"I6"},
    ),
    "an expiry bears another moment": (
        _one("loyalty_transaction", "occurred_at = recorded_at", "kind = 'expire'"),
        {"I7"},
    ),
}


def _verify(crm: Any, statement: str) -> set[str]:
    """Return which invariants are broken after a statement past the ledger, which is taken back then."""
    database = crm.house.database
    with database.gate, database.engine.connect() as connection, connection.begin() as transaction:
        assert connection.exec_driver_sql(statement).rowcount > 0, "it alters something"
        with database.join(connection, Actor.system("test")) as store:
            found = {breach[:2] for breach in verifying.verify_ledger(store).breaches}
        transaction.rollback()
    return found


def test_verify_names_the_invariant_that_an_alteration_breaks(crm: Any, changed_rows: list[str]) -> None:
    """I1 to I4, I6, I7: each kind of alteration is found and called by its name; the honest ledger is not."""
    world = World(crm, {"earn": {"points": 1, "per_minor": 100}})
    order = world.buy(10000, "2026-01-01")
    world.earn(50, "2026-01-02", "2026-02-01")
    world.redeem(20, "2026-01-10")
    crm.user().client.post(f"/orders/{order.id}/refunds", {"key": "r", "amount_minor": 4000})
    world.settle("2026-03-01")
    world.proof()
    for name, (statement, broken) in TAMPERINGS.items():
        assert _verify(crm, statement) == broken, name
    world.proof()
    assert {deed.split()[1] for deed in changed_rows} >= {"loyalty_entry", "loyalty_transaction"}, "I5: seen"
    changed_rows.clear()
