"""The requests of the manual, sent in their order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from gdpr_kit import begin, person

PAGE = Path(__file__).parents[3] / "docs" / "gdpr.md"
BLOCK = re.compile(r"^```http\n(\w+) /api/v1(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of an installed package")
@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_requests_of_the_manual_are_answered(crm: Any) -> None:
    """Each example succeeds; ``{last}`` is the id of what the one before it made."""
    begin(crm)
    api, last, contact = crm.user().client, "", str(person(crm))
    found = BLOCK.findall(PAGE.read_text("utf-8"))
    assert len(found) >= 10
    for method, path, body in found:
        filled = [text.replace("{contact}", contact).replace("{last}", last) for text in (path, body)]
        sent = {"content": filled[1], "headers": {"Content-Type": "application/json"}} if body.strip() else {}
        answer = api.call(method, filled[0], **sent)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        told = answer.json()
        last = told.get("id", last) if isinstance(told, dict) else last
