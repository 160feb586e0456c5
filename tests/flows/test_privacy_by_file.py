"""Files bring people in: each is told once, and who was forgotten stays out."""

from __future__ import annotations

import pytest
from flows_kit import Importer

from retinue.testing.house import Crm
from retinue_gdpr.notices import send_notices
from retinue_gdpr.purposes import ensure_beginnings


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """Files and privacy."""
    return ("io", "gdpr")


def _written(crm: Crm) -> int:
    with crm.store() as store:
        return send_notices(store, {})


def test_file_of_a_hundred_is_a_hundred_notices_and_the_forgotten_stay_out(crm: Crm) -> None:
    """GD-02, GD-x16: 100 rows, 100 notices; the same file, none; an erased row comes back only with a new consent."""
    importer = Importer(crm)
    with crm.store() as store:
        ensure_beginnings(store)
    lines = "".join(f"{n},Given{n},g{n}@example.cz\n" for n in range(100))
    data = f"External ID,given_name,email\n{lines}".encode()
    assert importer.bring(data, "contacts", system="fair")["counts"]["created"] == 100
    assert _written(crm) == 100
    assert (
        importer.bring(data, "contacts", mode="upsert", key="external_id", system="fair")["counts"]["created"]
        == 0
    )
    assert _written(crm) == 0
    api = importer.api
    (eve,) = api.get("/contacts", params={"given_name": "Given42"}).json()["items"]
    asked = {"kind": "erasure", "contact_id": eve["id"], "verified_how": "passport"}
    request = api.post("/gdpr/requests", asked).json()
    assert api.post(f"/gdpr/requests/{request['id']}/carry-out", {}).json()["state"] == "completed"
    again = importer.bring(data, "contacts", mode="upsert", key="external_id", system="fair")["counts"]
    assert (again["created"], again["rejected"]) == (0, 1), again
    assert api.get("/contacts", params={"given_name": "Given42"}).json()["items"] == []
    given = {"address": "g42@example.cz", "evidence": "signed form 12"}
    assert api.post("/gdpr/suppressions/release", given).json() == {"count": 1}
    assert (
        importer.bring(data, "contacts", mode="upsert", key="external_id", system="fair")["counts"]["created"]
        == 1
    )
    assert _written(crm) == 1
