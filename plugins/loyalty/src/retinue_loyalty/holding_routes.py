"""``/api/v1/loyalty``: offers, referrals, memberships."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import get, post
from retinue_loyalty import holdings
from retinue_loyalty.models import Membership, Offer, Referral
from retinue_loyalty.more_schemas import (
    MembershipDraftSchema,
    MembershipSchema,
    OfferDraftSchema,
    OfferSchema,
    OfferUseDraftSchema,
    OfferUseSchema,
    ReferralDraftSchema,
    ReferralSchema,
)

OFFER, OFFER_DRAFT, USE, USE_DRAFT = (
    OfferSchema(),
    OfferDraftSchema(),
    OfferUseSchema(),
    OfferUseDraftSchema(),
)
REFERRAL, REFERRAL_DRAFT = ReferralSchema(), ReferralDraftSchema()
MEMBERSHIP, MEMBERSHIP_DRAFT = MembershipSchema(), MembershipDraftSchema()
_TAGS = ["loyalty"]
_ONE = "/programmes/{programme_id:uuid}"


@get(f"{_ONE}/offers", permission="offer.read", gives=OFFER, tags=_TAGS)
def list_offers(store: Store, programme_id: UUID, contact_id: UUID | None = None) -> list[Offer]:
    """List the newest 500 offers; `contact_id` gives one contact's personal ones."""
    return holdings.list_offers(store, programme_id, contact_id)


@post(f"{_ONE}/offers", permission="offer.change", takes=OFFER_DRAFT, gives=OFFER, tags=_TAGS)
def create_offer(store: Store, programme_id: UUID, data: dict[str, Any]) -> Offer:
    """Create a promo code, or a personal offer for a contact."""
    return holdings.create_offer(store, programme_id, data)


@post("/offers/use", permission="offer.use", takes=USE_DRAFT, gives=USE, status=200, tags=_TAGS)
def use_offer(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Use an offer for a purchase; 409 if it was used, 410 once it is over."""
    return holdings.use_offer(store, data)


@post(f"{_ONE}/referrals", permission="referral.create", takes=REFERRAL_DRAFT, gives=REFERRAL, tags=_TAGS)
def create_referral(store: Store, programme_id: UUID, data: dict[str, Any]) -> Referral:
    """Note who brought whom; rewarded with the first paid order."""
    return holdings.create_referral(store, programme_id, data)


@get(
    f"{_ONE}/members/{{contact_id:uuid}}/memberships",
    permission="membership.read",
    gives=MEMBERSHIP,
    tags=_TAGS,
)
def list_memberships(store: Store, programme_id: UUID, contact_id: UUID) -> list[Membership]:
    """List a contact's paid memberships."""
    return holdings.list_memberships(store, programme_id, contact_id)


@post(
    f"{_ONE}/memberships",
    permission="membership.change",
    takes=MEMBERSHIP_DRAFT,
    gives=MEMBERSHIP,
    tags=_TAGS,
)
def start_membership(store: Store, programme_id: UUID, data: dict[str, Any]) -> Membership:
    """Start a membership whose first month is paid."""
    return holdings.start_membership(store, programme_id, data)


@post(
    "/memberships/{membership_id:uuid}/renew",
    permission="membership.change",
    gives=MEMBERSHIP,
    status=200,
    tags=_TAGS,
)
def renew_membership(store: Store, membership_id: UUID) -> Membership:
    """Note that the next month was paid."""
    return holdings.renew_membership(store, membership_id)


@post(
    "/memberships/{membership_id:uuid}/cancel",
    permission="membership.change",
    gives=MEMBERSHIP,
    status=200,
    tags=_TAGS,
)
def cancel_membership(store: Store, membership_id: UUID) -> Membership:
    """Let a membership end with the month that is paid."""
    return holdings.cancel_membership(store, membership_id)


HOLDINGS = [
    list_offers,
    create_offer,
    use_offer,
    create_referral,
    list_memberships,
    start_membership,
    renew_membership,
    cancel_membership,
]
