"""One person in every plugin, with words that occur nowhere else; erased, no byte of them is left."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import TestClient
from sqlalchemy import event, select

from retinue.app import open_house
from retinue.app.serving import make_application
from retinue.cli import app
from retinue.cli.errors import run
from retinue.jobs import DONE
from retinue.plugins import discover
from retinue.plugins.ordering import topological
from retinue.storage import MODELS, Sealed
from retinue.storage.sealing import opened_values
from retinue.testing.house import Api, Crm, make_config
from retinue.testing.privacy import dump
from retinue_gdpr.purposes import ensure_beginnings
from retinue_io.exporting import export_soon
from retinue_io.files import read_piece
from retinue_io.models import Piece
from retinue_io.running import advance

NEEDS = {name: found.manifest.requires for name, found in discover().items()}
OPEN = (
    "title_before",
    "title_after",
    "middle_name",
    "region",
    "city",
    "postal_code",
    "job_title",
    "business_line",
    "status",
    "source",
)
REFUSED = "zqrefusedcanary"
MARKS = [f"zq{number:02}canary" for number in range(44)]


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """Every bundled plugin."""
    return tuple(topological(NEEDS, NEEDS))


def _sent(answer: Any) -> Any:
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


class Person:
    """One person about whom every plugin is told something; each word is used up once."""

    def __init__(self, crm: Crm, contact_id: str = "") -> None:
        self.crm, self.user, self.left = crm, crm.user(), list(MARKS)
        self.api: Api = self.user.client
        self.id = contact_id

    def tells_everything(self) -> None:
        """Use up every word."""
        _sent(self.api.post("/webhooks", {"url": "https://hooks.example.org/in", "events": ["*"]}))
        self.comes_by_file()
        self.is_described()
        self.buys()
        self.claims()
        self.is_written_to()
        self.judges_us()
        self.leaves_in_files()
        assert self.left == []

    def is_forgotten(self) -> None:
        """Ask for the erasure and have it carried out."""
        asked = {"kind": "erasure", "contact_id": self.id, "verified_how": "passport"}
        request = _sent(self.api.post("/gdpr/requests", asked))
        done = _sent(self.api.post(f"/gdpr/requests/{request['id']}/carry-out", {}))
        assert done["state"] in ("completed", "partial")

    def word(self) -> str:
        """Return the next marker."""
        return self.left.pop(0)

    def comes_by_file(self) -> None:
        """io: a file brings the person in, under a name of another system."""
        cells = [self.word(), self.word(), self.word(), f"{self.word()}@canary.example"]
        data = ("External ID,given_name,family_name,email\n" + ",".join(cells) + "\n").encode()
        made = _sent(
            self.api.call(
                "POST", "/imports", files={"data": (f"{cells[1]}.csv", data)}, params={"what": "contacts"}
            )
        )
        path = f"/imports/{made['id']}"
        _sent(self.api.put(f"{path}/mapping", {"mode": "create", "duplicates": "ignore", "system": "shop"}))
        _sent(self.api.post(f"{path}/run"))
        state = None
        while state is not DONE:
            with self.crm.house.store(self.user.actor, plugin="io") as store:
                state = advance(store, UUID(made["id"]))
        assert self.api.get(path).json()["counts"]["created"] == 1
        (row,) = self.api.get("/contacts", params={"fields": "name"}).json()["items"]
        self.id = row["id"]

    def is_described(self) -> None:
        """core: every kind of field, custom ones open and sealed, what happened and what was wrong."""
        for key, protection in (("hobby", "open"), ("illness", "sealed")):
            field = {
                "key": key,
                "label": key,
                "kind": "text",
                "protection": protection,
                "purpose": "to serve",
            }
            _sent(self.api.post("/custom-fields", field))
        change: dict[str, Any] = {name: self.word() for name in OPEN}
        change |= {
            "website": f"https://{self.word()}.example", "note": self.word(),
            "addresses": [{"street": self.word(), "city": self.word()} for _ in range(2)],
            "socials": [{"label": "x", "value": self.word()} for _ in range(2)],
            "custom": {"hobby": self.word(), "illness": self.word()},
        }  # fmt: skip
        _sent(self.api.patch(f"/contacts/{self.id}", change))
        _sent(self.api.patch(f"/contacts/{self.id}", {"job_title": self.word()}))  # the one before is history
        for kind in ("note", "call", "note", "meeting"):
            said = {"kind": kind, "subject": self.word(), "body": self.word()}
            _sent(self.api.post(f"/contacts/{self.id}/interactions", said))
        refused = self.api.post("/contacts", {"given_name": REFUSED, "bogus": REFUSED})
        assert refused.status_code == 422

    def buys(self) -> None:
        """orders, loyalty, webhooks: an order, points with a reason, and somebody who is told of all."""
        order = {
            "number": "A-1", "contact_id": self.id, "currency": "EUR", "placed_at": "2026-01-05T10:00:00Z",
            "total_minor": 100000, "payment": "paid",
        }  # fmt: skip
        _sent(self.api.post("/orders", order))
        rules = {"earn": {"points": 1, "per_minor": 2000}, "redeem": {"point_minor": 100}}
        draft = {"key": "club", "name": "Club", "currency": "EUR", "state": "active", "rules": rules}
        club = _sent(self.api.post("/loyalty/programmes", draft))
        for key in ("birthday", "complaint"):
            given = {"contact_id": self.id, "points": 5, "key": key, "reason": self.word()}
            _sent(self.api.post(f"/loyalty/programmes/{club['id']}/adjust", given))

    def claims(self) -> None:
        """gdpr: consents with evidence, a request with a message, letters."""
        with self.crm.store() as store:
            ensure_beginnings(store)
        said = {"purpose": "marketing", "event": "given", "method": "verbal", "evidence": self.word()}
        _sent(self.api.post(f"/gdpr/contacts/{self.id}/consents", {"events": [said]}))
        for kind in ("rectification", "objection"):
            asked = {"kind": kind, "contact_id": self.id, "message": self.word(), "verified_how": "passport"}
            _sent(self.api.post("/gdpr/requests", {**asked, "address": f"{self.word()}@canary.example"}))

    def judges_us(self) -> None:
        """nps: words beside a score."""
        survey = _sent(self.api.post("/surveys", {"key": "all", "name": "All", "pattern": "nps"}))
        _sent(self.api.post(f"/surveys/{survey['id']}/open"))
        answers = {"score": 3, "why": self.word(), "better": self.word()}
        _sent(self.api.post(f"/surveys/{survey['id']}/answers", {"contact_id": self.id, "answers": answers}))

    def is_written_to(self) -> None:
        """email: a letter that waits, with words of its own beside the contact's."""
        text = {
            "language": "en",
            "subject": "Order {{ order.number }}",
            "source": "<p>{{ order.number }}</p>",
        }
        draft = {
            "key": "paid",
            "name": "Paid",
            "kind": "letter",
            "purpose": "service",
            "words": ["order.number"],
        }
        _sent(self.api.post("/email/templates", {**draft, "texts": [text]}))
        letter = {"contact_id": self.id, "template": "paid", "values": {"order": {"number": self.word()}}}
        made = _sent(self.api.post("/email/letters", {**letter, "key": f"paid {self.word()}"}))
        assert made["state"] == "queued"

    def leaves_in_files(self) -> None:
        """io: what is exported of the person is kept for whoever asked."""
        made = _sent(self.api.post("/exports", {"format": "csv"}))
        with self.crm.house.store(self.user.actor, plugin="io") as store:
            export_soon(store, {"export_id": made["id"]})
        self.export = f"/exports/{made['id']}/file"


def _opened(crm: Crm, who: Person) -> str:
    """Return every sealed value, file and audit entry opened: what whoever holds all keys can read."""
    found = [who.api.get("/audit", params={"contact_id": who.id, "limit": "200"}).text]
    with crm.store(readonly=True) as store:
        own = store.raw("look for canaries")
        for model in MODELS.values():
            if issubclass(model, Sealed):
                rows = own.scalars(select(model))
                own.unseal(rows)
                found += [str(opened_values(row)) for row in rows]
        pieces = store.raw("look into files").rows(select(Piece.file_id, Piece.use, Piece.number))
        found += [str(read_piece(own, *place)) for place in pieces]
    return "\n".join(found)


def _places(crm: Crm, who: Person, caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """Return what is to be searched: tables, all opened, each file of the installation as bytes, the log."""
    folder: Path = crm.house.config.folder
    files = {str(f.relative_to(folder)): f for f in folder.rglob("*") if f.is_file()}
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("httpx"))
    return {
        "opened": _opened(crm, who), "log": ours, **dict(dump(crm.house)),
        **{name: f.read_bytes().decode("latin-1") for name, f in files.items()},
    }  # fmt: skip


def _left_over(crm: Crm, who: Person, caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{m} in {n}" for n, text in _places(crm, who, caplog).items() for m in MARKS if m in text]


def test_no_byte_of_an_erased_person_is_left_in_any_plugin(
    crm: Crm, caplog: pytest.LogCaptureFixture
) -> None:
    """GD-x3: forty-two words through every plugin; all are found before the erasure, none after it, in no file of io either."""
    caplog.set_level(logging.DEBUG)
    who = Person(crm)
    who.tells_everything()
    before = "\n".join(_places(crm, who, caplog).values())
    assert [mark for mark in MARKS if mark not in before] == []
    assert REFUSED not in before
    assert MARKS[1] in who.api.get(who.export).text
    who.is_forgotten()
    assert _left_over(crm, who, caplog) == []


def _wrapped_keys(file: Path) -> list[bytes]:
    """Return every blob of the key store that could be a key."""
    with closing(sqlite3.connect(file)) as store:
        tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in store.execute(f'SELECT * FROM "{table}"')]  # its own names
    return [value for row in rows for value in row if isinstance(value, bytes) and len(value) >= 32]


def _back_up(file: Path, copy: Path) -> None:
    with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(copy)) as backup:
        live.backup(backup)


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_person_who_comes_back_with_a_backup_is_forgotten_again(
    crm: Crm, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-x4, GD-x5, GD-x16: an old backup, without a key, elsewhere; `retinue gdpr replay` forgets, twice changes nothing."""
    who = Person(crm)
    who.tells_everything()
    live, new = crm.house.config.folder, tmp_path / "restored"
    new.mkdir()
    _back_up(live / "retinue.db", new / "retinue.db")
    wrapped = _wrapped_keys(live / "keys.db")
    assert wrapped
    assert [key for key in wrapped if key in (new / "retinue.db").read_bytes()] == [], (
        "the backup of data has no key"
    )
    who.is_forgotten()
    _back_up(live / "keys.db", new / "keys.db")
    shutil.copy(live / "master.key", new / "master.key")
    restored = make_config(new, f"sqlite:///{new}/retinue.db")
    (new / "retinue.toml").write_text(restored.to_toml())
    monkeypatch.chdir(new)
    with open_house(restored) as house:
        found = "\n".join(text for _, text in dump(house))
    back = [mark for mark in MARKS if mark in found]
    assert len(back) > 10, "the backup brings open columns back"
    caplog.clear()
    for _ in range(2):
        assert run(app, ["gdpr", "replay"]) == 0
        with open_house(restored) as house:
            client = TestClient(make_application(house), base_url=house.config.base_url)
            there = Person(Crm(house, client), who.id)
            assert _left_over(there.crm, there, caplog) == []
            same = {"given_name": "Ida", "emails": [{"value": f"{MARKS[3]}@canary.example"}]}
            refused = there.api.post("/contacts", same)
            assert refused.status_code == 422, (refused.text, there.api.get("/gdpr/suppressions").text)
            assert [e["code"] for e in refused.json()["errors"]] == ["suppressed"]


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_search_finds_what_a_careless_database_leaves(crm: Crm, caplog: pytest.LogCaptureFixture) -> None:
    """GD-x3: guards the guard: with `secure_delete` off the bytes of what was deleted are found in the file."""
    left: dict[str, bool] = {}
    for careful, mark in ((True, "zqcarefulcanary"), (False, "zqcarelesscanary")):
        if not careful:
            engine = crm.house.database.engine
            event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA secure_delete=OFF"))
            engine.dispose()
        who = Person(crm)
        made = _sent(who.api.post("/contacts", {"given_name": "Ida", **dict.fromkeys(OPEN, mark)}))
        who.id = made["id"]
        who.is_forgotten()
        left[mark] = any(mark in text for text in _places(crm, who, caplog).values())
    assert left == {"zqcarefulcanary": False, "zqcarelesscanary": True}
