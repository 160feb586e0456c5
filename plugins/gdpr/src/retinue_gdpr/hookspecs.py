"""The hooks this plugin publishes. Another plugin answers them without importing it: ``hookimpl(of="gdpr")``.

A letter that is owed is first offered (`letters_taken`), then handed over (`letters_handed`). Who took it is asked now and
then how it went (`letter_outcomes`), until it is known; only then the letter counts as sent, and a notice takes its contact
off the list of those not told.
"""

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
    """Answer with the ids of the letters that you will send; the rest goes to the outbox, to be sent by hand.

    Taken is not sent: write down in `letters_handed` what you took, and answer `letter_outcomes` too.
    """
    raise NotImplementedError


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def letters_handed(store: Store, letters: Sequence[LetterFacts]) -> None:
    """Hear of the letters that were taken, in the transaction that wrote them: keep what you need to send yours, sealed.

    Others' letters are among them. Sending waits for the commit: leave a job (``store.later``). What nobody keeps and
    sends comes back to the outbox after three days.
    """
    raise NotImplementedError


@hook(mode="ask", phase="read", on_failure="isolate", since="0.1")
def letter_outcomes(store: Store, letter_ids: Sequence[UUID]) -> Sequence[tuple[UUID, bool]]:
    """Answer ``(id, True)`` for each letter you took that was delivered, ``(id, False)`` for each that never will be.

    Delivered means that the recipient's own server accepted it. Say nothing of letters that are not yours or are still
    under way: they are asked for again every ten minutes. What is not delivered goes to the outbox, to be sent by hand; so
    does what nobody has answered for within three days. Answer from what you keep; the same answer may be asked for twice.
    """
    raise NotImplementedError
