"""Who a campaign goes to: looked at before, and fixed at its start, a piece in each transaction, as rows of the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, or_, select, update

from retinue import Store, new_id
from retinue.errors import RetinueError, Unavailable
from retinue.jobs import DONE, BatchJob, RunningJob
from retinue.lists import count_view, view_ids
from retinue_email import campaigns, recipients
from retinue_email.models import (
    PAUSED,
    PLANNED,
    PREPARING,
    QUEUED,
    REFUSED,
    SENDING,
    STOPPED,
    Campaign,
    Delivery,
    LetterText,
    Suppression,
    Template,
)
from retinue_email.service import DELIVER
from retinue_email.suppression import is_suppressed
from retinue_email.templates import choose_language

PIECE: Final = 1000
EXAMINED: Final = 10_000
"""So many of an audience are looked at one by one before the start; the rest is counted."""
SAME_ADDRESS, SUPPRESSED = "same-address", "suppressed"


def preview_audience(store: Store, campaign_id: UUID) -> dict[str, Any]:
    """Say how many a campaign would reach, and how many not for which reason; nothing is written.

    ``total`` counts the whole view, as far as is allowed; reasons are counted among the first ``examined``.
    """
    store.require("campaign.read")
    row = store.get(Campaign, campaign_id)
    if row.view_id is None:
        return {"total": 0, "examined": 0, "reached": 0, "refused": [], "languages": []}
    campaigns.check_view(store, row.view_id)
    catalogues = store.declared["catalogues"]
    most: int = store.settings("email")["most_recipients"]
    total = count_view(store, catalogues, row.view_id, most + 1)
    own = store.system("look at an audience")
    reasons: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    seen: set[bytes] = set()
    examined = 0
    for ids in view_ids(store, catalogues, row.view_id, size=PIECE):
        for one in _looked_at(own, row, ids, seen):
            reasons[one["reason"]] += 1
            languages[one["language"]] += not one["reason"]
        examined += len(ids)
        if examined >= EXAMINED:
            break
    reached = reasons.pop("", 0)
    return {
        "total": total, "examined": examined, "reached": reached,
        "refused": [{"reason": reason, "count": count} for reason, count in reasons.most_common()],
        "languages": [{"language": name, "count": count} for name, count in languages.most_common() if count],
    }  # fmt: skip


def _looked_at(own: Store, row: Campaign, ids: Sequence[UUID], seen: set[bytes]) -> list[dict[str, Any]]:
    """Return contact, tokens, language and reason of each contact; `seen` are the addresses met before, and grows."""
    people = recipients.read_recipients(own, ids)
    refused = recipients.refusals_by_gate(own, list(people), row.purpose)
    tokens = {one: recipients.tokens_for(own, person) for one, person in people.items()}
    addresses = [pair[0] for pair in tokens.values() if pair]
    blocked = _blocked(own, addresses, row.purpose)
    written = select(Delivery.token).where(Delivery.campaign_id == row.id, Delivery.token.in_(addresses))
    seen.update(own.scalars(written))
    there, fallback = _languages(own, row)
    found = []
    for one in ids:
        person, pair = people.get(one), tokens.get(one)
        reason = refused.get(one, "")
        if person is None or pair is None:
            reason = recipients.GONE if person is None else recipients.NO_ADDRESS
        elif pair[0] in seen:
            reason, pair = SAME_ADDRESS, None
        elif not reason and pair[0] in blocked:
            reason = SUPPRESSED
        if pair is not None:
            seen.add(pair[0])
        language = choose_language(there, person.language if person else None, fallback)
        found.append({"contact_id": one, "tokens": pair, "language": language, "reason": reason})
    return found


def _blocked(own: Store, tokens: Sequence[bytes], purpose: str) -> set[bytes]:
    reaches = or_(Suppression.scope == "", Suppression.scope == purpose)
    return set(own.scalars(select(Suppression.token).where(Suppression.token.in_(tokens), reaches)))


def _languages(own: Store, row: Campaign) -> tuple[Mapping[str, Any], str]:
    """Return the texts of a campaign by language, the newest ones while it has none, and the language that stands in."""
    template = own.get(Template, row.template_id)
    if row.texts:
        return row.texts, template.language
    chosen = select(LetterText.language).where(LetterText.template_id == template.id).distinct()
    return dict.fromkeys(own.scalars(chosen), ""), template.language


# ---- fixing it ------------------------------------------------------------------------------------------------------
class PrepareCampaign(BatchJob):
    """The job that fixes an audience; killed, it goes on behind the last piece that was committed."""

    def step(self, store: Store, payload: dict[str, Any], state: Any, job: RunningJob) -> Any:
        """Write the next piece."""
        following = prepare_piece(store, payload, state)
        if following is not DONE:
            job.progress(following["total"])
        return following


def prepare_piece(store: Store, payload: Mapping[str, Any], state: Mapping[str, Any] | None) -> Any:
    """Write the letters of the next contacts of a view, as who started the campaign sees it; returns the state after it.

    What stops the audience, a view that no longer fits for instance, stops the campaign before a single letter: the
    rows are taken away again.
    """
    own = store.system("fix an audience")
    row = own.get(Campaign, UUID(payload["campaign_id"]), lock=True)
    if not _begins(own, row, payload["version"]):
        return DONE
    after = UUID(state["after"]) if state else None
    try:
        ids = _next_ids(store, row, after)
        row.total = (state["total"] if state else 0) + len(ids)
        whole = len(ids) < PIECE
        campaigns.check_size(own, row, row.total, whole=whole)
    except Unavailable:
        raise  # another try may help
    except RetinueError as fault:
        own.change(delete(Delivery).where(Delivery.campaign_id == row.id))
        row.total = 0
        campaigns.stop_campaign(own, row, STOPPED, fault.detail)
        return DONE
    if ids:
        _write(own, row, ids)
    if not whole:
        own.flush()
        return {"after": str(ids[-1]), "total": row.total}
    _finish(store, own, row)
    return DONE


def _begins(own: Store, row: Campaign, version: int) -> bool:
    """Say whether a campaign still waits for this: a planned one whose time has come, and not long ago, begins now."""
    if row.version != version or row.state not in (PLANNED, PREPARING):
        return False
    if row.state == PLANNED:
        campaigns.hold_missed(own)
        if row.state != PLANNED:
            return False
        row.state = PREPARING
    row.started_at = row.started_at or own.now
    return True


def _next_ids(store: Store, row: Campaign, after: UUID | None) -> list[UUID]:
    store.require("campaign.start")
    assert row.view_id is not None  # asked at the start
    campaigns.check_view(store, row.view_id)
    return next(view_ids(store, store.declared["catalogues"], row.view_id, size=PIECE, after=after), [])


def _write(own: Store, row: Campaign, ids: Sequence[UUID]) -> None:
    known = select(Delivery.contact_id).where(Delivery.campaign_id == row.id, Delivery.contact_id.in_(ids))
    there = set(own.scalars(known))
    people = _looked_at(own, row, [one for one in ids if one not in there], set())
    rows = [
        {
            "id": new_id(), "campaign_id": row.id, "contact_id": one["contact_id"],
            "text_id": UUID(row.texts[one["language"]]), "purpose": row.purpose,
            "token": one["tokens"][0] if one["tokens"] else None, "domain": one["tokens"][1] if one["tokens"] else None,
            "state": REFUSED if one["reason"] else QUEUED, "reason": one["reason"], "attempts": 0, "code": 0,
            "enhanced": "", "created_at": own.now,
        }
        for one in people
    ]  # fmt: skip
    if rows:
        own.insert_many(Delivery, rows)


def _finish(store: Store, own: Store, row: Campaign) -> None:
    mine = (Delivery.campaign_id == row.id, Delivery.state == QUEUED)
    own.change(update(Delivery).where(*mine, is_suppressed()).values(state=REFUSED, reason=SUPPRESSED))
    row.state = PAUSED if row.hold else SENDING
    row.version += 1
    if row.hold:
        row.reason = "the audience is fixed; resume it to send"
    own.flush()
    store.record("campaign.start", detail={"campaign_id": str(row.id), "recipients": row.total})
    store.later(DELIVER, {})
