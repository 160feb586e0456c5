"""Who gets in, who sees what, who leaves: acceptance through the whole installation, on both databases."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue.access import set_password
from retinue.actor import Actor
from retinue.storage import AuditEntry

PASSWORD = "granite tulip forty"
SYSTEM = Actor.system("test")
HOME, AWAY = "203.0.113.7", "198.51.100.9"
OWN = dict.fromkeys(
    ("contact.read", "contact.create", "contact.change", "interaction.read", "token.create"), "own"
)
TEAM = {**dict.fromkeys(OWN, "team"), "token.create": "own"}


def _ids(api: Any, **params: Any) -> set[str]:
    answer = api.get("/contacts", params={"fields": "name", "include": "count", "limit": 100, **params})
    assert answer.status_code == 200, answer.text
    rows = {row["id"] for row in answer.json()["items"]}
    assert answer.json()["count"] == len(rows)
    return rows


def _make(api: Any, number: int, **more: Any) -> list[str]:
    drafts = [{"given_name": f"N{n}", "family_name": "Novák", **more} for n in range(number)]
    answer = api.post("/contacts/batch", {"create": drafts, "on_duplicate": "allow"})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["created"])


def _with_password(crm: Any, user: Any, **headers: str) -> str:
    """Give a person a password, which ends their tokens, and return their login."""
    login = str(user.client.get("/me", headers={"X-Forwarded-For": HOME, **headers}).json()["login"])
    set_password(crm.house, SYSTEM, user.id, PASSWORD, must_change=False, guard=crm.house.guard)
    return login


def _token(client: Any) -> dict[str, str]:
    """Make an API token as the person who signed in at `client`; return the header that carries it."""
    made = client.post("/api/v1/tokens", json={"name": "robot", "scopes": {"contact.read": "own"}})
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.json()['token']}"}


def _sign_in(client: Any, login: str, password: str = PASSWORD) -> Any:
    return client.post("/api/v1/sessions", json={"login": login, "password": password})


def _audited(crm: Any, action: str) -> list[AuditEntry]:
    with crm.store(readonly=True) as store:
        return list(store.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def test_own_team_and_all_see_three_seven_and_ten(crm: Any) -> None:
    """C-13: of 10 contacts a manager lists 3, a team lead 7, an administrator 10; a foreign id is 404;
    every road agrees."""
    manager, mate = crm.user(OWN, team="north"), crm.user(OWN, team="north")
    lead, other, admin = crm.user(TEAM, team="north", lead=True), crm.user(OWN, team="south"), crm.user()
    team = str(crm.teams["north"])
    mine = _make(manager.client, 3, team_id=team)
    mates = _make(mate.client, 4, team_id=team)
    foreign = _make(other.client, 3)
    expected = {"manager": set(mine), "lead": {*mine, *mates}, "admin": {*mine, *mates, *foreign}}
    for who, api in (("manager", manager.client), ("lead", lead.client), ("admin", admin.client)):
        seen = expected[who]
        assert _ids(api) == seen, who
        assert _ids(api, q="novak") == seen
        found = api.get("/contacts/search", params={"q": "Novák", "limit": 100}).json()
        assert {c["id"] for c in found} == seen
        for contact_id in expected["admin"]:
            roads = ("", "/interactions", "/facts")
            status = {api.get(f"/contacts/{contact_id}{road}").status_code for road in roads}
            assert status == ({200} if contact_id in seen else {404}), (who, contact_id)
    assert manager.client.patch(f"/contacts/{foreign[0]}", {"city": "x"}).status_code == 404
    assert manager.client.delete(f"/contacts/{foreign[0]}").status_code in (403, 404)
    assert admin.client.get(f"/contacts/{foreign[0]}").json()["city"] is None


def test_share_gives_one_contact_to_read_or_to_write(crm: Any) -> None:
    """C-13: a share reaches one person and one right, and ends when it is taken back."""
    owner, guest = crm.user({**OWN, "contact.share": "own"}), crm.user(OWN)
    (contact_id,) = _make(owner.client, 1)
    share = {"kind": "account", "id": str(guest.id)}
    for right, status in (("read", {403, 404}), ("write", {200})):
        put = owner.client.put(f"/contacts/{contact_id}/shares", {"shares": [{**share, "right": right}]})
        assert put.status_code == 200, put.text
        assert _ids(guest.client) == {contact_id}
        assert guest.client.patch(f"/contacts/{contact_id}", {"city": "Brno"}).status_code in status
    assert owner.client.put(f"/contacts/{contact_id}/shares", {"shares": []}).status_code == 200
    assert _ids(guest.client) == set()


def test_leaver_is_out_at_the_next_call(crm: Any, browser: Any) -> None:
    """C-15: 2 sessions and 1 token; after deactivation the next call on each of the 3 is 401."""
    admin, leaver = crm.user(), crm.user(OWN)
    login = _with_password(crm, leaver)
    one, two, robot = browser(crm), browser(crm), browser(crm)
    assert [_sign_in(c, login).status_code for c in (one, two)] == [200, 200]
    robot.headers.update(_token(one))

    def calls() -> list[int]:
        return [c.get("/api/v1/me").status_code for c in (one, two, robot)]

    assert calls() == [200] * 3
    assert admin.client.post(f"/accounts/{leaver.id}/deactivate").status_code == 200
    assert calls() == [401] * 3
    assert _sign_in(browser(crm), login).status_code == 401


def test_hand_over_moves_37_contacts_once(crm: Any) -> None:
    """C-16: 37 owners changed, 37 audit rows, timelines unchanged; a second run changes 0."""
    admin, u2, u3 = crm.user(), crm.user(OWN), crm.user(OWN)
    made = _make(u2.client, 37)
    entry = {"kind": "call", "at": "2026-05-01T10:00:00Z", "body": "said"}
    assert admin.client.post(f"/contacts/{made[0]}/interactions", entry).status_code == 201
    before = admin.client.get(f"/contacts/{made[0]}/interactions").json()["items"]
    order = {"from_id": str(u2.id), "to_id": str(u3.id)}
    done = admin.client.post("/contacts/hand-over", order)
    assert (done.status_code, done.json()["count"]) == (200, 37), done.text
    assert (_ids(u2.client), _ids(u3.client)) == (set(), set(made))
    change_set = UUID(done.json()["change_set_id"])
    rows = [e for e in _audited(crm, "contact.change") if e.change_set_id == change_set]
    assert {e.contact_id for e in rows} == {UUID(i) for i in made}
    assert len(rows) == 37
    assert all("owner_id" in e.fields for e in rows)
    assert admin.client.get(f"/contacts/{made[0]}/interactions").json()["items"] == before
    again = admin.client.post("/contacts/hand-over", order)
    assert again.json()["count"] == 0
    undone = admin.client.post(f"/change-sets/{change_set}/revert").json()
    assert (undone["undone"], undone["kept"]) == (37, [])
    assert _ids(u2.client) == set(made)


def test_only_allowed_addresses_get_in(installed: Any, browser: Any) -> None:
    """C-17: 203.0.113.7 -> 200, 198.51.100.9 -> 403 plus 1 audit row; a token from there -> 403."""
    crm = installed(security={"ip_allow_list": ["203.0.113.0/24"]})
    user = crm.user(OWN)
    login = _with_password(crm, user)
    here = browser(crm, HOME)
    assert _sign_in(here, login).status_code == 200
    token = _token(here)
    assert _audited(crm, "session.refuse") == []
    assert _sign_in(browser(crm, AWAY), login).status_code == 403
    assert len(_audited(crm, "session.refuse")) == 1
    for address, status in ((HOME, 200), (AWAY, 403), (f"{HOME}, {AWAY}", 403)):
        assert browser(crm, address, **token).get("/api/v1/me").status_code == status


def test_password_policy(installed: Any, browser: Any) -> None:
    """C-18: least length 12: 'Secret123' -> 422 naming rule length; 10 wrong tries -> 429 for 15 min;
    an old one within 5 -> 422."""
    crm = installed(security={"password_min_length": 12, "password_history": 5})
    user = crm.user(OWN)
    login = _with_password(crm, user)
    client = browser(crm)
    assert _sign_in(client, login).status_code == 200

    def change(current: str, new: str) -> Any:
        return client.put("/api/v1/me/password", json={"current_password": current, "password": new})

    short = change(PASSWORD, "Secret123")
    assert (short.status_code, [e["code"] for e in short.json()["errors"]]) == (422, ["length"])
    assert change(PASSWORD, "meadow violin salt").status_code == 200
    reused = change("meadow violin salt", PASSWORD)
    assert (reused.status_code, [e["code"] for e in reused.json()["errors"]]) == (422, ["reused"])
    stranger = browser(crm, AWAY)
    wrong = [_sign_in(stranger, login, "wrong").status_code for _ in range(10)]
    assert wrong == [401] * 10
    locked = _sign_in(stranger, login, "meadow violin salt")
    assert locked.status_code == 429
    assert 880 <= int(locked.headers["Retry-After"]) <= 900


def test_https_only(installed: Any, browser: Any) -> None:
    """C-19: require_https on, the proxy says http -> 308; the cookie carries Secure, HttpOnly, SameSite."""
    crm = installed(require_https=True, base_url="https://testserver.local")
    user = crm.user(OWN)
    secure = {"X-Forwarded-Proto": "https"}
    login = _with_password(crm, user, **secure)
    plain = browser(crm, HOME, **{"X-Forwarded-Proto": "http"})
    turned = plain.get("/api/v1/me?x=1", follow_redirects=False)
    assert (turned.status_code, turned.headers["location"]) == (308, "https://testserver.local/api/v1/me?x=1")
    signed = _sign_in(browser(crm, HOME, **secure), login)
    assert signed.status_code == 200, signed.text
    cookies = signed.headers.get_list("set-cookie")
    assert cookies
    assert all("Secure" in c and "HttpOnly" in c and "SameSite" in c for c in cookies)


def test_files_of_the_installation_hold_no_personal_secret(crm: Any, config: Any) -> None:
    """C-20: a search of every file, journals included, for stored e-mail, phone, note and body finds 0."""
    api = crm.user().client
    canaries = {
        "mail": "canary.3141@example.cz",
        "phone": "+420777271828",
        "note": "canary-note",
        "body": "canary-said",
    }
    made = api.post(
        "/contacts",
        {
            "name": "Somebody",
            "emails": [{"value": canaries["mail"]}],
            "phones": [{"value": canaries["phone"]}],
            "note": canaries["note"],
        },
        headers={"Idempotency-Key": "once"},
    ).json()
    entry = {"kind": "call", "at": "2026-05-01T10:00:00Z", "body": canaries["body"]}
    assert api.post(f"/contacts/{made['id']}/interactions", entry).status_code == 201
    assert api.patch(f"/contacts/{made['id']}", {"emails": [], "note": None}).status_code == 200
    assert api.get("/contacts/search", params={"q": canaries["phone"]}).json()
    if crm.house.database.kind == "postgresql":
        with crm.house.database.transaction() as connection:
            dump = repr(_everything(connection)).encode()
    else:
        dump = b"".join(file.read_bytes() for file in config.folder.rglob("*") if file.is_file())
        assert b"Somebody" in dump, "the search reads what was written"
    assert [what for what, canary in canaries.items() if canary.encode() in dump] == []
    assert b"777271828" not in dump


def _everything(connection: Any) -> list[Any]:
    from sqlalchemy import MetaData

    tables = MetaData()
    tables.reflect(connection)
    return [connection.execute(select(table)).all() for table in tables.sorted_tables]
