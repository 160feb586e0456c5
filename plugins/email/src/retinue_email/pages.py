"""What the staff's pages show of letters and campaigns; what they change goes through the API, as any client's deed does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.errors import NotFound, RetinueError
from retinue.lists import list_merge_fields, list_views
from retinue_email import audience, campaigns, series, service, templates
from retinue_email.models import KINDS, OPEN_STATES, SENT
from retinue_email.recipients import read_recipients, tokens_for
from retinue_email.suppression import suppressions_of

_PAGE = 50
STARTER = (
    '<h1>Hello {{ given | default:"there" }}</h1>\n<p>…</p>\n'
    '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> · {{ company }}</p>\n'
)
TONES = {
    "queued": "blue", "reserved": "blue", "started": "blue", "sent": "green", "in_doubt": "orange", "refused": "secondary",
    "failed": "red", "bounced": "red", "cancelled": "secondary", "draft": "secondary", "planned": "blue",
    "preparing": "blue", "sending": "blue", "paused": "orange", "held": "orange", "stopped": "red", "done": "green",
}  # fmt: skip


def state_words(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the states of letters and campaigns are called."""
    return {
        "queued": _("waiting"), "reserved": _("about to go"), "started": _("on its way"), "sent": _("sent"),
        "in_doubt": _("in doubt"), "refused": _("not sent"), "failed": _("failed"), "bounced": _("came back"),
        "cancelled": _("cancelled"), "draft": _("draft"), "planned": _("planned"), "preparing": _("being prepared"),
        "sending": _("going out"), "paused": _("paused"), "held": _("held"), "stopped": _("stopped"), "done": _("done"),
    }  # fmt: skip


def reason_words(_: Callable[[str], str]) -> dict[str, str]:
    """Return what reasons and events are called; the code of another plugin's refusal stands for itself."""
    return {
        "": "", "suppressed": _("address kept out"), "no-address": _("no address"), "same-address": _("same address as another"),
        "address-changed": _("address changed meanwhile"), "not-there": _("contact is gone"), "erased": _("person erased"),
        "merge_error": _("a word was missing"), "refused-by-server": _("refused by the server"),
        "given-up": _("given up after days"), "deferred": _("tried again later"),
        "frequency": _("written to often enough; waits"), "cut": _("the connection broke"),
        "process-died": _("the process died"), "hard_bounce": _("no such mailbox"), "soft_bounce": _("mailbox full or refusing"),
        "soft_bounces": _("came back too often"), "complaint": _("called spam"), "unsubscribed": _("unsubscribed"),
        "unsubscribe": _("unsubscribed"), "bounce": _("no such mailbox"), "by_hand": _("kept out by hand"),
        "cancelled": _("campaign cancelled"), "header-unfit": _("a value with a line end"),
        "address-unfit": _("address cannot be written to"), "withdrawn": _("consent withdrawn"), "no-consent": _("no consent"),
    }  # fmt: skip


def kind_words(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the kinds of templates are called."""
    return {
        "letter": _("Letter"), "document": _("Document"), "offer": _("Offer"), "quote": _("Quote"),
        "invitation": _("Invitation"), "newsletter": _("Newsletter"),
    }  # fmt: skip


def day_words(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the days of the week are called."""
    names = (
        _("Monday"),
        _("Tuesday"),
        _("Wednesday"),
        _("Thursday"),
        _("Friday"),
        _("Saturday"),
        _("Sunday"),
    )
    return dict(zip(series.DAYS, names, strict=True))


_WORDS = {"states": state_words, "reasons": reason_words, "tones": TONES}


def show_campaigns(store: Store, _request: Any) -> dict[str, Any]:
    """Return the campaigns, and what a new one is made of."""
    return {
        **_WORDS, "campaigns": campaigns.list_campaigns(store), "one": None, **_choices(store),
        "series": series.list_series(store), "days": day_words,
    }  # fmt: skip


def _choices(store: Store) -> dict[str, Any]:
    if not store.may("campaign.change"):
        return {"templates": [], "views": []}
    letters = templates.list_templates(store) if store.may("email_template.read") else []
    views = list_views(store, "contact") if store.may("view.read") else []
    return {"templates": [one for one in letters if not one["words"] and one["languages"]], "views": views}


def show_campaign(store: Store, request: Any) -> dict[str, Any]:
    """Return a campaign with its report; with ``part=audience`` whom it would reach, for a draft."""
    campaign_id = _id(request.path["campaign_id"])
    reads = store.may("email.read")
    one = (
        campaigns.report_campaign(store, campaign_id) if reads else campaigns.get_campaign(store, campaign_id)
    )
    counted = [row for row in one.get("outcomes", ()) if row["state"] in OPEN_STATES]
    seen, wrong = None, ""
    drafted = one["state"] in campaigns.NOT_BEGUN
    if drafted and one["view_id"] and request.query.get("part") == "audience":
        try:
            seen = audience.preview_audience(store, campaign_id)
        except RetinueError as fault:
            wrong = fault.detail
    return {
        **_WORDS, **_choices(store), "one": one, "drafted": drafted, "seen": seen, "wrong": wrong, "reads": reads,
        "open": sum(row["count"] for row in counted), "live": one["state"] in ("preparing", "sending"),
        "sent": sum(row["count"] for row in one.get("outcomes", ()) if row["state"] == SENT),
    }  # fmt: skip


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("there is no such row") from None


def show_letters(store: Store, request: Any) -> dict[str, Any]:
    """Return letters, newest first, narrowed as a number of a report says."""
    query = request.query
    said = {name: query.get(name, "")[:60] for name in ("became", "reason", "event")}
    chosen, contact, after = (query.get(name, "") for name in ("campaign", "contact", "after"))
    rows, following = service.list_letters(
        store, campaign_id=_id(chosen) if chosen else None, contact_id=_id(contact) if contact else None,
        state=said["became"], reason=said["reason"], event=said["event"], after=[_id(after)] if after else None,
        limit=_PAGE,
    )  # fmt: skip
    return {
        **_WORDS, "rows": rows, "names": _names(store, rows), "older": following[0] if following else "", **said,
        "campaign": campaigns.get_campaign(store, _id(chosen)) if chosen and store.may("campaign.read") else None,
        "chosen": chosen, "contact": contact, "sendable": ("sent", "refused", "failed", "bounced", "in_doubt", "queued"),
    }  # fmt: skip


def _names(store: Store, rows: list[dict[str, Any]]) -> dict[UUID, str]:
    wanted = {row["contact_id"] for row in rows if row["contact_id"]}
    if not wanted or not store.may("contact.read"):
        return {}
    return dict(
        tuple(row) for row in store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(wanted)))
    )


def show_templates(store: Store, _request: Any) -> dict[str, Any]:
    """Return the templates."""
    return {
        "templates": templates.list_templates(store),
        "kinds": KINDS,
        "words": kind_words,
        "starter": STARTER,
    }


def show_template(store: Store, request: Any) -> dict[str, Any]:
    """Return a template with the text of one language to edit; with ``contact`` as that contact would read it."""
    one = templates.show_template(store, _id(request.path["template_id"]))
    language = request.query.get("language", "")[:12] or one["language"]
    text = next((text for text in one["texts"] if text["language"] == language), None)
    contact = request.query.get("contact", "")
    read, wrong = None, ""
    if contact and text is not None:
        try:
            read = service.preview_letter(store, one["id"], _id(contact), language=language, values={})
        except RetinueError as fault:
            wrong = " ".join(problem.detail for problem in getattr(fault, "problems", ())) or fault.detail
    return {
        "one": one, "language": language, "text": text, "read": read, "wrong": wrong, "contact": contact,
        "starter": STARTER, "words": kind_words, "fields": [word.name for word in list_merge_fields(store)],
    }  # fmt: skip


def show_letters_panel(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return a contact's last letters, whether their address is kept out, and what could be sent to them."""
    rows, _ = service.list_letters(store, contact_id=contact_id, limit=5)
    own = store.system("show why an address is not written to")
    person = read_recipients(own, [contact_id]).get(contact_id)
    tokens = tokens_for(own, person) if person else None
    kept = suppressions_of(store, [tokens[0]]).get(tokens[0], []) if tokens else []
    sends = store.may("email.send") and store.may("email_template.read")
    letters = [one for one in templates.list_templates(store) if not one["words"]] if sends else []
    if not rows and not kept and not letters:
        return None
    return {
        **_WORDS, "rows": rows, "contact": str(contact_id), "templates": letters,
        "kept": [{"scope": one.scope, "reason": one.reason, "at": one.created_at} for one in kept],
        "extra": {"contact_id": str(contact_id)},
    }  # fmt: skip
