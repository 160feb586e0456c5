"""The one client for calls to the outside: it connects to public addresses only, and only to those it judged.

A URL that somebody typed may point at the inside: at this machine, the office network, a cloud's metadata
service. So the name is resolved once, every answer is judged, and the connection goes to a judged address
while TLS and the Host header keep the name. Redirects are not followed, proxies of the environment are not
asked, and no peer can hold a worker longer than the total deadline.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import httpcore
import httpx

from retinue.errors import Misconfigured, RetinueError
from retinue.web.outbound_wire import Address, Deadline, PinnedTransport, Steps, port_of

Resolver = Callable[[str, int], list[str]]
Permit = Callable[[str], None]

# fmt: off  (a table of ranges, six to a line)
# Special-purpose ranges of the IANA registry; 168.63.129.16 is a cloud's host agent under a public number.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# Of IPv6 only global unicast is good, less Teredo and other protocols (2001::/23), examples, 6to4, AS112.
# That leaves out mapped, NAT64, unique local, link-local, site-local and multicast without naming them.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# fmt: on
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "upgrade", "accept-encoding"})


class OutboundRefused(RetinueError):
    """The URL leads where this installation does not call: nothing was sent, not even a connection."""

    status, exit_code, code, title = 422, 65, "address-refused", "This address is not called"


class OutboundFailed(RetinueError):
    """The call was allowed and did not work; `code` says how.

    Codes: ``unresolved``, ``unreachable``, ``timeout``, ``tls``, ``protocol``, ``answer-too-large``.
    """

    status, exit_code, code, title = 502, 69, "unreachable", "The other side did not answer properly"


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """What may be called and how long it may take (seconds, bytes).

    `allow_networks` opens ranges that are refused otherwise (``10.20.0.0/16`` of an office). An address is
    compared as it was resolved: allowing 127.0.0.0/8 does not allow ``::ffff:127.0.0.1``.
    """

    allow_networks: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset({80, 443})
    schemes: frozenset[str] = frozenset({"http", "https"})
    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0
    answer_limit: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are lower case, `cut` says that the body was longer than asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    cut: bool = False


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of `host` in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outbound:
    """The client. One instance serves all threads; every call has its own connection and keeps no cookies."""

    def __init__(
        self,
        rules: OutboundRules | None = None,
        *,
        resolver: Resolver = resolve,
        tls: ssl.SSLContext | None = None,
        permit: Permit | None = None,
    ) -> None:
        self.rules, self._permit = rules or OutboundRules(), permit
        try:
            self._allowed = tuple(ipaddress.ip_network(net) for net in self.rules.allow_networks)
        except ValueError as error:
            raise Misconfigured(f"allow_networks: {error}.", remedy="Write them as 10.20.0.0/16.") from error
        self._resolver = resolver
        self._tls = tls or _public_tls()

    def check(self, url: str) -> httpx.URL:
        """Return the parsed `url` if its form is acceptable, without asking DNS; raises OutboundRefused."""
        parsed = _parse(url)
        if parsed.scheme not in self.rules.schemes:
            raise _refused(f"The scheme “{parsed.scheme}” is not called.", "Use https.")
        if parsed.userinfo or "@" in re.split(r"[/?#]", url.split("://", 1)[-1], maxsplit=1)[0]:
            raise _refused("The address carries a user name or password.", "Leave it out.")
        port = port_of(parsed)
        if port not in self.rules.ports:
            ports = ", ".join(map(str, sorted(self.rules.ports)))
            raise _refused(f"Port {port} is not called.", f"Allowed ports: {ports}.")
        if self._permit is not None:
            self._permit(parsed.host)
        literal = _host(parsed.raw_host.decode("ascii"))
        if literal is not None:
            self._judge(literal)
        return parsed

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        total: float | None = None,
        cut: bool = False,
    ) -> Answer:
        """Send one request and return the whole answer, whatever its status (a redirect is an answer too).

        `total` tightens the rules' deadline. An answer over the limit is an error, or with `cut` its
        beginning is returned. Raises OutboundRefused before anything is sent, OutboundFailed for the rest.
        """
        deadline = Deadline(min(total or self.rules.total, self.rules.total))
        parsed = self.check(url)
        ours = sorted(_OURS.intersection(name.lower() for name in headers or {}))
        if ours:
            raise _refused(f"The header {ours[0]} is set by the client itself.", "Leave it out.")
        given = {
            "user-agent": "retinue",
            **(headers or {}),
            "accept-encoding": "identity",
            "connection": "close",
        }
        request = httpx.Request(method, parsed, headers=given, content=content)
        steps = Steps(self.rules.connect, self.rules.read)
        with _plain_errors(parsed), PinnedTransport(self._addresses, self._tls, deadline, steps) as transport:
            with contextlib.closing(transport.handle_request(request)) as response:
                body, was_cut = _read(response.iter_raw(), self.rules.answer_limit, cut=cut)
        fields = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, fields, body, deadline.spent(), was_cut)

    def _addresses(self, host: str, port: int, deadline: Deadline) -> list[Address]:
        """Return the judged addresses of `host`: one question to DNS, and all of its answers must be good."""
        literal = _host(host)
        if literal is not None:
            return [self._judge(literal)]
        texts = _resolve_within(self._resolver, host, port, deadline)
        return [self._judge(_address(text)) for text in texts]

    def _judge(self, address: Address) -> Address:
        if any(address in network for network in self._allowed):
            return address
        if isinstance(address, ipaddress.IPv4Address):
            good = not any(address in network for network in _REFUSED_V4)
        else:
            good = address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)
            good = good and address.scope_id is None
        if not good:
            raise _refused("The address is private, local or reserved.", "Use one of the public internet.")
        return address


_shared: list[Outbound] = []


def configure(rules: OutboundRules, permit: Permit | None = None) -> None:
    """Set the rules of this process's client and who raises for a host that may not be called; the house does it once."""
    _shared[:] = [Outbound(rules, permit=permit)]


def shared() -> Outbound:
    """Return this process's client, with the strictest rules if nobody has configured it."""
    if not _shared:
        configure(OutboundRules())
    return _shared[0]


@functools.cache
def _public_tls() -> ssl.SSLContext:
    """Return the context that trusts the public authorities; reading their list takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _refused(detail: str, remedy: str) -> OutboundRefused:
    return OutboundRefused(detail, remedy=remedy)


def _parse(url: str) -> httpx.URL:
    """Return the URL if there is only one way to read it."""
    if len(url) > 2048 or "\\" in url or any(char.isspace() or not char.isprintable() for char in url):
        raise _refused(
            "The address is too long or has blanks, backslashes or hidden characters.", "Retype it."
        )
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused("The address cannot be read.", "Write it as https://name/path.") from error


def _host(host: str) -> Address | None:
    """Return the address that `host` spells, None for a name; raises for every spelling but the plain one."""
    if ":" in host:
        return _address(host)
    if not _NAME.fullmatch(host):
        raise _refused("The host name has characters or dots that names do not have.", "Retype it.")
    if not _NUMBER.fullmatch(host.rsplit(".", 1)[-1]):
        return None
    return _address(host)


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise _refused("The host is a number in an unusual spelling.", "Write the name.") from error


def _resolve_within(resolver: Resolver, host: str, port: int, deadline: Deadline) -> list[str]:
    """Ask the resolver in a thread of its own, since the system's look-up knows no time limit."""
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="outbound-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left(None, httpcore.ConnectTimeout))
    except queue.Empty:
        raise httpcore.ConnectTimeout("the name was not resolved in time") from None
    if isinstance(answer, Exception) or not answer:
        raise OutboundFailed(f"{host} has no address.", remedy="Check the spelling.", code="unresolved")
    return answer


def _read(pieces: Iterable[bytes], limit: int, *, cut: bool) -> tuple[bytes, bool]:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            if cut:
                return bytes(body[:limit]), True
            raise OutboundFailed(f"The answer is larger than {limit} bytes.", code="answer-too-large")
    return bytes(body), False


@contextlib.contextmanager
def _plain_errors(url: httpx.URL) -> Iterator[None]:
    """Turn what the layers below raise into one OutboundFailed that names the host and no inner detail."""
    host = url.host
    try:
        yield
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise OutboundFailed(f"{host} did not answer in time.", code="timeout") from error
    except ssl.SSLError as error:
        raise OutboundFailed(f"TLS with {host} failed: {error.reason}.", code="tls") from error
    except (httpcore.NetworkError, OSError) as error:
        raise OutboundFailed(f"{host} could not be reached.", code="unreachable") from error
    except httpcore.ProtocolError as error:
        raise OutboundFailed(f"{host} did not speak HTTP properly.", code="protocol") from error
