"""A template, a letter and a campaign for the pages of letters."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue.actor import Actor

SYSTEM = Actor.system("test")
SOURCE = '<p>Dear {{ given | default:"reader" }}</p><p><a href="{{ unsubscribe_url }}">Leave</a></p>'


def set_letters(house: Any, contact: UUID, name: str = "Autumn") -> dict[str, str]:
    """Make a template, a letter to a contact and a campaign without an audience; returns what stands in addresses."""
    from retinue_email import campaigns, service, templates

    key = f"k{contact.hex}"
    draft = {
        "key": key, "name": name[:100], "kind": "newsletter", "purpose": "service",
        "texts": [{"language": "en", "subject": f"Hello {name[:60]}", "source": SOURCE}],
    }  # fmt: skip
    with house.store(SYSTEM) as store:
        template = templates.create_template(store, draft)["id"]
        service.send_letter(store, {"contact_id": contact, "template": key})
        campaign = campaigns.create_campaign(store, {"name": name[:100], "template_id": template})["id"]
    return {"template_id": str(template), "campaign_id": str(campaign)}
