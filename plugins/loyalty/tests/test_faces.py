"""The other faces of the same services: the command line and what the staff's pages show."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined
from loyalty_kit import World
from sqlalchemy import update

import retinue_loyalty
from retinue.actor import Actor
from retinue.cli import app
from retinue.cli.errors import run
from retinue.errors import BadRequest
from retinue.lists import merge_letter
from retinue_loyalty import pages
from retinue_loyalty.models import Lot

RULES = {
    "earn": {"points": 1, "per_minor": 100},
    "redeem": {"point_minor": 5},
    "tiers": {"window": {"months": 12}, "levels": [{"key": "gold", "threshold": 80000}]},
}
pytestmark = pytest.mark.parametrize("config", ["sqlite"], indirect=True)


@pytest.fixture
def retinue(crm: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call `retinue loyalty ARGS --json` on the installation."""
    config = crm.house.config
    (config.folder / "retinue.toml").write_text(f'[database]\nurl = "{config.database.url}"\n', "utf-8")
    for name in [name for name in os.environ if name.startswith("RETINUE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(config.folder)

    def call(*args: Any) -> tuple[int, Any]:
        capfd.readouterr()
        code = run(app, ["loyalty", *[str(arg) for arg in args], "--json"])
        said = capfd.readouterr()
        return code, json.loads(said.out) if said.out.strip() else said.err

    return call


def test_commands_verify_settle_and_report(crm: Any, retinue: Any, tmp_path: Path) -> None:
    """`verify` finds a cache that was tampered with (exit code 1), and rebuilds it from the ledger."""
    world = World(crm, RULES)
    world.earn(30, "2026-01-01", "2026-02-01")
    world.earn(50, "2026-01-01")
    world.buy(50000, "2026-06-01")
    code, proof = retinue("verify")
    assert (code, proof["good"], proof["transactions"]) == (0, True, 4)
    assert retinue("settle")[0] == 0
    assert retinue("trial-balance", "club")[1]["expired"] == 30
    code, early = retinue("trial-balance", "club", "--at", "2026-01-15")
    assert (early["issued"], early["outstanding"], early["liability_minor"], early["balanced"]) == (
        80,
        80,
        400,
        True,
    )
    assert retinue("balance", world.member)[1][0]["balance"] == 550
    assert retinue("programmes")[1][0]["key"] == "club"
    gold = {**RULES, "tiers": {"window": {"months": 12}, "levels": [{"key": "gold", "threshold": 50000}]}}
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(gold), "utf-8")
    assert retinue("preview", "club", file)[1] == [
        {"contact_id": str(world.member), "before": "", "after": "gold"}
    ]
    assert retinue("preview", "nothing", file)[0] == 66
    with crm.store() as store:
        store.change(update(Lot).where(Lot.original == 50).values(remaining=49))
    code, broken = retinue("verify")
    assert code == 1
    assert [breach[:2] for breach in broken["breaches"]] == ["I2", "I4"]
    code, _ = retinue("verify", "--rebuild")
    assert code == 0
    world.proof()


def _render(name: str, values: Any) -> str:
    """Return a template filled in, in a bare frame and without translations; the desk's own tests show it whole."""
    folder = Path(retinue_loyalty.__file__).parent / "templates"
    found = {"desk/layout.html": "{% block content %}{% endblock %}"}
    for path in folder.glob("*.html"):
        found |= dict.fromkeys((path.name, f"loyalty/{path.name}"), path.read_text("utf-8"))
    loader = DictLoader(found)
    said = {"_": _say, "n_": lambda one, _many, num, **more: one % {"num": num, **more}, "icon": lambda _: ""}
    speech = SimpleNamespace(number=str, day=str, money=lambda minor, currency: f"{minor} {currency}")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    made.filters["data_json"] = json.dumps
    return made.get_template(name).render(**said, speech=speech, **values)


def _say(text: str, /, **values: Any) -> str:
    return text % values if values else text


def test_panel_offers_redemption_at_the_counter(crm: Any) -> None:
    """Three clicks: open the contact, type the points, redeem; the card's key makes a double press one deed."""
    world = World(crm, RULES)
    admin = crm.user()
    with crm.store(admin.actor, readonly=True) as store:
        assert pages.show_member_panel(store, world.member) is None
    world.earn(30, "2026-01-01")
    with crm.store(admin.actor, readonly=True) as store:
        shown = pages.show_member_panel(store, world.member)
    html = _render("member.html", shown)
    assert f"/loyalty/programmes/{world.programme_id}/redeem" in html
    assert 'max="30"' in html
    reader = crm.user({"contact.read": "all", "points.read": "all"})
    with crm.store(reader.actor, readonly=True) as store:
        assert "data-api" not in _render("member.html", pages.show_member_panel(store, world.member))
    body = {**shown["extra"], "points": 30}
    path = f"/loyalty/programmes/{world.programme_id}/redeem"
    assert [admin.client.post(path, body).json()["repeated"] for _ in range(2)] == [False, True]


def test_editor_previews_rules_and_names_faults(crm: Any) -> None:
    """ "Gold 800 → 500" shows who changes; faults are named; nothing is changed before the rules are set."""
    world = World(crm, RULES)
    world.buy(60000, "2026-11-01")
    admin = crm.user()

    def page(**query: str) -> Any:
        request = SimpleNamespace(path={"programme_id": str(world.programme_id)}, query=query)
        with crm.store(admin.actor, readonly=True) as store:
            return pages.show_editor(store, request)

    plain = page()
    assert json.loads(plain["rules"]) == RULES
    gold = json.dumps(
        {**RULES, "tiers": {"window": {"months": 12}, "levels": [{"key": "gold", "threshold": 50000}]}}
    )
    shown = page(rules=gold)
    assert shown["preview"]["changes"] == [{"contact_id": world.member, "before": "", "after": "gold"}]
    assert "1 of 1 members" in _render("editor.html", shown)
    assert page(rules="{")["wrong"][""].startswith("This is no JSON")
    assert "rules.earn.points" in page(rules='{"earn": {"points": -1, "per_minor": 1}}')["wrong"]
    loops = page(rules='{"rewards": [{"on": "points_earned", "points": 1}]}')
    assert "loop" in loops["wrong"]["rules.rewards.0.on"]
    assert "loop" in _render("editor.html", loops), "it stands at its field"
    with crm.store(admin.actor, readonly=True) as store:
        assert "Club" in _render("programmes.html", pages.show_programmes(store, SimpleNamespace(query={})))
        for day, issued in (("2026-10-31", 0), ("2026-11-01", 60000 // RULES["earn"]["per_minor"])):
            shown = pages.show_programmes(store, SimpleNamespace(query={"on": day}))
            assert shown["programmes"][0]["trial"].issued == issued, f"what was known of {day}"
        with pytest.raises(BadRequest):
            pages.show_programmes(store, SimpleNamespace(query={"on": "yesterday"}))
    assert world.tier("2026-11-02") == ""


def test_points_filter_show_and_merge_and_are_gone_with_the_plugin(crm: Any) -> None:
    """Tier, balance and what expires soon, in filters, columns and letters; off is gone, not empty."""
    rules = {**RULES, "earn": {**RULES["earn"], "expires": {"days": 10}}, "expiring_days": 30}
    world, admin = World(crm, rules), crm.user()
    world.buy(80000, f"{datetime.now(UTC):%Y-%m-%d}")
    query = "fields=loyalty.tier,loyalty.balance,loyalty.expiring_soon&loyalty.balance__gte=800"
    (row,) = admin.client.get(f"/contacts?{query}").json()["items"]
    assert row["values"] == {"loyalty.tier": "gold", "loyalty.balance": 800, "loyalty.expiring_soon": 800}
    assert admin.client.get("/contacts?loyalty.expiring_soon__gt=800").json()["items"] == []
    letter = "{{ given_name }}: {{ loyalty.balance | no }} points, {{ loyalty.tier | plain }}"
    ask = {"text": letter, "contact_id": str(world.member)}
    assert admin.client.post("/merge-fields/letter", ask).json() == {"text": "M: 800 points, gold"}
    crm.house.disable(Actor.system("test"), "loyalty")
    crm.rebuild()
    assert admin.client.get(f"/contacts?{query}").status_code == 422
    with crm.store() as store:
        assert merge_letter(store, letter, [world.member])[world.member] == "M: no points, plain"
