"""What members hold beside points: offers and promo codes, referrals, paid memberships."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from retinue import Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid, NotFound, Problem, RetinueError
from retinue_loyalty.accounts import find_accounts, system_of
from retinue_loyalty.levels import renew_levels, renew_standings
from retinue_loyalty.models import Membership, Offer, OfferUse, Programme, Referral
from retinue_loyalty.pricing import half_up
from retinue_loyalty.programmes import Scheme, active_scheme, get_scheme
from retinue_loyalty.rewards import give_rewards, rewards_on
from retinue_loyalty.rules import Perk
from retinue_loyalty.when import day_of, midnight, month_after


class Over(RetinueError):
    """The time of an offer is over."""

    status, exit_code, code, title = 410, 73, "offer-over", "The offer is over"


# ---- offers ----
def list_offers(store: Store, programme_id: UUID, contact_id: UUID | None = None) -> list[Offer]:
    """Return offers, the newest first; `contact_id` gives one contact's personal ones."""
    store.require("offer.read")
    chosen = select(Offer).where(Offer.programme_id == programme_id).order_by(Offer.id.desc()).limit(500)
    if contact_id is not None:
        chosen = chosen.where(Offer.contact_id == contact_id)
    return store.scalars(chosen)


def create_offer(store: Store, programme_id: UUID, draft: Mapping[str, Any]) -> Offer:
    """Create a promo code, or a personal offer for ``contact_id``; raises Conflict for a code that is taken."""
    store.require("offer.change")
    store.get(Programme, programme_id)
    if draft.get("contact_id") is not None:
        store.get(Contact, draft["contact_id"])
    start, end = draft.get("starts_at"), draft.get("ends_at")
    if start is not None and end is not None and end <= start:
        raise Invalid(
            "The offer is not valid.", problems=[Problem("/ends_at", "must be after starts_at", "order")]
        )
    code = draft["code"].strip().upper()
    if system_of(store).first(select(Offer.id).where(Offer.code == code)) is not None:
        raise Conflict(f"There is an offer {code} already.", code="code-taken", remedy="Choose another code.")
    offer = Offer(id=new_id(), programme_id=programme_id, code=code, created_at=store.now)
    offer.contact_id, offer.name = draft.get("contact_id"), draft.get("name", "")
    offer.percent, offer.starts_at, offer.ends_at = draft["percent"], start, end
    offer.per_contact, offer.in_all = draft.get("per_contact", 1), draft.get("in_all")
    store.add(offer)
    store.flush()
    return offer


def usable_offer(own: Store, code: str, contact_id: UUID | None, at: datetime) -> Offer:
    """Return an offer that may be used now by this contact.

    Raises NotFound for a code that does not exist or is another's, Over after its end, Conflict before its start or
    when it was used as often as it may be.
    """
    offer: Offer | None = own.first(select(Offer).where(Offer.code == code.strip().upper()))
    if offer is None or offer.contact_id not in (None, contact_id):
        raise NotFound(f"there is no offer {code}")
    if offer.ends_at is not None and at >= offer.ends_at:
        raise Over(f"The offer {offer.code} ended.", remedy="Ask for a current one.")
    if offer.starts_at is not None and at < offer.starts_at:
        raise Conflict(
            f"The offer {offer.code} has not begun.", code="offer-early", remedy="Wait for its day."
        )
    chosen = select(func.count()).select_from(OfferUse).where(OfferUse.offer_id == offer.id)
    if offer.in_all is not None and own.scalar(chosen) >= offer.in_all:
        raise Conflict(f"The offer {offer.code} is used up.", code="offer-used", remedy="Leave it out.")
    if (
        contact_id is not None
        and own.scalar(chosen.where(OfferUse.contact_id == contact_id)) >= offer.per_contact
    ):
        raise Conflict(
            f"The offer {offer.code} was used by this contact already.",
            code="offer-used",
            remedy="Leave it out.",
        )
    return offer


def use_offer(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Use an offer for a purchase of ``total_minor``; the same key answers as the first time."""
    store.require("offer.use")
    contact = store.get(Contact, draft["contact_id"])
    own = system_of(store)
    known: OfferUse | None = own.first(
        select(OfferUse).where(OfferUse.contact_id == contact.id, OfferUse.key == draft["key"])
    )
    at = draft.get("at") or own.now
    if known is not None:
        offer = own.get(Offer, known.offer_id)
        if offer.code != draft["code"].strip().upper():
            raise Conflict(
                f"The key {draft['key']} was used for another offer.",
                code="key-used",
                remedy="Take a new key.",
            )
    else:
        offer = usable_offer(own, draft["code"], contact.id, at)
        own.get(Offer, offer.id, lock=True)
        chosen = select(func.count()).select_from(OfferUse)
        chosen = chosen.where(OfferUse.offer_id == offer.id, OfferUse.contact_id == contact.id)
        use = {
            "offer_id": offer.id, "contact_id": contact.id, "number": own.scalar(chosen) + 1,
            "key": draft["key"], "used_at": at,
        }  # fmt: skip
        try:
            with own.savepoint():
                own.insert_many(OfferUse, [use])
        except IntegrityError:
            raise Conflict(
                f"The offer {offer.code} is being used just now.", code="offer-used", remedy="Try again."
            ) from None
    off = half_up(draft["total_minor"] * Fraction(offer.percent) / 100)
    return {"code": offer.code, "discount_minor": off, "total_minor": draft["total_minor"] - off}


# ---- referrals ----
def create_referral(store: Store, programme_id: UUID, draft: Mapping[str, Any]) -> Referral:
    """Note who brought whom; rewarded with the first paid order of the one who was brought.

    Raises Conflict for a contact who brings themselves, by id or by an e-mail address, or was brought before.
    """
    store.require("referral.create")
    scheme = active_scheme(store, programme_id)
    referrer = store.get(Contact, draft["referrer_id"])
    referred = store.get(Contact, draft["referred_id"])
    if referrer.id == referred.id or _addresses(referrer) & _addresses(referred):
        raise Conflict(
            "A person cannot refer themselves.", code="self-referral", remedy="Name another contact."
        )
    chosen = select(Referral.id).where(
        Referral.programme_id == scheme.id, Referral.referred_id == referred.id
    )
    if system_of(store).first(chosen) is not None:
        raise Conflict(
            "The contact was referred already.", code="referred", remedy="The first referral counts."
        )
    referral = Referral(id=new_id(), programme_id=scheme.id, created_at=store.now)
    referral.referrer_id, referral.referred_id = referrer.id, referred.id
    store.add(referral)
    store.flush()
    return referral


def _addresses(contact: Contact) -> set[str]:
    return {entry["value"].casefold() for entry in contact.emails or ()}


# ---- paid memberships ----
def list_memberships(store: Store, programme_id: UUID, contact_id: UUID) -> list[Membership]:
    """Return a contact's memberships, the newest first."""
    store.require("membership.read")
    chosen = select(Membership).where(
        Membership.programme_id == programme_id, Membership.contact_id == contact_id
    )
    return store.scalars(chosen.order_by(Membership.id.desc()))


def start_membership(store: Store, programme_id: UUID, draft: Mapping[str, Any]) -> Membership:
    """Start a membership whose first month is paid. Raises Conflict for a programme without one, or a current one."""
    store.require("membership.change")
    scheme = active_scheme(store, programme_id)
    if scheme.at(store.now).membership_fee is None:
        raise Conflict(
            f"The programme {scheme.key} has no paid membership.",
            code="no-membership",
            remedy="Give its rules one.",
        )
    store.get(Contact, draft["contact_id"])
    starts = draft.get("starts_on") or day_of(store.now, scheme.zone)
    if current_membership(store, scheme.id, draft["contact_id"], starts) is not None:
        raise Conflict(
            "The contact is a paying member already.", code="member", remedy="Renew that membership."
        )
    made = Membership(id=new_id(), programme_id=scheme.id, contact_id=draft["contact_id"], periods=1)
    made.starts_on, made.paid_until, made.created_at = starts, month_after(starts, 1), store.now
    store.add(made)
    store.flush()
    _reward_start(store, scheme, made)
    return made


def _reward_start(store: Store, scheme: Scheme, made: Membership) -> None:
    own, at = system_of(store), midnight(made.starts_on, scheme.zone)
    given = list[UUID]()
    for reward in rewards_on(scheme, "membership_started", at):
        name = str(made.contact_id) if reward.once else f"{made.contact_id}:{made.id}"
        given += give_rewards(own, scheme, reward, [(made.contact_id, name, at)])
    if given:
        renew_levels(own, scheme, list(find_accounts(own, scheme.id, given).values()), own.now)
        renew_standings(own, given)


def renew_membership(store: Store, membership_id: UUID) -> Membership:
    """Note that the next month was paid: counted from the start, so that a 31st survives February."""
    store.require("membership.change")
    made: Membership = store.get(Membership, membership_id, lock=True)
    if made.cancelled_at is not None:
        raise Conflict("The membership was cancelled.", code="cancelled", remedy="Start a new one.")
    made.periods += 1
    made.paid_until = month_after(made.starts_on, made.periods)
    store.flush()
    return made


def cancel_membership(store: Store, membership_id: UUID) -> Membership:
    """Let a membership end with the month that is paid; its perks stay until then."""
    store.require("membership.change")
    made: Membership = store.get(Membership, membership_id, lock=True)
    if made.cancelled_at is not None:
        raise Conflict(
            "The membership was cancelled already.", code="cancelled", remedy="Nothing is left to do."
        )
    made.cancelled_at = store.now
    store.flush()
    return made


def current_membership(store: Store, programme_id: UUID, contact_id: UUID, day: date) -> Membership | None:
    """Return the membership that is paid for on `day`, None without one."""
    chosen = select(Membership).where(
        Membership.programme_id == programme_id,
        Membership.contact_id == contact_id,
        Membership.starts_on <= day,
        Membership.paid_until > day,
    )
    found: Membership | None = store.first(chosen)
    return found


def membership_perks(store: Store, programme_id: UUID, contact_id: UUID, at: datetime) -> list[Perk]:
    """Return the perks that a paid membership gives at a moment."""
    scheme = get_scheme(store, programme_id)
    paid = current_membership(store, programme_id, contact_id, day_of(at, scheme.zone))
    return list(scheme.at(at).membership_perks) if paid is not None else []
