"""The HTTP API of imports."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from uuid import UUID

from io_kit import Desk

from retinue.testing.house import Crm, User

PEOPLE = "name,email\nJiří Novák,jiri@example.cz\nEva Malá,nothing\n"


def send(user: User, data: bytes | str, name: str = "people.csv", **query: str) -> Any:
    raw = data.encode() if isinstance(data, str) else data
    return user.client.call("POST", "/imports", files={"data": (name, raw)}, params=query)


def test_import_over_http_from_upload_to_revert(crm: Crm) -> None:
    user = crm.user()
    desk = Desk(crm.house, user.actor)
    made = send(user, PEOPLE)
    assert made.status_code == 201, made.text
    path = made.headers["location"].removeprefix("/api/v1")
    seen = user.client.get(f"{path}/preview").json()
    assert seen["headings"] == ["name", "email"]
    assert user.client.post(f"{path}/run").status_code == 422
    mapped = user.client.put(f"{path}/mapping", {"mapping": seen["mapping"], "mode": "create"})
    assert mapped.status_code == 200, mapped.text
    checked = user.client.post(f"{path}/check").json()["check"]["counts"]
    assert (checked["created"], checked["rejected"]) == (1, 1)
    started = user.client.post(f"{path}/run")
    assert (started.status_code, started.json()["status"]) == (202, "pending")
    import_id = UUID(made.json()["id"])
    done = desk.run(import_id, start=False)
    assert done["counts"] == checked
    shown = user.client.get(path).json()
    assert (shown["status"], shown["counts"]) == ("complete", checked)
    (rejected,) = user.client.get(f"{path}/rejections").json()["items"]
    assert (rejected["row"], rejected["column"], rejected["cells"]["email"]) == (3, "email", "nothing")
    assert "nothing" in user.client.get(f"{path}/errors").text
    assert user.client.get(f"{path}/duplicates").json()["items"] == []
    assert [one["id"] for one in user.client.get("/imports").json()["items"]] == [str(import_id)]
    assert user.client.post(f"{path}/revert").json()["status"] == "reverted"
    assert user.client.delete(path).status_code == 204
    assert user.client.get(path).status_code == 404


def test_imports_belong_to_who_made_them_and_need_the_right(crm: Crm) -> None:
    rights = {"contact.read": "own", "contact.create": "own", "contact.import": "all"}
    one, other, nobody = crm.user(rights), crm.user(rights), crm.user({"contact.read": "all"})
    assert send(nobody, PEOPLE).status_code == 403
    path = f"/imports/{send(one, PEOPLE).json()['id']}"
    assert other.client.get(path).status_code == 404
    assert other.client.post(f"{path}/run").status_code == 404
    assert one.client.put(f"{path}/mapping", {"mode": "upsert", "key": "email"}).status_code == 403
    assert one.client.put(f"{path}/mapping", {"mode": "create"}).status_code == 200
    assert one.client.put(f"{path}/mapping", {"mode": "create", "colour": "red"}).status_code == 422


def workbook(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return out.getvalue()


BAD = {
    "empty": (b"", "people.csv", 422, "empty"),
    "wide": (
        (",".join(f"c{n}" for n in range(10_000)) + "\n1\n").encode(),
        "people.csv",
        413,
        "10,000 columns",
    ),
    "long-line": (b"name\n" + b"x" * 1_500_000 + b"\n", "people.csv", 413, "longer than"),
    "bomb": (workbook(xl__worksheets__sheet1_dot_xml=b"\0" * 400_000_000), "people.xlsx", 413, ""),
    "pdf": (b"%PDF-1.7 ...", "people.csv", 422, "PDF"),
    "named-wrongly": (b"name,email\n1,2\n", "people.xlsx", 422, "named"),
    "no-workbook": (b"PK\x03\x04 nothing", "people.xlsx", 422, ""),
}


def test_bad_files_get_one_clear_answer_and_leave_nothing(crm: Crm) -> None:
    user = crm.user()
    for case, (data, name, status, words) in BAD.items():
        answer = send(user, data, name)
        assert answer.status_code == status, (case, answer.text)
        problem = answer.json()
        assert words in problem["detail"], case
        assert problem["remedy"], case
    assert user.client.get("/imports").json()["items"] == []
