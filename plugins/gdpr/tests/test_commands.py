"""`retinue gdpr`: the same services at the terminal, with exit codes that scripts can trust."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from gdpr_kit import begin, person, say
from sqlalchemy import update

from retinue.cli import app, run
from retinue_gdpr.models import ConsentEvent


@pytest.fixture
def retinue(crm: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call `retinue gdpr ARGS --json` on the installation; returns exit code and what was said."""
    config = crm.house.config
    (config.folder / "retinue.toml").write_text(f'[database]\nurl = "{config.database.url}"\n', "utf-8")
    for name in [name for name in os.environ if name.startswith("RETINUE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(config.folder)

    def call(*args: Any) -> tuple[int, Any]:
        capfd.readouterr()
        code = run(app, ["gdpr", *[str(arg) for arg in args], "--json"])
        said = capfd.readouterr()
        return code, json.loads(said.out) if said.out.strip() else said.err

    return call


def test_begin_and_purposes(retinue: Any) -> None:
    """Three purposes to begin with, and none a second time."""
    assert retinue("purposes") == (0, [])
    assert retinue("begin")[1]["created"] == ["service", "marketing", "newsletter"]
    assert retinue("begin")[1]["created"] == []
    assert {p["key"]: p["basis"] for p in retinue("purposes")[1]} == {
        "service": "contract", "marketing": "consent", "newsletter": "consent",
    }  # fmt: skip


def test_export_writes_the_copy_and_erase_the_manifest(crm: Any, retinue: Any, tmp_path: Path) -> None:
    """GD-08, GD-09: the ZIP has every section; after the erasure both commands say that nothing is kept; the act is signed."""
    begin(crm)
    contact_id = person(crm)
    say(crm, contact_id, "newsletter", "given")
    file = tmp_path / "eva.zip"
    code, told = retinue("export", contact_id, file)
    assert (code, told["bytes"]) == (0, file.stat().st_size)
    with zipfile.ZipFile(file) as archive:
        sections = {s["name"] for s in json.loads(archive.read("data.json"))["sections"]}
    assert {"contact", "gdpr_consent_event"} <= sections
    code, manifest = retinue("erase", contact_id, "--yes", "--grounds", "letter of 3 May")
    assert (code, manifest["grounds"], manifest["subject_id"]) == (0, "letter of 3 May", str(contact_id))
    assert manifest["plugins"]["gdpr"] > 0
    code, said = retinue("erase", contact_id, "--yes")
    assert code != 0
    assert "erased already" in str(said)
    assert retinue("export", contact_id, file)[0] != 0
    assert retinue("export", "nobody", file)[0] == 2
    ((listed),) = retinue("act")[1]
    code, act = retinue("act", listed["id"])
    assert (code, act["grounds"], act["manifest_holds"]) == (0, "letter of 3 May", True)
    paper = tmp_path / "act.json"
    for content, expected in (
        (json.dumps(act), 0), (json.dumps({**act, "grounds": "none"}), 1), ("[]", 2), ("no JSON", 2),
    ):  # fmt: skip
        paper.write_text(content, "utf-8")
        assert retinue("act", "--check", paper)[0] == expected, content


def test_requests_are_listed_by_their_due_day(crm: Any, retinue: Any) -> None:
    """GD-x7"""
    contact_id, api = person(crm), crm.user().client
    for kind, day in (("access", "2026-03-15"), ("erasure", "2026-01-31")):
        body = {"kind": kind, "contact_id": str(contact_id), "received_on": day}
        assert api.post("/gdpr/requests", body).status_code == 201
    code, rows = retinue("requests")
    assert (code, [(r["kind"], r["due_on"]) for r in rows]) == (
        0,
        [("erasure", "2026-02-28"), ("access", "2026-04-15")],
    )


def test_retention_is_tried_run_and_verified(crm: Any, retinue: Any) -> None:
    """GD-x14: the dry run and the run name the same, and the signed report can be verified later."""
    contact_id, api = person(crm), crm.user().client
    rule = {"key": "leads", "name": "Leads", "anchor": "created_at", "months": 1, "action": "review"}
    assert api.post("/gdpr/rules", rule).status_code == 201
    assert [r["key"] for r in retinue("retention")[1]] == ["leads"]
    assert retinue("retention", "leads")[1] == []
    code, rows = retinue("retention", "leads", "--today", "2199-01-01")
    assert (code, [r["contact_id"] for r in rows]) == (0, [str(contact_id)])
    code, done = retinue("retention", "leads", "--run")
    assert (code, done["good"], done["report"]["rule"]) == (0, True, "leads")
    code, again = retinue("retention", "--check", done["run_id"])
    assert (code, again["good"]) == (0, True)
    assert retinue("retention", "nothing")[0] == 2


def test_ropa_is_printed_kept_and_compared(crm: Any, retinue: Any) -> None:
    """GD-x19: the same state prints the same; what changed since the kept version is named."""
    begin(crm)
    first = retinue("ropa")
    assert first == retinue("ropa")
    assert [r["key"] for r in first[1]["records"]] == ["marketing", "newsletter", "service"]
    assert retinue("ropa", "--keep")[1] == {"number": 1, "changes": 0}
    assert retinue("ropa", "--changes")[1] == []
    purpose = next(p for p in crm.user().client.get("/gdpr/purposes").json() if p["key"] == "service")
    crm.user().client.patch(f"/gdpr/purposes/{purpose['id']}", {"record": {"transfers": "Norway"}})
    (change,) = retinue("ropa", "--changes")[1]
    assert (change["place"], change["after"]) == ("records/service/e_transfers", "Norway")


def test_verify_finds_a_changed_byte(crm: Any, retinue: Any) -> None:
    """GD-x10: exit code 0 for a whole log, 1 for one in which something was changed."""
    begin(crm)
    contact_id = person(crm)
    say(crm, contact_id, "newsletter", "given")
    assert (retinue("verify")[0], retinue("verify")[1]["people"]) == (0, 1)
    with crm.store() as store:
        table = ConsentEvent.__table__
        store.raw_connection().execute(update(table).values(event="refused"))
    code, verdict = retinue("verify", contact_id)
    assert (code, verdict["good"]) == (1, False)
    assert "is not what was written" in verdict["faults"][0]


def test_replay_changes_nothing_where_nobody_came_back(crm: Any, retinue: Any) -> None:
    """GD-x4"""
    assert retinue("erase", person(crm), "--yes")[0] == 0
    assert retinue("replay") == (0, {"erased": 0})
