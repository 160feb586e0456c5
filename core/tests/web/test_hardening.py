from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from retinue.config import Config
from retinue.errors import Denied
from retinue.web import WebSettings, client_address, cookie_name, session_cookie
from retinue.web.requests import check_same_origin

SECRET = b"s" * 32
PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "2001:db8::/32")))
HTTP = WebSettings(base_url="http://testserver.local", secret=SECRET)
HTTPS = WebSettings(base_url="https://crm.example.org:8443", secret=SECRET, require_https=True)


@pytest.fixture
def database(lite: Any) -> Any:
    """Return SQLite only: no database changes a header."""
    return lite


@pytest.mark.parametrize(
    "path", ["/api/v1/gadgets", "/api/v1/nothing", "/api/v1/boom", "/healthz", "/api/v1/openapi.json"]
)
def test_every_answer_carries_the_security_headers(client: Any, path: str) -> None:
    """E4: all routes, errors included."""
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


def run_asgi(
    app: Any, *, path: str = "/healthz", peer: str = "203.0.113.9", query: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send one bare request, as a server would."""
    import asyncio

    sent: list[dict[str, Any]] = []

    async def go() -> None:
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query,
            "scheme": "http", "root_path": "", "http_version": "1.1", "asgi": {"version": "3.0"},
            "client": (peer, 1), "server": ("x", 80),
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)

    asyncio.run(go())
    answer = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return sent[0]["status"], answer, b"".join(m.get("body", b"") for m in sent[1:])


def test_plain_http_is_308_to_https_and_https_has_hsts(make_app: Any) -> None:
    """C-19: require_https on, the proxy says http: 308."""
    app = make_app(require_https=True, trusted_proxies=PROXIES, base_url="https://crm.example.org")
    asked = {"peer": "10.0.0.1", "x_forwarded_proto": "http"}
    status, headers, body = run_asgi(app, path="/api/v1/gadgets/čaj", query=b"q=a%20b", **asked)
    assert (status, body) == (308, b"")
    assert headers["location"] == "https://crm.example.org/api/v1/gadgets/%C4%8Daj?q=a%20b"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert run_asgi(app, path="/healthz", **asked)[0] == 200


@pytest.mark.parametrize(
    ("peer", "proto", "status"),
    [
        ("10.1.1.1", "https", 200),
        ("10.1.1.1", "http", 308),
        ("203.0.113.9", "https", 308),
        ("203.0.113.9", "http", 308),
    ],
)
def test_scheme_is_believed_from_trusted_proxies_only(
    make_app: Any, peer: str, proto: str, status: int
) -> None:
    """C-19, E4: a stranger cannot say that it came over https."""
    app = make_app(require_https=True, trusted_proxies=PROXIES, base_url="https://testserver.local")
    found, _, _ = run_asgi(
        app, path="/api/v1/openapi.json", peer=peer, host="testserver.local", x_forwarded_proto=proto
    )
    assert found == status


def test_unknown_host_is_400_and_probes_are_answered_under_any_name(make_app: Any) -> None:
    app = make_app(allowed_hosts=frozenset({"crm.example.org", "::1"}))
    for host, status in (
        ("crm.example.org", 404),
        ("CRM.example.org:8443", 404),
        ("[::1]:80", 404),
        ("evil.example", 400),
        ("", 400),
    ):
        assert run_asgi(app, path="/nothing", host=host)[0] == status, host
    status, headers, body = run_asgi(app, path="/nothing", host="evil.example")
    assert headers["content-type"] == "application/problem+json"
    assert b"urn:retinue:problem:unknown-host" in body
    assert run_asgi(app, path="/healthz", host="10.3.2.1")[0] == 200


def test_address_reaches_the_actor_through_trusted_proxies(make_app: Any) -> None:
    app = make_app(trusted_proxies=PROXIES)
    _, _, body = run_asgi(
        app,
        path="/api/v1/whoami",
        peer="10.0.0.1",
        authorization="Bearer alice",
        x_forwarded_for="198.51.100.4, 10.0.0.7",
    )
    assert b'"address":"198.51.100.4"' in body


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4:5555", "1.2.3.4"),
        ("10.0.0.1", "[2001:db9::7]:80", "2001:db9::7"),
        ("2001:db8::1", "::ffff:1.2.3.4", "1.2.3.4"),
        ("::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        (None, "1.2.3.4", ""),
    ],
)
def test_client_address_counts_trusted_hops_from_the_right(
    peer: str | None, forwarded: str | None, client: str
) -> None:
    """F6, C-17: a spoofed X-Forwarded-For is not believed."""
    assert client_address(peer, forwarded, PROXIES) == client


@pytest.mark.parametrize(
    ("headers", "has_session", "passes"),
    [
        ({"sec-fetch-site": "same-origin"}, True, True),
        ({"sec-fetch-site": "none"}, True, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://testserver.local"}, True, False),
        ({"sec-fetch-site": "same-site"}, True, False),
        ({"sec-fetch-site": "cross-site"}, False, False),
        ({"origin": "http://testserver.local"}, True, True),
        ({"origin": "http://evil.example"}, True, False),
        ({"origin": "null"}, True, False),
        ({}, True, False),
        ({}, False, True),
    ],
)
def test_unsafe_request_of_a_foreign_page_is_refused(
    headers: dict[str, str], has_session: bool, passes: bool
) -> None:
    """F6: Sec-Fetch-Site decides, Origin where it is missing."""
    check_same_origin("GET", headers, HTTP, has_session=has_session)
    if passes:
        check_same_origin("POST", headers, HTTP, has_session=has_session)
    else:
        with pytest.raises(Denied) as caught:
            check_same_origin("POST", headers, HTTP, has_session=has_session)
        assert caught.value.code == "cross-site"


def test_session_cookie_works_for_own_pages_only(make_client: Any) -> None:
    client = make_client(None)
    client.cookies.set("retinue", "alice")
    assert client.get("/api/v1/whoami").json()["name"] == "alice"
    assert client.post("/api/v1/gadgets", json={"name": "A"}).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/gadgets", json={"name": "A"}, headers=own).status_code == 201
    by_token = {"Authorization": "Bearer alice"}
    assert client.post("/api/v1/gadgets", json={"name": "A"}, headers=by_token).status_code == 201


def test_session_cookie_is_host_bound_secure_and_unreadable_by_scripts() -> None:
    """C-19: the session cookie carries Secure, HttpOnly, SameSite."""
    assert session_cookie(HTTPS, "abc") == "__Host-retinue=abc; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert session_cookie(HTTPS, "") == "__Host-retinue=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
    assert (
        session_cookie(HTTP, "abc", max_age=60) == "retinue=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
    )
    assert (cookie_name(HTTPS), HTTPS.origin) == ("__Host-retinue", "https://crm.example.org:8443")


def test_upload_of_a_stranger_is_refused_before_it_is_read(make_client: Any) -> None:
    read: list[int] = []

    def body() -> Any:
        for _ in range(5):
            read.append(1)
            yield b"x" * 1000

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": "Bearer nobody-we-know"}
    answer = make_client(None).post("/api/v1/gadgets/picture", content=body(), headers=headers)
    assert answer.status_code == 401


def test_settings_come_from_the_configuration(tmp_path: Any) -> None:
    plain = WebSettings.from_config(Config.for_folder(tmp_path), secret=SECRET)
    assert plain.allowed_hosts == {"localhost", "127.0.0.1", "::1"}
    assert plain.rate_limit == 600
    server = {
        "base_url": "https://crm.example.org/",
        "allowed_hosts": ["alias.example.org"],
        "trusted_proxies": ["10.0.0.1"],
    }
    named = WebSettings.from_config(Config.for_folder(tmp_path, server=server), secret=SECRET)
    assert named.allowed_hosts == {"crm.example.org", "alias.example.org"}
    assert named.https
    assert named.trusted_proxies == (ipaddress.ip_network("10.0.0.1/32"),)
    anywhere = WebSettings.from_config(Config.for_folder(tmp_path, server={"host": "0.0.0.0"}), secret=SECRET)
    assert anywhere.allowed_hosts == frozenset()
