"""What contacts were sent last, as fields of theirs and as lines of their timeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from retinue import Store
from retinue.interactions import record_interactions
from retinue_email.models import BOUNCED, DOUBT, SENT, Campaign, Delivery, LetterText, Standing, Template

MAILING, LETTER = "mailing", "email"


def note_letters(own: Store, line: UUID) -> None:
    """Tell timelines and contacts of what a line has sent, and let go of it."""
    rows = own.rows(
        select(Delivery.id, Delivery.contact_id, Delivery.campaign_id, Delivery.text_id, Delivery.sent_at)
        .where(Delivery.held_by == line, Delivery.state.in_((SENT, DOUBT, BOUNCED)))
        .order_by(Delivery.id)
    )
    if not rows:
        return
    own.change(update(Delivery).where(Delivery.id.in_([row.id for row in rows])).values(held_by=None))
    sent = [row for row in rows if row.contact_id is not None and row.sent_at is not None]
    if not sent:
        return
    _write_timeline(own, sent)
    _write_standing(own, sent)


def _write_timeline(own: Store, rows: Sequence[Any]) -> None:
    texts = {row.text_id for row in rows}
    named = select(LetterText.id, Template.name).join(Template, Template.id == LetterText.template_id)
    names: dict[UUID, str] = dict(own.rows(named.where(LetterText.id.in_(texts))))
    campaigns = {row.campaign_id for row in rows if row.campaign_id is not None}
    titles: dict[UUID, str] = dict(
        own.rows(select(Campaign.id, Campaign.name).where(Campaign.id.in_(campaigns)))
    )
    record_interactions(own, [
        {
            "contact_id": row.contact_id, "kind": MAILING if row.campaign_id else LETTER, "direction": "out",
            "channel": "email", "subject": titles.get(row.campaign_id) or names[row.text_id], "at": row.sent_at,
            "source_key": f"email {row.id}",
        }
        for row in rows
    ])  # fmt: skip


def _write_standing(own: Store, rows: Sequence[Any]) -> None:
    count = Counter(row.contact_id for row in rows)
    last = {row.contact_id: row.sent_at for row in rows}
    chosen = select(Standing.id, Standing.contact_id, Standing.sent).where(Standing.contact_id.in_(count))
    known = {row.contact_id: row for row in own.rows(chosen)}
    own.update_many(Standing, [
        {"id": row.id, "sent": row.sent + count[contact_id], "last_sent_at": last[contact_id], "bounced": False}
        for contact_id, row in known.items()
    ])  # fmt: skip
    own.insert_many(Standing, [
        {"contact_id": contact_id, "sent": count[contact_id], "last_sent_at": last[contact_id], "bounced": False}
        for contact_id in count if contact_id not in known
    ])  # fmt: skip


def note_bounce(own: Store, contact_id: UUID | None) -> None:
    """Note that the last letter of a contact came back."""
    if contact_id is not None:
        own.change(update(Standing).where(Standing.contact_id == contact_id).values(bounced=True))


def renew_standings(own: Store, contact_ids: Iterable[UUID]) -> None:
    """Work out anew what these contacts were sent, after letters moved from one to another."""
    for contact_id in contact_ids:
        mine = (Delivery.contact_id == contact_id, Delivery.sent_at.is_not(None))
        count, last = own.rows(select(func.count(), func.max(Delivery.sent_at)).where(*mine))[0]
        row: Standing | None = own.first(select(Standing).where(Standing.contact_id == contact_id))
        if row is None and count:
            own.insert_many(
                Standing, [{"contact_id": contact_id, "sent": count, "last_sent_at": last, "bounced": False}]
            )
        elif row is not None:
            row.sent, row.last_sent_at = count, last
    own.flush()
