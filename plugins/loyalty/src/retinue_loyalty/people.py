"""What happens to points when people are merged, erased, or ask for their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from retinue import ContactExport, Store
from retinue_loyalty import ledger
from retinue_loyalty.levels import renew_levels, renew_standings
from retinue_loyalty.models import (
    ADJUSTED,
    Account,
    Membership,
    Offer,
    OfferUse,
    Purchase,
    Referral,
    Standing,
    Transaction,
)
from retinue_loyalty.posting import Deed, Posting, lock_wallets
from retinue_loyalty.programmes import get_scheme


def join_accounts(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Join the accounts of merged contacts: one wallet, in which every lot keeps its date. A revert parts them."""
    own, ids = store.system("loyalty"), [contact.id for contact in merged]
    rows = own.scalars(
        select(Account).where(Account.contact_id.in_([survivor.id, *ids])).order_by(Account.id)
    )
    mains = {
        row.programme_id: row for row in rows if row.contact_id == survivor.id and row.merged_into_id is None
    }
    for row in rows:
        if row.contact_id == survivor.id:
            continue
        main = mains.setdefault(row.programme_id, row)
        for joined in [row, *(other for other in rows if other.merged_into_id == row.id)]:
            if joined is not main:
                joined.merged_into_id = main.id
        own.flush()
        row.contact_id = survivor.id
    own.flush()
    _move_holdings(own, survivor.id, ids)
    renew_everything(own, [survivor.id, *ids])


def _move_holdings(own: Store, survivor_id: UUID, ids: Sequence[UUID]) -> None:
    for model, column in ((Offer, "contact_id"), (Membership, "contact_id")):
        for row in own.scalars(select(model).where(getattr(model, column).in_(ids))):
            setattr(row, column, survivor_id)
    taken = set(
        own.rows(select(OfferUse.offer_id, OfferUse.number).where(OfferUse.contact_id == survivor_id))
    )
    for use in own.scalars(select(OfferUse).where(OfferUse.contact_id.in_(ids)).order_by(OfferUse.id)):
        while (use.offer_id, use.number) in taken:
            use.number += 1
        taken.add((use.offer_id, use.number))
        use.contact_id = survivor_id
    known = set(own.scalars(select(Referral.programme_id).where(Referral.referred_id == survivor_id)))
    for referral in own.scalars(
        select(Referral).where(Referral.referrer_id.in_(ids) | Referral.referred_id.in_(ids))
    ):
        if referral.referrer_id in ids:
            referral.referrer_id = survivor_id
        if referral.referred_id in ids and referral.programme_id not in known:
            referral.referred_id = survivor_id
            known.add(referral.programme_id)
        if referral.referrer_id == referral.referred_id:
            own.remove(referral)
    own.flush()


def renew_everything(own: Store, contact_ids: Sequence[UUID]) -> None:
    """Work out levels and standings of these contacts anew."""
    by_programme: dict[UUID, list[UUID]] = {}
    chosen = select(Account.programme_id, Account.id).where(
        Account.contact_id.in_(contact_ids), Account.merged_into_id.is_(None)
    )
    for programme_id, account_id in own.rows(chosen):
        by_programme.setdefault(programme_id, []).append(account_id)
    for programme_id, account_ids in by_programme.items():
        renew_levels(own, get_scheme(own, programme_id), account_ids, own.now)
    renew_standings(own, contact_ids)


def renew_all(store: Store) -> None:
    """Work out every member's level and standing anew, after a revert that may have parted accounts."""
    raw = store.system("loyalty")
    ids = {*raw.scalars(select(Account.contact_id).where(Account.contact_id.is_not(None)))}
    ids |= set(raw.scalars(select(Standing.contact_id)))
    renew_everything(raw, sorted(ids))


def close_accounts(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Close the accounts of erased persons: what they had lapses, and nothing leads to them any more.

    The numbers stay, so that the trial balance of an old day does not change; reasons in somebody's words go.
    """
    own = store.system("loyalty")
    rows = own.scalars(select(Account).where(Account.contact_id.in_(contact_ids)))
    posting = Posting(own)
    for wallet in lock_wallets(own, [row.id for row in rows if row.merged_into_id is None]).values():
        ledger.settle(posting, wallet, own.now)
        left = [lot for lot in wallet.lots.values() if lot.remaining > 0]
        if left or wallet.debt:
            deed = posting.begin(
                wallet, Deed("close", f"close:{wallet.main}", own.now, -sum(x.remaining for x in left))
            )
            deed.close(left, ADJUSTED)
    posting.write()
    for row in rows:
        row.contact_id, row.level = None, ""
    own.flush()
    for moved in own.scalars(select(Transaction).where(Transaction.account_id.in_([row.id for row in rows]))):
        if moved.detail and "reason" in moved.detail:  # what a person wrote in their own words
            moved.detail = {name: value for name, value in moved.detail.items() if name != "reason"}
    own.flush()
    for offer in own.scalars(select(Offer).where(Offer.contact_id.in_(contact_ids))):
        own.remove(offer)
    own.change(delete(Standing).where(Standing.contact_id.in_(contact_ids)))


def export_points(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Return what each contact has collected, level by level and deed by deed, for the copy of their data."""
    own = store.system("loyalty")
    home = dict(own.rows(select(Account.id, Account.contact_id).where(Account.contact_id.in_(contact_ids))))
    found: dict[UUID, list[dict[str, Any]]] = {}
    chosen = select(Transaction).where(Transaction.account_id.in_(home)).order_by(Transaction.occurred_at)
    for row in own.scalars(chosen):
        record = {
            "kind": row.kind,
            "points": row.points,
            "at": row.occurred_at.isoformat(),
            "for": row.source_ref,
        }
        found.setdefault(home[row.account_id], []).append(record)
    for purchase in own.scalars(
        select(Purchase).where(Purchase.account_id.in_(home)).order_by(Purchase.paid_at)
    ):
        record = {
            "kind": "purchase", "total_minor": purchase.total_minor, "points": purchase.points,
            "at": purchase.paid_at.isoformat(),
        }  # fmt: skip
        found.setdefault(home[purchase.account_id], []).append(record)
    for membership in own.scalars(select(Membership).where(Membership.contact_id.in_(contact_ids))):
        record = {
            "kind": "membership",
            "from": membership.starts_on.isoformat(),
            "until": membership.paid_until.isoformat(),
        }
        found.setdefault(membership.contact_id, []).append(record)
    return [ContactExport(contact_id, "loyalty", records) for contact_id, records in found.items()]
