"""A mail server of the tests in a process of its own: takes letters, and writes a line for each before it says so.

Each line is: connection, recipient, Message-ID, seconds when the recipient was named, seconds when the letter was taken.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Final

_FINE: Final = b"250 2.0.0 fine\r\n"


class Sink(asyncio.Protocol):
    """One connection."""

    number = 0

    def __init__(self, log: Any, delay: float) -> None:
        Sink.number += 1
        self._id, self._log, self._delay = Sink.number, log, delay
        self._buffer, self._data, self._to, self._at = b"", False, "", 0.0

    def connection_made(self, transport: Any) -> None:
        """Greet."""
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer each line, and each letter at its end."""
        self._buffer += data
        while True:
            end = b"\r\n.\r\n" if self._data else b"\r\n"
            part, found, rest = self._buffer.partition(end)
            if not found:
                return
            self._buffer = rest
            if self._data:
                self._take(part)
            else:
                self._answer(part)

    def _answer(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._to, self._at = line.partition(b"<")[2].partition(b">")[0].decode(), time.time()
        self._data = verb == b"DATA"
        self._transport.write(
            b"354 go on\r\n" if self._data else b"221 bye\r\n" if verb == b"QUIT" else _FINE
        )

    def _take(self, letter: bytes) -> None:
        name = letter.partition(b"Message-ID: <")[2].partition(b">")[0].decode()
        self._data = False
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._say, name)
        else:
            self._say(name)

    def _say(self, name: str) -> None:
        if self._log is not None:
            self._log.write(f"{self._id} {self._to} {name} {self._at:.6f} {time.time():.6f}\n")
            self._log.flush()
        self._transport.write(_FINE)


async def _serve(port_file: Path, log: Any, delay: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Sink(log, delay), "127.0.0.1", 0)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


if __name__ == "__main__":
    where, kept, wait = sys.argv[1:]
    with open(kept, "a") if kept != "-" else open("/dev/null", "w") as lines:  # a pipe works as well
        asyncio.run(_serve(Path(where), lines if kept != "-" else None, float(wait)))
