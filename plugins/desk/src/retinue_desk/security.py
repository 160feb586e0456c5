"""What somebody needs to know about the own security: factors, passkeys, tokens, and where one is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from retinue import Reach, Store
from retinue.access import (
    count_recovery_codes,
    describe_sessions,
    get_account,
    list_passkeys,
    list_sessions,
    list_tokens,
)
from retinue_desk.base_routes import Pages

WORDS: Final = {"own": "own", "team": "team", "all": "all"}
"""How far a permission reaches, as people read it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A permission that a token may have: the words are the reaches to choose from, the widest last."""

    name: str
    label: str
    words: tuple[str, ...]


def own_security(pages: Pages, store: Store) -> dict[str, Any]:
    """Return what the page of one's own security shows; `mine` is None where nobody has signed in."""
    if store.actor.id is None or store.actor.kind != "person":
        return {"mine": None}
    tokens = list_tokens(store) if store.may("token.read") else []
    return {
        "mine": get_account(store, store.actor.id),
        "codes_left": count_recovery_codes(store),
        "passkeys": list_passkeys(store),
        "tokens": [token for token in tokens if token.revoked_at is None],
        "sessions": describe_sessions(store, list_sessions(store)),
        "permissions": list(_offers(pages, store)) if store.may("token.create") else [],
        "words": WORDS,
    }


def _offers(pages: Pages, store: Store) -> list[Offer]:
    known = {p.name: p for p in pages.front.house.guard.permissions}
    found = []
    for name, reach in sorted(store.actor.permissions.items()):
        if name in known:
            least = Reach.OWN if known[name].scoped else reach
            words = tuple(r.word for r in Reach if least <= r <= reach)
            found.append(Offer(name, known[name].label, words))
    return found
