"""Access sets: every distinct (owner, team, shares) is one row, and a contact carries its id.

So "which contacts may I see" is one short list of ids, resolved once per transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Select, String, bindparam, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped

from retinue.actor import Actor, Reach
from retinue.errors import Invalid, Problem
from retinue.storage.among import Among, Packed
from retinue.storage.declare import Access, Base, field, json_type, key

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

Right = Literal["read", "write"]


class AccessSet(Base):
    """One distinct combination of owner, team and shares."""

    __tablename__ = "access_set"
    __access__ = Access.system()
    __audited__ = (
        False  # a derived value: the contact's own change of owner, team or shares is what is audited
    )

    id: Mapped[int] = field(BigInteger, label="Access set", primary_key=True, autoincrement=False)
    content: Mapped[dict[str, Any]] = field(json_type(), label="Owner, team and shares", nullable=False)


class AccessReader(Base):
    """Who reaches an access set, and as what."""

    __tablename__ = "access_reader"
    __access__ = Access.system()
    __audited__ = False  # follows from access_set

    id: Mapped[UUID] = key()
    access_id: Mapped[int] = field(BigInteger, label="Access set", nullable=False, index=True)
    principal: Mapped[str] = field(String(34), label="Who: a: account, t: team", nullable=False, index=True)
    role: Mapped[str] = field(String(8), label="owner, team, read or write", nullable=False)


@dataclass(frozen=True, slots=True)
class Share:
    """A right on a contact given to one account or one team beside its owner's."""

    kind: Literal["account", "team"]
    id: UUID
    right: Right = "read"

    @property
    def principal(self) -> str:
        """Return the short form used as a key."""
        return f"{self.kind[0]}:{self.id.hex}"


def set_content(owner: UUID | None, team: UUID | None, shares: Iterable[Share] = ()) -> dict[str, Any]:
    """Return the canonical content of an access set: same people, same content, same id."""
    return {
        "owner": owner.hex if owner else None,
        "team": team.hex if team else None,
        "shares": sorted({(s.principal, s.right) for s in shares}),
    }


def parse_shares(content: dict[str, Any]) -> list[Share]:
    """Return the shares of a set's content."""
    kinds: dict[str, Literal["account", "team"]] = {"a": "account", "t": "team"}
    return [Share(kinds[p[0]], UUID(p[2:]), right) for p, right in content["shares"]]


def _readers(content: dict[str, Any]) -> list[tuple[str, str]]:
    found = [(p, right) for p, right in content["shares"]]
    if content["owner"]:
        found.append((f"a:{content['owner']}", "owner"))
    if content["team"]:
        found.append((f"t:{content['team']}", "team"))
    return found


def ensure_set(connection: Connection, content: dict[str, Any]) -> int:
    """Return the id of the access set with `content`, making it if it is new.

    The id is 63 bits of a hash of the content; should two contents ever share one, the second is salted.
    """
    if len(content["shares"]) > 200:
        raise Invalid(
            "too many shares", problems=[Problem("/shares", "at most 200; share with a team instead")]
        )
    plain = msgspec.json.decode(msgspec.json.encode(content))
    for salt in range(8):
        digest = hashlib.blake2b(
            msgspec.json.encode([plain, salt] if salt else plain, order="sorted"), digest_size=8
        )
        access_id = int.from_bytes(digest.digest(), "big") >> 1
        known = connection.scalar(select(AccessSet.content).where(AccessSet.id == access_id))
        if known is None:
            _insert_set(connection, access_id, plain)
            return access_id
        if known == plain:
            return access_id
    raise AssertionError("eight hash collisions in a row")


def _insert_set(connection: Connection, access_id: int, content: dict[str, Any]) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    made = connection.execute(
        dialect.insert(AccessSet).values(id=access_id, content=content).on_conflict_do_nothing()
    ).rowcount
    if made:
        rows = [{"access_id": access_id, "principal": p, "role": role} for p, role in _readers(content)]
        if rows:
            connection.execute(insert(AccessReader), rows)


def readable_sets(actor: Actor, reach: Reach, *, write: bool = False) -> Select[Any] | None:
    """Return the select of the access ids within `reach`; None when everything or nothing is."""
    if reach in (Reach.ALL, Reach.NONE) or actor.id is None:
        return None
    me, teams = f"a:{actor.id.hex}", [f"t:{t.hex}" for t in actor.team_ids]
    shared = ("write",) if write else ("read", "write")
    mine = AccessReader.principal == me
    if write:
        mine &= AccessReader.role.in_(("owner", "write"))
    team_roles = (*shared, "team") if reach is Reach.TEAM else shared
    ours = AccessReader.principal.in_(teams) & AccessReader.role.in_(team_roles)
    return select(AccessReader.access_id).where(or_(mine, ours) if teams else mine)


@dataclass(frozen=True, slots=True)
class Sets:
    """The access sets an actor reads and writes."""

    readable: AbstractSet[int]
    writable: AbstractSet[int]


_who: Any = bindparam("who", type_=Packed(String(34)))
_REACHED: Final = select(AccessReader.access_id, AccessReader.principal, AccessReader.role).where(
    Among(AccessReader.__table__.c.principal, _who)
)
_REACHED_APART: Final = _REACHED.where(AccessReader.role != "team")


def resolve_sets(connection: Connection, actor: Actor, read: Reach, write: Reach) -> Sets:
    """Return what `readable_sets` selects for both reaches, with one ready statement for all actors."""
    limited = {reach for reach in (read, write) if reach not in (Reach.ALL, Reach.NONE)}
    if not limited or actor.id is None:
        return Sets(frozenset(), frozenset())
    me = f"a:{actor.id.hex}"
    statement = _REACHED if Reach.TEAM in limited else _REACHED_APART
    who = (me, *(f"t:{team.hex}" for team in actor.team_ids))
    rows = connection.execute(statement, {"who": who}).all()
    roles_read = {"read", "write", "team"} if read is Reach.TEAM else {"read", "write"}
    roles_write = {"write", "team"} if write is Reach.TEAM else {"write"}
    readable = (
        {i for i, whom, role in rows if whom == me or role in roles_read} if read in limited else frozenset()
    )
    mine = ("owner", "write")
    writable = (
        {i for i, whom, role in rows if role in (mine if whom == me else roles_write)}
        if write in limited
        else frozenset()
    )
    return Sets(readable, writable)


def is_within(content: dict[str, Any], actor: Actor, reach: Reach) -> bool:
    """Say whether rows with `content` lie within `reach` of `actor`: own rows, or rows of own teams."""
    if reach is Reach.ALL:
        return True
    own = actor.id is not None and content["owner"] == actor.id.hex
    team = reach is Reach.TEAM and content["team"] in {t.hex for t in actor.team_ids}
    return reach is not Reach.NONE and (own or team)
