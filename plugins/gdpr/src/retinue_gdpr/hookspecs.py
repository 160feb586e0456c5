"""The hook this plugin publishes. Another plugin answers it without importing it: ``hookimpl(of="gdpr")``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from retinue import Store, hook


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A letter that waits to be sent: read `subject` and `body` only when you send it, and keep them nowhere."""

    id: UUID
    contact_id: UUID
    kind: str
    language: str
    subject: str
    body: str


@hook(mode="ask", phase="read", on_failure="isolate", since="0.1")
def letters_taken(store: Store, letters: Sequence[LetterFacts]) -> Sequence[UUID]:
    """Answer with the ids of the letters that you will send; the rest goes to the outbox, to be sent by hand."""
    raise NotImplementedError
