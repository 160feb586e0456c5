"""Keepsake: a person needs a family name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retinue import Problem, hookimpl


@hookimpl
def contact_errors(contacts: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Refuse persons without a family name."""
    return [
        Problem(f"/{place}/family_name", "a person needs a family name", "required")
        for place, contact in enumerate(contacts)
        if contact.get("kind") == "person" and not contact.get("family_name")
    ]
