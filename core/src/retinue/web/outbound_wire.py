"""The wire under the outbound client: an httpx transport that connects only to addresses it is handed.

httpcore asks a network backend for every connection. Ours asks the client for judged addresses, once, and
every wait on the socket ends at the deadline of the whole call.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PIECE = 16 * 1024


class Steps(NamedTuple):
    """The longest single waits, in seconds; the deadline may cut them shorter."""

    connect: float
    read: float


class Deadline:
    """The end of a call: every single wait asks it how long it may still take."""

    def __init__(self, seconds: float) -> None:
        self._start = time.monotonic()
        self._end = self._start + seconds

    def left(self, step: float | None, error: type[Exception] = httpcore.ReadTimeout) -> float:
        """Return the shorter of `step` and what is left, or raise `error` when nothing is left."""
        rest = self._end - time.monotonic()
        if rest <= 0:
            raise error("the total deadline has passed")
        return rest if step is None else min(step, rest)

    def spent(self) -> float:
        """Return the seconds since the call began."""
        return time.monotonic() - self._start


Addresses = Callable[[str, int, Deadline], list[Address]]


class PinnedTransport(httpx.BaseTransport):
    """An httpx transport that connects through our backend only: no proxy, no second look-up, no reuse."""

    def __init__(self, addresses: Addresses, tls: ssl.SSLContext, deadline: Deadline, step: Steps) -> None:
        backend = _PinnedBackend(addresses, deadline)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            network_backend=backend,
            max_connections=1,
            max_keepalive_connections=0,
            http1=True,
            http2=False,
        )
        wait = {"connect": step.connect, "read": step.read, "write": step.read, "pool": step.connect}
        self._timeouts = wait

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; the body of the response is still to be read."""
        url = request.url
        core = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=port_of(url), target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.read(),
            extensions={"timeout": self._timeouts},
        )
        answer = self._pool.handle_request(core)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class _PinnedBackend(httpcore.NetworkBackend):
    """Connects by name exactly once: look up, judge, connect to what was judged."""

    def __init__(self, addresses: Addresses, deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002  (the interface has it, we never bind)
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002  (likewise)
    ) -> httpcore.NetworkStream:
        """Return a stream to the first judged address that answers."""
        last: OSError | None = None
        for address in self._addresses(host, port, self._deadline):
            wait = self._deadline.left(timeout, httpcore.ConnectTimeout)
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(wait)
                sock.connect((str(address), port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return _Stream(sock, self._deadline)
            except OSError as error:
                sock.close()
                last = error
        if isinstance(last, TimeoutError):
            raise httpcore.ConnectTimeout(str(last))
        raise httpcore.ConnectError(str(last))


class _Stream(httpcore.NetworkStream):
    """A socket whose every wait ends at the call's deadline, however slowly the peer feeds it."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what is there, at most `max_bytes`."""
        self._sock.settimeout(self._deadline.left(timeout))
        try:
            return self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        rest = memoryview(buffer)
        try:
            while rest:
                self._sock.settimeout(self._deadline.left(timeout, httpcore.WriteTimeout))
                rest = rest[self._sock.send(rest[:_PIECE]) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the stream inside TLS; the certificate is checked against the name of the URL."""
        self._sock.settimeout(self._deadline.left(timeout, httpcore.ConnectTimeout))
        secured = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return the socket's state for the pool; nothing else is offered."""
        return self._sock if info == "socket" else None


def port_of(url: httpx.URL) -> int:
    """Return the port that `url` names, or the one of its scheme."""
    return url.port if url.port is not None else {"http": 80, "https": 443}[url.scheme]
