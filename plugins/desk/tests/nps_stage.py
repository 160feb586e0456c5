"""A survey that was answered by a low score, with words, for the pages to show."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue.actor import Actor
from retinue_nps import answering, asking, service


def set_survey(house: Any, contact: UUID, words: str) -> dict[str, str]:
    """Open a survey, ask a contact, and note a low score with words; return what stands for the parts of addresses."""
    system = Actor.system("test")
    with house.store(system, plugin="nps") as store:
        survey = service.create_survey(store, {"key": "stage", "name": words[:120], "pattern": "nps"})
        service.open_survey(store, survey["id"])
    with house.store(system, plugin="nps") as store:
        asking.invite(store, survey["id"], [contact])
        said = {"contact_id": contact, "answers": {"score": 2, "why": words}}
        answering.record_answer(store, survey["id"], said)
    return {"survey_id": str(survey["id"])}
