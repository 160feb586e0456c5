"""The second factor: an authenticator app, and recovery codes for the day it or the passkey is lost."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, update

from retinue.access.credentials import (
    active_account,
    end_everything,
    has_passkeys,
    locked_credential,
    require_person,
)
from retinue.access.guard import Caller, Guard
from retinue.access.models import Account, Credential, Passkey, RecoveryCode
from retinue.access.proof import require_fresh
from retinue.access.rules import PRODUCT
from retinue.access.secret import digest, new_recovery_codes, plain_recovery_code
from retinue.access.sessions import SignedIn, open_session
from retinue.access.totp import enrolment_address, enrolment_picture, matching_step, new_seed
from retinue.errors import Conflict, Invalid, Problem
from retinue.storage import Store


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs, shown once: the seed to type, the address to open, its picture as
    SVG.
    """

    seed: str
    address: str
    picture: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The recovery codes, shown once, and the session that takes the place of the ones just ended."""

    recovery_codes: list[str]
    signed_in: SignedIn


def offer_totp(store: Store, *, guard: Guard) -> Enrolment:
    """Offer a new seed to the signed-in person; nothing changes until a code of it is confirmed."""
    account_id = require_fresh(store, guard)
    system = store.system("offer a second factor")
    account, credential = active_account(system, account_id), locked_credential(system, account_id)
    if credential.totp_at is not None:
        raise Conflict("A second factor is set already.", remedy="Remove it first.")
    credential.totp_seed_offered = new_seed()
    address = enrolment_address(credential.totp_seed_offered, login=account.login, issuer=PRODUCT)
    return Enrolment(credential.totp_seed_offered, address, enrolment_picture(address))


def confirm_totp(store: Store, code: str, caller: Caller, *, guard: Guard) -> Confirmed:
    """Set the offered seed, given a right code of it; every session and token ends, a new session takes
    over.
    """
    account_id = require_fresh(store, guard)
    system = store.system("confirm a second factor")
    credential = locked_credential(system, account_id)
    if not credential.totp_seed_offered:
        raise Conflict("No second factor was offered.", remedy="Ask for one first.")
    step = matching_step(credential.totp_seed_offered, code, store.now, skew=guard.rules.totp_skew)
    if step is None:
        raise Invalid(
            "This code is wrong.", problems=[Problem("/code", "This is not the current code.", "code")]
        )
    credential.totp_seed, credential.totp_seed_offered = credential.totp_seed_offered, None
    credential.totp_at, credential.totp_step = store.now, step
    return factor_changed(store, account_id, caller, guard=guard, action="account.set_totp", codes=True)


def remove_totp(store: Store, caller: Caller, *, guard: Guard) -> SignedIn:
    """Take the second factor away; every session and token ends, a new session takes over."""
    account_id = require_fresh(store, guard)
    clear_totp(store.system("remove a second factor"), account_id)
    return factor_changed(
        store, account_id, caller, guard=guard, action="account.remove_totp", codes=False
    ).signed_in


def renew_recovery_codes(store: Store, *, guard: Guard) -> list[str]:
    """Return fresh recovery codes; the old ones are void."""
    account_id = require_fresh(store, guard)
    system = store.system("renew recovery codes")
    if not second_factors(system, account_id):
        raise Conflict("There is no second factor.", remedy="Set one first.")
    codes = new_codes(system, account_id)
    store.record("account.renew_recovery_codes", detail={"account": str(account_id)})
    return codes


def second_factors(store: Store, account_id: UUID) -> tuple[str, ...]:
    """Return what can complete a sign-in of this account: ``totp``, ``passkey``, ``recovery``. `store`: system's."""
    found = ["totp"] if locked_credential(store, account_id).totp_at is not None else []
    found += ["passkey"] if has_passkeys(store, account_id) else []
    return (*found, "recovery") if found else ()


def clear_factor(store: Store, account_id: UUID) -> None:
    """Take away every second factor of somebody who lost them, and end everything. The caller checked the
    right.
    """
    system = store.system("reset a second factor")
    system.change(delete(Passkey).where(Passkey.account_id == account_id))
    clear_totp(system, account_id)
    end_everything(system, account_id)
    store.record("account.remove_totp", detail={"account": str(account_id)})


def use_code(store: Store, account_id: UUID, code: str, guard: Guard) -> bool:
    """Use up a code of the authenticator or a recovery code; false if it is wrong or was used. `store`:
    system's.
    """
    credential = locked_credential(store, account_id)
    if not second_factors(store, account_id):
        return False
    seed, skew = credential.totp_seed, guard.rules.totp_skew
    step = matching_step(seed, code, store.now, skew=skew) if seed else None
    if step is not None:
        newer = update(Credential).where(Credential.account_id == account_id, Credential.totp_step < step)
        return store.change(newer.values(totp_step=step)) == 1
    mine = (RecoveryCode.account_id == account_id) & (
        RecoveryCode.code_hash == digest(plain_recovery_code(code))
    )
    unused = update(RecoveryCode).where(mine, RecoveryCode.used_at.is_(None))
    used = store.change(unused.values(used_at=store.now)) == 1
    if used:
        store.record("account.use_recovery_code", detail={"account": str(account_id)})
    return used


def count_recovery_codes(store: Store) -> int:
    """Return how many recovery codes the signed-in person has left."""
    return count_codes(store.system("count recovery codes"), require_person(store))


def count_codes(system: Store, account_id: UUID) -> int:
    """Return how many recovery codes the account has left."""
    mine = (RecoveryCode.account_id == account_id) & RecoveryCode.used_at.is_(None)
    return int(system.scalar(select(func.count()).select_from(RecoveryCode).where(mine)) or 0)


def factor_changed(
    store: Store, account_id: UUID, caller: Caller, *, guard: Guard, action: str, codes: bool
) -> Confirmed:
    """Do what every change of a factor does: void everything, open one new session, record the deed.

    `codes` asks for fresh recovery codes.
    """
    system = store.system("change a second factor")
    fresh = new_codes(system, account_id) if codes else []
    end_everything(system, account_id)
    store.record(action, detail={"account": str(account_id)})
    return Confirmed(fresh, open_session(system, system.get(Account, account_id), caller, guard=guard))


def clear_totp(system: Store, account_id: UUID) -> None:
    """Take the authenticator away, and the recovery codes if no other factor is left."""
    credential = locked_credential(system, account_id)
    credential.totp_seed = credential.totp_seed_offered = credential.totp_at = None
    system.flush()
    drop_idle_codes(system, account_id)


def drop_idle_codes(system: Store, account_id: UUID) -> None:
    """Void the recovery codes of an account that has no second factor any more."""
    if not second_factors(system, account_id):
        system.change(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))


def new_codes(system: Store, account_id: UUID) -> list[str]:
    """Make recovery codes in place of the ones there are; they are shown to the person and kept hashed."""
    system.change(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    codes = new_recovery_codes()
    system.add(
        *(RecoveryCode(account_id=account_id, code_hash=digest(plain_recovery_code(code))) for code in codes)
    )
    return codes
