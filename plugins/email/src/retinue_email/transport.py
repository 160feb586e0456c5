"""How letters leave: a carrier per line of sending, that keeps its connection and says exactly what became of a letter.

Whoever sends otherwise than by SMTP writes a `Carrier` and a `Transport` that makes them; the rest of the plugin sees
no more than these. `FakeTransport` is the one of the tests.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

SENT, LATER, FAILED, DOUBT, UNREACHED = "sent", "later", "failed", "doubt", "unreached"
TIMEOUT: Final = 60.0
DATA_TIMEOUT: Final = 600.0
"""Seconds to wait for the answer to a whole letter: RFC 5321 asks for ten minutes, or copies are the result."""
LETTERS: Final = 100
"""Letters on one connection, before another one is opened."""
_ENHANCED: Final = re.compile(rb"\b([245]\.\d{1,3}\.\d{1,3})\b")
_GONE: Final = 421


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one letter.

    ``sent``: the other side has taken it. ``later``: not now (4xx). ``failed``: never (5xx). ``doubt``: it may have been
    taken, nobody said so. ``unreached``: no letter was begun, because nobody answered there at all.
    `code` and `enhanced` are the server's (RFC 5321, 3463); `word` names a failure of our own, such as ``tls``.
    """

    kind: str
    code: int = 0
    enhanced: str = ""
    word: str = ""


class Carrier(Protocol):
    """One line of sending. It is used by one thread at a time."""

    def open(self) -> Answer | None:
        """Be ready to send; returns the answer ``unreached`` if that cannot be."""

    def send(self, sender: str, recipient: str, message: bytes) -> Answer:
        """Send one letter on the open line; never raises for what the other side does."""

    def close(self) -> None:
        """End the line."""


class Transport(Protocol):
    """Makes carriers."""

    def carrier(self) -> Carrier:
        """Return a new line of sending, not yet open."""


@dataclass(frozen=True, slots=True)
class SmtpPlace:
    """A server that takes letters in: `security` is ``starttls``, ``tls`` or ``none``."""

    host: str
    port: int = 587
    security: str = "starttls"
    username: str = ""
    password: str = ""
    hello: str = ""


class SmtpTransport:
    """Sends by SMTP; certificates are checked, and nothing goes in clear where TLS was asked for."""

    def __init__(
        self, place: SmtpPlace, *, context: ssl.SSLContext | None = None, timeout: float = TIMEOUT,
        data_timeout: float = DATA_TIMEOUT, letters: int = LETTERS,
    ) -> None:  # fmt: skip
        self.place, self.timeout, self.data_timeout, self.letters = place, timeout, data_timeout, letters
        self._context = context

    def context(self) -> ssl.SSLContext:
        """Return how TLS is spoken, made once."""
        if self._context is None:
            self._context = ssl.create_default_context()
        return self._context

    def carrier(self) -> Carrier:
        """Return a new line to the server."""
        return SmtpCarrier(self)


class SmtpCarrier:
    """One connection at a time, used again for a hundred letters."""

    def __init__(self, transport: SmtpTransport) -> None:
        self._transport = transport
        self._smtp: smtplib.SMTP | None = None
        self._sent = 0

    def open(self) -> Answer | None:
        """Connect, secure and sign in, unless that stands."""
        if self._smtp is not None and self._sent < self._transport.letters:
            return None
        self.close()
        try:
            self._smtp = self._connect()
        except ssl.SSLError:
            return Answer(UNREACHED, word="tls")
        except smtplib.SMTPAuthenticationError as error:
            return Answer(UNREACHED, error.smtp_code, _enhanced(error.smtp_error), "sign-in")
        except smtplib.SMTPNotSupportedError:
            return Answer(
                UNREACHED, word="tls" if self._transport.place.security == "starttls" else "sign-in"
            )
        except smtplib.SMTPResponseException as error:
            return Answer(UNREACHED, error.smtp_code, _enhanced(error.smtp_error), "refused")
        except (OSError, smtplib.SMTPException):
            return Answer(UNREACHED, word="no-answer")
        self._sent = 0
        return None

    def _connect(self) -> smtplib.SMTP:
        own, place = self._transport, self._transport.place
        hello = place.hello or None
        if place.security == "tls":
            made: smtplib.SMTP = smtplib.SMTP_SSL(
                place.host, place.port, hello, timeout=own.timeout, context=own.context()
            )
        else:
            made = smtplib.SMTP(place.host, place.port, hello, timeout=own.timeout)
        try:
            made.ehlo_or_helo_if_needed()
            if place.security == "starttls":
                made.starttls(context=own.context())
                made.ehlo_or_helo_if_needed()
            if place.username:
                made.login(place.username, place.password)
            if (
                made.sock is not None
            ):  # the envelope goes out in small pieces, which must not wait for each other
                made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            made.close()
            raise
        return made

    def send(self, sender: str, recipient: str, message: bytes) -> Answer:
        """Send one letter; after anything but success the transaction is reset, or the connection ended."""
        smtp = self._smtp
        if smtp is None:
            return Answer(UNREACHED, word="no-answer")
        try:
            code, said = smtp.mail(sender)
            if code == 250:
                code, said = smtp.rcpt(recipient)
                if code in (250, 251):
                    code, said = smtp.docmd("DATA")
                    if code == 354:
                        return self._send_data(smtp, message)
        except (OSError, smtplib.SMTPException):
            self._drop()
            return Answer(LATER, word="cut")
        return self._judge(smtp, code, said)

    def _send_data(self, smtp: smtplib.SMTP, message: bytes) -> Answer:
        """Hand the letter over; from its last byte on, silence means that nobody knows."""
        wire = _dotted(message)
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(self._transport.data_timeout)
            smtp.send(wire)
            code, said = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(self._transport.timeout)
        except (OSError, smtplib.SMTPException):
            self._drop()
            return Answer(DOUBT, word="cut")
        self._sent += 1
        if code == 250:
            return Answer(SENT, code, _enhanced(said))
        return self._judge(smtp, code, said)

    def _judge(self, smtp: smtplib.SMTP, code: int, said: bytes) -> Answer:
        enhanced = _enhanced(said)
        if code == _GONE or not 200 <= code < 600:
            self._drop()
            return Answer(LATER, code, enhanced, "cut" if code != _GONE else "")
        try:
            smtp.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()
        kind = FAILED if code >= 500 and not enhanced.startswith("4") else LATER
        return Answer(kind, code, enhanced)

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None

    def close(self) -> None:
        """Say goodbye and end the connection."""
        if self._smtp is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._drop()


def _enhanced(said: bytes | str) -> str:
    raw = said if isinstance(said, bytes) else said.encode("ascii", "replace")
    found = _ENHANCED.search(raw[:200])
    return found[1].decode() if found else ""


def _dotted(message: bytes) -> bytes:
    """Return a letter as it stands after DATA: lines that begin with a dot get another one, and the end mark."""
    if message.startswith(b"."):
        message = b"." + message
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")


@dataclass
class FakeTransport:
    """Keeps what was sent; `answer` says what becomes of a letter to an address."""

    answer: Callable[[str], Answer] = lambda _recipient: Answer(SENT, 250, "2.0.0")
    sent: list[tuple[str, str, bytes]] = field(default_factory=list)
    reachable: bool = True
    lines: int = 0

    def carrier(self) -> Carrier:
        """Return a line that ends here."""
        self.lines += 1
        return _FakeCarrier(self)


class _FakeCarrier:
    def __init__(self, fake: FakeTransport) -> None:
        self._fake = fake

    def open(self) -> Answer | None:
        return None if self._fake.reachable else Answer(UNREACHED, word="no-answer")

    def send(self, sender: str, recipient: str, message: bytes) -> Answer:
        answer = self._fake.answer(recipient)
        if answer.kind in (SENT, DOUBT):
            self._fake.sent.append((sender, recipient, message))
        return answer

    def close(self) -> None:
        pass
