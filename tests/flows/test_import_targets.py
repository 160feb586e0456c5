"""Rows of other plugins through io: purchases and programmes from files, by the API and at the terminal, and back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from flows_kit import Importer
from sqlalchemy import func, select

from retinue.actor import Actor
from retinue.cli import app
from retinue.cli.errors import run
from retinue.testing.house import Crm
from retinue_io import commands
from retinue_orders.models import Order

DATA = Path(__file__).parents[1] / "data"
CDNOW = Path(__file__).parents[2] / "plugins" / "orders" / "tests" / "data" / "cdnow_sample.csv"
SYSTEM = Actor.system("test")
RULES = {"earn": {"points": 1, "per_minor": 2000}, "redeem": {"point_minor": 100}}
PEOPLE = {"mapping": None, "mode": "create", "duplicates": "ignore", "system": "shop"}
F1 = (DATA / "f1_orders.csv").read_bytes()


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """io and two plugins whose rows it brings in."""
    return ("io", "loyalty", "orders")


@pytest.fixture
def importer(crm: Crm) -> Importer:
    return Importer(crm)


def _programme() -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["key", "name", "currency", "rules"])
    writer.writerow(["club", "Club", "EUR", json.dumps(RULES)])
    return out.getvalue().encode()


def test_f1_comes_in_by_file_and_goes_again(importer: Importer) -> None:
    """OR-02, LO-01: a programme and the 19 orders of F1 (2120.00) by file; points as if by API; the import is undone."""
    importer.people([f"C{n:02}" for n in range(1, 11)])
    assert importer.bring(_programme(), "loyalty.programme")["counts"]["created"] == 1
    assert importer.bring(_programme(), "loyalty.programme")["counts"]["unchanged"] == 1
    path = importer.upload(F1, "orders.order")
    preview = importer.api.get(f"{path}/preview").json()["mapping"]
    proposed = {c["heading"]: c.get("target") for c in preview["columns"]}
    assert proposed == {
        "order_id": "number", "contact_id": "contact", "placed_at": "placed_at", "total": "total",
        "currency": "currency", "status": "status",
    }  # fmt: skip
    assert importer.map(path, system="shop").status_code == 200
    assert importer.check(path)["counts"] | {"organisations": 0} == {
        "rows": 19, "created": 19, "updated": 0, "unchanged": 0, "rejected": 0, "suspected": 0, "organisations": 0,
    }  # fmt: skip
    assert importer.api.get("/orders").json()["items"] == []
    assert importer.points() == {}
    done = importer.run(path)
    assert (done["status"], done["counts"]["created"]) == ("complete", 19)
    orders = importer.api.get("/orders", params={"limit": 100}).json()["items"]
    assert (len(orders), sum(row["total_minor"] for row in orders)) == (19, 212000)
    assert importer.points() == {
        "C01": 5, "C02": 3, "C03": 4, "C04": 5, "C05": 11, "C06": 9, "C07": 16, "C08": 49,
    }  # fmt: skip
    again = importer.bring(F1, "orders.order", system="shop")
    assert (again["counts"]["created"], again["counts"]["unchanged"]) == (0, 19)
    kept = next(row for row in orders if row["number"] == "O01")
    importer.api.post(f"/orders/{kept['id']}/ship", {})
    assert importer.api.post(f"{path}/revert").status_code == 202
    assert importer.api.get(path).json()["status"] == "reverted"
    states = {
        row["number"]: row["status"]
        for row in importer.api.get("/orders", params={"limit": 100}).json()["items"]
    }
    assert states.pop("O01") == "shipped", "what was changed since stays"
    assert set(states.values()) == {"cancelled"}
    assert importer.points() == {"C01": 5}


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
@pytest.mark.parametrize("batch", [1, 1000])
def test_rows_at_fault_stay_out_with_those_of_their_order(
    importer: Importer, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault names its row, column and reason; nothing of an order comes in unless all of it can; corrected it does."""
    monkeypatch.setattr("retinue_io.plan.CREATE_BATCH", batch)
    importer.people(["C01"])
    data = (
        b"number;contact;placed_at;total;currency;name\n"
        b"A;C01;5.1.2026;1.000,50;EUR;Tea\n"
        b"A;C01;5.1.2026;x;EUR;Cup\n"
        b"B;C99;31.1.2026;1,00;EUR;Tea\n"
        b"C;C01;31.1.2026;1,005;EUR;Tea\n"
        b"D;C01;31.1.2026;12,50;EUR;Tea\n"
        b"D;C01;31.1.2026;2,50;EUR;Cup\n"
        b"E;C01;31.1.2026;-1;EUR;Tea\n"
        b"F;C01;31.1.2026;1;euro;Tea\n"
        b";C01;31.1.2026;1;EUR;Tea\n"
    )
    path = importer.upload(data, "orders.order")
    assert importer.map(path, system="shop", decimal=",").status_code == 200
    checked = importer.check(path)
    done = importer.run(path)
    assert checked["counts"] == done["counts"]
    assert (done["counts"]["created"], done["counts"]["rejected"]) == (2, 7)
    rows = importer.api.get(f"{path}/rejections").json()["items"]
    assert [(row["row"], row["column"], row["code"]) for row in rows] == [
        (2, "", "together"), (3, "total", "decimal"), (4, "contact", "not-found"), (5, "total", "value"),
        (8, "total", "value"), (9, "currency", "value"), (10, "number", "required"),
    ]  # fmt: skip
    errors = importer.api.get(f"{path}/errors").text
    assert "C99" in errors
    again = importer.bring(errors.replace("C99", "C01").encode(), "orders.order", system="shop", decimal=",")
    assert again["counts"]["created"] == 1


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_targets_come_and_go_with_their_plugin(importer: Importer) -> None:
    """Targets of plugins that are off, of nobody, or beyond one's rights are refused, and so is a mapping with a gap."""
    refused = importer.api.call(
        "POST", "/imports", files={"data": ("a.csv", F1)}, params={"what": "orders.nothing"}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/what"
    assert "orders.order" in refused.text
    clerk = importer.crm.user({"contact.import": "all", "contact.read": "all"}).client
    assert (
        clerk.call(
            "POST", "/imports", files={"data": ("a.csv", F1)}, params={"what": "orders.order"}
        ).status_code
        == 422
    )
    path = importer.upload(b"placed_at,total\n2026-01-01,1.00\n", "orders.order")
    lacking = importer.map(path)
    assert lacking.status_code == 422
    assert [e["pointer"] for e in lacking.json()["errors"]] == [
        "/mapping/fixed/number",
        "/mapping/fixed/currency",
    ]
    assert importer.map(path, fixed={"number": "till-{row}", "currency": "EUR"}).status_code == 200
    importer.crm.house.disable(SYSTEM, "orders")
    importer.crm.rebuild()
    assert importer.api.post(f"{path}/run").status_code == 404
    importer.crm.house.enable(SYSTEM, "orders")
    importer.crm.rebuild()
    assert importer.run(path)["counts"]["created"] == 1
    (row,) = importer.api.get("/orders").json()["items"]
    assert row["number"] == "till-2"


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_programmes_are_not_undone_and_say_so(importer: Importer) -> None:
    """An import of programmes stays: members' points depend on them. The answer says what to do instead."""
    path = importer.upload(_programme(), "loyalty.programme")
    importer.map(path)
    importer.run(path)
    refused = importer.api.post(f"{path}/revert")
    assert refused.status_code == 409
    assert "in their own place" in refused.text
    other = _programme().replace(b"2000", b"1000")
    done = importer.bring(other, "loyalty.programme")
    assert done["counts"]["rejected"] == 1
    broken = _programme().replace(b'""per_minor"": 2000', b'""per_minor"": 0').replace(b"club", b"new")
    assert importer.bring(broken, "loyalty.programme")["counts"]["rejected"] == 1


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_cdnow_by_command_stopped_and_taken_up(
    importer: Importer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OR-02: 6,919 purchases at the terminal: dry run with exact counts, Ctrl-C after some batches, taken up to the end."""
    config = importer.crm.house.config
    (config.folder / "retinue.toml").write_text(f'[database]\nurl = "{config.database.url}"\n', "utf-8")
    monkeypatch.chdir(config.folder)
    with CDNOW.open(newline="") as file:
        rows = list(csv.DictReader(file))
    importer.people(sorted({row["customer_id"] for row in rows}))
    wish = ["--what", "orders.order", "--set", "number=cd-{row}", "--set", "currency=USD", "--set", "name=CD"]
    wish += ["--system", "shop", "--json"]
    mapping = config.folder / "mapping.json"
    heads = {
        "customer_id": "contact",
        "placed_on": "placed_at",
        "quantity": "quantity",
        "amount_usd": "total",
    }
    mapping.write_text(
        json.dumps({"columns": [{"heading": h, "target": t} for h, t in heads.items()]}), "utf-8"
    )
    real, steps = commands.advance, list[Any]()

    def call(*args: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(app, ["import", *args])
        said = capfd.readouterr()
        return code, said.out, said.err

    code, out, err = call(str(CDNOW), "--mapping", str(mapping), "--dry-run", *wish)
    assert code == 0, err
    assert json.loads(out)["counts"]["created"] == 6919
    assert importer.api.get("/orders").json()["items"] == []

    def advance(*args: Any) -> Any:
        steps.append(args)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(commands, "advance", advance)
    code, out, err = call(str(CDNOW), "--mapping", str(mapping), "--yes", *wish)
    assert code == 130
    import_id = err.partition("--resume ")[2].split()[0]
    code, out, err = call("--resume", import_id, "--json")
    assert code == 0, err
    assert json.loads(out)["created"] == 6919
    with importer.crm.store() as store:
        cents = sum(round(float(row["amount_usd"]) * 100) for row in rows)
        assert store.rows(select(func.count(), func.sum(Order.total_minor)))[0] == (6919, cents)
