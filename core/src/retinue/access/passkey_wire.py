"""WebAuthn as browsers speak it. The library is an extra, loaded when the first passkey is used."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from retinue.access.rules import PRODUCT, AccessRules
from retinue.errors import Invalid, Misconfigured, Problem

TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})
_TIMEOUT_MS = 300_000


@dataclass(frozen=True, slots=True)
class Registered:
    """A new credential whose browser answered rightly."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_synced: bool
    transports: list[str]


@dataclass(frozen=True, slots=True)
class Presented:
    """What a credential that a browser presents says of itself, before anything of it is believed."""

    credential_id: bytes
    challenge: str


@dataclass(frozen=True, slots=True)
class Person:
    """What an authenticator shows of the account that a passkey is for."""

    handle: bytes
    login: str
    name: str


def registration_options(
    rules: AccessRules, challenge: bytes, person: Person, taken: Iterable[bytes]
) -> dict[str, Any]:
    """Return what the page gives to ``navigator.credentials.create``; attestation is not asked for."""
    kit = _kit(rules)
    wants = kit.helpers.structs.AuthenticatorSelectionCriteria(
        resident_key=kit.helpers.structs.ResidentKeyRequirement.REQUIRED,
        user_verification=kit.helpers.structs.UserVerificationRequirement.REQUIRED,
    )
    options = kit.generate_registration_options(
        rp_id=rules.host,
        rp_name=PRODUCT,
        user_id=person.handle,
        user_name=person.login,
        user_display_name=person.name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=wants,
        exclude_credentials=_descriptors(kit, taken),
    )
    return _plain(kit, options)


def sign_in_options(
    rules: AccessRules, challenge: bytes, known: Iterable[bytes] = (), *, verify: bool = True
) -> dict[str, Any]:
    """Return what the page gives to ``navigator.credentials.get``; without `known` any passkey will do."""
    kit = _kit(rules)
    level = kit.helpers.structs.UserVerificationRequirement
    options = kit.generate_authentication_options(
        rp_id=rules.host,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(kit, known) or None,
        user_verification=level.REQUIRED if verify else level.PREFERRED,
    )
    return _plain(kit, options)


def read_presented(credential: Mapping[str, Any]) -> Presented:
    """Return which credential is presented and which question it answers; Invalid if that cannot be read."""
    try:
        response = credential["response"]
        data = json.loads(_from_base64(response["clientDataJSON"]))
        found = Presented(_from_base64(credential["id"]), data["challenge"])
    except (KeyError, TypeError, ValueError) as fault:
        raise _unreadable() from fault
    if data.get("crossOrigin") or "topOrigin" in data or not isinstance(found.challenge, str):
        raise _unreadable()
    return found


def check_registration(
    rules: AccessRules, credential: Mapping[str, Any], challenge: str
) -> Registered | None:
    """Return the new credential; None unless it answers our question, from our page, by a verified person."""
    kit = _kit(rules)
    try:
        found = kit.verify_registration_response(
            credential=dict(credential),
            expected_challenge=_from_base64(challenge),
            expected_rp_id=rules.host,
            expected_origin=rules.origin,
            require_user_verification=True,
        )
    except (kit.helpers.exceptions.WebAuthnException, ValueError, TypeError, KeyError):
        return None
    named = credential["response"].get("transports") or []
    transports = sorted(TRANSPORTS.intersection(one for one in named if isinstance(one, str)))
    public, counter = found.credential_public_key, found.sign_count
    return Registered(found.credential_id, public, counter, found.credential_backed_up, transports)


def check_signature(
    rules: AccessRules,
    credential: Mapping[str, Any],
    challenge: str,
    *,
    public_key: bytes,
    verify: bool,
) -> int | None:
    """Return the authenticator's new counter; None unless the signature answers our question from our page.

    Whether the counter may be believed is judged by who keeps the old one.
    """
    kit = _kit(rules)
    try:
        found = kit.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=_from_base64(challenge),
            expected_rp_id=rules.host,
            expected_origin=rules.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=verify,
        )
    except (kit.helpers.exceptions.WebAuthnException, ValueError, TypeError, KeyError):
        return None
    return int(found.new_sign_count)


def to_text(value: bytes) -> str:
    """Return bytes as WebAuthn writes them."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError("text is expected")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _kit(rules: AccessRules) -> Any:
    """Return the library; Misconfigured if it is not there, or if there is no host name to bind passkeys to."""
    try:
        ipaddress.ip_address(rules.host)
    except ValueError:
        pass
    else:
        raise Misconfigured(
            "Passkeys need a host name, and this installation is reached by its number.",
            code="passkeys-off",
            remedy="Set server.base_url to a name; localhost will do for trying.",
        )
    try:
        kit = import_module("webauthn")
        import_module("webauthn.helpers.exceptions")
    except ImportError as fault:
        raise Misconfigured(
            "Passkeys are not installed here.",
            code="passkeys-off",
            remedy='Install the extra: pip install "retinue[passkeys]".',
        ) from fault
    return kit


def _plain(kit: Any, options: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(kit.options_to_json(options))
    return plain


def _descriptors(kit: Any, ids: Iterable[bytes]) -> list[Any]:
    return [kit.helpers.structs.PublicKeyCredentialDescriptor(id=one) for one in ids]


def _unreadable() -> Invalid:
    problem = Problem("/credential", "This is no answer of a passkey.", "credential")
    return Invalid("The passkey's answer cannot be read.", problems=[problem], remedy="Try again.")
