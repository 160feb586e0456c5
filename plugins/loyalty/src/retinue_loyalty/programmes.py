"""Programmes and their rules: data that people edit, kept as versions with the moment each is valid from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from marshmallow import ValidationError
from sqlalchemy import func, select

from retinue import Store, new_id
from retinue.errors import Conflict, Invalid, NotFound, Problem, Stale
from retinue_loyalty.models import ACTIVE, CLOSED, DRAFT, Programme, RuleVersion
from retinue_loyalty.rules import Rules, read_rules
from retinue_loyalty.schemas import ProgrammeDraftSchema

_KNOWN = "loyalty_schemes"
DRAFTS = ProgrammeDraftSchema()


@dataclass(frozen=True, slots=True)
class Version:
    """One version of rules, read."""

    number: int
    valid_from: datetime
    rules: Rules


@dataclass(frozen=True, slots=True)
class Scheme:
    """A programme with all its versions, oldest first."""

    id: UUID
    key: str
    name: str
    currency: str
    zone: str
    state: str
    active_from: datetime | None
    versions: tuple[Version, ...]

    def at(self, moment: datetime) -> Rules:
        """Return the rules in force at a moment; before the first version, the first."""
        found = [version for version in self.versions if version.valid_from <= moment]
        return (found[-1] if found else self.versions[0]).rules


_READ: dict[UUID, Rules] = {}
"""Rules by their version, which is never changed: read once by each process."""
_MOST_READ = 1000


def read_schemes(store: Store, *, only: UUID | None = None, active: bool = False) -> list[Scheme]:
    """Return the programmes with their rules, oldest first; asked for once in each transaction."""
    known: list[Scheme] | None = store.session.info.get(_KNOWN)
    if known is None:
        known = store.session.info[_KNOWN] = _read_all(store)
    return [
        scheme for scheme in known if only in (None, scheme.id) and (not active or scheme.state == ACTIVE)
    ]


_ALL = (
    select(
        *(Programme.id, Programme.key, Programme.name, Programme.currency, Programme.zone, Programme.state),
        Programme.active_from,
        *(RuleVersion.id, RuleVersion.number, RuleVersion.valid_from),
    )
    .join(RuleVersion, RuleVersion.programme_id == Programme.id)
    .order_by(Programme.id, RuleVersion.valid_from, RuleVersion.number)
)


def _read_all(store: Store) -> list[Scheme]:
    found: dict[UUID, tuple[tuple[Any, ...], list[Version]]] = {}
    rows = store.rows(_ALL)
    rules = _rules_of(store, [row[-3] for row in rows])
    for *facts, version_id, number, since in rows:
        _, versions = found.setdefault(facts[0], (tuple(facts), []))
        versions.append(Version(number, since, rules[version_id]))
    names = ("id", "key", "name", "currency", "zone", "state", "active_from")
    return [
        Scheme(**dict(zip(names, facts, strict=True)), versions=tuple(versions))
        for facts, versions in found.values()
    ]


def _rules_of(store: Store, version_ids: Sequence[UUID]) -> dict[UUID, Rules]:
    missing = [version_id for version_id in version_ids if version_id not in _READ]
    if missing:
        if len(_READ) > _MOST_READ:
            _READ.clear()
            missing = list(version_ids)
        chosen = select(RuleVersion.id, RuleVersion.rules).where(RuleVersion.id.in_(missing))
        _READ.update({version_id: read_rules(rules) for version_id, rules in store.rows(chosen)})
    return {version_id: _READ[version_id] for version_id in version_ids}


def get_scheme(store: Store, programme_id: UUID) -> Scheme:
    """Return one programme with its rules; raises NotFound for an unknown one."""
    found = read_schemes(store, only=programme_id)
    if not found:
        raise NotFound(f"programme {programme_id} does not exist")
    return found[0]


def active_scheme(store: Store, programme_id: UUID) -> Scheme:
    """Return a programme that takes points; raises Conflict for a draft or a closed one."""
    scheme = get_scheme(store, programme_id)
    if scheme.state != ACTIVE:
        raise Conflict(
            f"The programme {scheme.key} is {scheme.state}.",
            code="programme-state",
            remedy="Activate it first.",
        )
    return scheme


def list_programmes(store: Store) -> list[dict[str, Any]]:
    """Return all programmes with the rules in force."""
    store.require("programme.read")
    return [_shown(store, row) for row in store.scalars(select(Programme).order_by(Programme.id))]


def show_programme(store: Store, programme_id: UUID) -> dict[str, Any]:
    """Return one programme with the rules in force."""
    store.require("programme.read")
    return _shown(store, store.get(Programme, programme_id))


def list_versions(store: Store, programme_id: UUID) -> list[RuleVersion]:
    """Return the versions of a programme's rules, the newest first."""
    store.require("programme.read")
    store.get(Programme, programme_id)
    chosen = select(RuleVersion).where(RuleVersion.programme_id == programme_id)
    return store.scalars(chosen.order_by(RuleVersion.number.desc()))


def _shown(store: Store, programme: Programme) -> dict[str, Any]:
    names = ("id", "key", "name", "currency", "zone", "state", "created_at", "version")
    chosen = select(RuleVersion).where(RuleVersion.programme_id == programme.id)
    newest = store.first(chosen.order_by(RuleVersion.number.desc()).limit(1))
    return {
        **{name: getattr(programme, name) for name in names},
        "rules": newest.rules,
        "rules_number": newest.number,
        "rules_from": newest.valid_from,
    }


def create_programme(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Create a programme, a draft unless ``state`` says active; raises Conflict for a key that is taken."""
    store.require("programme.change")
    _check_zone(draft)
    read_rules(draft["rules"], "/rules")
    if store.first(select(Programme.id).where(Programme.key == draft["key"])) is not None:
        raise Conflict(f"There is a programme {draft['key']} already.", remedy="Name another key.")
    programme = Programme(id=new_id(), created_at=store.now, version=1, state=draft.get("state", DRAFT))
    programme.key, programme.name = draft["key"], draft["name"]
    programme.currency, programme.zone = draft["currency"], draft.get("zone", "UTC")
    programme.active_from = store.now if programme.state == ACTIVE else None
    store.add(programme)
    store.flush()
    _add_version(store, programme.id, draft["rules"], draft.get("rules_from") or store.now)
    return _shown(store, programme)


def import_programmes(store: Store, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Create active programmes of a file's rows, their rules as JSON text; a known one is ``unchanged``.

    Raises Invalid with a pointer per row and column, also for a known key that comes with other rules.
    """
    store.require("programme.change")
    known = {row.key: _shown(store, row)["rules"] for row in _rows(store, rows)}
    problems, drafts = list[Problem](), list[dict[str, Any] | None]()
    for place, row in enumerate(rows):
        try:
            draft = _imported(row)
            same = draft["key"] in known
            if same and dict(known[draft["key"]]) != draft["rules"]:
                problems.append(Problem(f"/{place}/key", "is taken by a programme with other rules", "taken"))
            known.setdefault(draft["key"], draft["rules"])
            drafts.append(None if same else draft)
        except Invalid as wrong:
            problems += [Problem(f"/{place}{p.pointer}", p.detail, p.code) for p in wrong.problems]
    if problems:
        raise Invalid("Programmes are not valid.", remedy="Correct what errors names.", problems=problems)
    for fresh in drafts:
        if fresh is not None:
            create_programme(store, fresh)
    return ["unchanged" if draft is None else "created" for draft in drafts]


def _rows(store: Store, rows: Sequence[Mapping[str, Any]]) -> list[Programme]:
    keys = [str(row.get("key") or "").strip() for row in rows]
    return store.scalars(select(Programme).where(Programme.key.in_(keys)))


def _imported(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a programme as a row of a file says it; raises Invalid with a pointer per column."""
    draft: dict[str, Any] = {
        n: str(row[n]).strip() for n in ("key", "name", "currency", "zone") if row.get(n)
    }
    try:
        draft["rules"] = msgspec.json.decode(str(row.get("rules") or "").encode())
        loaded: dict[str, Any] = DRAFTS.load({**draft, "state": ACTIVE})
    except msgspec.DecodeError as wrong:
        problem = Problem("/rules", f"is no JSON: {wrong}", "rules")
        raise Invalid("A programme is not valid.", problems=[problem]) from wrong
    except ValidationError as wrong:
        problems = [
            Problem(f"/{name}", str(said), "value") for name, said in dict(wrong.messages_dict).items()
        ]
        raise Invalid("A programme is not valid.", problems=problems) from wrong
    try:
        read_rules(loaded["rules"])
        _check_zone(loaded)
    except Invalid as wrong:
        problems = [
            p if p.pointer == "/zone" else Problem("/rules", f"{p.pointer} {p.detail}", p.code)
            for p in wrong.problems
        ]
        raise Invalid("A programme is not valid.", problems=problems) from wrong
    return {**loaded, **({"rules_from": row["rules_from"]} if row.get("rules_from") else {})}


def change_programme(
    store: Store, programme_id: UUID, changes: Mapping[str, Any], version: int | None = None
) -> dict[str, Any]:
    """Change name or state, and set new rules from a moment on; a closed programme stays closed."""
    store.require("programme.change")
    programme = store.get(Programme, programme_id, lock=True)
    if version is not None and version != programme.version:
        raise Stale(
            "Somebody changed the programme.",
            remedy="Read it again.",
            extra={"current": _shown(store, programme)},
        )
    if programme.state == CLOSED:
        raise Conflict(f"The programme {programme.key} is closed.", code="programme-state")
    for name in ("name", "state"):
        if name in changes and changes[name] != getattr(programme, name):
            setattr(programme, name, changes[name])
    if programme.state == ACTIVE and programme.active_from is None:
        programme.active_from = store.now
    if "rules" in changes:
        read_rules(changes["rules"], "/rules")
        _add_version(store, programme.id, changes["rules"], changes.get("rules_from") or store.now)
    programme.version += 1
    store.flush()
    _forget(store)
    return _shown(store, programme)


def _add_version(store: Store, programme_id: UUID, rules: Mapping[str, Any], since: datetime) -> None:
    chosen = select(func.max(RuleVersion.number)).where(RuleVersion.programme_id == programme_id)
    number = (store.scalar(chosen) or 0) + 1
    row = RuleVersion(id=new_id(), programme_id=programme_id, number=number, valid_from=since)
    row.rules, row.created_at = dict(rules), store.now
    store.add(row)
    store.flush()
    _forget(store)


def _forget(store: Store) -> None:
    """Have the programmes read anew, by this store and the system's within the same transaction."""
    for one in (store, store.system("loyalty")):
        one.session.info.pop(_KNOWN, None)


def _check_zone(draft: Mapping[str, Any]) -> None:
    try:
        ZoneInfo(draft.get("zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = Problem("/zone", "is no time zone; write it as Europe/Prague", "zone")
        raise Invalid("The programme is not valid.", problems=[problem]) from None


def keys_of(schemes: Sequence[Scheme]) -> dict[str, Scheme]:
    """Return programmes by their key."""
    return {scheme.key: scheme for scheme in schemes}
