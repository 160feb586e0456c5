"""``/api/v1/email``: templates, single letters, addresses that are kept out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response

from retinue import Store
from retinue.web import ListParams, Page, get, patch, post, web_page
from retinue_email import schemas as s
from retinue_email import service, suppression, templates
from retinue_email.campaign_routes import ROUTES as CAMPAIGN_ROUTES
from retinue_email.return_routes import ROUTES as RETURN_ROUTES
from retinue_email.series_routes import ROUTES as SERIES_ROUTES
from retinue_email.trigger_routes import ROUTES as TRIGGER_ROUTES

TEMPLATE, TEMPLATE_DRAFT = s.TemplateSchema(), s.TemplateDraftSchema()
TEMPLATE_CHANGE, TEMPLATE_COPY = s.TemplateChangeSchema(), s.TemplateCopySchema()
TEXT, TEXT_DRAFT = s.TextSchema(), s.TextDraftSchema()
PREVIEW, PREVIEW_DRAFT = s.PreviewSchema(), s.PreviewDraftSchema()
LETTER, LETTER_DRAFT = s.LetterSchema(), s.LetterDraftSchema()
ADDRESS, SUPPRESSION, COUNT = s.AddressSchema(), s.SuppressionSchema(), s.CountSchema()
_TAGS = ["email"]
_ONE = "/templates/{template_id:uuid}"


@get("/templates", permission="email_template.read", gives=TEMPLATE, tags=_TAGS)
def list_email_templates(store: Store, put_away: bool = False) -> list[dict[str, Any]]:
    """List the templates with the languages each speaks."""
    return templates.list_templates(store, put_away=put_away)


@post("/templates", permission="email_template.change", takes=TEMPLATE_DRAFT, gives=TEMPLATE, tags=_TAGS)
def create_email_template(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Create a template, with texts if they are given; 422 for a field that does not exist."""
    return templates.create_template(store, data)


@get(_ONE, permission="email_template.read", gives=TEMPLATE, tags=_TAGS)
def get_email_template(store: Store, template_id: UUID) -> dict[str, Any]:
    """Return one template with its newest text in each language."""
    return templates.show_template(store, template_id)


@patch(_ONE, permission="email_template.change", takes=TEMPLATE_CHANGE, gives=TEMPLATE, tags=_TAGS)
def change_email_template(
    store: Store, template_id: UUID, data: dict[str, Any], version: int | None
) -> dict[str, Any]:
    """Change what a template is, or put it away."""
    return templates.change_template(store, template_id, data, version)


@post(f"{_ONE}/texts", permission="email_template.change", takes=TEXT_DRAFT, gives=TEXT, tags=_TAGS)
def set_email_text(store: Store, template_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Set the text in one language: a new number, what was sent keeps its own."""
    return templates.set_text(store, template_id, data)


@post(f"{_ONE}/copy", permission="email_template.change", takes=TEMPLATE_COPY, gives=TEMPLATE, tags=_TAGS)
def copy_email_template(store: Store, template_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Copy a template with its texts in every language."""
    return templates.copy_template(store, template_id, data["key"], data["name"])


@post(
    f"{_ONE}/preview",
    permission="email_template.read",
    takes=PREVIEW_DRAFT,
    gives=PREVIEW,
    status=200,
    tags=_TAGS,
)
def preview_email(store: Store, template_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Show a letter as one contact would read it; nothing is sent."""
    return service.preview_letter(
        store, template_id, data["contact_id"], language=data.get("language"), values=data.get("values") or {}
    )


_SHOWN = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_SHOWN_POLICY = (
    "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
)
"""A letter's own page: its styles and pictures, no script, no form, no frame around it."""


@get(f"{_ONE}/page/{{contact_id:uuid}}", permission="email_template.read", tags=_TAGS)
def show_email_page(store: Store, template_id: UUID, contact_id: UUID, language: str = "") -> Response[Any]:
    """Show the HTML part as one contact would read it, under a policy that lets nothing run."""
    read = service.preview_letter(store, template_id, contact_id, language=language or None, values={})
    return web_page(read["html"], headers=_SHOWN, policy=_SHOWN_POLICY)


@post("/letters", permission="email.send", takes=LETTER_DRAFT, gives=LETTER, tags=_TAGS)
def send_email_letter(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Send a template to one contact; what the gate refuses comes back as refused, with its reason."""
    return service.send_letter(store, data)


@get("/letters", permission="email.read", gives=LETTER, tags=_TAGS)
def list_email_letters(
    store: Store,
    params: ListParams,
    contact_id: UUID | None = None,
    campaign_id: UUID | None = None,
    became: str = "",
    reason: str = "",
    event: str = "",
) -> Page[dict[str, Any]]:
    """List letters, newest first, of a contact or a campaign, by what became of them and what came back."""
    binding = f"{contact_id}:{campaign_id}:{became}:{reason}:{event}"
    items, following = service.list_letters(
        store, contact_id=contact_id, campaign_id=campaign_id, state=became, reason=reason, event=event,
        after=params.after(binding), limit=params.limit,
    )  # fmt: skip
    return Page(items, following, binding=binding)


@get("/letters/{letter_id:uuid}", permission="email.read", gives=LETTER, tags=_TAGS)
def get_email_letter(store: Store, letter_id: UUID) -> dict[str, Any]:
    """Return one letter and how far it is."""
    return service.get_letter(store, letter_id)


@post(
    "/suppressions/find",
    permission="email_suppression.read",
    takes=ADDRESS,
    gives=SUPPRESSION,
    status=200,
    tags=_TAGS,
)
def find_email_suppressions(store: Store, data: dict[str, Any]) -> list[dict[str, Any]]:
    """Say why an address is not written to; nothing comes back if it is."""
    found = suppression.find_suppressions(store, data["address"])
    return [suppression.describe_suppression(row) for row in found]


@post(
    "/suppressions", permission="email_suppression.change", takes=ADDRESS, gives=COUNT, status=200, tags=_TAGS
)
def suppress_email_address(store: Store, data: dict[str, Any]) -> dict[str, int]:
    """Keep an address out of everything, or of one purpose; only its token is kept."""
    return {"count": int(suppression.suppress_address(store, data["address"], data["scope"]))}


@post(
    "/suppressions/release",
    permission="email_suppression.change",
    takes=ADDRESS,
    gives=COUNT,
    status=200,
    tags=_TAGS,
)
def release_email_address(store: Store, data: dict[str, Any]) -> dict[str, int]:
    """Let an address be written to again."""
    return {"count": suppression.release_address(store, data["address"], data["scope"])}


ROUTES = [
    list_email_templates, create_email_template, get_email_template, change_email_template, set_email_text,
    copy_email_template, preview_email, show_email_page, send_email_letter, list_email_letters, get_email_letter,
    find_email_suppressions, suppress_email_address, release_email_address, *CAMPAIGN_ROUTES,
    *RETURN_ROUTES,
    *TRIGGER_ROUTES,
    *SERIES_ROUTES,
]  # fmt: skip
