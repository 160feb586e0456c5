"""The figures of surveys: results of a million answers, the public page, and answers a second, on SQLite."""

import os
import re
import time
from datetime import UTC, date, datetime, timedelta
from statistics import median
from uuid import uuid4

import pytest
from bench_kit import Figures

from retinue import new_id
from retinue.actor import NOBODY
from retinue.contacts import create_contacts
from retinue.testing.house import Crm
from retinue_nps import answering, asking, results, service
from retinue_nps.models import ANSWERED, Answer, Invitation

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.parametrize("config", ["sqlite"], indirect=True),
]
ANSWERS = int(os.environ.get("RETINUE_BENCH_ANSWERS", "1000000"))
GIVEN = 1000
BATCH = 10_000


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """The plugin alone."""
    return ("nps",)


def _survey(crm: Crm, key: str) -> dict:
    with crm.store() as store:
        made = service.create_survey(store, {"key": key, "name": key, "pattern": "nps", "rest_days": 0})
        return service.open_survey(store, made["id"])


def _fill(crm: Crm, survey: dict) -> None:
    """Write answers of two years, each with its invitation."""
    with crm.store() as store:
        drafts = [{"given_name": f"G{n}", "family_name": f"F{n}"} for n in range(1000)]
        ids = list(create_contacts(store, drafts, on_duplicate="allow").ids)
    began = date(2024, 1, 1)
    for start in range(0, ANSWERS, BATCH):
        rows, invitations = [], []
        for n in range(start, min(start + BATCH, ANSWERS)):
            day, contact, invitation = began + timedelta(days=n * 730 // ANSWERS), ids[n % 1000], new_id()
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            invitations.append(
                {
                    "id": invitation, "survey_id": survey["id"], "contact_id": contact, "cause": f"n{n}", "state": ANSWERED,
                    "reason": "", "due_at": at, "sent_at": at, "created_at": at,
                }
            )  # fmt: skip
            rows.append(
                {
                    "id": uuid4(), "survey_id": survey["id"], "edition": 1, "contact_id": contact, "invitation_id": invitation,
                    "score": (n * 7919) % 11, "values": {}, "on_day": day, "answered_at": at, "language": "en", "way": "asked",
                }
            )  # fmt: skip
        with crm.store() as store:
            own = store.system("bench")
            own.insert_many(Invitation, invitations)
            own.insert_many(Answer, rows)


def test_results_of_a_million_answers(crm: Crm, figures: Figures) -> None:
    """Score with interval, response rate and months: at most 300 ms."""
    survey = _survey(crm, "million")
    _fill(crm, survey)
    times = []
    for _ in range(5):
        with crm.house.store(crm.user().actor, readonly=True) as store:
            started = time.perf_counter()
            found = results.show_results(store, survey["id"])
            times.append(time.perf_counter() - started)
    assert (found["answered"], found["responses"], len(found["months"])) == (ANSWERS, ANSWERS, 24)
    name = f"nps: results of {ANSWERS:,} answers, by the clock"
    assert figures.add(name, median(times) * 1000, 300, "ms", most=True)


def test_public_page_and_answers_a_second(crm: Crm, figures: Figures) -> None:
    """The page's time in the server, p50 at most 15 ms; at least 200 answers a second, each in its own transaction."""
    survey = _survey(crm, "page")
    with crm.store() as store:
        drafts = [{"given_name": f"G{n}", "family_name": f"F{n}"} for n in range(GIVEN)]
        ids = list(create_contacts(store, drafts, on_duplicate="allow").ids)
    with crm.store() as store:
        asking.invite(store, survey["id"], ids)
    with crm.store() as store:
        own = store.system("bench")
        found = service.get_survey(own, survey["id"])
        tokens = [
            asking.link_of(own, found, one).rpartition("/")[2]
            for one in asking.find_invitations(
                own, found.id, ids[:500], f"{asking.BY_HAND} {own.now:%Y-%m-%d}"
            )
        ]
    times = []
    for token in tokens[:200]:
        cpu = time.process_time()
        assert crm.client.get(f"/survey/{token}").status_code == 200
        times.append(time.process_time() - cpu)
    held = figures.add(
        "nps: public page, CPU of server and client", median(times[20:]) * 1000, 15, "ms", most=True
    )
    page = re.search(r'name="page" value="([^"]+)"', crm.client.get(f"/survey/{tokens[0]}").text)
    assert page
    started = time.perf_counter()
    for place, token in enumerate(tokens):
        with crm.house.store(NOBODY, plugin="nps") as store:
            answering.answer_link(store, token, {"score": str(place % 11)}, page=page[1], language="en")
    rate = len(tokens) / (time.perf_counter() - started)
    assert figures.add("nps: answers, each in its own transaction", rate, 200, "answers/s") and held  # noqa: PT018
