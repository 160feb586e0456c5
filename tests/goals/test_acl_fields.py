"""Hidden fields on every way: 0 of them shown, found by, counted by or copied (A2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from goal_kit import Goal
from sqlalchemy import (
    Integer,
    String,
    and_,
    asc,
    between,
    case,
    cast,
    desc,
    exists,
    func,
    literal,
    select,
    true,
    tuple_,
    type_coerce,
    union_all,
    update,
)  # fmt: skip
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Bundle, aliased, defer, load_only
from storage_kit import Undo, add_contact

from retinue.actor import Actor
from retinue.contacts.models import Contact
from retinue.errors import RetinueError
from retinue.interactions.models import Interaction
from retinue.storage import Database, Store
from retinue.testing.fixtures import person

pytestmark = pytest.mark.goal("acl-fields")
CANARY = "zcanary"
SECONDS = "7000"
"""The hidden number; looked for where it was put alone, for ciphertext in hexadecimal may have any four digits."""
Way = Callable[[Store, "Spot"], Any]


@dataclass(frozen=True)
class Spot:
    """A hidden value: its class, the expression that reads it, the attribute, and the name a role hides it by."""

    hidden: str
    model: type[Any]
    of: Callable[[Any], Any]
    attribute: str

    @property
    def sealed(self) -> bool:
        """Say whether the value lies in the row's blob."""
        return self.attribute in ("note", "body")

    @property
    def value(self) -> Any:
        """Return the expression on the class itself."""
        return self.of(self.model)

    @property
    def mark(self) -> Any:
        """Return an open column that tells which row it is."""
        return getattr(self.model, "kind" if self.model is Interaction else "job_title")


SPOTS = (
    Spot("contact.city", Contact, lambda c: c.city, "city"),
    Spot("contact.rev", Contact, lambda c: c.custom["rev"].as_string(), "custom"),
    Spot("contact.custom.rev", Contact, lambda c: c.custom["rev"].as_string(), "custom"),
    Spot("contact.note", Contact, lambda c: cast(c.sealed_data, String), "note"),
    Spot("contact.name", Contact, lambda c: c.search_text, "search_text"),
    Spot("contact.family_name", Contact, lambda c: c.name, "name"),
    Spot("contact.name", Contact, lambda c: c.sort_name, "sort_name"),
    Spot("interaction.duration", Interaction, lambda i: cast(i.duration, String), "duration"),
    Spot("interaction.body", Interaction, lambda i: cast(i.sealed_data, String), "body"),
)


def _sub(s: Spot) -> Any:
    return select(s.value.label("v")).subquery()


def _other(s: Spot) -> Any:
    return s.of(aliased(s.model))


SHOWS: dict[str, Callable[[Spot], Any]] = {
    "column": lambda s: select(s.value),
    "label": lambda s: select(s.value.label("x")),
    "cast": lambda s: select(cast(s.value, String)),
    "type coerced": lambda s: select(type_coerce(s.value, String)),
    "joined to text": lambda s: select(s.value + literal("!")),
    "function": lambda s: select(func.lower(s.value)),
    "coalesce": lambda s: select(func.coalesce(s.value, "")),
    "length": lambda s: select(func.nullif(func.length(s.value), 0)),
    "case": lambda s: select(case((s.value.is_not(None), CANARY), else_=None)),
    "largest": lambda s: select(func.max(s.value)),
    "count of values": lambda s: select(func.nullif(func.count(s.value), 0)),
    "count of distinct values": lambda s: select(func.nullif(func.count(s.value.distinct()), 0)),
    "alias": lambda s: select(_other(s)),
    "subquery": lambda s: select(_sub(s).c.v),
    "cte": lambda s: select(select(s.value.label("v")).cte().c.v),
    "scalar subquery": lambda s: select(select(func.max(s.value)).scalar_subquery()),
    "union": lambda s: union_all(select(s.value), select(_other(s))),
    "group": lambda s: select(s.value, func.count()).group_by(s.value),
    "window": lambda s: select(func.max(s.value).over()),
    "bundle": lambda s: select(Bundle("b", s.value, s.mark)),
    "distinct": lambda s: select(s.value).distinct(),
    "row": lambda s: select(func.coalesce(s.value, "-"), s.mark),
    "number": lambda s: select(func.nullif(cast(func.length(s.value), Integer), 0)),
}
FINDS: dict[str, Callable[[Spot], Any]] = {
    "equal": lambda s: s.value == CANARY,
    "like": lambda s: s.value.like("%canar%"),
    "starts": lambda s: s.value.startswith("zc"),
    "not null": lambda s: s.value.is_not(None),
    "between": lambda s: between(s.value, "a", "zz"),
    "among": lambda s: s.value.in_([CANARY, "x"]),
    "in a subquery": lambda s: s.value.in_(select(_other(s))),
    "exists": lambda s: exists(select(1).where(s.value > "")),
    "row value": lambda s: tuple_(s.value, s.mark).in_([(CANARY, "marked")]),
    "correlated": lambda s: select(func.count(s.value)).scalar_subquery() > 0,
}


def _cells() -> Iterator[tuple[str, Spot, Way]]:
    for spot in SPOTS:
        ways: dict[str, Way] = {
            **{name: lambda store, s, m=make: store.rows(m(s)) for name, make in SHOWS.items()},
            **{
                name: lambda store, s, c=condition: _found(store.count(select(s.model).where(c(s))))
                for name, condition in FINDS.items()
            },
            **OTHER,
        }
        for name, way in ways.items():
            if not (spot.sealed and name in TELL_THAT_IT_IS_THERE):
                yield f"{spot.hidden}: {name}", spot, way


def _found(count: int) -> str:
    return CANARY if count else ""


def _ordered(direction: Any) -> Way:
    """Two rows whose hidden values differ: an order by them must not differ from the order by id."""

    def look(store: Store, s: Spot) -> Any:
        wanted = store.scalars(select(s.model.id).order_by(direction(s.value), s.model.id))
        plain = store.scalars(select(s.model.id).order_by(s.model.id))
        return CANARY if wanted != plain else ""

    return look


def _attribute(*options: Any) -> Way:
    def look(store: Store, s: Spot) -> Any:
        rows = store.scalars(select(s.model).options(*(option(s) for option in options)))
        return [getattr(row, s.attribute) for row in rows]

    return look


def _refreshed(store: Store, s: Spot) -> Any:
    rows = store.scalars(select(s.model))
    for row in rows:
        store.session.refresh(row)
    return [getattr(row, s.attribute) for row in rows]


def _copied(store: Store, s: Spot) -> Any:
    """Copied into an open column, and read from there."""
    mark = s.mark
    store.session.execute(update(s.model).values({mark: s.value}))
    return store.scalars(select(mark))


def _copied_from_a_subquery(store: Store, s: Spot) -> Any:
    inner = select(func.max(_other(s))).scalar_subquery()
    store.session.execute(update(s.model).values({s.mark: func.coalesce(inner, "-")}))
    return store.scalars(select(s.mark))


def _returned(store: Store, s: Spot) -> Any:
    done = update(s.model).values({s.mark: "x"}).returning(s.value)
    return store.session.execute(done, execution_options={"synchronize_session": False}).all()


def _changed_where(store: Store, s: Spot) -> Any:
    done = update(s.model).where(s.value.is_not(None)).values({s.mark: "x"})
    return _found(store.session.execute(done, execution_options={"synchronize_session": False}).rowcount)


def _changed_in_order(store: Store, s: Spot) -> Any:
    store.session.execute(update(s.model).ordered_values((s.mark, s.value)))
    return store.scalars(select(s.mark))


def _core_row(store: Store, s: Spot) -> Any:
    rows = store.rows(select(s.model.__table__))
    return [row._mapping["sealed_data" if s.sealed else s.attribute] for row in rows]


def _opened(store: Store, s: Spot) -> Any:
    table = s.model.__table__
    subject = table.c.id if s.model is Contact else table.c.contact_id
    values = store.open_sealed(table.name, store.rows(select(table.c.id, subject, table.c.sealed_data)))
    return [v.get(s.attribute) for v in values]


def _joined(store: Store, s: Spot) -> Any:
    a = aliased(s.model)
    return _found(store.count(select(a.id).join(s.model, and_(s.of(a) == s.value, true()))))


OTHER: dict[str, Way] = {
    "ordered": _ordered(asc),
    "ordered downwards": _ordered(desc),
    "entity": _attribute(),
    "entity, column asked for": _attribute(lambda s: load_only(s.model.id)),
    "entity, deferred": _attribute(lambda s: defer(s.model.id, raiseload=False)),
    "refreshed": _refreshed,
    "core row": _core_row,
    "opened": _opened,
    "joined on": _joined,
    "copied": _copied,
    "copied from a subquery": _copied_from_a_subquery,
    "returned": _returned,
    "changed where": _changed_where,
    "changed in order": _changed_in_order,
}


TELL_THAT_IT_IS_THERE = {*FINDS, "case", "ordered", "ordered downwards", "joined on", "changed where"}
"""Of what is sealed these see the ciphertext: that there is some is no secret, what it says is."""


@pytest.fixture
def planted(database: Database) -> UUID:
    """Two contacts with an interaction each: the earlier one's values come later in the alphabet."""
    ids: list[UUID] = []
    with database.store(Actor.system("plant")) as store:
        for place, word in enumerate((CANARY, "yother")):
            values = {"city": word, "family_name": word, "note": word, "emails": [{"value": f"{word}@x.cz"}]}
            contact = add_contact(store, word, job_title="marked", custom={"rev": word}, **values)
            entry = Interaction(
                contact_id=contact.id, kind="note", at=store.now, created_at=store.now, body=word
            )
            entry.duration = int(SECONDS) - place
            store.add(entry)
            ids.append(contact.id)
    return ids[0]


def test_no_way_shows_finds_orders_or_copies_by_a_hidden_field(
    database: Database, planted: UUID, goal: Goal
) -> None:
    """A2: 47 ways for each class of field: open, custom, sealed, derived, of a child; 0 tell anything."""
    shown, cells = [], 0
    for name, spot, look in _cells():
        clerk = person("contact.read", "contact.change", hidden_fields=frozenset({spot.hidden}))
        cells += 1
        try:
            with database.store(clerk) as store:
                found = look(store, spot)
                told = (CANARY, SECONDS) if spot.attribute == "duration" else (CANARY,)
                if any(word in repr(found) for word in told):
                    shown.append(f"{name}: {found!r:.200}")
                raise Undo
        except (Undo, RetinueError, SQLAlchemyError):
            pass
    goal.at_least(f"{database.kind}: cells, field by way", cells, 36 * (len(SPOTS) - 2))
    goal.none_of(f"{database.kind}: cells that tell a hidden value", shown)


# ---- the same fields seen through the API ---------------------------------------------------------------------------
FIELDS = {
    "contact.city": {"city": CANARY},
    "contact.family_name": {"family_name": CANARY},
    "contact.name": {"name": CANARY, "kind": "organisation"},
    "contact.emails": {"emails": [{"value": f"{CANARY}@example.com"}]},
    "contact.phones": {"phones": [{"value": "+420777123456"}]},
    "contact.note": {"note": CANARY},
    "contact.birth_date": {"birth_date": "1977-03-04"},
    "contact.rev": {"custom": {"rev": CANARY}},
    "interaction.body": {},
}
TELLING = (CANARY, "420777123456", "777 123 456", "1977-03-04", "03-04")


def test_no_answer_of_the_api_tells_a_hidden_field(crm: Any, goal: Goal) -> None:
    """A2: every reading route, filters, sorts, searches, duplicates, audit and history; 0 tell anything."""
    admin = crm.user().client
    assert admin.post("/custom-fields", {"key": "rev", "label": "Rev", "kind": "text"}).status_code == 201
    asked, told = 0, []
    for field in FIELDS:
        count, found = _ask(crm, admin, field)
        asked, told = asked + count, told + found
    goal.at_least(f"{crm.house.database.kind}: answers of the API looked at", asked, 30 * len(FIELDS))
    goal.none_of(f"{crm.house.database.kind}: those that tell a hidden field", told)


def _ask(crm: Any, admin: Any, field: str) -> tuple[int, list[str]]:
    """Plant a value in one field, hide it from a clerk, let the clerk ask everything; return (answers, faults)."""
    draft = {"given_name": "Ada", **FIELDS[field]}
    contact = admin.post("/contacts", draft)
    assert contact.status_code == 201, contact.text
    contact_id = contact.json()["id"]
    body = {"kind": "note", "body": CANARY if field == "interaction.body" else "call"}
    assert admin.post(f"/contacts/{contact_id}/interactions", body).status_code == 201
    clerk = crm.user("all", hidden_fields=[field]).client
    told: list[str] = []
    asked = 0
    for path in _reading_paths(crm, contact_id, field):
        answer = clerk.get(path)
        asked += 1
        assert answer.status_code < 500, f"{path}: {answer.text}"
        if any(word in answer.text for word in TELLING) or (
            "found" in path and answer.status_code == 200 and contact_id in answer.text
        ):
            told.append(f"{field}: GET {path}: {answer.text[:300]}")
    told += [f"{field}: {text}" for text in _told_by_changing(clerk, contact_id, field)]
    listed = clerk.get("/contacts")
    assert listed.status_code == 200, "the list must go on working for whoever may not see a field"
    assert contact_id in listed.text
    _remove(crm, admin, contact_id)
    return asked, told


def _remove(crm: Any, admin: Any, contact_id: str) -> None:
    """Take the contact away for good, so that the next one's value is told by nobody else."""
    assert admin.delete(f"/contacts/{contact_id}").status_code == 204
    with crm.store() as store:
        raw = store.raw("end of a test")
        raw.remove(raw.get(Contact, UUID(contact_id)))


def _reading_paths(crm: Any, contact_id: str, field: str) -> Iterator[str]:
    document = crm.nobody.get("/openapi.json").json()
    for path, item in document["paths"].items():
        if "get" in item and "{" not in path.replace("{contact_id}", ""):
            yield path.removeprefix("/api/v1").replace("{contact_id}", contact_id)
    name = field.partition(".")[2]
    if field.startswith("contact."):
        yield f"/contacts?fields={name},id"
        for test in (f"{name}={CANARY}", f"{name}__contains=canar", f"sort={name}"):
            yield f"/contacts?{test}#found"
        tried = {"emails": ("email", f"{CANARY}@example.com"), "phones": ("phone", "%2B420777123456")}
        if name in tried:
            key, value = tried[name]
            yield f"/contacts?{key}={value}#found"
            yield f"/contacts/search?q={value}#found"
        elif name not in ("note", "birth_date", "rev"):
            yield f"/contacts/search?q={CANARY}#found"
            yield f"/contacts?q={CANARY}#found"
        if name == "birth_date":
            yield "/contacts?age__gte=40#found"


def _told_by_changing(clerk: Any, contact_id: str, field: str) -> Iterator[str]:
    """The answers to changes, and the oracle of duplicates."""
    current = clerk.get(f"/contacts/{contact_id}")
    answers = [
        clerk.patch(f"/contacts/{contact_id}", {"job_title": "Chief", "version": current.json()["version"]}),
        clerk.patch(f"/contacts/{contact_id}", {"job_title": "late", "version": 1}),
        clerk.patch(f"/contacts/{contact_id}", {"bogus": 1}),
    ]
    if field in ("contact.emails", "contact.phones"):
        double = clerk.post("/contacts", {"given_name": "Eve", **FIELDS[field]})
        if contact_id in double.text:
            yield f"duplicates name the holder: {double.text}"
        else:
            clerk.delete(f"/contacts/{double.json()['id']}")
        return
    for answer in answers:
        if any(word in answer.text for word in TELLING):
            yield answer.text[:300]


def test_values_derived_from_a_hidden_field_survive_its_writers(crm: Any) -> None:
    """A2: who cannot see the city changes the title: the search by city, and the undo, stay whole."""
    admin = crm.user().client
    made = admin.post("/contacts", {"given_name": "Ada", "family_name": "Byron", "city": "Brno"}).json()
    clerk = crm.user("all", hidden_fields=["contact.city", "contact.family_name"]).client
    changed = clerk.patch(f"/contacts/{made['id']}", {"given_name": "Augusta", "job_title": "Countess"})
    assert changed.status_code == 200, changed.text
    assert "name" not in changed.json()
    seen = admin.get(f"/contacts/{made['id']}").json()
    assert (seen["name"], seen["city"]) == ("Augusta Byron", "Brno")
    assert [c["id"] for c in admin.get("/contacts/search?q=brno byron countess").json()] == [made["id"]]
    last = admin.get(f"/audit?contact_id={made['id']}").json()["items"][0]
    assert last["values"]["name"] == ["Ada Byron", "Augusta Byron"]
    assert admin.post(f"/change-sets/{last['change_set_id']}/revert").status_code in (200, 201)
    assert admin.get(f"/contacts/{made['id']}").json()["name"] == "Ada Byron"
