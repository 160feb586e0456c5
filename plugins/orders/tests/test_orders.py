"""Orders by the API: taken in once, told once, and never more money back than came in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from orders_kit import OWN_DATA, f1_drafts, make_people, moment, order, rows_of
from sqlalchemy import func, select

from retinue.contacts import merge_contacts, revert_change_set
from retinue.contacts.erasing import erase_contact
from retinue.errors import Conflict
from retinue_orders import importing, sales_missed
from retinue_orders.models import Line, Order, Subscription, Summary
from retinue_orders.service import cancel_order, record_orders

CODES = [f"C{n:02}" for n in range(1, 11)]


class Ear:
    """Stands in for the plugins that listen: counts what each hook tells."""

    def __init__(self, house: Any, monkeypatch: Any) -> None:
        self.heard: list[tuple[str, Any]] = []
        hooks = house.plugins.hooks
        for name in ("paid", "refunded", "cancelled", "shipped", "completed"):
            monkeypatch.setitem(hooks._calls, f"orders_{name}", self._call(f"orders_{name}"))
        monkeypatch.setitem(hooks._calls, "subscriptions_changed", self._call("subscriptions_changed"))

    def _call(self, name: str) -> Any:
        def call(store: Any, **told: Any) -> None:
            (rows,) = told.values()
            self.heard += [(name, row) for row in rows]

        return call

    @property
    def names(self) -> list[str]:
        """Return the hooks in the order they were told."""
        return [name for name, _ in self.heard]


@pytest.fixture
def ear(crm: Any, monkeypatch: pytest.MonkeyPatch) -> Ear:
    return Ear(crm.house, monkeypatch)


def test_f1_has_19_orders_and_2120(crm: Any, ear: Ear) -> None:
    """OR-02: 19 orders, 2120.00; the card of C08 shows 5 and 1000.00; loaded twice it is the same."""
    api, people = crm.user().client, make_people(crm, CODES)
    drafts = f1_drafts(people)
    for _ in range(2):
        answer = api.post("/orders/batch", {"orders": drafts})
        assert answer.status_code == 201, answer.text
    with crm.store() as store:
        assert store.rows(select(func.count(), func.sum(Order.total_minor)))[0] == (19, 212000)
    assert Counter(ear.names) == {"orders_paid": 19}
    asked = "orders.orders,orders.total,orders.average,orders.gap_days,orders.currency"
    found = api.get("/contacts", params={"fields": asked, "orders.orders__gte": "5"}).json()["items"]
    (card,) = found
    assert card["id"] == str(people["C08"])
    assert {name.partition(".")[2]: value for name, value in card["values"].items()} == {
        "orders": 5, "total": 1000.0, "average": 200.0, "gap_days": 20.0, "currency": "EUR",
    }  # fmt: skip
    assert len(api.get("/contacts", params={"orders.orders__gte": "1"}).json()["items"]) == 8
    listed = api.get("/orders", params={"contact_id": str(people["C08"]), "limit": 3}).json()
    assert [row["number"] for row in listed["items"]] == ["O19", "O18", "O17"]
    rest = api.get(
        "/orders", params={"contact_id": str(people["C08"]), "limit": 3, "cursor": listed["next"]}
    ).json()
    assert [row["number"] for row in rest["items"]] == ["O16", "O15"]


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_cdnow_is_loaded_from_its_file(crm: Any) -> None:
    """OR-02: the 6,919 purchases of the CDNOW sample as rows of a file, to the last cent."""
    rows = rows_of(OWN_DATA, "cdnow_sample.csv")
    people = make_people(crm, sorted({row["customer_id"] for row in rows}))
    lines = [
        {
            "number": f"{row['customer_id']}-{place}",
            "contact": str(people[row["customer_id"]]),
            "placed_at": row["placed_on"],
            "total": row["amount_usd"],
            "currency": "USD",
            "quantity": row["quantity"],
            "name": "CD",
        }
        for place, row in enumerate(rows)
    ]
    with crm.store() as store:
        assert importing.import_orders(store, lines) == ["created"] * 6919
    with crm.store() as store:
        cents = sum(round(float(row["amount_usd"]) * 100) for row in rows)
        assert store.rows(select(func.count(), func.sum(Order.total_minor)))[0] == (6919, cents)
        assert store.scalar(select(func.count(Line.id))) == 6919
        assert store.scalar(select(func.count(Summary.id))) == len(people) == 2357
        assert store.scalar(select(func.sum(Summary.orders))) == 6919


def test_unpaid_order_is_not_shipped_and_each_change_tells_one_hook(crm: Any, ear: Ear) -> None:
    """OR-03: paid → shipped is allowed, unpaid → shipped refused; each change fires one hook."""
    api, people = crm.user().client, make_people(crm, ["A"])
    made = api.post("/orders", order(contact_id=str(people["A"])))
    assert (made.status_code, made.json()["payment"]) == (201, "unpaid")
    path = f"/orders/{made.json()['id']}"
    refused = api.post(f"{path}/ship", {})
    assert refused.status_code == 409
    assert "cannot be shipped" in refused.text
    assert ear.names == []
    for verb, then in (("pay", "orders_paid"), ("ship", "orders_shipped"), ("complete", "orders_completed")):
        assert api.post(f"{path}/{verb}", {}).status_code == 200
        assert ear.names[-1] == then
        assert api.post(f"{path}/{verb}", {}).status_code == 409, "a second time it changes nothing"
    assert api.post(f"{path}/cancel", {}).json()["payment"] == "refunded"
    assert ear.names == ["orders_paid", "orders_shipped", "orders_completed", "orders_cancelled"]
    stale = api.post(f"{path}/pay", {"version": 1})
    assert stale.status_code == 409
    assert "Somebody changed" in stale.text


def test_refunds_take_back_no_more_than_was_paid(crm: Any, ear: Ear) -> None:
    """OR-03: whole or part, once per key; a refund larger than the order is refused with the reason."""
    api, people = crm.user().client, make_people(crm, ["A"])
    draft = order(contact_id=str(people["A"]), payment="paid")
    path = f"/orders/{api.post('/orders', draft).json()['id']}"
    too_much = api.post(f"{path}/refunds", {"key": "r0", "amount_minor": 10001})
    assert too_much.status_code == 422
    assert too_much.json()["errors"][0]["pointer"] == "/amount_minor"
    assert api.post(f"{path}/refunds", {"key": "r0", "amount_minor": -1}).status_code == 422
    for _ in range(2):
        assert api.post(f"{path}/refunds", {"key": "r1", "amount_minor": 3333}).status_code == 201
    assert api.post(f"{path}/refunds", {"key": "r1", "amount_minor": 1}).status_code == 409
    assert api.get(path).json()["payment"] == "part_refunded"
    rest = api.post(f"{path}/refunds", {"key": "r2"}).json()
    assert rest["amount_minor"] == 6667
    assert api.get(path).json() | {"lines": 0} == api.get(path).json() | {"lines": 0, "payment": "refunded"}
    assert [(n, getattr(r, "amount_minor", None)) for n, r in ear.heard] == [
        ("orders_paid", None), ("orders_refunded", 3333), ("orders_refunded", 6667),
    ]  # fmt: skip
    assert api.get("/contacts", params={"orders.orders__gte": "1"}).json()["items"] == []


def test_old_orders_keep_their_price(crm: Any) -> None:
    """OR-01: the SKU is unique; a new price leaves old orders and orders of old days alone."""
    api = crm.user().client
    product = {"sku": "TEA", "name": "Tea", "category": "drinks", "currency": "EUR"}
    made = api.post("/products", product)
    assert made.status_code == 201
    assert api.post("/products", product).status_code == 409
    path = f"/products/{made.json()['id']}"
    for since, amount in (("2026-01-01T00:00:00Z", 500), ("2026-06-01T00:00:00Z", 600)):
        draft = {"currency": "EUR", "amount_minor": amount, "valid_from": since}
        assert api.post(f"{path}/prices", draft).status_code == 201
    assert api.post(f"{path}/prices", {"currency": "EUR", "amount_minor": -1}).status_code == 422
    lines = [{"sku": "TEA", "quantity": 3}]
    for number, day, total in (("may", "2026-05-31", 1500), ("june", "2026-06-01", 1800)):
        draft = {"number": number, "currency": "EUR", "placed_at": f"{day}T08:00:00Z", "lines": lines}
        assert api.post("/orders", draft).json()["total_minor"] == total
    assert api.patch(path, {"name": "Green tea", "category": "hot"}).json()["name"] == "Green tea"
    (may,) = [row for row in api.get("/orders").json()["items"] if row["number"] == "may"]
    assert api.get(f"/orders/{may['id']}").json()["lines"][0] == {
        "sku": "TEA", "name": "Tea", "category": "drinks", "quantity": 3, "amount_minor": 1500,
    }  # fmt: skip
    foreign = {"number": "x", "currency": "USD", "placed_at": "2026-06-01T08:00:00Z", "lines": lines}
    assert api.post("/orders", foreign).json()["errors"][0]["pointer"] == "/lines/0"


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"total_minor": -1}, "/total_minor"),
        ({"currency": "euro"}, "/currency"),
        ({"placed_at": "2026-05-01T10:00:00"}, "/placed_at"),
        ({"contact_id": str(uuid4())}, "/contact_id"),
        ({"lines": [{"name": "a", "amount_minor": 1}]}, "/total_minor"),
        ({"lines": [{"name": "a", "quantity": 0, "amount_minor": 1}]}, "/lines/0/quantity"),
        ({"number": ""}, "/number"),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_wrong_order_is_refused_with_a_pointer(crm: Any, wrong: dict[str, Any], pointer: str) -> None:
    """Nothing half right is written, and the answer names the place."""
    api = crm.user().client
    answer = api.post("/orders", order(**wrong))
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert api.get("/orders").json()["items"] == []


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_known_number_with_other_content_is_refused(crm: Any) -> None:
    """Idempotent intake: the same order is the same, another one under its number is a conflict."""
    api = crm.user().client
    first = api.post("/orders", order()).json()
    assert api.post("/orders", order()).json()["id"] == first["id"]
    assert api.post("/orders", order(total_minor=1)).status_code == 409
    assert api.post("/orders", order(source="b", total_minor=1)).status_code == 201


def _signed(secret: str, body: bytes, at: int | None = None) -> dict[str, str]:
    stamp = str(at or int(time.time()))
    signed = f"msg_1.{stamp}.".encode() + body
    mark = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    return {
        "webhook-id": "msg_1", "webhook-timestamp": stamp, "content-type": "application/json",
        "webhook-signature": "v1,bm9uZQ== v1," + base64.b64encode(mark).decode(),
    }  # fmt: skip


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_shop_sends_signed_orders_once(crm: Any) -> None:
    """OR-02: a signed webhook is taken in once; a wrong, old or foreign signature is refused."""
    api = crm.user().client
    secret = api.post("/orders/sources", {"name": "shop"}).json()["secret"]
    body = json.dumps({"orders": [order("W1", payment="paid"), order("W2")]}).encode()
    send = crm.nobody.call
    for _ in range(2):
        answer = send("POST", "/orders/intake/shop", content=body, headers=_signed(secret, body))
        assert answer.status_code == 200, answer.text
    assert [(row["source"], row["number"]) for row in api.get("/orders").json()["items"]] == [
        ("shop", "W2"), ("shop", "W1"),
    ]  # fmt: skip
    other = body.replace(b"W1", b"W9")
    for data, headers, name in (
        (other, _signed(secret, body), "shop"),
        (body, _signed(secret, body, int(time.time()) - 301), "shop"),
        (body, _signed("whsec_" + base64.b64encode(bytes(32)).decode(), body), "shop"),
        (body, _signed("whsec_" + base64.b64encode(bytes(32)).decode(), body), "nowhere"),
        (body, {"content-type": "application/json"}, "shop"),
    ):
        assert send("POST", f"/orders/intake/{name}", content=data, headers=headers).status_code == 401
    assert "secret" not in api.get("/orders/sources").json()[0]
    source_id = api.get("/orders/sources").json()[0]["id"]
    assert api.delete(f"/orders/sources/{source_id}").status_code == 204
    assert send("POST", "/orders/intake/shop", content=body, headers=_signed(secret, body)).status_code == 401


def test_orders_are_seen_exactly_where_their_contact_is(crm: Any) -> None:
    """A row of a plugin that points at a contact is visible exactly when the contact is."""
    mine = {"contact.read": "own", "contact.create": "own", "order.read": "all", "order.record": "all"}
    ann, bob = crm.user(mine), crm.user(mine)
    contact = ann.client.post("/contacts", {"given_name": "Eva", "family_name": "K"}).json()["id"]
    made = ann.client.post("/orders", order(contact_id=contact, payment="paid"))
    assert made.status_code == 201, made.text
    path = f"/orders/{made.json()['id']}"
    assert ann.client.get(path).status_code == 200
    assert bob.client.get(path).status_code == 404
    assert bob.client.get("/orders").json()["items"] == []
    assert bob.client.post("/orders", order("B", contact_id=contact)).status_code == 422
    assert ann.client.post(f"{path}/refunds", {"key": "r"}).status_code == 403


def test_merged_orders_move_and_come_back(crm: Any) -> None:
    """contacts_merged, change_sets_reverted: a merge adds up what both bought; reverting it gives each their own again."""
    people = make_people(crm, ["A", "B"])
    with crm.store() as store:
        rows = [
            {
                "number": f"{c}1",
                "contact": str(i),
                "placed_at": "2026-01-01",
                "total": "10.00",
                "currency": "EUR",
            }
            for c, i in people.items()
        ]
        importing.import_orders(store, rows)

    def totals() -> dict[UUID, float]:
        with crm.store() as store:
            return dict(store.rows(select(Summary.contact_id, Summary.total)))

    with crm.store() as store:
        merge_contacts(store, people["A"], [people["B"]])
        deed = store.change_set_id
    assert totals() == {people["A"]: 20.0}
    with crm.store() as store:
        revert_change_set(store, deed)
    assert totals() == {people["A"]: 10.0, people["B"]: 10.0}


def test_hook_erasure_refusals_names_who_owes(crm: Any) -> None:
    """GD-05: an unpaid order or a subscription past due stops an erasure, with the numbers; cancelled, paid or free ones do not,
    and nothing does where the installation keeps no payments."""
    people = make_people(crm, ["A", "B", "C", "D"])
    day = {"placed_at": moment("2026-05-01")}
    with crm.store() as store:
        record_orders(store, [
            *(order(number=f"A{n}", contact_id=people["A"], payment="unpaid", **day) for n in range(6)),
            order(number="B1", contact_id=people["B"], payment="paid", **day),
            order(number="B2", contact_id=people["B"], payment="unpaid", total_minor=0, lines=[], **day),
        ])  # fmt: skip
        (gone,) = record_orders(store, [order(number="B3", contact_id=people["B"], payment="unpaid", **day)])
        cancel_order(store, gone.id)
        late = Subscription(
            contact_id=people["C"], plan="Club", currency="EUR", amount_minor=500, unit="month", status="past_due",
            starts_on=date(2026, 1, 1), renews_on=date(2026, 2, 1), created_at=store.now,
        )  # fmt: skip
        store.system("orders").add(late)

    def owing() -> dict[UUID, tuple[str, str]]:
        with crm.store(readonly=True) as store:
            found = store.hooks.erasure_refusals(store=store, contact_ids=list(people.values()))
        return {one.contact_id: (one.code, one.reason) for one in found}

    assert owing() == {
        people["A"]: ("invoice-open", "not paid: A0, A1, A2, A3, A4, …"),
        people["C"]: ("invoice-open", "a subscription is past due"),
    }
    with crm.store() as store, pytest.raises(Conflict, match="not paid: A0"):
        erase_contact(store, people["A"], reason="asked")
    settings = {"values": {"keep_debtors": False}}
    assert crm.user().client.patch("/plugins/orders/settings", settings).status_code == 200
    assert owing() == {}


def test_erasure_keeps_the_sale_and_forgets_the_buyer(crm: Any) -> None:
    """contacts_erased: the books keep the order; nothing of it leads to the person. Before, the export holds it."""
    people = make_people(crm, ["A"])
    with crm.store() as store:
        row = {"number": "1", "contact": str(people["A"]), "placed_at": "2026-01-01", "currency": "JPY"}
        importing.import_orders(store, [{**row, "total": "1000", "name": "Tea"}])
        (copy,) = store.hooks.contact_exports(store=store, contact_ids=[people["A"]])
        assert copy.records[0]["total"] == "1000"
        assert copy.records[0]["lines"][0]["name"] == "Tea"
    with crm.store() as store:
        erase_contact(store, people["A"], reason="asked")
    with crm.store() as store:
        assert store.rows(select(Order.number, Order.contact_id)) == [("1", None)]
        assert store.scalars(select(Summary)) == []


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_missed_sales_are_told_again_page_by_page(crm: Any) -> None:
    """sales_missed: who was off asks for what was paid and changed since a moment, and gets each order once."""
    day, told, after = {"placed_at": moment("2026-05-01")}, list[Any](), ""
    with crm.store() as store:
        paid = record_orders(store, [order(number=f"S{n}", payment="paid", **day) for n in range(3)])
        record_orders(store, [order(number="open", payment="unpaid", **day)])
        while page := sales_missed(store, store.now - timedelta(days=1), after, 2):
            told, after = [*told, *page], page[-1]["cursor"]
        assert [sale["ref"] for sale in told] == sorted(str(one.id) for one in paid)
        assert sales_missed(store, store.now + timedelta(days=1), "", 2) == []
