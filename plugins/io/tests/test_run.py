"""A file on its way through upload, mapping, check, run, error file and revert, on both databases."""

from __future__ import annotations

import io
from typing import Any

from sqlalchemy import func, select

from io_kit import Desk
from retinue.contacts.models import Contact

PEOPLE = """given_name;family_name;email;phone;city;country
Jiří;Novák;jiri@example.cz;+420225006555;Praha;CZ
Ayşe;Yıldırım;ayse@example.com.tr;+905325556677;İzmir;TR
Пётр;Иванов;not-an-address;;Москва;RU
"""


def test_import_goes_from_upload_to_revert(desk: Desk) -> None:
    row = desk.upload(PEOPLE)
    desk.map(row)
    checked = desk.check(row)
    assert checked["counts"] == {"rows": 3, "created": 2, "updated": 0, "unchanged": 0, "rejected": 1, "suspected": 0}
    assert desk.contacts() == 0
    done = desk.run(row)
    assert done["status"] == "complete", done["failure"]
    assert done["counts"] == checked["counts"]
    assert desk.contacts() == 2
    text = desk.errors(row)
    assert "not-an-address" in text
    assert desk.revert(row)["status"] == "reverted"
    assert desk.contacts() == 0
