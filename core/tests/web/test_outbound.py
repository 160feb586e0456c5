"""The outbound client: E5, what it refuses to call, and how long it lets a peer hold it."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from retinue.errors import Misconfigured
from retinue.web.outbound import (
    Answer,
    Outbound,
    OutboundFailed,
    OutboundRefused,
    OutboundRules,
    configure,
    shared,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
Reply = Callable[[socket.socket], None]

# Every form is a way to say an inner address; {p} stands for the port of the trap, which the rules allow.
LITERALS = (Path(__file__).parent / "outbound_forms.txt").read_text(encoding="utf-8").splitlines()
LITERALS += [
    "http://127.0.0.1 :{p}/",
    "http://127.0.0.1\t:{p}/",
    "http://127.0.0.1\r\nHost: x:{p}/",
    "http://",
]
LITERALS += ["http://127.0.0.1\u200b:{p}/", "http://127.0.0.1\u00ad:{p}/", "http://\u202e127.0.0.1:{p}/", ""]
# fmt: off
INNER = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "100.64.9.9", "169.254.169.254", "168.63.129.16",
    "172.20.0.1", "192.168.1.1", "198.18.5.5", "224.0.0.251", "255.255.255.255", "::1", "::",
    "::ffff:127.0.0.1", "::ffff:1.1.1.1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::fb",
    "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "fec0::1", "100::1", "nonsense",
    "0x7f.1",
]
# fmt: on


class Trap:
    """A server on every loopback address that counts connections and answers as told."""

    def __init__(self, reply: Reply) -> None:
        self.reply, self.peers, self.requests = reply, [], []
        if socket.has_dualstack_ipv6():
            self.socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        else:
            self.socket = socket.create_server(("", 0))
        self.port: int = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.socket.accept()
                self.peers.append(peer.getsockname()[0].removeprefix("::ffff:"))
                threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            self.reply(peer)

    def _whole(self, text: bytes) -> bool:
        head, end, body = text.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        return bool(end) and len(body) >= int(length[1] if length else 0)

    def answer(self, peer: socket.socket, reply: bytes = OK) -> None:
        """Read one request, note it, send `reply`."""
        text = b""
        while not self._whole(text):
            piece = peer.recv(65536)
            if not piece:
                return
            text += piece
        self.requests.append(text.decode())
        peer.sendall(reply)


@pytest.fixture
def trap() -> Iterator[Trap]:
    """Yield a trap that answers 200; a test may replace its `reply`."""
    server = Trap(lambda peer: server.answer(peer))
    yield server
    server.socket.shutdown(socket.SHUT_RDWR)
    server.socket.close()


_connects: list[object] = []
_asked: list[object] = []


def _listen(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.connect":
        _connects.append(args[1])
    elif event == "socket.getaddrinfo":
        _asked.append(args[0])


sys.addaudithook(_listen)


@pytest.fixture
def attempts() -> list[object]:
    """Return the list of every connect() this process tries from here on, to wherever."""
    _connects.clear()
    _asked.clear()
    return _connects


def client(trap: Trap, *names: str, allow: tuple[str, ...] = (), **rules: float) -> Outbound:
    """Return a client that may use the trap's port; every name resolves to `names`."""
    resolver = (lambda host, port: list(names)) if names else None
    given = OutboundRules(allow_networks=allow, ports=frozenset({80, 443, trap.port}), **rules)  # type: ignore[arg-type]
    return Outbound(given, resolver=resolver) if resolver else Outbound(given)


def test_bypass_forms_are_at_least_a_hundred() -> None:
    assert len(set(LITERALS)) + len(set(INNER)) >= 190


@pytest.mark.parametrize("form", LITERALS)
def test_outbound_refuses_form(trap: Trap, attempts: list[object], form: str) -> None:
    """E5: every spelling is refused with not a single connect()."""
    with pytest.raises(OutboundRefused) as caught:
        client(trap).send("POST", form.replace("{p}", str(trap.port)))
    assert caught.value.remedy
    assert (attempts, trap.peers) == ([], [])


@pytest.mark.parametrize("address", INNER)
def test_outbound_refuses_name_that_resolves_inside(trap: Trap, attempts: list[object], address: str) -> None:
    """E5: a good-looking name with an inner address, alone or beside a public one."""
    for answers in ((address,), ("9.9.9.9", address), (address, "2606:4700:4700::1111")):
        with pytest.raises(OutboundRefused):
            client(trap, *answers).send("POST", f"http://hooks.example.com:{trap.port}/")
    assert (attempts, trap.peers) == ([], [])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "0.0.0.0", "::1", "::ffff:127.0.0.1", "localhost"],
)
def test_trap_catches_a_naive_client(trap: Trap, attempts: list[object], host: str) -> None:
    """The proof that the two counters above can move."""
    if ":" in host and not socket.has_dualstack_ipv6():
        return
    socket.create_connection((host, trap.port), timeout=5).close()
    deadline = time.monotonic() + 5
    while not trap.peers and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(trap.peers) == 1
    assert attempts


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700:4700::1111", "2a00::1"]
)
def test_outbound_accepts_public_address(trap: Trap, address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert client(trap).check(f"https://{host}/in").host == address


def test_outbound_allow_list_opens_only_what_it_names(trap: Trap) -> None:
    assert client(trap, allow=("127.0.0.0/8",)).send("GET", f"http://127.0.0.1:{trap.port}/").body == b"hi"
    for form in ("[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "127.1"):
        with pytest.raises(OutboundRefused):
            client(trap, allow=("127.0.0.0/8",)).send("GET", f"http://{form}:{trap.port}/")
    assert len(trap.peers) == 1


def test_outbound_connects_to_the_address_it_judged_when_dns_changes(
    trap: Trap, attempts: list[object]
) -> None:
    """E5: rebinding. The second answer would be inside; nobody asks for it."""
    answers = iter([["127.0.0.9"], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    def rebind(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    rules = OutboundRules(allow_networks=("127.0.0.9/32",), ports=frozenset({trap.port}))
    url = f"http://hooks.example.com:{trap.port}/in?a=1"
    assert Outbound(rules, resolver=rebind).send("POST", url, content=b"{}").status == 200
    assert asked == ["hooks.example.com"]
    assert trap.peers == ["127.0.0.9"]
    assert attempts == [("127.0.0.9", trap.port)]
    assert "hooks.example.com" not in _asked
    assert trap.requests[0].startswith("POST /in?a=1 HTTP/1.1\r\n")
    assert f"Host: hooks.example.com:{trap.port}\r\n" in trap.requests[0]


def test_outbound_tries_the_next_address_when_one_is_dead(trap: Trap, attempts: list[object]) -> None:
    rules = OutboundRules(allow_networks=("127.0.0.0/8", "100::/64"), ports=frozenset({trap.port}))
    outbound = Outbound(rules, resolver=lambda host, port: ["100::1", "127.0.0.3"])
    assert outbound.send("GET", f"http://a.example:{trap.port}/").status == 200
    assert (len(attempts), trap.peers) == (2, ["127.0.0.3"])


def test_outbound_returns_a_redirect_and_does_not_follow(trap: Trap) -> None:
    """E5: a redirect to the inside."""
    inside = f"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{trap.port}/admin\r\nContent-Length: 0\r\n\r\n"
    trap.reply = lambda peer: trap.answer(peer, inside.encode())
    answer = client(trap, "127.0.0.1", allow=("127.0.0.1/32",)).send("POST", f"http://a.example:{trap.port}/")
    assert (answer.status, answer.headers["location"]) == (307, f"http://127.0.0.1:{trap.port}/admin")
    assert len(trap.requests) == 1


def test_outbound_ignores_proxies_and_netrc_of_the_environment(
    trap: Trap, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.7:{trap.port}")
    client(trap, allow=("127.0.0.1/32",)).send("GET", f"http://127.0.0.1:{trap.port}/")
    assert trap.peers == ["127.0.0.1"]
    assert "authorization" not in trap.requests[0].lower()


def drip(start: bytes, piece: bytes) -> Reply:
    """Return a reply that sends `start` and then `piece` for ever, slower than anyone should wait."""

    def reply(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(start)
        while True:
            time.sleep(0.05)
            peer.sendall(piece)

    return reply


@pytest.mark.parametrize(
    "reply",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"."),
        drip(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        lambda peer: time.sleep(3),
    ],
    ids=["body", "headers", "continue", "silence"],
)
def test_outbound_total_deadline_ends_a_slow_peer(trap: Trap, reply: Reply) -> None:
    """E5, D6: every single wait is short, the whole would take for ever."""
    trap.reply = reply
    outbound = client(trap, allow=("127.0.0.1/32",), read=5.0, total=0.5)
    begun = time.monotonic()
    with pytest.raises(OutboundFailed) as caught:
        outbound.send("GET", f"http://127.0.0.1:{trap.port}/")
    assert caught.value.code == "timeout"
    assert 0.4 < time.monotonic() - begun < 2.9, "the peer itself would be done after three"


def test_outbound_total_deadline_covers_name_tls_and_read_steps(trap: Trap) -> None:
    trap.reply = lambda peer: time.sleep(3)
    rules = OutboundRules(
        allow_networks=("127.0.0.1/32",), ports=frozenset({trap.port}), total=0.4, read=9, connect=9
    )
    slow = Outbound(rules, resolver=lambda host, port: time.sleep(2) or ["127.0.0.1"])
    for outbound, url in ((slow, "http://a.example"), (Outbound(rules), "https://127.0.0.1")):
        begun = time.monotonic()
        with pytest.raises(OutboundFailed) as caught:
            outbound.send("GET", f"{url}:{trap.port}/")
        assert caught.value.code == "timeout"
        assert time.monotonic() - begun < 1.9


def test_outbound_answer_limit_is_an_error_or_a_cut(trap: Trap) -> None:
    trap.reply = lambda peer: trap.answer(peer, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000)
    outbound = client(trap, allow=("127.0.0.1/32",), answer_limit=1000)
    with pytest.raises(OutboundFailed) as caught:
        outbound.send("GET", f"http://127.0.0.1:{trap.port}/")
    assert caught.value.code == "answer-too-large"
    answer = outbound.send("GET", f"http://127.0.0.1:{trap.port}/", cut=True)
    assert (len(answer.body), answer.cut) == (1000, True)


def test_outbound_does_not_unpack_a_compressed_answer(trap: Trap) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\nSet-Cookie: a=b\r\n\r\n"
    )
    trap.reply = lambda peer: trap.answer(peer, head.encode() + bomb)
    outbound = client(trap, allow=("127.0.0.1/32",))
    assert outbound.send("GET", f"http://127.0.0.1:{trap.port}/").body == bomb
    outbound.send("GET", f"http://127.0.0.1:{trap.port}/")
    assert "accept-encoding: identity\r\n" in trap.requests[0].lower()
    assert "cookie" not in trap.requests[1].lower()


@pytest.mark.parametrize("name", ["Host", "transfer-encoding", "Content-Length", "connection"])
def test_outbound_sets_framing_headers_itself(trap: Trap, attempts: list[object], name: str) -> None:
    with pytest.raises(OutboundRefused, match=name.lower()):
        client(trap, allow=("127.0.0.1/32",)).send(
            "GET", f"http://127.0.0.1:{trap.port}/", headers={name: "x"}
        )
    assert attempts == []


def test_outbound_failures_have_codes(trap: Trap) -> None:
    outbound = client(trap, allow=("127.0.0.1/32",))
    gone = Outbound(outbound.rules, resolver=lambda host, port: [])
    free = socket.create_server(("127.0.0.1", 0))
    closed = OutboundRules(allow_networks=("127.0.0.1/32",), ports=frozenset({free.getsockname()[1]}))
    url, dead = f"http://127.0.0.1:{trap.port}/", f"http://127.0.0.1:{free.getsockname()[1]}/"
    free.close()
    trap.reply = lambda peer: trap.answer(peer, b"SSH-2.0-x\r\n\r\n")
    cases = [
        ("unresolved", lambda: gone.send("GET", "http://nowhere.example/")),
        ("unreachable", lambda: Outbound(closed).send("GET", dead)),
        ("protocol", lambda: outbound.send("GET", url)),
        ("protocol", lambda: outbound.send("GET", url, headers={"x-a": "1\r\nHost: b"})),
    ]
    for code, call in cases:
        with pytest.raises(OutboundFailed) as caught:
            call()
        assert caught.value.code == code
    assert not any("Host: b" in request for request in trap.requests)


def certificate(folder: Path, name: str) -> Path:
    """Write a self-signed certificate for `name` with its key, return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(
        now + datetime.timedelta(1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    file = folder / f"{name}.pem"
    file.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *plain))
    return file


def test_outbound_tls_names_and_checks_the_host_of_the_url(trap: Trap, tmp_path: Path) -> None:
    """SNI, certificate and Host header carry the name although the socket goes to a number."""
    file = certificate(tmp_path, "hooks.example.com")
    server, seen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    server.load_cert_chain(file)
    server.sni_callback = lambda sock, name, context: seen.append(name)

    def reply(peer: socket.socket) -> None:
        with server.wrap_socket(peer, server_side=True) as secured:
            trap.answer(secured)

    trap.reply = reply
    rules = OutboundRules(allow_networks=("127.0.0.1/32",), ports=frozenset({trap.port}))
    trusting = ssl.create_default_context(cafile=str(file))

    def call(host: str, tls: ssl.SSLContext | None) -> Answer:
        outbound = Outbound(rules, resolver=lambda name, port: ["127.0.0.1"], tls=tls)
        return outbound.send("POST", f"https://{host}:{trap.port}/", content=b"x" * 100_000)

    assert call("hooks.example.com", trusting).status == 200
    assert seen == ["hooks.example.com"]
    assert f"Host: hooks.example.com:{trap.port}\r\n" in trap.requests[0]
    for host, tls in (("other.example.com", trusting), ("hooks.example.com", None)):
        with pytest.raises(OutboundFailed) as caught:
            call(host, tls)
        assert caught.value.code == "tls"
    assert len(trap.requests) == 1


def test_outbound_shared_client_is_strict_until_configured(trap: Trap) -> None:
    try:
        with pytest.raises(OutboundRefused):
            shared().send("GET", f"http://127.0.0.1:{trap.port}/")
        configure(OutboundRules(allow_networks=("127.0.0.1/32",), ports=frozenset({trap.port})))
        assert shared().send("GET", f"http://127.0.0.1:{trap.port}/").status == 200
    finally:
        configure(OutboundRules())


def test_outbound_rules_refuse_a_network_that_is_none() -> None:
    with pytest.raises(Misconfigured, match=r"10\.0\.0\.300"):
        Outbound(OutboundRules(allow_networks=("10.0.0.300/8",)))
