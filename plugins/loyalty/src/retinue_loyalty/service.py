"""What people and other systems do with points: give, redeem, take back, adjust, reward. Each deed has a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.errors import Conflict, Invalid, Problem
from retinue_loyalty import ledger
from retinue_loyalty.accounts import (
    check_contacts,
    ensure_accounts,
    hold_contacts,
    hold_owners,
    lock_members,
    system_of,
)
from retinue_loyalty.levels import renew_levels, renew_standings
from retinue_loyalty.models import OVER, Account, Lot, Transaction
from retinue_loyalty.posting import Deed, Posting, Wallet, lock_wallets
from retinue_loyalty.programmes import Scheme, active_scheme, get_scheme, read_schemes
from retinue_loyalty.purchases import Sale, take_sales
from retinue_loyalty.rewards import give_rewards, reward_climbs, rewards_on
from retinue_loyalty.rules import EVENTS, Earning
from retinue_loyalty.validity import validity_of

MOST = 10**12
_ALWAYS = Earning(points=0, per_minor=1)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deed came to: its transaction, and the member's points after it (at the first time it was done)."""

    id: UUID
    kind: str
    key: str
    points: int
    occurred_at: datetime
    balance: int
    repeated: bool = False
    shortfall: int = 0


def earn_points(store: Store, programme_id: UUID, drafts: Sequence[Mapping[str, Any]]) -> list[Receipt]:
    """Give points, in batches as large as you like: each draft has contact_id, points and key, maybe ``at``.

    A key that is known changes nothing and answers as before; Conflict if it comes with something else.
    """
    store.require("points.earn")
    scheme = active_scheme(store, programme_id)
    check_contacts(store, [draft["contact_id"] for draft in drafts], "/earnings")
    _check_points(drafts, "/earnings")
    own = system_of(store)
    wallets = lock_members(own, scheme.id, [draft["contact_id"] for draft in drafts])
    known = ledger.known_transactions(own, scheme.id, [draft["key"] for draft in drafts])
    posting, receipts = Posting(own), list[Receipt]()
    fresh: dict[str, Receipt] = {}
    for draft in drafts:
        mark = ledger.fingerprint("earn", draft["contact_id"], draft["points"], draft.get("at"))
        if draft["key"] in known:
            receipts.append(_repeat(known[draft["key"]], mark))
            continue
        if draft["key"] not in fresh:
            fresh[draft["key"]] = _earn(posting, scheme, wallets[draft["contact_id"]], (draft, mark))
        receipts.append(fresh[draft["key"]])
    posting.write()
    if fresh:
        renew_standings(own, wallets)
    return receipts


def _earn(posting: Posting, scheme: Scheme, wallet: Wallet, given: tuple[Mapping[str, Any], str]) -> Receipt:
    draft, mark = given
    at = draft.get("at") or posting.own.now
    validity = validity_of(scheme, scheme.at(at).earn or _ALWAYS, at)
    if draft.get("expires_at") is not None:
        validity = replace(validity, expires_at=draft["expires_at"])
    after = wallet.available(at) + (draft["points"] if validity.available_at <= at else 0)
    deed = Deed(
        "earn", draft["key"], at, draft["points"], draft.get("source_ref", ""), None, mark, {"balance": after}
    )
    opened = ledger.earn(posting, wallet, deed, validity)
    return Receipt(opened.id, "earn", deed.key, deed.points, at, after)


def redeem_points(store: Store, programme_id: UUID, draft: Mapping[str, Any]) -> Receipt:
    """Take points in payment; raises Conflict if fewer are available, and nothing is taken."""
    store.require("points.redeem")
    scheme = active_scheme(store, programme_id)
    _check_redemption(scheme, draft, draft.get("at") or store.now)
    return _single(store, scheme, ("redeem", draft), lambda posting, wallet, deed: ledger.redeem(
        posting, wallet, replace(deed, points=-draft["points"])
    ))  # fmt: skip


def adjust_points(store: Store, programme_id: UUID, draft: Mapping[str, Any]) -> Receipt:
    """Give or take points by hand, with a reason; takes no more than are available."""
    store.require("points.adjust")
    scheme = active_scheme(store, programme_id)
    if not draft["points"] or abs(draft["points"]) > MOST:
        raise Invalid(
            "The points are not valid.", problems=[Problem("/points", "must not be nothing", "points")]
        )

    def act(posting: Posting, wallet: Wallet, deed: Deed) -> Any:
        validity = validity_of(scheme, replace(scheme.at(deed.at).earn or _ALWAYS, hold_days=0), deed.at)
        return ledger.adjust(posting, wallet, replace(deed, points=draft["points"]), validity)

    return _single(store, scheme, ("adjust", draft), act)


def _check_redemption(scheme: Scheme, draft: Mapping[str, Any], at: datetime) -> None:
    _check_points([draft])
    rule = scheme.at(at).redeem
    if draft["points"] < rule.least:
        raise Invalid(
            "Too few points.", problems=[Problem("/points", f"must be at least {rule.least}", "too-few")]
        )
    total = draft.get("total_minor")
    if total is not None and draft["points"] * rule.point_minor * 100 > total * rule.most_percent:
        detail = f"may pay at most {rule.most_percent} % of the purchase"
        raise Invalid("Too many points.", problems=[Problem("/points", detail, "too-many")])


def _check_points(drafts: Sequence[Mapping[str, Any]], within: str = "") -> None:
    problems = [
        Problem(
            f"{within}/{place}/points" if within else "/points", "must be a whole number from 1", "points"
        )
        for place, draft in enumerate(drafts)
        if not 0 < draft["points"] <= MOST
    ]
    if problems:
        raise Invalid("The points are not valid.", problems=problems)


def _single(
    store: Store,
    scheme: Scheme,
    what: tuple[str, Mapping[str, Any]],
    act: Callable[[Posting, Wallet, Deed], Any],
) -> Receipt:
    """Do one deed of one member under its key, or answer as the first time."""
    kind, draft = what
    check_contacts(store, [draft["contact_id"]])
    own = system_of(store)
    wallet = lock_members(own, scheme.id, [draft["contact_id"]])[draft["contact_id"]]
    mark = ledger.fingerprint(kind, draft["contact_id"], draft["points"], draft.get("at"))
    known = ledger.known_transactions(own, scheme.id, [draft["key"]])
    if draft["key"] in known:
        return _repeat(known[draft["key"]], mark)
    at = draft.get("at") or own.now
    deed = Deed(kind, draft["key"], at, 0, draft.get("source_ref", ""), None, mark)
    posting = Posting(own)
    return _written(posting, wallet, act(posting, wallet, deed), draft.get("reason", ""))


def _written(posting: Posting, wallet: Wallet, opened: Any, reason: str = "") -> Receipt:
    """Write a posting of one member and return its receipt, which a repeat will give again."""
    row, own = opened.row, posting.own
    balance = wallet.available(row["occurred_at"])
    row["detail"] = {**(row["detail"] or {}), "balance": balance, **({"reason": reason} if reason else {})}
    posting.write()
    people = own.scalars(select(Account.contact_id).where(Account.id == wallet.main))
    renew_standings(own, people)
    return Receipt(
        row["id"], row["kind"], row["key"], row["points"], row["occurred_at"], balance,
        shortfall=row["detail"].get("shortfall", 0),
    )  # fmt: skip


def _repeat(known: Transaction, mark: str) -> Receipt:
    ledger.refuse_other(known, mark)
    detail = known.detail or {}
    return Receipt(
        known.id, known.kind, known.key, known.points, known.occurred_at, detail.get("balance", 0), True,
        detail.get("shortfall", 0),
    )  # fmt: skip


def reverse_redemption(store: Store, transaction_id: UUID, draft: Mapping[str, Any]) -> Receipt:
    """Give points of a redemption back, all of them or ``points``, to the same lots with their own expiry."""
    store.require("points.redeem")
    own = system_of(store)
    redemption = own.get(Transaction, transaction_id)
    if redemption.kind != "redeem":
        raise Conflict(
            f"A transaction of the kind {redemption.kind} is not given back.", code="not-a-redemption"
        )
    account = store.get(Account, redemption.account_id)
    hold_contacts(own, [account.contact_id])
    wallet = lock_wallets(own, [account.merged_into_id or account.id])[account.merged_into_id or account.id]
    points = draft.get("points") or -redemption.points
    mark = ledger.fingerprint("restore", transaction_id, points)
    known = ledger.known_transactions(own, redemption.programme_id, [draft["key"]])
    if draft["key"] in known:
        return _repeat(known[draft["key"]], mark)
    scheme = get_scheme(own, redemption.programme_id)
    at = draft.get("at") or own.now
    deed = Deed("restore", draft["key"], at, points, redemption.source_ref, redemption.id, mark)
    posting = Posting(own)
    opened = ledger.give_back(posting, wallet, deed, scheme.at(at).refund)
    return _written(posting, wallet, opened)


def record_events(store: Store, programme_id: UUID, events: Sequence[Mapping[str, Any]]) -> int:
    """Reward what is no purchase: each event has ``on`` (feedback, birthday, visit …), contact_id, key, maybe ``at``.

    Returns how many rewards were given; an occasion that is known gives nothing more, whatever its content.
    """
    store.require("points.earn")
    scheme = active_scheme(store, programme_id)
    check_contacts(store, [event["contact_id"] for event in events], "/events")
    wrong = [n for n, event in enumerate(events) if event["on"] not in EVENTS]
    if wrong:
        problems = [Problem(f"/events/{n}/on", f"must be one of {', '.join(EVENTS)}", "event") for n in wrong]
        raise Invalid("There is no such event.", problems=problems)
    own = system_of(store)
    given: list[UUID] = []
    for event in events:
        at = event.get("at") or own.now
        for reward in rewards_on(scheme, event["on"], at):
            name = str(event["contact_id"]) if reward.once else f"{event['contact_id']}:{event['key']}"
            given += give_rewards(own, scheme, reward, [(event["contact_id"], name, at)])
    accounts = ensure_accounts(own, scheme.id, set(given))
    climbs = renew_levels(own, scheme, list(accounts.values()), own.now)
    renew_standings(own, [*given, *reward_climbs(own, scheme, climbs)])
    return len(given)


def record_purchase(store: Store, draft: Mapping[str, Any]) -> int:
    """Take a paid purchase in from a shop that does not use the plugin orders; returns how many programmes gave points."""
    store.require("points.earn")
    check_contacts(store, [draft["contact_id"]])
    for name in ("total_minor", "tax_minor", "shipping_minor"):
        if draft.get(name, 0) < 0:
            raise Invalid(
                "The purchase is not valid.", problems=[Problem(f"/{name}", "must not be negative", "amount")]
            )
    sale = Sale(
        ref=draft["key"], contact_id=draft["contact_id"], currency=draft["currency"],
        total_minor=draft["total_minor"], tax_minor=draft.get("tax_minor", 0),
        shipping_minor=draft.get("shipping_minor", 0), paid_at=draft.get("paid_at") or store.now,
        lines=tuple((line.get("category", ""), line["amount_minor"]) for line in draft.get("lines") or ()),
    )  # fmt: skip
    if all(scheme.currency != sale.currency for scheme in read_schemes(store, active=True)):
        detail = f"no active programme counts {sale.currency}"
        raise Invalid("The purchase is not valid.", problems=[Problem("/currency", detail, "currency")])
    return take_sales(store, [sale])


# ---- by the clock ----
def settle_due(store: Store, _payload: Mapping[str, Any]) -> int:
    """Job by the clock: post what time has brought about, and let levels age; returns how many members were touched.

    Run late or twice it comes to the same: each posting has the moment it happened, and its own key.
    """
    own = store.raw("settle points")
    due = (
        select(Lot.account_id)
        .where(
            Lot.state != OVER,
            Lot.remaining > 0,
            (Lot.expires_at <= own.now) | ((Lot.state == "pending") & (Lot.available_at <= own.now)),
        )
        .distinct()
        .limit(500)
    )
    touched: set[UUID] = set()
    while ids := own.scalars(due):
        chosen = select(Account.id, Account.merged_into_id).where(Account.id.in_(ids))
        mains = sorted({merged or account_id for account_id, merged in own.rows(chosen)})
        hold_owners(own, mains)
        posting = Posting(own)
        for wallet in lock_wallets(own, mains).values():
            ledger.settle(posting, wallet, own.now)
        posting.write()
        touched.update(mains)
    aged = _aging(own, touched)
    people = select(Account.contact_id)
    for start in range(0, len(aged), 500):
        renew_standings(own, own.scalars(people.where(Account.id.in_(aged[start : start + 500]))))
    return len(aged)


def _aging(own: Store, touched: set[UUID]) -> list[UUID]:
    """Let the levels of all who have one age; returns every member that was touched."""
    found = set(touched)
    for scheme in read_schemes(own, active=True):
        chosen = select(Account.id).where(
            Account.programme_id == scheme.id, Account.merged_into_id.is_(None), Account.level != ""
        )
        ids = own.scalars(chosen)
        renew_levels(own, scheme, ids, own.now)
        found.update(ids)
    return sorted(found)
