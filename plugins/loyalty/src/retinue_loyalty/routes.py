"""``/api/v1/loyalty``."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import PUBLIC, ListParams, Page, get, patch, post
from retinue_loyalty import catching_up, members, programmes, reports, service
from retinue_loyalty import schemas as s
from retinue_loyalty.holding_routes import HOLDINGS
from retinue_loyalty.models import RuleVersion, TierStep, Transaction
from retinue_loyalty.more_schemas import BasketSchema, BuyerSchema, GapSchema, QuoteSchema, TrialBalanceSchema

PROGRAMME, PROGRAMME_DRAFT = s.ProgrammeSchema(), s.ProgrammeDraftSchema()
PROGRAMME_CHANGE, VERSION = s.ProgrammeChangeSchema(), s.RuleVersionSchema()
PREVIEW_DRAFT, PREVIEW = s.PreviewDraftSchema(), s.PreviewSchema()
EARN, REDEEM, ADJUST = s.EarnBatchSchema(), s.RedeemDraftSchema(), s.AdjustDraftSchema()
REVERSAL, RECEIPT, COUNT = s.ReversalDraftSchema(), s.ReceiptSchema(), s.CountSchema()
PURCHASE, EVENTS = s.PurchaseDraftSchema(), s.EventBatchSchema()
MEMBER, TRANSACTION, STEP = s.MemberSchema(), s.TransactionSchema(), s.StepSchema()
LINK, OWN_BALANCE = s.LinkSchema(), s.OwnBalanceSchema()
BASKET, QUOTE, TRIAL, BUYER = BasketSchema(), QuoteSchema(), TrialBalanceSchema(), BuyerSchema()
GAP = GapSchema()
_TAGS = ["loyalty"]
_ONE = "/programmes/{programme_id:uuid}"


@get("/programmes", permission="programme.read", gives=PROGRAMME, tags=_TAGS)
def list_programmes(store: Store) -> list[dict[str, Any]]:
    """List the programmes with the newest rules."""
    return programmes.list_programmes(store)


@post("/programmes", permission="programme.change", takes=PROGRAMME_DRAFT, gives=PROGRAMME, tags=_TAGS)
def create_programme(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Create a programme."""
    return programmes.create_programme(store, data)


@get(_ONE, permission="programme.read", gives=PROGRAMME, tags=_TAGS)
def get_programme(store: Store, programme_id: UUID) -> dict[str, Any]:
    """Return one programme."""
    return programmes.show_programme(store, programme_id)


@patch(_ONE, permission="programme.change", takes=PROGRAMME_CHANGE, gives=PROGRAMME, tags=_TAGS)
def change_programme(
    store: Store, programme_id: UUID, data: dict[str, Any], version: int | None
) -> dict[str, Any]:
    """Change name or state, or set new rules from a moment on."""
    return programmes.change_programme(store, programme_id, data, version)


@get(f"{_ONE}/versions", permission="programme.read", gives=VERSION, tags=_TAGS)
def list_rule_versions(store: Store, programme_id: UUID) -> list[RuleVersion]:
    """List the versions of the rules, the newest first."""
    return programmes.list_versions(store, programme_id)


@post(
    f"{_ONE}/preview",
    permission="programme.change",
    takes=PREVIEW_DRAFT,
    gives=PREVIEW,
    status=200,
    tags=_TAGS,
)
def preview_rules(store: Store, programme_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Say whose level new rules would change; nothing is written."""
    return reports.preview_rules(store, programme_id, data["rules"], data.get("at"))


@post(f"{_ONE}/earn", permission="points.earn", takes=EARN, gives=RECEIPT, tags=_TAGS)
def earn_points(store: Store, programme_id: UUID, data: dict[str, Any]) -> list[service.Receipt]:
    """Give points, to up to 5,000 at once; a known key changes nothing."""
    return service.earn_points(store, programme_id, data["earnings"])


@post(f"{_ONE}/redeem", permission="points.redeem", takes=REDEEM, gives=RECEIPT, status=200, tags=_TAGS)
def redeem_points(store: Store, programme_id: UUID, data: dict[str, Any]) -> service.Receipt:
    """Take points in payment; 409 if fewer are available."""
    return service.redeem_points(store, programme_id, data)


@post(f"{_ONE}/adjust", permission="points.adjust", takes=ADJUST, gives=RECEIPT, status=200, tags=_TAGS)
def adjust_points(store: Store, programme_id: UUID, data: dict[str, Any]) -> service.Receipt:
    """Give or take points by hand, with a reason."""
    return service.adjust_points(store, programme_id, data)


@post(
    "/transactions/{transaction_id:uuid}/reverse",
    permission="points.redeem",
    takes=REVERSAL,
    gives=RECEIPT,
    status=200,
    tags=_TAGS,
)
def reverse_redemption(store: Store, transaction_id: UUID, data: dict[str, Any]) -> service.Receipt:
    """Give points of a redemption back, to the same lots with their own expiry."""
    return service.reverse_redemption(store, transaction_id, data)


@post("/purchases", permission="points.earn", takes=PURCHASE, gives=COUNT, tags=_TAGS)
def record_purchase(store: Store, data: dict[str, Any]) -> dict[str, int]:
    """Take a paid purchase in from a shop without the plugin orders."""
    return {"count": service.record_purchase(store, data)}


@post(f"{_ONE}/events", permission="points.earn", takes=EVENTS, gives=COUNT, tags=_TAGS)
def record_loyalty_events(store: Store, programme_id: UUID, data: dict[str, Any]) -> dict[str, int]:
    """Reward occasions such as an answered survey, each once."""
    return {"count": service.record_events(store, programme_id, data["events"])}


@get("/gap", permission="points.earn", gives=GAP, tags=_TAGS)
def get_gap(store: Store) -> dict[str, int]:
    """Return how many sales, returns and arrivals of the last week the ledger lacks; the job of the hour makes up for them."""
    return catching_up.count_gap(store)


@get("/members/{contact_id:uuid}", permission="points.read", gives=MEMBER, tags=_TAGS)
def get_member(store: Store, contact_id: UUID, at: datetime | None = None) -> list[dict[str, Any]]:
    """Return where a contact stands in each programme, now or at a moment."""
    return members.show_member(store, contact_id, at)


@get("/members/{contact_id:uuid}/history", permission="points.read", gives=TRANSACTION, tags=_TAGS)
def list_member_history(store: Store, contact_id: UUID, params: ListParams) -> Page[Transaction]:
    """List a member's deeds, newest first."""
    rows, following = members.list_history(store, contact_id, after=params.after(), limit=params.limit)
    return Page(rows, next=following)


@get("/members/{contact_id:uuid}/levels", permission="points.read", gives=STEP, tags=_TAGS)
def list_member_levels(store: Store, contact_id: UUID) -> list[TierStep]:
    """List a member's changes of level, the newest first."""
    return members.list_steps(store, contact_id)


@post(f"{_ONE}/quote", permission="points.read", takes=BASKET, gives=QUOTE, status=200, tags=_TAGS)
def quote_basket(store: Store, programme_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Return what a basket costs a contact now; nothing is written."""
    return members.quote_basket(store, programme_id, data)


@get(f"{_ONE}/members/{{contact_id:uuid}}/link", permission="points.read", gives=LINK, tags=_TAGS)
def make_balance_link(store: Store, programme_id: UUID, contact_id: UUID) -> dict[str, str]:
    """Return the token with which a customer reads their own balance, good for a year."""
    return {"token": members.make_link(store, contact_id, programme_id)}


@get("/balance/{token:str}", permission=PUBLIC, gives=OWN_BALANCE, tags=_TAGS)
def read_own_balance(store: Store, token: str) -> dict[str, Any]:
    """Return a customer's own balance, to whoever holds the signed link."""
    return members.read_link(store, token)


@get(f"{_ONE}/trial-balance", permission="loyalty_report.read", gives=TRIAL, tags=_TAGS)
def get_trial_balance(
    store: Store, programme_id: UUID, at: datetime | None = None, known_at: datetime | None = None
) -> reports.TrialBalance:
    """Return what became of all points up to a date, and what is owed to members."""
    return reports.trial_balance(store, programme_id, at or store.now, known_at)


@get(f"{_ONE}/best-buyers", permission="loyalty_report.read", gives=BUYER, tags=_TAGS)
def list_best_buyers(
    store: Store, programme_id: UUID, since: datetime | None = None, until: datetime | None = None
) -> list[dict[str, Any]]:
    """List the top percent of buyers by what they spent, best first."""
    return reports.rank_buyers(store, programme_id, since, until)


ROUTES = [
    list_programmes,
    create_programme,
    get_programme,
    change_programme,
    list_rule_versions,
    preview_rules,
    earn_points,
    redeem_points,
    adjust_points,
    reverse_redemption,
    record_purchase,
    record_loyalty_events,
    get_gap,
    get_member,
    list_member_history,
    list_member_levels,
    quote_basket,
    make_balance_link,
    read_own_balance,
    get_trial_balance,
    list_best_buyers,
    *HOLDINGS,
]
