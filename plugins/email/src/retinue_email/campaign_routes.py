"""``/api/v1/email/campaigns``: draft, look at the audience, try, start, steer, count."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import get, patch, post
from retinue_email import audience, campaigns
from retinue_email import campaign_schemas as s
from retinue_email.schemas import LetterSchema

CAMPAIGN, DRAFT, CHANGE = s.CampaignSchema(), s.CampaignDraftSchema(), s.CampaignChangeSchema()
START, TEST, AUDIENCE, REPORT = (
    s.CampaignStartSchema(),
    s.TestLetterSchema(),
    s.AudienceSchema(),
    s.ReportSchema(),
)
LETTER = LetterSchema()
_TAGS = ["email"]
_ONE = "/campaigns/{campaign_id:uuid}"


@get("/campaigns", permission="campaign.read", gives=CAMPAIGN, tags=_TAGS)
def list_email_campaigns(store: Store, at_state: str = "") -> list[dict[str, Any]]:
    """List the campaigns, the newest first."""
    return campaigns.list_campaigns(store, state=at_state)


@post("/campaigns", permission="campaign.change", takes=DRAFT, gives=CAMPAIGN, tags=_TAGS)
def create_email_campaign(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Draft a campaign; nothing is sent."""
    return campaigns.create_campaign(store, data)


@get(_ONE, permission="campaign.read", gives=CAMPAIGN, tags=_TAGS)
def get_email_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Return one campaign."""
    return campaigns.get_campaign(store, campaign_id)


@patch(_ONE, permission="campaign.change", takes=CHANGE, gives=CAMPAIGN, tags=_TAGS)
def change_email_campaign(
    store: Store, campaign_id: UUID, data: dict[str, Any], version: int | None
) -> dict[str, Any]:
    """Change a campaign of which nothing was sent."""
    return campaigns.change_campaign(store, campaign_id, data, version)


@get(f"{_ONE}/audience", permission="campaign.read", gives=AUDIENCE, tags=_TAGS)
def preview_email_audience(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Say whom the campaign would reach now, and whom not for which reason."""
    return audience.preview_audience(store, campaign_id)


@post(f"{_ONE}/test", permission="campaign.change", takes=TEST, gives=LETTER, tags=_TAGS)
def test_email_campaign(store: Store, campaign_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Send the letter to one contact, through the same gate; the campaign does not count it."""
    return campaigns.send_test(store, campaign_id, data["contact_id"])


@post(f"{_ONE}/start", permission="campaign.start", takes=START, gives=CAMPAIGN, status=200, tags=_TAGS)
def start_email_campaign(store: Store, campaign_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Start it, now or at a time; 409 for one that was begun and for an audience that is empty or grew."""
    return campaigns.start_campaign(
        store, campaign_id, expected=data.get("expected"), at=data.get("at"), hold=data.get("hold", False)
    )


@post(f"{_ONE}/pause", permission="campaign.start", gives=CAMPAIGN, status=200, tags=_TAGS)
def pause_email_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Let nothing more of it begin."""
    return campaigns.pause_campaign(store, campaign_id)


@post(f"{_ONE}/resume", permission="campaign.start", gives=CAMPAIGN, status=200, tags=_TAGS)
def resume_email_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Go on where it was paused."""
    return campaigns.resume_campaign(store, campaign_id)


@post(f"{_ONE}/cancel", permission="campaign.start", gives=CAMPAIGN, status=200, tags=_TAGS)
def cancel_email_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """End it for good; what was sent stays sent."""
    return campaigns.cancel_campaign(store, campaign_id)


@get(f"{_ONE}/report", permission="email.read", gives=REPORT, tags=_TAGS)
def report_email_campaign(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Count its letters by what became of them and why; each number opens its rows."""
    return campaigns.report_campaign(store, campaign_id)


ROUTES = [
    list_email_campaigns, create_email_campaign, get_email_campaign, change_email_campaign, preview_email_audience,
    test_email_campaign, start_email_campaign, pause_email_campaign, resume_email_campaign, cancel_email_campaign,
    report_email_campaign,
]  # fmt: skip
