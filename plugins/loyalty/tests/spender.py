"""One process of a storm: opens the installation in a folder and spends or refunds until told otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from retinue.actor import Actor
from retinue.app import open_house
from retinue.config import Config
from retinue.errors import Conflict, Unavailable
from retinue_loyalty import members, service
from retinue_loyalty.accounts import find_accounts
from retinue_orders.models import Order
from retinue_orders.service import refund_order


def spend(house: object, programme: UUID, member: UUID, name: str, tries: int) -> None:
    """Spend one point `tries` times and print how many were taken, refused, and the lowest balance seen."""
    taken = refused = 0
    lowest = 10**9
    for number in range(tries):
        draft = {"contact_id": member, "points": 1, "key": f"{name}-{number}"}
        while True:
            try:
                with house.store(Actor.system(name)) as store:  # type: ignore[attr-defined]  # a house
                    service.redeem_points(store, programme, draft)
                taken += 1
            except Conflict:
                refused += 1
            except Unavailable:
                continue
            break
        with house.store(Actor.system(name), readonly=True) as store:  # type: ignore[attr-defined]  # as above
            account = find_accounts(store, programme, [member])[member]
            lowest = min(lowest, members.balance_of(store, [account], store.now)["balance"])
    print(taken, refused, lowest)  # noqa: T201  # what the parent reads


def refund(house: object, name: str, parts: int) -> None:
    """Refund every order in parts, from the front or the back, again and again under the same keys."""
    with house.store(Actor.system(name), readonly=True) as store:  # type: ignore[attr-defined]  # a house
        ids = store.scalars(select(Order.id).order_by(Order.id))
    for order_id in ids if name < "m" else reversed(ids):
        for part in range(parts):
            while True:
                try:
                    with house.store(Actor.system(name)) as store:  # type: ignore[attr-defined]  # as above
                        refund_order(store, order_id, {"key": f"part-{part}", "amount_minor": 333})
                except Unavailable:
                    continue
                break
    print("done")  # noqa: T201  # as above


def main() -> None:
    """Do what the arguments say."""
    what, folder, url, name, *rest = sys.argv[1:]
    config = Config.for_folder(Path(folder), dict(os.environ), database={"url": url})
    with open_house(config) as house:
        if what == "spend":
            spend(house, UUID(rest[0]), UUID(rest[1]), name, int(rest[2]))
        else:
            refund(house, name, int(rest[0]))


if __name__ == "__main__":
    main()
