"""Sending by SMTP to a real server on loopback: one connection for many letters, and each answer told apart."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from retinue_email.transport import DOUBT, FAILED, LATER, SENT, UNREACHED, SmtpPlace, SmtpTransport

LETTER = b"Subject: Hello\r\n\r\nFirst line\r\n.hidden dot\r\n..two\r\nlast line\r\n"
SENDER = "u+1@bounce.example"


class Mailbox:
    """What a server answers by recipient, and what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.connections = 0
        self.answers: dict[str, str] = {}
        self.silent = asyncio.Event()

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any
    ) -> Any:
        self.connections += not getattr(session, "counted", False)
        session.counted, session.host_name = True, hostname
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.answers.get(address, "250 2.1.5 fine")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        recipient = envelope.rcpt_tos[0]
        self.got.append((recipient, envelope.original_content))
        if recipient.startswith("silent"):
            await asyncio.sleep(2)
        return self.answers.get(f"data:{recipient}", "250 2.0.0 taken")


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


Serve = Callable[..., SmtpTransport]


@pytest.fixture
def serve(mailbox: Mailbox) -> Iterator[Serve]:
    """Yield a function that starts a server and returns the transport to it."""
    running: list[Controller] = []

    def start(*, tls: ssl.SSLContext | None = None, security: str = "none", **more: Any) -> SmtpTransport:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Controller(
            mailbox, hostname="127.0.0.1", port=port, tls_context=tls, require_starttls=tls is not None
        )
        server.start()
        running.append(server)
        return SmtpTransport(SmtpPlace("127.0.0.1", port, security, hello="crm.example"), timeout=5, **more)

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a certificate of 127.0.0.1 that nobody trusts by itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_letters_share_a_connection_and_arrive_as_they_were_written(serve: Serve, mailbox: Mailbox) -> None:
    """EM-x9: a connection is used again up to its number of letters; lines that begin with a dot keep it."""
    carrier = serve(letters=2).carrier()
    for place in range(3):
        assert carrier.open() is None
        answer = carrier.send(SENDER, f"p{place}@example.org", LETTER)
        assert (answer.kind, answer.code, answer.enhanced) == (SENT, 250, "2.0.0")
    carrier.close()
    assert mailbox.got == [(f"p{place}@example.org", LETTER) for place in range(3)]
    assert mailbox.connections == 2


def test_each_answer_of_a_server_is_told_apart(serve: Serve, mailbox: Mailbox) -> None:
    """EM-x6: 4xx waits, 5xx never, 421 ends the connection; after each the next letter goes out."""
    mailbox.answers = {
        "full@x.org": "452 4.2.2 mailbox full", "no@x.org": "550 5.1.1 no such user", "busy@x.org": "421 4.3.2 going down",
        "data:spam@x.org": "554 5.7.1 not wanted", "data:slow@x.org": "451 4.7.1 greylisted",
    }  # fmt: skip
    carrier = serve().carrier()
    told = {}
    for who in ("full", "no", "spam", "slow", "busy", "fine"):
        assert carrier.open() is None
        answer = carrier.send(SENDER, f"{who}@x.org", LETTER)
        told[who] = (answer.kind, answer.code, answer.enhanced)
    carrier.close()
    assert told == {
        "full": (LATER, 452, "4.2.2"), "no": (FAILED, 550, "5.1.1"), "spam": (FAILED, 554, "5.7.1"),
        "slow": (LATER, 451, "4.7.1"), "busy": (LATER, 421, "4.3.2"), "fine": (SENT, 250, "2.0.0"),
    }  # fmt: skip
    assert mailbox.connections == 2


def test_silence_after_the_last_byte_is_doubt(serve: Serve, mailbox: Mailbox) -> None:
    """EM-x7: the server has the letter and says nothing: nobody knows, so it is neither sent nor sent again."""
    carrier = serve(data_timeout=0.2).carrier()
    assert carrier.open() is None
    answer = carrier.send(SENDER, "silent@x.org", LETTER)
    assert (answer.kind, answer.word) == (DOUBT, "cut")
    assert [recipient for recipient, _ in mailbox.got] == ["silent@x.org"]
    assert carrier.open() is None
    assert carrier.send(SENDER, "fine@x.org", LETTER).kind == SENT
    carrier.close()


def test_nothing_goes_in_clear_or_to_a_wrong_certificate(
    serve: Serve, mailbox: Mailbox, certificate: Path
) -> None:
    """No STARTTLS, or a certificate nobody trusts: no letter leaves; with one that is trusted it does."""
    plain, told = serve(security="starttls").carrier(), []
    told.append(plain.open())
    strange = serve(security="starttls", tls=server_side(certificate)).carrier()
    told.append(strange.open())
    assert [(answer.kind, answer.word) for answer in told if answer] == [(UNREACHED, "tls")] * 2
    assert strange.send(SENDER, "a@x.org", LETTER).kind == UNREACHED
    assert mailbox.got == []
    known = ssl.create_default_context(cafile=str(certificate))
    good = serve(security="starttls", tls=server_side(certificate), context=known).carrier()
    assert good.open() is None
    assert good.send(SENDER, "a@x.org", LETTER).kind == SENT
    good.close()


def test_nobody_there_is_no_answer() -> None:
    """A port that nobody listens on: nothing was begun."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = SmtpPlace("127.0.0.1", free.getsockname()[1], "none")
    answer = SmtpTransport(place, timeout=2).carrier().open()
    assert answer is not None
    assert (answer.kind, answer.word) == (UNREACHED, "no-answer")
