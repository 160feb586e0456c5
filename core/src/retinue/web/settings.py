"""What the HTTP edge is told: addresses, limits and rules, taken once from the configuration."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from retinue.config import Config

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

API_PREFIX: Final = "/api/v1"
COUNT_CAP: Final = 10_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Settings of one HTTP application.

    `secret` signs and seals cursors: 32 bytes or more, the same in every process of the installation.
    `allowed_hosts` empty answers every host. `rate_limit` counts requests a minute of one token or session,
    0 is no limit. `max_body` is in bytes.
    """

    base_url: str
    secret: bytes
    allowed_hosts: frozenset[str] = frozenset()
    trusted_proxies: tuple[Network, ...] = ()
    require_https: bool = False
    if_match_required: bool = True
    rate_limit: int = 600
    page_limit: int = 200
    bulk_limit: int = 1000
    max_body: int = 100 * 1024 * 1024
    idempotency_hours: int = 24
    language: str = "en"
    title: str = "Retinue"
    version: str = "1"

    @property
    def https(self) -> bool:
        """Say whether people reach this installation over https."""
        return self.require_https or self.base_url.startswith("https://")

    @property
    def origin(self) -> str:
        """Return scheme, host and port that a browser puts into ``Origin`` for our own pages."""
        parts = urlsplit(self.base_url)
        return f"{'https' if self.https else parts.scheme}://{parts.netloc}".lower()

    @classmethod
    def from_config(cls, config: Config, *, secret: bytes, version: str = "1") -> WebSettings:
        """Return the settings that `config` asks for."""
        server = config.server
        return cls(
            base_url=config.base_url,
            secret=secret,
            allowed_hosts=_hosts(config),
            trusted_proxies=networks(server.trusted_proxies),
            require_https=server.require_https,
            if_match_required=config.security.if_match_required,
            rate_limit=config.api.rate_limit,
            page_limit=config.api.page_limit,
            bulk_limit=config.api.bulk_limit,
            max_body=server.max_body_mb * 1024 * 1024,
            language=config.defaults.language,
            version=version,
        )


def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return addresses and networks written as text."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def _hosts(config: Config) -> frozenset[str]:
    """Return the hosts to answer: those named, that of the base URL, and on loopback the loopback names."""
    server = config.server
    named = {host.lower() for host in server.allowed_hosts}
    if server.base_url:
        named.add((urlsplit(server.base_url).hostname or "").lower())
    elif not named and server.host in _LOOPBACK:
        return _LOOPBACK
    return frozenset(named)
