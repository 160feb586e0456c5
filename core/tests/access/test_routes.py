"""The API of the room through the real edge: statuses, cookies, problems; on both databases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from retinue.access import RequestFacts, authenticate_request
from retinue.access.models import TryCounter
from retinue.access.routes import access_routes
from retinue.actor import Actor
from retinue.web import PUBLIC, SIGNED_IN, RequestParts, RouteGroup, WebSettings, build_app
from retinue.web.models import IdempotencyKey

from .conftest import AWAY, HOME, PASSWORD, Office, current_code, with_rules

NEW = "meadow violin salt"
OPEN_TO_ALL = {
    *("POST /sessions", "POST /sessions/code"),
    *("POST /sessions/passkey", "POST /sessions/passkey/options"),
    *("POST /password-resets", "PUT /password-resets"),
    "POST /setup",  # refused once there is an account, and without the printed code
    *("GET /sessions/providers", "POST /sessions/oidc", "GET /sessions/oidc/callback"),
}
Client = TestClient[Any]


def _behind_proxy(app: Any) -> Any:
    async def proxied(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": ("192.0.2.1", 1234)} if "client" in scope else scope, receive, send)

    return proxied


@pytest.fixture
def browse(office: Office) -> Iterator[Callable[..., Client]]:
    """Yield a function that opens a browser at an address, with its own cookies."""
    from retinue.access.addresses import parse_networks

    def build(of: Office = office, address: str = HOME, **changed: Any) -> Client:
        def authenticate(parts: RequestParts) -> Actor:
            facts = RequestFacts(
                address=parts.address, cookie=parts.session, bearer=parts.bearer, csrf=parts.csrf
            )
            return authenticate_request(of.database, facts, guard=of.guard)

        settings = WebSettings(
            base_url=changed.pop("base_url", "http://testserver.local"),
            secret=b"s" * 32,
            trusted_proxies=parse_networks(["192.0.2.1/32"]),
            **changed,
        )
        permissions = [permission.name for permission in of.guard.permissions]
        routes = RouteGroup(access_routes(of.database, of.guard), tag="access")
        app = build_app(
            of.database, [routes], settings=settings, authenticate=authenticate, permissions=permissions
        )
        client: Client = TestClient(_behind_proxy(app), base_url=settings.base_url)
        client.headers.update({"X-Forwarded-For": address, "Origin": settings.base_url})
        return client

    return build


def _sign_in(client: Client, login: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/api/v1/sessions", json={"login": login, "password": password, **more})


def test_sign_in_sets_cookies_and_opens_the_api(office: Office, browse: Callable[..., Client]) -> None:
    """C-19: the session's cookie carries HttpOnly and SameSite, over https Secure and __Host- too."""
    office.account("anna", "Manager")
    client = browse()
    assert client.get("/api/v1/me").status_code == 401
    answer = _sign_in(client, "anna")
    assert answer.status_code == 200
    assert answer.json().keys() >= {
        "account_id",
        "session_id",
        "expires_at",
        "csrf",
        "is_pending",
        "must_change",
    }
    assert all(
        "HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in answer.headers.get_list("set-cookie")
    )
    me = client.get("/api/v1/me").json()
    assert (me["login"], me["permissions"]["contact.read"], me["has_totp"]) == ("anna", "own", False)
    assert client.delete("/api/v1/sessions/current").status_code == 204
    assert client.get("/api/v1/me").status_code == 401
    secure = browse(base_url="https://testserver.local", require_https=True)
    secure.headers["X-Forwarded-Proto"] = "https"
    cookies = _sign_in(secure, "anna").headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all(cookie.startswith("__Host-retinue") and "; Secure" in cookie for cookie in cookies)
    assert secure.get("/api/v1/me").status_code == 200


def test_sign_in_from_a_wrong_address_is_403_whatever_the_header_says(
    office: Office, browse: Callable[..., Client]
) -> None:
    """C-17 and F6: 198.51.100.9 gets 403 and one audit row, whatever it writes in front."""
    office.account("anna", "Manager")
    fenced = with_rules(office, allowed=["203.0.113.0/24"])
    assert _sign_in(browse(fenced), "anna").status_code == 200
    for number, address in enumerate((AWAY, f"{HOME}, {AWAY}"), 1):
        answer = _sign_in(browse(fenced, address), "anna")
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:retinue:problem:address")
        assert len(office.audit("session.refuse")) == number


def test_sign_in_after_ten_wrong_tries_is_429(office: Office, browse: Callable[..., Client]) -> None:
    """C-18: 429 with Retry-After of 15 minutes, except for the browser that is known."""
    office.account("anna", "Manager")
    known, stranger = browse(), browse(address=AWAY)
    assert _sign_in(known, "anna").status_code == 200
    assert [_sign_in(stranger, "anna", "wrong").status_code for _ in range(11)] == [401] * 10 + [429]
    refused = _sign_in(stranger, "anna")
    assert 890 <= int(refused.headers["Retry-After"]) <= 900
    assert _sign_in(known, "anna").status_code == 200
    assert len(office.rows(TryCounter)) == 4, "the account, two addresses, the device"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": ""},
    ],
)
def test_foreign_page_can_neither_sign_in_nor_act(
    office: Office, browse: Callable[..., Client], headers: dict[str, str]
) -> None:
    """F6: cross-site requests with the victim's cookie are refused, and nothing changes."""
    account = office.account("anna", "Manager")
    client = browse()
    _sign_in(client, "anna")
    assert client.patch("/api/v1/me", json={"name": "Stolen"}, headers=headers).status_code == 403
    assert _sign_in(client, "anna", **{}).status_code == 200
    assert client.post("/api/v1/sessions", json={}, headers=headers).status_code == 403
    assert office.find("anna").id == account
    assert office.find("anna").name == "Anna"


def test_password_change_names_the_rule_and_moves_the_browser(
    office: Office, browse: Callable[..., Client]
) -> None:
    """C-18: 'Secret123' → 422 naming the rule length; a good one ends the other browser only."""
    office.account("anna", "Manager")
    here, there = browse(), browse()
    _sign_in(here, "anna")
    _sign_in(there, "anna")
    short = {"current_password": PASSWORD, "password": "Secret123"}
    refused = here.put("/api/v1/me/password", json=short)
    assert refused.status_code == 422
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [("/password", "length")]
    assert here.put("/api/v1/me/password", json={**short, "password": NEW}).status_code == 200
    assert here.get("/api/v1/me").status_code == 200
    assert there.get("/api/v1/me").status_code == 401
    again = here.put("/api/v1/me/password", json={"current_password": NEW, "password": PASSWORD})
    assert [e["code"] for e in again.json()["errors"]] == ["reused"]


def test_leaver_gets_401_on_both_browsers_and_the_token(
    office: Office, browse: Callable[..., Client]
) -> None:
    """C-15 through the API."""
    account = office.account("anna", "Manager")
    office.account("root", "Administrator")
    one, two, admin, robot = browse(), browse(), browse(), browse()
    for client in (one, two):
        assert _sign_in(client, "anna").status_code == 200
    assert _sign_in(admin, "root").status_code == 200
    made = one.post("/api/v1/tokens", json={"name": "robot", "scopes": {"contact.read": "own"}})
    assert made.status_code == 201
    robot.headers["Authorization"] = f"Bearer {made.json()['token']}"
    assert [client.get("/api/v1/me").status_code for client in (one, two, robot)] == [200] * 3
    gone = admin.post(f"/api/v1/accounts/{account}/deactivate")
    assert (gone.status_code, gone.json()["is_active"]) == (200, False)
    assert [client.get("/api/v1/me").status_code for client in (one, two, robot)] == [401] * 3


def test_token_is_shown_once_and_kept_nowhere(office: Office, browse: Callable[..., Client]) -> None:
    """F5: not even an Idempotency-Key keeps the answer with the token in it."""
    office.account("anna", "Manager")
    client = browse()
    _sign_in(client, "anna")
    body = {"name": "robot", "scopes": {"contact.read": "own"}, "days": 7}
    made = client.post("/api/v1/tokens", json=body, headers={"Idempotency-Key": "k1"}).json()
    assert made["token"].startswith("retinue_pat_")
    listed = client.get("/api/v1/tokens").json()
    assert [token["id"] for token in listed] == [made["id"]]
    assert "token" not in listed[0]
    with office.system() as store:
        kept = [str(row.__dict__) for row in store.scalars(_all(IdempotencyKey))]
    assert not any(made["token"] in row for row in kept)
    beyond = client.post("/api/v1/tokens", json={"name": "x", "scopes": {"audit.verify": "all"}})
    assert (beyond.status_code, beyond.json()["errors"][0]["pointer"]) == (422, "/scopes/audit.verify")
    assert client.delete(f"/api/v1/tokens/{made['id']}").status_code == 204


def _all(model: type[Any]) -> Any:
    from sqlalchemy import select

    return select(model)


def test_second_factor_over_the_api(office: Office, browse: Callable[..., Client]) -> None:
    """Enrol, sign in with a pending session, confirm with a recovery code, take it away."""
    office.account("anna", "Manager")
    client = browse()
    _sign_in(client, "anna")
    offered = client.post("/api/v1/me/totp").json()
    assert offered["picture"].startswith("<svg")
    confirmed = client.put("/api/v1/me/totp", json={"code": current_code(offered["seed"])})
    codes = confirmed.json()["recovery_codes"]
    assert len(codes) == 10
    assert client.get("/api/v1/me").json()["has_totp"] is True
    other = browse()
    assert other.post("/api/v1/sessions/code", json={"code": codes[0]}).status_code == 401
    pending = _sign_in(other, "anna")
    assert (pending.status_code, pending.json()["is_pending"]) == (200, True)
    assert other.get("/api/v1/me").status_code == 401
    assert other.post("/api/v1/sessions/code", json={"code": codes[0]}).status_code == 200
    assert other.get("/api/v1/me").status_code == 200
    assert _sign_in(browse(), "anna", code=codes[0]).status_code == 401
    assert other.delete("/api/v1/me/totp").status_code == 204
    assert _sign_in(browse(), "anna").json()["is_pending"] is False


def test_account_made_by_an_administrator_owes_a_new_password(
    office: Office, browse: Callable[..., Client]
) -> None:
    office.account("root", "Administrator")
    admin, client = browse(), browse()
    _sign_in(admin, "root")
    draft = {
        "login": "Anna",
        "name": "Anna",
        "password": PASSWORD,
        "role_ids": [str(office.roles["Manager"])],
    }
    made = admin.post("/api/v1/accounts", json=draft)
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/accounts/{made.json()['id']}"
    assert "password" not in made.json()
    assert _sign_in(client, "anna").json()["must_change"] is True
    assert client.get("/api/v1/accounts").status_code == 403
    assert client.get("/api/v1/me").json()["must_change"] is True
    assert (
        client.put("/api/v1/me/password", json={"current_password": PASSWORD, "password": NEW}).status_code
        == 200
    )
    assert client.get("/api/v1/accounts").status_code == 200
    assert len(client.get("/api/v1/accounts", params={"active": "true"}).json()) == 2


def test_roles_and_teams_over_the_api(office: Office, browse: Callable[..., Client]) -> None:
    office.account("root", "Administrator")
    anna = office.account("anna", "Manager")
    admin = browse()
    _sign_in(admin, "root")
    wrong = admin.post("/api/v1/roles", json={"name": "R", "permissions": {"contact.reed": "own"}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [
        {
            "pointer": "/permissions/contact.reed",
            "detail": "There is no permission contact.reed. Did you mean contact.read?",
            "code": "permission",
        }
    ]
    role = admin.post("/api/v1/roles", json={"name": "R", "permissions": {"contact.read": "own"}}).json()
    changed = admin.patch(f"/api/v1/roles/{role['id']}", json={"hidden_fields": ["contact.revenue"]})
    assert changed.json()["hidden_fields"] == ["contact.revenue"]
    assert changed.json()["permissions"] == {"contact.read": "own"}
    assert admin.patch(f"/api/v1/roles/{role['id']}", json={"is_admin": True}).status_code == 422
    assert admin.delete(f"/api/v1/roles/{role['id']}").status_code == 204
    team = admin.post("/api/v1/teams", json={"name": "North"}).json()
    members = f"/api/v1/teams/{team['id']}/members"
    assert admin.put(f"{members}/{anna}", json={"is_lead": True}).status_code in (200, 204)
    assert [(m["login"], m["is_lead"]) for m in admin.get(members).json()] == [("anna", True)]
    assert admin.delete(f"{members}/{anna}").status_code == 204
    names = [permission["name"] for permission in admin.get("/api/v1/permissions").json()]
    assert names == sorted(names)
    assert "contact.read" in names
    last = admin.post(f"/api/v1/accounts/{office.find('root').id}/deactivate")
    assert (last.status_code, last.json()["type"]) == (409, "urn:retinue:problem:last-administrator")


def test_every_route_is_refused_to_strangers(office: Office, browse: Callable[..., Client]) -> None:
    """A5: without a session each route but signing in is 401, with one that may nothing 403."""
    office.account("nobody")
    stranger, weak = browse(), browse()
    _sign_in(weak, "nobody")
    some = "01a20016-f16d-76e3-bad2-552348c9606f"
    public, seen = set(), 0
    for handler in access_routes(office.database, office.guard):
        (path,), (method,) = handler.paths, handler.http_methods
        permission = handler.opt["retinue_permission"]
        if permission == PUBLIC:
            public.add(f"{method} {path}")
            continue
        url = "/api/v1" + re.sub(r"{\w+:uuid}", some, path)
        body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
        assert stranger.request(method, url, **body).status_code == 401, (method, path)
        if permission != SIGNED_IN:
            assert weak.request(method, url, **body).status_code == 403, (method, path)
        seen += 1
    assert seen > 30
    assert public == OPEN_TO_ALL, "a route that anybody may call is named here, on purpose"


def test_passkey_through_the_api(office: Office, browse: Callable[..., Client]) -> None:
    """Added, named, used to sign in and to prove, removed: the whole life, with the cookies of a browser."""
    from .authenticator import Authenticator

    office.account("anna", "Manager")
    origin = "http://testserver.local"
    place, device = with_rules(office, origin=origin), Authenticator(origin=origin, host="testserver.local")
    client = browse(place)
    _sign_in(client, "anna")
    options = client.post("/api/v1/me/passkeys/options").json()["options"]
    body = {"credential": device.create(options), "name": "Laptop"}
    added = client.post("/api/v1/me/passkeys", json=body)
    assert (added.status_code, added.json()["name"]) == (201, "Laptop")
    assert len(added.json()["recovery_codes"]) == 10
    me = client.get("/api/v1/me").json()
    assert (me["has_passkey"], me["has_password"], me["recovery_codes_left"]) == (True, True, 10)
    pending = _sign_in(browse(place), "anna").json()
    assert (pending["is_pending"], pending["factors"]) == (True, ["passkey", "recovery"])
    other = browse(place)
    other.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    options = other.post("/api/v1/sessions/passkey/options").json()["options"]
    signed = other.post("/api/v1/sessions/passkey", json={"credential": device.get(options)})
    assert (signed.status_code, signed.json()["is_pending"]) == (200, False)
    options = other.post("/api/v1/sessions/proof/options").json()["options"]
    assert other.post("/api/v1/sessions/proof", json={"credential": device.get(options)}).status_code == 204
    both = {"credential": {}, "password": PASSWORD}
    assert other.post("/api/v1/sessions/proof", json=both).status_code == 422
    shown = other.get("/api/v1/sessions").json()
    assert {(one["device"], one["is_current"]) for one in shown} >= {("Firefox on Windows", True)}
    url = f"/api/v1/me/passkeys/{added.json()['id']}"
    assert other.patch(url, json={"name": "Old"}).json()["name"] == "Old"
    assert other.delete(url).status_code == 204
    assert other.get("/api/v1/me/passkeys").json() == []
    assert client.get("/api/v1/me").status_code == 401
    assert other.delete("/api/v1/sessions/all").status_code == 204
    assert other.get("/api/v1/me").status_code == 401


def test_reset_through_the_api_tells_nobody_who_exists(office: Office, browse: Callable[..., Client]) -> None:
    """F3: the same bytes for known and unknown; the link an administrator made sets the password."""
    account = office.account("anna", "Manager")
    office.account("root", "Administrator")
    stranger, admin = browse(), browse()
    _sign_in(admin, "root")
    asked = [stranger.post("/api/v1/password-resets", json={"login": who}) for who in ("anna", "nobody")]
    assert [(answer.status_code, answer.content) for answer in asked] == [(204, b"")] * 2
    made = admin.post(f"/api/v1/accounts/{account}/reset-link").json()
    body = {"token": made["link"].partition("#")[2], "password": NEW}
    assert stranger.put("/api/v1/password-resets", json=body).status_code == 204
    again = stranger.put("/api/v1/password-resets", json=body)
    assert (again.status_code, again.json()["type"]) == (422, "urn:retinue:problem:bad-link")
    assert _sign_in(stranger, "anna", NEW).status_code == 200
    assert admin.delete(f"/api/v1/accounts/{account}/sessions").status_code == 204
    assert stranger.get("/api/v1/me").status_code == 401


def test_form_token_of_another_session_is_refused(office: Office, browse: Callable[..., Client]) -> None:
    """F6: the token follows from the session's own cookie; one from elsewhere does not fit."""
    office.account("anna", "Manager")
    office.account("boris", "Manager")
    anna, boris = browse(), browse()
    own, other = (
        _sign_in(client, login).json()["csrf"] for client, login in ((anna, "anna"), (boris, "boris"))
    )
    for token, status in ((own, 200), (other, 403), ("", 403), (own[:-1], 403)):
        answer = anna.patch("/api/v1/me", json={"name": "Anna N."}, headers={"X-CSRF-Token": token})
        assert answer.status_code == status, token
    assert other != own


def test_provider_through_the_api(office: Office, browse: Callable[..., Client]) -> None:
    """An administrator adds it and links an account; the browser leaves, comes back, and is signed in."""
    from retinue.access import oidc_wire
    from retinue.web import OutboundRules, configure_outbound

    from .issuer import CLIENT, SECRET, Issuer

    origin, anna = "http://testserver.local", office.account("anna", "Manager")
    office.account("root", "Administrator")
    place = with_rules(office, origin=origin)
    admin, client, issuer = browse(place), browse(place), Issuer()
    oidc_wire.memory.forget()
    configure_outbound(OutboundRules(allow_networks=("127.0.0.0/8",), ports=frozenset({issuer.port})))
    try:
        _sign_in(admin, "root")
        body = {"name": "house", "label": "House", "issuer": issuer.url, "client_id": CLIENT}
        made = admin.post("/api/v1/providers", json={**body, "client_secret": SECRET})
        assert (made.status_code, "client_secret" in made.json()) == (201, False)
        assert client.get("/api/v1/sessions/providers").json() == [{"name": "house", "label": "House"}]
        left = client.post("/api/v1/sessions/oidc", json={"provider": "house", "next": "/contacts?x=1"})
        assert "HttpOnly; SameSite=Lax" in left.headers["set-cookie"]
        back = issuer.authorize(left.json()["address"])
        refused = client.get("/api/v1/sessions/oidc/callback", params=back, follow_redirects=False)
        assert refused.headers["location"] == "/contacts?x=1&problem=not-linked"
        identity = {"provider": "house", "subject": issuer.who}
        linked = admin.post(f"/api/v1/accounts/{anna}/identities", json=identity)
        assert (linked.status_code, linked.json()["label"]) == (201, "House")
        left = client.post("/api/v1/sessions/oidc", json={"provider": "house"})
        back = issuer.authorize(left.json()["address"])
        arrived = client.get("/api/v1/sessions/oidc/callback", params=back, follow_redirects=False)
        assert (arrived.status_code, arrived.headers["location"]) == (303, "/")
        assert client.get("/api/v1/me").json()["login"] == "anna"
        again = client.get("/api/v1/sessions/oidc/callback", params=back, follow_redirects=False)
        assert again.status_code == 401
        assert len(client.get("/api/v1/me/identities").json()) == 1
    finally:
        issuer.close()
        configure_outbound(OutboundRules())
