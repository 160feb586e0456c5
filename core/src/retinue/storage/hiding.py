"""Names of hidden fields: what hiding one field hides beside it, and what of it stands in one table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from retinue.storage.declare import MODELS, fields_of


@lru_cache(maxsize=1024)
def hidden_in(hidden: frozenset[str], table: str) -> frozenset[str]:
    """Return the names in `table` among `hidden` ones of all tables, a custom field as ``custom.<key>``."""
    return frozenset(name.removeprefix(f"{table}.") for name in hidden if name.startswith(f"{table}."))


def hidden_names(given: Iterable[str]) -> frozenset[str]:
    """Return every name that hiding the fields `given` hides: what they mean, and what follows from them."""
    hidden = {name for field_name in given for name in _meanings(field_name)}
    if hidden:
        for table, model in MODELS.items():
            for name, derived in model.__derived_from__.items():
                sources = (source if "." in source else f"{table}.{source}" for source in derived.sources)
                if not hidden.isdisjoint(sources):
                    hidden.add(f"{table}.{name}")
    return frozenset(hidden)


def _meanings(given: str) -> Iterable[str]:
    """Yield what a hidden field means: ``contact.revenue`` is the custom field where there is no such column."""
    yield given
    noun, _, name = given.partition(".")
    model = MODELS.get(noun)
    if (
        model is not None
        and "." not in name
        and "custom" in model.__table__.c
        and name not in fields_of(model)
    ):
        yield f"{noun}.custom.{name}"
