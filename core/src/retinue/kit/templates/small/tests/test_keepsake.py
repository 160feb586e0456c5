"""A person needs a family name."""

from __future__ import annotations

from typing import Any

from retinue_keepsake import contact_errors


def test_person_without_family_name_is_refused() -> None:
    (problem,) = contact_errors([{"kind": "person", "given_name": "Cher"}])
    assert problem.pointer == "/0/family_name"


def test_organisation_needs_none() -> None:
    assert contact_errors([{"kind": "organisation", "name": "Dům knihy"}]) == []


def test_refusal_reaches_the_api(plugin: Any, as_user: Any) -> None:
    answer = as_user().client.post("/contacts", {"kind": "person", "given_name": "Cher"})
    assert answer.status_code == 422
