"""The way out: one POST to one endpoint, and a stand-in for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from retinue.web import Outbound, OutboundFailed, OutboundRefused
from retinue_webhooks.standard import TIMEOUT


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one attempt: the status of the answer, or the code of the failure to get one."""

    status: int | None = None
    failure: str = ""
    retry_after: str | None = None
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Say whether the endpoint took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Transport(Protocol):
    """What the service needs of the outside."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send `body` and return what came of it; never raises for a peer's misbehaviour."""


class WebTransport:
    """Sends through the guarded client of core; the answer's body is not looked at."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send `body` within the time limit; a refused address and a dead peer are replies too."""
        try:
            answer = self._outbound.send("POST", url, headers=headers, content=body, total=TIMEOUT, cut=True)
        except (OutboundRefused, OutboundFailed) as error:
            return Reply(failure=error.code)
        return Reply(answer.status, "", answer.headers.get("retry-after"), answer.seconds)


@dataclass
class FakeTransport:
    """Answers with `replies` in turn, the last one for ever, and keeps what was sent."""

    replies: list[Reply] = field(default_factory=lambda: [Reply(204)])
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Keep the message and give the next reply."""
        self.sent.append((url, dict(headers), body))
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
