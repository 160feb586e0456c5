"""Members' accounts: opened with the first points, one per programme and contact."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from retinue import Store, new_id
from retinue.contacts import Contact
from retinue.errors import Invalid, Problem
from retinue_loyalty.models import Account
from retinue_loyalty.posting import Wallet, lock_wallets


def system_of(store: Store) -> Store:
    """Return a store that reaches the ledger; rights are checked before."""
    return store if store.actor.kind == "system" else store.system("loyalty")


_SEEN = select(Contact.id).where(Contact.id.in_(bindparam("ids", expanding=True)))


def check_contacts(store: Store, contact_ids: Sequence[UUID], within: str = "") -> None:
    """Raise Invalid for each contact the actor does not see; `within` points at the list they came in, if any."""
    wanted, seen = list(dict.fromkeys(contact_ids)), set[UUID]()
    for start in range(0, len(wanted), 500):
        seen.update(store.scalars(_SEEN.params(ids=wanted[start : start + 500])))
    problems = [
        Problem(f"{within}/{place}/contact_id" if within else "/contact_id", "there is no such contact")
        for place, contact_id in enumerate(contact_ids)
        if contact_id not in seen
    ]
    if problems:
        raise Invalid("A contact does not exist.", problems=problems)


def hold_contacts(own: Store, contact_ids: Iterable[UUID | None]) -> None:
    """Hold these contacts until the end: always before their accounts, as orders does, so that nobody waits in a ring."""
    if own.database_kind == "sqlite":  # its writers wait for each other as they begin
        return
    ids = sorted({contact_id for contact_id in contact_ids if contact_id is not None})
    for start in range(0, len(ids), 500):
        chosen = select(Contact.id).where(Contact.id.in_(ids[start : start + 500])).order_by(Contact.id)
        own.rows(chosen.with_for_update(key_share=True))


def hold_owners(own: Store, account_ids: Iterable[UUID]) -> None:
    """Hold the contacts whose accounts these are."""
    ids = list(account_ids)
    for start in range(0, len(ids), 500):
        chosen = select(Account.contact_id).where(Account.id.in_(ids[start : start + 500]))
        hold_contacts(own, own.scalars(chosen))


_MEMBERS = select(Account.contact_id, Account.id).where(
    Account.programme_id == bindparam("programme"),
    Account.contact_id.in_(bindparam("contacts", expanding=True)),
    Account.merged_into_id.is_(None),
)


def find_accounts(own: Store, programme_id: UUID, contact_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the main account of each contact that is a member."""
    ids, found = list(dict.fromkeys(contact_ids)), dict[UUID, UUID]()
    for start in range(0, len(ids), 500):
        asked = _MEMBERS.params(programme=programme_id, contacts=ids[start : start + 500])
        found |= dict(own.rows(asked))
    return found


def ensure_accounts(own: Store, programme_id: UUID, contact_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """Return the main account of each contact, opened if it is new; two at once open one."""
    ids = list(dict.fromkeys(contact_ids))
    found = find_accounts(own, programme_id, ids)
    missing = [contact_id for contact_id in ids if contact_id not in found]
    if not missing:
        return found
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(), "programme_id": programme_id, "contact_id": contact_id, "owed": 0, "level": "",
            "free_deliveries": 0, "opened_at": own.now,
        }
        for contact_id in missing
    ]  # fmt: skip
    try:
        with own.savepoint():
            own.insert_many(Account, rows)
    except IntegrityError:  # somebody was quicker: theirs is the account
        return found | find_accounts(own, programme_id, missing)
    return found | find_accounts(own, programme_id, missing)


def lock_members(own: Store, programme_id: UUID, contact_ids: Iterable[UUID]) -> dict[UUID, Wallet]:
    """Return the locked wallet of each contact, its account opened if it is new."""
    ids = list(dict.fromkeys(contact_ids))
    hold_contacts(own, ids)
    accounts = ensure_accounts(own, programme_id, ids)
    wallets = lock_wallets(own, sorted(accounts.values()))
    return {contact_id: wallets[account_id] for contact_id, account_id in accounts.items()}
