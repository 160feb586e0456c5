"""The API of interactions: a contact's timeline, and the kinds that stand in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from retinue.errors import BadRequest
from retinue.interactions import promises, schemas, service
from retinue.interactions.models import Interaction
from retinue.plugins.answers import Promise
from retinue.storage import Store
from retinue.web import SIGNED_IN, ListParams, Page, get, post

INTERACTION: Final = schemas.InteractionSchema()
_DRAFT: Final = schemas.InteractionDraftSchema()
_KINDS: Final = schemas.KindSchema()
_PROMISE: Final = schemas.PromiseSchema()


@get("/contacts/{contact_id:uuid}/interactions", permission="interaction.read", gives=INTERACTION)
def list_interactions(
    store: Store, contact_id: UUID, params: ListParams, kind: str = "", withdrawn: bool = False
) -> Page[Interaction]:
    """List a contact's interactions, newest first; `kind` takes several separated by commas."""
    after = params.after()
    try:
        before = (datetime.fromisoformat(after[0]), UUID(after[1])) if after else None
    except (ValueError, IndexError, TypeError):
        raise BadRequest("the cursor cannot be read") from None
    kinds = [name for name in kind.split(",") if name]
    found = service.read_timeline(
        store, contact_id, kinds=kinds, before=before, limit=params.limit + 1, withdrawn=withdrawn
    )
    page = found[: params.limit]
    more = [page[-1].at.isoformat(), str(page[-1].id)] if len(found) > params.limit else None
    return Page(items=page, next=more)


@post(
    "/contacts/{contact_id:uuid}/interactions",
    permission="interaction.create",
    takes=_DRAFT,
    gives=INTERACTION,
    location="/interactions/{id}",
)
def record_interaction(store: Store, contact_id: UUID, data: dict[str, Any]) -> Interaction:
    """Record an interaction with a contact."""
    return service.record_interaction(store, contact_id, data)


@post(
    "/interactions/batch",
    permission="interaction.create",
    takes=schemas.BatchSchema(),
    gives=schemas.BatchResultSchema(),
)
def record_interactions(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Record many interactions, all or none; known source keys are left out."""
    made = service.record_interactions(store, data["interactions"])
    return {"ids": [i.id for i in made], "change_set_id": store.change_set_id}


@get("/interactions/{interaction_id:uuid}", permission="interaction.read", gives=INTERACTION)
def get_interaction(store: Store, interaction_id: UUID) -> Interaction:
    """Return an interaction."""
    return store.get(Interaction, interaction_id)


@post(
    "/interactions/{interaction_id:uuid}/corrections",
    permission="interaction.correct",
    takes=schemas.CorrectionSchema(partial=True),
    gives=INTERACTION,
)
def correct_interaction(store: Store, interaction_id: UUID, data: dict[str, Any]) -> Interaction:
    """Correct an interaction: a new, linked entry takes its place."""
    return service.correct_interaction(store, interaction_id, data)


@post(
    "/interactions/{interaction_id:uuid}/withdrawal",
    permission="interaction.withdraw",
    takes=schemas.WithdrawalSchema(),
    status=204,
)
def withdraw_interaction(store: Store, interaction_id: UUID, data: dict[str, Any]) -> None:
    """Take an interaction out of the timeline; it and its audit stay."""
    service.withdraw_interaction(store, interaction_id, reason=data["reason"])


@get("/contacts/{contact_id:uuid}/promises", permission="interaction.read", gives=_PROMISE)
def list_promises(store: Store, contact_id: UUID) -> list[Promise]:
    """List what is still owed to a contact, the earliest due first."""
    return promises.list_promises(store, contact_id)


@post(
    "/interactions/{interaction_id:uuid}/fulfilment",
    permission="interaction.correct",
    gives=INTERACTION,
)
def keep_promise(store: Store, interaction_id: UUID) -> Interaction:
    """Note that a promise was kept; the entry is corrected."""
    return promises.keep_promise(store, interaction_id)


@get("/interaction-kinds", permission=SIGNED_IN, gives=_KINDS)
def list_interaction_kinds(store: Store) -> list[service.Kind]:
    """List the kinds of interaction: core's, the plugins', your own."""
    return list(service.known_kinds(store).values())


@post("/interaction-kinds", permission="interaction_kind.create", takes=_KINDS, gives=_KINDS)
def create_interaction_kind(store: Store, data: dict[str, Any]) -> service.Kind:
    """Add a kind of interaction."""
    made = service.create_kind(store, data)
    return service.Kind(made.name, made.label, made.icon or "point", made.counts)


ROUTES: Final = [
    list_interactions, record_interaction, record_interactions, get_interaction, correct_interaction,
    withdraw_interaction, list_promises, keep_promise, list_interaction_kinds, create_interaction_kind,
]  # fmt: skip
