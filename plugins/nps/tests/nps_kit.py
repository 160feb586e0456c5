"""Surveys, people, links and forms in a line each."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from retinue.contacts import create_contacts
from retinue_nps.models import Answer, FollowUp, Invitation, Rest, Survey

LINK = re.compile(r"http://localhost:8000(/survey/\S+)")


def make(crm: Any, key: str = "relation", *, opened: bool = True, **more: Any) -> dict[str, Any]:
    """Draft a survey, the ready NPS one unless told otherwise, and open it."""
    api = crm.user().client
    answer = api.post("/surveys", {"key": key, "name": key.title(), "pattern": "nps", **more})
    assert answer.status_code == 201, answer.text
    if opened:
        answer = api.post(f"/surveys/{answer.json()['id']}/open")
        assert answer.status_code == 200, answer.text
    return dict(answer.json())


def people(crm: Any, *names: str, **more: Any) -> list[UUID]:
    """Create a person for each name."""
    drafts = [
        {"given_name": name, "family_name": "R", "emails": [{"value": f"{name.lower()}@example.org"}], **more}
        for name in names
    ]
    with crm.store() as store:
        return list(create_contacts(store, drafts, on_duplicate="allow").ids)


def invite(crm: Any, survey: Any, *contacts: UUID, cause: str = "") -> list[dict[str, Any]]:
    """Invite contacts, and return what became of it."""
    body = {"contact_ids": [str(one) for one in contacts], "cause": cause}
    answer = crm.user().client.post(f"/surveys/{survey['id']}/invitations", body)
    assert answer.status_code == 201, answer.text
    return list(answer.json())


def link(crm: Any, survey: Any, contact: UUID) -> str:
    """Invite a contact and return the path of the page that they answer at."""
    (invitation,) = invite(crm, survey, contact)
    assert invitation["state"] == "sent", invitation
    answer = crm.user().client.post(f"/surveys/{survey['id']}/invitations/{invitation['id']}/link")
    assert answer.status_code == 200, answer.text
    found = LINK.fullmatch(answer.json()["link"])
    assert found
    return found[1]


def page_token(html: str) -> str:
    """Return what a form carries."""
    found = re.search(r'name="page" value="([^"]+)"', html)
    assert found, html
    return found[1]


def send(crm: Any, path: str, **answers: Any) -> Any:
    """Fetch a form, fill it in and send it."""
    shown = crm.client.get(path)
    assert shown.status_code == 200, shown.text
    return crm.client.post(path, data={"page": page_token(shown.text), **answers})


def rows(crm: Any, model: Any) -> list[Any]:
    """Return all rows of a table, detached."""
    from sqlalchemy import select

    with crm.store() as store:
        own = store.system("test")
        found = own.scalars(select(model).order_by(model.id))
        if hasattr(model, "sealed_data"):
            own.unseal(found)
        return list(found)


def let_pass(crm: Any, **span: Any) -> None:
    """Make what happened happen earlier."""
    past = timedelta(**span)
    columns: tuple[tuple[Any, Any], ...] = (
        (Rest, Rest.sent_at), (Invitation, Invitation.sent_at), (Invitation, Invitation.due_at),
        (Answer, Answer.answered_at), (FollowUp, FollowUp.opened_at), (FollowUp, FollowUp.contacted_at),
    )  # fmt: skip
    with crm.store() as store:
        own = store.system("test")
        for row_class, column in columns:
            for row_id, moment in own.rows(_read(row_class, column)):
                if isinstance(moment, datetime):
                    changed = update(row_class).where(row_class.id == row_id)
                    own.change(changed.values({column.key: moment - past}))


def _read(row_class: Any, column: Any) -> Any:
    from sqlalchemy import select

    return select(row_class.id, column)


__all__ = ["Survey", "invite", "let_pass", "link", "make", "page_token", "people", "rows", "send"]
