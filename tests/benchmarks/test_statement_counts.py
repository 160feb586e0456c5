"""A fast guard beside the benchmarks: the statements of a page or a batch do not grow with its rows.

What goes straight through the driver (the rows of a batch) is not seen here; it is one call for each table.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench_kit import PERMISSIONS, read_drafts, write_csv
from sqlalchemy import event

from retinue.contacts.service import create_contacts
from retinue.testing.house import Crm, User

MOST_FOR_A_LIST = 10
MOST_FOR_A_BATCH = 20


@contextmanager
def _counted(crm: Crm) -> Iterator[list[str]]:
    """Yield the list of statements that run meanwhile, in the data and in the key store."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    engines = (crm.house.database.engine, crm.house.database.keys.engine)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def _fill(crm: Crm, user: User, start: int, count: int) -> int:
    """Create contacts in one batch; return the number of statements."""
    drafts = [draft for part in read_drafts(write_csv(start, count)) for draft in part]
    with _counted(crm) as seen, crm.store(user.actor) as store:
        create_contacts(store, drafts)
    return len(seen)


def _list(crm: Crm, user: User, limit: int) -> int:
    """Read a page as that user, from a cold key cache; return the number of statements."""
    crm.house.database.keys._cache.clear()
    with _counted(crm) as seen:
        answer = user.client.get(f"/contacts?country=CZ&sort=name&limit={limit}")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["items"]) == limit
    return len(seen)


def test_a_batch_takes_as_many_statements_for_ninety_as_for_nine_hundred(crm: Crm) -> None:
    user = crm.user(PERMISSIONS, team="sales")
    _fill(crm, user, 0, 10)  # the first batch makes the access set and the tag
    few, many = _fill(crm, user, 100, 90), _fill(crm, user, 1000, 900)
    assert few == many
    assert many <= MOST_FOR_A_BATCH


def test_a_list_takes_as_many_statements_for_five_rows_as_for_fifty(crm: Crm) -> None:
    user = crm.user(PERMISSIONS, team="sales")
    _fill(crm, user, 0, 120)
    _list(crm, user, 2)  # the first use of a token is noted
    few, many = _list(crm, user, 5), _list(crm, user, 50)
    assert few == many
    assert many <= MOST_FOR_A_LIST
