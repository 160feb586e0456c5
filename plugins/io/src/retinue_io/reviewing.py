"""The list of suspected duplicates: a person says what is one and what is two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from retinue import Problem, Store
from retinue.contacts import Contact, merge_contacts
from retinue.errors import Conflict, Invalid
from retinue_io.models import Pair
from retinue_io.service import get_import

MERGED, KEPT = "merged", "kept"


def list_pairs(
    store: Store,
    import_id: UUID,
    *,
    after: tuple[float, UUID] | None = None,
    limit: int = 50,
    decided: bool = False,
) -> list[dict[str, Any]]:
    """Return suspected duplicates that the actor may see, the most probable first."""
    row = get_import(store, import_id)
    chosen = select(Pair).where(Pair.import_id == row.id)
    if not decided:
        chosen = chosen.where(Pair.decision == "")
    if after is not None:
        score, last = after
        chosen = chosen.where((Pair.score < score) | ((Pair.score == score) & (Pair.id < last)))
    found = store.scalars(chosen.order_by(Pair.score.desc(), Pair.id.desc()).limit(limit))
    return _described(store, found)


def _described(store: Store, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    ids = {contact for pair in pairs for contact in (pair.first_id, pair.second_id)}
    names = dict(map(tuple, store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(ids)))))
    fields = ("id", "first_id", "second_id", "first_row", "second_row", "score", "reasons", "decision")
    return [
        {
            **{name: getattr(pair, name) for name in fields},
            "first_name": names.get(pair.first_id, ""),
            "second_name": names.get(pair.second_id, ""),
        }
        for pair in pairs
    ]


def decide_pair(store: Store, import_id: UUID, pair_id: UUID, decision: str) -> dict[str, Any]:
    """Merge a pair, the newer contact into the other, or keep both; a decision stands."""
    get_import(store, import_id)
    pair = store.get(Pair, pair_id)
    if pair.decision or pair.import_id != import_id:
        raise Conflict("This pair was decided already.", code="decided")
    if decision not in ("merge", "keep"):
        raise Invalid("not a decision", problems=[Problem("/decision", "merge or keep")])
    shown = _described(store, [pair])[0]
    word = MERGED if decision == "merge" else KEPT
    system = store.system("a decision about duplicates")
    system.change(update(Pair).where(Pair.id == pair.id).values(decision=word, decided_at=store.now))
    if decision == "merge":
        merge_contacts(store, pair.second_id, [pair.first_id])
    return {**shown, "decision": word}
