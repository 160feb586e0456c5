"""Catching up: sales and returns that this plugin was not told of, or failed over, are posted after all, each once.

A listener that fails does not stop an order, so an order may stand without its points. Whoever sells is asked what
changed lately, and what the ledger lacks by its keys is taken in, with the moment it happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from retinue import Store
from retinue.jobs import DONE, BatchJob, RunningJob
from retinue_loyalty import hookspecs
from retinue_loyalty.accounts import system_of
from retinue_loyalty.programmes import read_schemes
from retinue_loyalty.purchases import (
    Return,
    Sale,
    complete_purchases,
    counts,
    known_purchases,
    known_returns,
    take_returns,
    take_sales,
)

LOOKBACK = timedelta(days=7)
"""How far back the job of the hour looks, by when an order last changed."""
EVER = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = 500


@dataclass(slots=True)
class Gap:
    """What the ledger lacks of one page of sales; `cursor` is where the next begins, empty at the end."""

    cursor: str = ""
    looked: int = 0
    sales: list[Sale] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return how many deeds are lacking."""
        return len(self.sales) + len(self.returns) + len(self.completed)


def read_gap(store: Store, since: datetime, after: str = "") -> Gap:
    """Return what is lacking of the next page of sales that changed since a moment."""
    store.require("points.earn")
    own = system_of(store)
    told: list[Mapping[str, Any]] = list(own.hooks.ask(hookspecs.sales_missed, own, since, after, PAGE))
    gap = Gap(cursor=str(told[-1]["cursor"]) if len(told) >= PAGE else "", looked=len(told))
    mine = [one for one in told if one["contact_id"] is not None]
    sales = {str(one["ref"]): _sale(one) for one in mine}
    returns = {ref: _returns(one) for one in mine if (ref := str(one["ref"]))}
    lacking, undone, open_refs = set[str](), dict[str, Return](), dict[str, None]()
    for scheme in read_schemes(own, active=True):
        ours = [ref for ref, sale in sales.items() if counts(scheme, sale)]
        known = known_purchases(own, scheme.id, ours)
        lacking.update(ref for ref in ours if ref not in known)
        keys = [one.key for ref in ours for one in returns[ref]]
        done = known_returns(own, scheme.id, keys)
        undone |= {one.key: one for ref in ours for one in returns[ref] if one.key not in done}
        arrived = [str(one["ref"]) for one in mine if one["completed"]]
        open_refs |= {ref: None for ref in arrived if ref in ours and not _is_closed(known.get(ref))}
    gap.sales = [sale for ref, sale in sales.items() if ref in lacking]
    gap.returns = list(undone.values())
    gap.completed = list(open_refs)
    return gap


def _is_closed(purchase: Any) -> bool:
    return purchase is not None and (purchase.completed or purchase.cancelled)


def _sale(told: Mapping[str, Any]) -> Sale:
    names = ("contact_id", "currency", "total_minor", "tax_minor", "shipping_minor", "paid_at", "told_at")
    return Sale(ref=str(told["ref"]), **{n: told[n] for n in names}, lines=tuple(map(tuple, told["lines"])))


def _returns(told: Mapping[str, Any]) -> list[Return]:
    ref = str(told["ref"])
    found = [Return(key, ref, at, amount) for key, at, amount in told["returns"]]
    if told["cancelled_at"] is not None:
        found.append(Return(f"cancel:{ref}", ref, told["cancelled_at"], None, cancels=True))
    return found


def catch_up(store: Store, since: datetime, after: str = "") -> Gap:
    """Take in what is lacking of the next page; returns it. Done twice, nothing happens twice."""
    gap = read_gap(store, since, after)
    if gap.sales:
        take_sales(store, gap.sales)
    if gap.returns:
        take_returns(store, gap.returns)
    if gap.completed:
        complete_purchases(store, gap.completed)
    return gap


def count_gap(store: Store, since: datetime | None = None) -> dict[str, int]:
    """Return how many sales, returns and arrivals of the last week, or since a moment, the ledger lacks."""
    return add_up(store, since or store.now - LOOKBACK, read_gap)


def add_up(store: Store, since: datetime, page: Any) -> dict[str, int]:
    """Go through all pages with one function and return what was found, in numbers."""
    found = {"looked": 0, "sales": 0, "returns": 0, "completed": 0}
    after, more = "", True
    while more:
        gap: Gap = page(store, since, after)
        for name, size in _sizes(gap):
            found[name] += size
        after, more = gap.cursor, bool(gap.cursor)
    return found


def _sizes(gap: Gap) -> Sequence[tuple[str, int]]:
    return (
        ("looked", gap.looked), ("sales", len(gap.sales)), ("returns", len(gap.returns)),
        ("completed", len(gap.completed)),
    )  # fmt: skip


class CatchUp(BatchJob):
    """The job of the hour: a page of the last week's sales at a time."""

    def step(self, store: Store, payload: dict[str, Any], state: Any, job: RunningJob) -> Any:
        """Take in what is lacking of the next page."""
        began = state or {"since": payload.get("since") or (store.now - LOOKBACK).isoformat(), "after": ""}
        gap = catch_up(store, datetime.fromisoformat(began["since"]), began["after"])
        done = began.get("done", 0) + gap.looked
        job.progress(done, None, f"{gap.size} made up for")
        return {**began, "after": gap.cursor, "done": done} if gap.cursor else DONE
