"""Money, periods, the rows of a file, the summary: what needs no installation, and subscriptions that do."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from orders_kit import make_people, moment
from test_orders import Ear

from retinue.contacts import create_contact
from retinue.errors import Invalid
from retinue.money import digits_of, to_minor, to_text
from retinue_orders import importing, subscriptions
from retinue_orders.models import Base, Subscription
from retinue_orders.subscriptions import period_start
from retinue_orders.summaries import Counted, summarise


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD", "CZK"]))
def test_money_comes_back_from_text_as_it_was(minor: int, currency: str) -> None:
    assert to_minor(to_text(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [("1.001", "EUR"), ("1.5", "JPY"), ("NaN", "EUR"), ("", "EUR"), ("1,5", "EUR"), ("1e30", "EUR")],
)
def test_inexact_money_is_refused(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"amount|range"):
        to_minor(text, currency)


def test_month_from_the_31st_survives_february() -> None:
    """OR-07: month from 2026-01-31 → 2026-02-28 → 2026-03-31."""
    days = [period_start(date(2026, 1, 31), "month", n) for n in range(4)]
    assert days == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    assert period_start(date(2028, 2, 29), "year", 1) == date(2029, 2, 28)
    assert period_start(date(2028, 2, 29), "year", 4) == date(2032, 2, 29)
    assert period_start(date(2026, 1, 1), "week", 2) == date(2026, 1, 15)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(["month", "year", "week"]))
def test_periods_follow_each_other(start: date, unit: str) -> None:
    days = [period_start(start, unit, n) for n in range(15)]
    assert days == sorted(set(days))
    longest = {"week": 7, "month": 31, "year": 366}[unit]
    assert all(b - a <= timedelta(days=longest) for a, b in itertools.pairwise(days))


def test_summary_counts_all_and_adds_up_one_currency() -> None:
    """The rule per currency: sums in the currency of the last order; the others count as orders."""
    orders = [
        Counted(moment("2026-01-01"), "USD", 999),
        Counted(moment("2026-01-11"), "EUR", 1000),
        Counted(moment("2026-01-31"), "EUR", 2001),
    ]
    found = summarise(orders)
    assert (found["orders"], found["currency"], found["total"]) == (3, "EUR", 30.01)
    assert (found["average"], found["gap_days"]) == (15.01, 15.0)
    assert summarise(orders[:1])["gap_days"] is None
    assert [digits_of(one) for one in ("JPY", "EUR", "KWD", "CLF")] == [0, 2, 3, 4]


def test_subscription_renews_fails_and_ends(crm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """OR-07: by the API; what is paid stays paid when the next payment fails; each change tells one hook."""
    ear = Ear(crm.house, monkeypatch)
    api, people = crm.user().client, make_people(crm, ["A"])
    draft = {
        "contact_id": str(people["A"]), "plan": "box", "currency": "EUR", "amount_minor": 990,
        "starts_on": "2026-01-31",
    }  # fmt: skip
    made = api.post("/subscriptions", draft).json()
    path = f"/subscriptions/{made['id']}"
    assert made["renews_on"] == "2026-02-28"
    assert api.post(f"{path}/renew", {}).json()["renews_on"] == "2026-03-31"
    assert api.post(f"{path}/fail", {}).json()["status"] == "past_due"
    with crm.store() as store:
        assert subscriptions.close_due(store, {}) == 1
        assert subscriptions.close_due(store, {}) == 0
        (row,) = store.scalars(Subscription.__table__.select().with_only_columns(Subscription.ends_on))
        assert row == date(2026, 3, 31)
    for verb in ("renew", "fail", "cancel"):
        assert api.post(f"{path}/{verb}", {}).status_code == 409
    far = (datetime.now(UTC) + timedelta(days=400)).date()
    later = api.post("/subscriptions", {**draft, "starts_on": far.isoformat()}).json()
    assert api.post(f"/subscriptions/{later['id']}/cancel", {}).json()["status"] == "active"
    assert [row.change for _, row in ear.heard] == [
        "started", "renewed", "failed", "ended", "started", "cancelled",
    ]  # fmt: skip
    assert api.post("/subscriptions", {**draft, "currency": "eur"}).status_code == 422
    assert len(api.get("/subscriptions", params={"contact_id": str(people["A"])}).json()) == 2


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_rows_of_a_file_find_their_contact_and_name_their_faults(crm: Any) -> None:
    """Customers by id, e-mail or phone; each fault with its row and column, and then nothing is written."""
    with crm.store() as store:
        create_contact(
            store,
            {
                "given_name": "Eva", "family_name": "K",
                "emails": [{"value": "eva@example.cz"}], "phones": [{"value": "+420225006555"}],
            },
        )  # fmt: skip
    row = {
        "number": "1",
        "contact": "EVA@example.cz",
        "placed_at": "2026-01-05",
        "total": "10.00",
        "currency": "eur",
    }
    with crm.store() as store:
        more = {**row, "total": "2.50", "sku": "B", "name": "Bag", "quantity": "2"}
        first = {**row, "sku": "A", "name": "Apple"}
        rows = [first, more, {**row, "number": "2", "contact": "+420 225 006 555"}]
        assert importing.import_orders(store, rows) == ["created"] * 3
        assert importing.import_orders(store, rows) == ["unchanged"] * 3
    api = crm.user().client
    assert api.get("/contacts", params={"orders.orders__gte": "2"}).json()["items"]
    (one,) = [o for o in api.get("/orders").json()["items"] if o["number"] == "1"]
    assert one["total_minor"] == 1250
    assert [line["name"] for line in api.get(f"/orders/{one['id']}").json()["lines"]] == ["Apple", "Bag"]
    wrong = [
        {**row, "number": ""}, {**row, "contact": "nobody@example.cz"}, {**row, "total": "1.005"},
        {**row, "placed_at": "soon"}, {**row, "currency": ""}, {**row, "total": "-1"}, {**row, "status": "eaten"},
        {**row, "sku": "A", "quantity": "0"},
    ]  # fmt: skip
    with pytest.raises(Invalid) as refused, crm.store() as store:
        importing.import_orders(store, wrong)
    assert [p.pointer for p in refused.value.problems] == [
        "/0/number", "/1/contact", "/2/total", "/3/placed_at", "/4/currency", "/5/total", "/6/status", "/7/quantity",
    ]  # fmt: skip


def test_migrations_make_the_tables_of_the_models(house: Any) -> None:
    """What a fresh upgrade makes and what the classes say are the same, on both databases."""
    with house.database.transaction() as connection:
        options = {
            "include_object": lambda _o, name, kind, *_: kind != "table" or name.startswith("orders_"),
            "compare_type": house.database.kind == "postgresql",
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    assert (Path(__file__).parents[1] / "src/retinue_orders/plugin.toml").exists()
