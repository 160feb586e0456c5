"""The rules of signing in: lengths, lives, tries, costs. Read from the configuration, given whole to a
`Guard`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from retinue.access.addresses import Network, parse_networks
from retinue.config import Config

PRODUCT = "Retinue"


@dataclass(frozen=True, slots=True)
class HashCost:
    """What one argon2id hash costs, how many run at once and how long a caller waits for its turn."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 1
    parallel: int = 2
    wait: float = 20.0


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Everything about signing in that an installation may choose; the defaults follow NIST SP 800-63B-4.

    `totp_skew` is how many steps of 30 s before the current one are taken too: 0 keeps a code's life at 30 s.
    `step_up_deeds` ask people to prove again who they are, `approved_deeds` for a second person.
    `origin` and `base_path` are where our pages are seen; `challenge_life` how long a passkey or an outside provider may take.
    `block_limit` is where the growing wait ends, so that nobody is ever locked out for good.
    """

    password_min: int = 15
    password_min_with_totp: int = 8
    password_max: int = 256
    password_history: int = 5
    context_words: tuple[str, ...] = (PRODUCT,)
    cost: HashCost = field(default_factory=HashCost)
    tries: int = 10
    block: timedelta = timedelta(minutes=15)
    block_limit: timedelta = timedelta(hours=1)
    quiet: timedelta = timedelta(hours=24)
    session_idle: timedelta = timedelta(minutes=30)
    session_life: timedelta = timedelta(hours=12)
    session_touch: timedelta = timedelta(seconds=60)
    pending_life: timedelta = timedelta(minutes=5)
    device_life: timedelta = timedelta(days=180)
    step_up: timedelta = timedelta(minutes=15)
    step_up_deeds: frozenset[str] = frozenset()
    approved_deeds: frozenset[str] = frozenset()
    approval_life: timedelta = timedelta(hours=24)
    token_days: int = 90
    token_touch: timedelta = timedelta(hours=1)
    totp_skew: int = 0
    origin: str = "http://localhost:8000"
    base_path: str = ""
    challenge_life: timedelta = timedelta(minutes=10)
    reset_life: timedelta = timedelta(hours=24)
    allowed: tuple[Network, ...] = ()

    @classmethod
    def from_config(cls, config: Config, *, organisation: str = "") -> AccessRules:
        """Return the rules an installation's configuration asks for; `organisation` joins the blocked
        words.
        """
        given = config.security
        block = timedelta(minutes=given.login_lock_minutes)
        return cls(
            password_min=given.password_min_length,
            password_min_with_totp=given.password_min_length_with_totp,
            password_history=given.password_history,
            context_words=tuple(word for word in (PRODUCT, organisation) if word),
            cost=HashCost(given.argon2_memory * 1024, given.argon2_time, given.argon2_parallelism),
            tries=given.login_tries,
            block=block,
            block_limit=max(block, timedelta(hours=1)),
            session_idle=timedelta(minutes=given.session_idle_minutes),
            session_life=timedelta(hours=given.session_absolute_hours),
            step_up=timedelta(minutes=given.step_up_minutes),
            step_up_deeds=frozenset(given.step_up_deeds),
            approved_deeds=frozenset(given.second_approver),
            approval_life=timedelta(hours=given.approval_hours),
            token_days=given.token_days,
            origin=_origin(config),
            base_path=urlsplit(config.base_url).path.rstrip("/"),
            reset_life=timedelta(hours=given.reset_link_hours),
            allowed=parse_networks(given.ip_allow_list),
        )

    @property
    def host(self) -> str:
        """Return the host name people type, which passkeys are bound to."""
        return urlsplit(self.origin).hostname or ""


def _origin(config: Config) -> str:
    """Return scheme, host and port of our own pages, as a browser writes them."""
    parts = urlsplit(config.base_url)
    scheme = "https" if config.server.require_https else parts.scheme
    return f"{scheme}://{parts.netloc}".lower()
