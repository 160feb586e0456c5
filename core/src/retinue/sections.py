"""The sections of the configuration: every key with its type, default, bounds and one line for the reference."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec

_PASSWORD = re.compile(r"(://[^:/@]*):[^@/]*@")
Check = Callable[[str], object]
_DEED = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


def describe(doc: str, *, unit: str = "", check: Check | None = None, **bounds: Any) -> msgspec.Meta:
    """Return what a key declares beside its type: documentation, unit, bounds, a check of each text."""
    return msgspec.Meta(description=doc, extra={"unit": unit, "check": check}, **bounds)


def deed_name(text: str) -> str:
    """Return `text` if it has the form of a deed's name, ``noun.verb``; raises ValueError otherwise."""
    if not _DEED.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a deed")
    return text


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the file; shows itself without passwords and keys."""

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "master_key")
        return _PASSWORD.sub(r"\1:***@", f"{type(self).__name__}({', '.join(shown)})")


# A table to read, one key in two lines; the formatter would make it five.
# fmt: off
class Database(Section, frozen=True):
    """Where contacts, interactions and everything else are kept."""

    url: Annotated[str, describe(
        "SQLAlchemy URL; a relative SQLite path starts at the file's folder.")] = "sqlite:///retinue.db"
    busy_timeout: Annotated[float, describe(
        "How long a writer waits for another one on SQLite.", unit="seconds", ge=0.1, le=120)] = 10.0
    pool_size: Annotated[int, describe(
        "PostgreSQL connections kept open by each process.", unit="connections", ge=1, le=200)] = 10


class Keys(Section, frozen=True):
    """The separate store of data keys, and the master key that wraps them."""

    url: Annotated[str, describe(
        "SQLAlchemy URL of the key store, never the database: they are backed up apart.")] = "sqlite:///keys.db"
    master_key_file: Annotated[str, describe(
        "File of the master key, readable by its owner alone. Relative to this folder.")] = "master.key"
    master_key_provider: Annotated[str, describe(
        "Function that returns the master key's text instead of a file, from a vault or KMS: module:function.",
        pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_]\w*)?$")] = ""
    start_sealed: Annotated[bool, describe(
        "Start sealed if the master key is not there: answer health alone, and go on once it is.")] = False
    master_key: Annotated[str, describe(
        "The master key itself, instead of a file. Only from the environment variable RETINUE_MASTER_KEY; a "
        "configuration file that holds it is refused.")] = ""


class Audit(Section, frozen=True):
    """Where the head of the audit is noted, out of this application's reach: any number of these places."""

    checkpoint_file: Annotated[str, describe(
        "File that checkpoints are appended to, best one that another user owns and only lets be appended to. "
        "Relative to this folder.")] = ""
    checkpoint_syslog: Annotated[str, describe(
        "Syslog that checkpoints are sent to: a socket's path (/dev/log) or host:port (UDP).")] = ""
    checkpoint_url: Annotated[str, describe(
        "HTTPS address that checkpoints are posted to; the rules of [outbound] hold.",
        pattern=r"^(https://\S+)?$")] = ""
    reads_days: Annotated[int, describe(
        "How long it is kept who looked at whose card. 0 notes nothing.", unit="days", ge=0, le=3650)] = 365


class Server(Section, frozen=True):
    """How the HTTP server listens and whom it believes."""

    host: Annotated[str, describe("Address to listen on.", min_length=1)] = "127.0.0.1"
    port: Annotated[int, describe("Port to listen on.", ge=1, le=65535)] = 8000
    base_url: Annotated[str, describe(
        "Address people type, for links and origin checks. Empty means http://host:port.",
        pattern=r"^(https?://[^/\s]+(/\S*)?)?$")] = ""
    workers: Annotated[int, describe(
        "Server processes. More than one needs PostgreSQL.", unit="processes", ge=1, le=64)] = 1
    trusted_proxies: Annotated[tuple[str, ...], describe(
        "Addresses or networks whose X-Forwarded-… headers are believed.", check=ipaddress.ip_network)] = ()
    require_https: Annotated[bool, describe(
        "Answer plain HTTP with 308 to https and mark cookies Secure.")] = False
    allowed_hosts: Annotated[tuple[str, ...], describe(
        "Host names answered; others get 400. Empty: those of base_url, on loopback the loopback names, else every host.")] = ()
    max_body_mb: Annotated[int, describe("Largest request body.", unit="MiB", ge=1, le=4096)] = 100


class Security(Section, frozen=True):
    """Passwords, sessions, tokens and addresses."""

    password_min_length: Annotated[int, describe(
        "Shortest password without a second factor.", unit="characters", ge=8, le=64)] = 15
    password_min_length_with_totp: Annotated[int, describe(
        "Shortest password for an account with a second factor.", unit="characters", ge=8, le=64)] = 8
    password_history: Annotated[int, describe(
        "Earlier passwords that may not be taken again.", unit="passwords", ge=0, le=24)] = 5
    login_tries: Annotated[int, describe(
        "Wrong passwords in a row before an account has to wait.", unit="tries", ge=3, le=100)] = 10
    login_lock_minutes: Annotated[int, describe("How long it then waits.", unit="minutes", ge=1, le=1440)] = 15
    session_idle_minutes: Annotated[int, describe(
        "A session ends after this long without a request.", unit="minutes", ge=1, le=1440)] = 30
    session_absolute_hours: Annotated[int, describe(
        "A session ends after this long in any case.", unit="hours", ge=1, le=720)] = 12
    step_up_minutes: Annotated[int, describe(
        "How long a password or passkey given once more is enough for delicate deeds.",
        unit="minutes", ge=1, le=720)] = 15
    step_up_deeds: Annotated[tuple[str, ...], describe(
        "Deeds that ask people to prove again who they are; permissions, and account.change_roles.",
        check=deed_name)] = (
            "contact.export", "contact.erase", "account.change_roles", "account.set_password",
            "role.create", "role.change", "role.remove")
    second_approver: Annotated[tuple[str, ...], describe(
        "Deeds that another person with the same permission has to approve first. Empty: none.",
        check=deed_name)] = ()
    approval_hours: Annotated[int, describe(
        "How long a request waits for the second person, and how long an approval holds.",
        unit="hours", ge=1, le=720)] = 24
    reset_link_hours: Annotated[int, describe(
        "Life of a link that sets a new password.", unit="hours", ge=1, le=168)] = 24
    token_days: Annotated[int, describe(
        "Life of a new API token unless it asks for less.", unit="days", ge=1, le=3650)] = 90
    argon2_memory: Annotated[int, describe(
        "Memory of one password hash (argon2id).", unit="MiB", ge=19, le=1024)] = 64
    argon2_time: Annotated[int, describe("Passes of one password hash.", unit="passes", ge=2, le=20)] = 3
    argon2_parallelism: Annotated[int, describe("Lanes of one password hash.", unit="lanes", ge=1, le=16)] = 1
    ip_allow_list: Annotated[tuple[str, ...], describe(
        "Networks that may sign in and use tokens. Empty: all.", check=ipaddress.ip_network)] = ()
    if_match_required: Annotated[bool, describe(
        "Refuse a change over the API without If-Match (428), so that nobody overwrites unseen work.")] = True


class Jobs(Section, frozen=True):
    """Work after commit."""

    worker_in_serve: Annotated[Literal["auto", "always", "never"], describe(
        "Whether `retinue serve` also works on jobs; auto: on SQLite yes, on PostgreSQL no.")] = "auto"
    concurrency: Annotated[int, describe("Jobs one process runs at a time.", unit="jobs", ge=1, le=256)] = 4
    retries: Annotated[int, describe(
        "Tries of a failing job before it is set aside for a person.", unit="tries", ge=0, le=50)] = 8
    retention_days: Annotated[int, describe("How long finished jobs stay listed.", unit="days", ge=1, le=30)] = 30


class Api(Section, frozen=True):
    """Limits of the HTTP API."""

    rate_limit: Annotated[int, describe(
        "Most requests of one token; 0: no limit.", unit="requests per minute", ge=0, le=1_000_000)] = 600
    page_limit: Annotated[int, describe("Most rows of one page.", unit="rows", ge=1, le=10000)] = 200
    bulk_limit: Annotated[int, describe(
        "Most items of one bulk request that is answered at once.", unit="items", ge=1, le=100000)] = 1000


class Outbound(Section, frozen=True):
    """What this installation may call: webhooks and other systems."""

    allow_networks: Annotated[tuple[str, ...], describe(
        "Private networks that may be called; all others are refused.", check=ipaddress.ip_network)] = ()
    ports: Annotated[tuple[str, ...], describe("Ports that may be called.", check=int)] = ("80", "443")


class Defaults(Section, frozen=True):
    """What is assumed where a person or a row says nothing."""

    country: Annotated[str, describe(
        "Two-letter country of phone numbers written without a country code. Empty: none is assumed.",
        pattern="^([A-Z]{2})?$")] = ""
    language: Annotated[str, describe("Language of people who chose none.", pattern="^[a-z]{2,3}$")] = "en"
    time_zone: Annotated[str, describe("IANA time zone of the installation.", check=zoneinfo.ZoneInfo)] = "UTC"
    currency: Annotated[str, describe("ISO 4217 code of amounts that name none.", pattern="^[A-Z]{3}$")] = "EUR"


class Logging(Section, frozen=True):
    """What the log says; it never holds personal data, passwords or tokens."""

    level: Annotated[Literal["debug", "info", "warning", "error"], describe("Least level logged.")] = "info"
    format: Annotated[Literal["text", "json"], describe("A line of text or a JSON object per event.")] = "text"


class Plugins(Section, frozen=True):
    """How plugins are started. Which ones are enabled is a fact in the database."""

    safe_mode: Annotated[bool, describe(
        "Start with no plugin at all, to repair an installation that a plugin keeps from starting. RETINUE_SAFE_MODE=1 "
        "does the same.")] = False
    only: Annotated[tuple[str, ...], describe(
        "Start only these of the enabled plugins, in this process alone. Empty: all. Meant for the environment: "
        "`retinue plugins bisect` sets it.")] = ()
    import_timeout: Annotated[float, describe(
        "What importing a plugin may take of the processor when it is enabled, and how long it may do nothing; it is tried "
        "in a process of its own first.", unit="seconds", ge=1, le=600)] = 10.0
    quarantine_failures: Annotated[int, describe(
        "Failures of a plugin, in all processes together, that set it aside; 0: never.", unit="failures", ge=0, le=1000)] = 5
    quarantine_seconds: Annotated[float, describe(
        "Time within which they count.", unit="seconds", ge=1, le=86400)] = 60.0


SECTIONS: Mapping[str, type[Section]] = {
    cls.__name__.lower(): cls
    for cls in (Database, Keys, Audit, Server, Security, Jobs, Api, Outbound, Defaults, Logging, Plugins)
}
# fmt: on
