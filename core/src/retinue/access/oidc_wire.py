"""OpenID Connect as the outside speaks it: discovery, code for token, and what makes an id token believable.

Every call goes through the client that refuses private addresses; nothing is fetched but what a configured
issuer's own discovery document names. The library for signatures is an extra, loaded at the first use.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from retinue.errors import Misconfigured, RetinueError, Unauthenticated
from retinue.web import shared

ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA")
"""What a provider may be allowed: signatures with a public key only, never a shared secret, never none."""
_LIFE, _PAUSE, _SKEW = 3600.0, 60.0, 60
_LONGEST = 16 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ProviderFailed(RetinueError):
    """The outside service did not do its part."""

    status, exit_code, code, title = 502, 69, "provider-failed", "The sign-in service failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What this installation is at one provider; `secret` None is a public client."""

    issuer: str
    client_id: str
    secret: str | None
    algorithms: Sequence[str]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the issuer's discovery document names."""

    authorization: str
    token: str
    keys: str
    takes_basic: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """What a believable id token says; `auth_time` is when the person last gave a proof there."""

    subject: str
    name: str = ""
    email: str = ""
    username: str = ""
    auth_time: int | None = None


class _Memory:
    """Documents of issuers, kept for an hour; asked for again early at most once a minute."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, url: str, *, newer: bool = False) -> Any:
        with self._lock:
            at, found = self._kept.get(url, (0.0, None))
        age = time.monotonic() - at
        if found is not None and age < (_PAUSE if newer else _LIFE):
            return found
        fresh = _fetch("GET", url)
        with self._lock:
            if len(self._kept) > 100:
                self._kept.clear()
            self._kept[url] = (time.monotonic(), fresh)
        return fresh

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


memory = _Memory()


# ---- the way there
def check_issuer(issuer: str) -> None:
    """Raise ValueError unless `issuer` is an https address; plain http is for this machine only."""
    parts = urlsplit(issuer)
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or plain) or parts.query or parts.fragment:
        raise ValueError("An issuer is an https address without query.")


def discover(issuer: str) -> Endpoints:
    """Return the endpoints of a configured issuer; ProviderFailed if its document is not its own."""
    found = memory.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    try:
        if found["issuer"] != issuer:
            raise ValueError("The document names another issuer.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            check_issuer(str(found[name]).partition("?")[0])
        ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        authorization, token, keys = (str(found[name]) for name in names)
        return Endpoints(authorization, token, keys, "client_secret_basic" in ways)
    except (KeyError, TypeError, ValueError) as fault:
        raise _failed("Its discovery document cannot be used.") from fault


def authorization_address(endpoints: Endpoints, client: Client, asked: Mapping[str, str]) -> str:
    """Return where to send the browser."""
    query = urlencode({"response_type": "code", "client_id": client.client_id, **asked}, quote_via=quote)
    return f"{endpoints.authorization}{'&' if '?' in endpoints.authorization else '?'}{query}"


# ---- the way back
def redeem_code(endpoints: Endpoints, client: Client, *, code: str, verifier: str, redirect: str) -> str:
    """Return the id token that the provider gives for `code`."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": verifier,
    }
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if client.secret is not None and endpoints.takes_basic:
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form["client_id"] = client.client_id
        form |= {"client_secret": client.secret} if client.secret is not None else {}
    found = _fetch("POST", endpoints.token, headers=headers, content=urlencode(form).encode())
    token = found.get("id_token") if isinstance(found, dict) else None
    if not isinstance(token, str):
        raise _failed("It gave no id token.")
    return token


def read_id_token(endpoints: Endpoints, client: Client, token: str, *, nonce: str, now: datetime) -> Claims:
    """Return the claims of an id token; Unauthenticated unless this issuer made it for us, now, for this browser."""
    claims = _signed_claims(endpoints, client, token)
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    moment, subject = now.timestamp(), claims.get("sub")
    right = (
        claims.get("iss") == client.issuer
        and client.client_id in audiences
        and (len(audiences) == 1 or claims.get("azp") == client.client_id)
        and claims.get("azp", client.client_id) == client.client_id
        and _number(claims.get("exp")) > moment - _SKEW
        and moment - 600 < _number(claims.get("iat")) < moment + _SKEW
        and _number(claims.get("nbf", claims.get("iat"))) < moment + _SKEW
        and claims.get("nonce") == nonce
        and isinstance(subject, str)
        and 0 < len(subject) <= 255
    )
    if not right:
        raise _not_believed()
    verified = claims.get("email_verified") is True
    at = claims.get("auth_time")
    return Claims(
        subject=str(subject),
        name=_text(claims.get("name"), 200),
        email=_text(claims.get("email"), 254) if verified else "",
        username=_text(claims.get("preferred_username"), 254),
        auth_time=int(at) if isinstance(at, int | float) and not isinstance(at, bool) else None,
    )


def _signed_claims(endpoints: Endpoints, client: Client, token: str) -> dict[str, Any]:
    """Return the claims under a good signature of one of the issuer's own keys, by an algorithm we allow."""
    header = _header(token)
    if header.get("alg") not in ALGORITHMS or header.get("alg") not in client.algorithms or "crit" in header:
        raise _not_believed()
    jwt, keys, errors = _kit()
    for newer in (False, True):  # an unknown key may be a new one
        held = _public_keys(memory.get(endpoints.keys, newer=newer))
        if header.get("kid") is None and len(held) != 1:
            raise _not_believed()
        chosen = [one for one in held if header.get("kid") in (None, one.get("kid"))]
        if chosen:
            break
    for one in chosen:
        try:
            ring = keys.KeySet.import_key_set({"keys": [one]})
            found: dict[str, Any] = jwt.decode(token, ring, algorithms=[header["alg"]]).claims
        except (errors.JoseError, ValueError, TypeError, KeyError):
            continue
        return found
    raise _not_believed()


def _header(token: str) -> dict[str, Any]:
    try:
        if len(token) > _LONGEST or token.count(".") != 2:
            raise ValueError(token)
        text = token.split(".")[0]
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(found, dict):
            raise TypeError(found)
    except (ValueError, TypeError) as fault:
        raise _not_believed() from fault
    return found


def _public_keys(document: Any) -> list[dict[str, Any]]:
    """Return the issuer's keys for signatures; a symmetric key among them is none."""
    listed = document.get("keys") if isinstance(document, dict) else None
    return [
        one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
        and one.get("kty") in ("RSA", "EC", "OKP")
        and one.get("use", "sig") == "sig"
        and (one.get("kty") != "RSA" or len(str(one.get("n", ""))) >= 342)
    ]


def _kit() -> tuple[Any, Any, Any]:
    try:
        return tuple(import_module(f"joserfc.{name}") for name in ("jwt", "jwk", "errors"))  # type: ignore[return-value]  # three names, three modules
    except ImportError as fault:
        raise Misconfigured(
            "Signing in with other services is not installed here.",
            code="oidc-off",
            remedy='Install the extra: pip install "retinue[oidc]".',
        ) from fault


def _fetch(method: str, url: str, **words: Any) -> Any:
    answer = shared().send(method, url, **words)
    if answer.status != 200:
        raise _failed(f"It answered with status {answer.status}.")
    try:
        return json.loads(answer.body)
    except ValueError as fault:
        raise _failed("It answered with something that is no JSON.") from fault


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def _text(value: Any, limit: int) -> str:
    return value.strip() if isinstance(value, str) and len(value) <= limit and value.isprintable() else ""


def _failed(why: str) -> ProviderFailed:
    return ProviderFailed(
        f"The sign-in service did not do its part. {why}", remedy="Try again, or sign in another way."
    )


def _not_believed() -> Unauthenticated:
    return Unauthenticated(
        "What the sign-in service said cannot be believed.",
        code="provider-not-believed",
        remedy="Start again, or sign in another way.",
    )
