"""A new master key while the installation runs: asked for by API, done by a job, refused where it would lose data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from retinue.actor import Actor
from retinue.app import open_house, rotating
from retinue.app.rotating import WrapKeys, begin_rotation
from retinue.errors import Conflict
from retinue.jobs import DONE
from retinue.plugins import list_processes
from retinue.storage import MasterKeys

if TYPE_CHECKING:
    from retinue.testing.house import Crm

SYSTEM = Actor.system("test")


class _Job:
    """What the step is told of its job."""

    stopping = False

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def progress(self, done: int, total: int) -> None:
        self.seen.append((done, total))


def test_master_key_is_rotated_while_everything_runs(crm: Crm) -> None:
    """What was sealed before is read by this process and by one that began with the old file."""
    user = crm.user()
    made = user.client.post(
        "/contacts", {"given_name": "Jana", "emails": [{"value": "jana@people.example"}]}
    ).json()
    assert crm.user({"contact.read": "all"}).client.get("/keys").status_code == 403
    before = user.client.get("/keys").json()
    assert (before["source"], before["left"], len(before["versions"])) == ("file", 0, 1)
    with open_house(crm.house.config) as other:
        begun = user.client.post("/keys/rotation", {}).json()
        assert (begun["version"], begun["keys"]) == (2, before["versions"][0]["keys"])
        assert user.client.get("/keys").json()["left"] == begun["keys"]
        again = user.client.post("/keys/rotation", {}).json()
        assert again["version"] == 2, "one that is not done goes on, and makes no third key"
        job, keys = _Job(), other.database.keys
        with other.store(SYSTEM) as store:
            assert WrapKeys().step(store, {}, None, job) is DONE
        assert job.seen == [(begun["keys"], begun["keys"])]
        assert keys.masters.current == 2, "a process that began with the old file reads it anew"
    assert user.client.get("/keys").json()["left"] == 0
    crm.house.database.keys._cache.clear()
    assert "jana@people.example" in user.client.get(f"/contacts/{made['id']}").text
    assert MasterKeys.load(crm.house.config.master_key_path).current == 2


def test_rotation_is_refused_where_a_key_would_not_reach_every_process(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = crm.house
    lock = house.config.master_key_path.with_name("master.key.lock")
    lock.touch()
    outside = msgspec.structs.replace(
        house.config, keys=msgspec.structs.replace(house.config.keys, master_key="elsewhere")
    )
    with house.store(SYSTEM) as store:
        with pytest.raises(Conflict) as busy:
            begin_rotation(store, house.database.keys, house.config)
        with pytest.raises(Conflict) as elsewhere:
            begin_rotation(store, house.database.keys, outside)
        one = list_processes(store)
        two = [_process(name) for name in ("a", "b")]
        monkeypatch.setattr(rotating, "list_processes", lambda _store: [*one, *two])
        with pytest.raises(Conflict) as many:
            begin_rotation(store, house.database.keys, house.config)
    assert [refused.value.code for refused in (busy, elsewhere, many)] == [
        "key-busy",
        "key-elsewhere",
        "key-elsewhere",
    ]
    assert house.database.keys.masters.current == 1


def _process(machine: str) -> object:
    return type("Running", (), {"machine": machine, "alive": True})()
