"""The Store: one transaction for one actor, and the only door to the rows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import Connection, Delete, Row, Select, Update, func, select
from sqlalchemy.orm import Session

from retinue.actor import Actor, Reach
from retinue.errors import Denied, Misconfigured, NotFound
from retinue.storage import bulk
from retinue.storage.audit import Auditor, Change
from retinue.storage.flushing import check_visible
from retinue.storage.opening import open_blobs, unseal_rows
from retinue.storage.ports import Enqueue, NoHooks, check_grant, is_granted, opener_of
from retinue.storage.scoping import scope_of
from retinue.storage.sealing import make_token
from retinue.storage.sets import (
    AccessSet,
    Share,
    ensure_set,
    is_within,
    readable_sets,
    resolve_sets,
    set_content,
)

if TYPE_CHECKING:
    from retinue.storage.database import Database, Kind

T = TypeVar("T")


class Store:
    """One transaction for one actor: permission, row scope, sealing, audit, jobs, hooks.

    Made by `Database.store`. Nobody commits: the edge does, when the block ends without an exception. `declared`
    holds what the enabled plugins contribute that rooms must know, such as ``interaction_kinds``.
    """

    def __init__(
        self,
        database: Database,
        connection: Connection,
        actor: Actor,
        *,
        readonly: bool = False,
        hooks: Any = None,
        jobs: Enqueue | None = None,
        declared: Mapping[str, Any] | None = None,
        parent: Store | None = None,
        raw: bool = False,
        legal: bool = False,
    ) -> None:
        self.database, self.actor, self.readonly, self.is_legal = database, actor, readonly, legal
        self.keys, self.hooks, self._jobs = database.keys, hooks or NoHooks(), jobs
        self.declared: Mapping[str, Any] = declared or {}
        self._answering: tuple[str | None, str | None] = (None, None)
        self.now: datetime = parent.now if parent else datetime.now(UTC)
        self.author: Actor = parent.author if parent else actor
        self._base, self._parent = connection, parent
        self.scope = scope_of(actor, raw=raw, restricted=legal)
        self.session = Session(
            bind=database.speak(connection, self.scope),
            expire_on_commit=False,
            join_transaction_mode="rollback_only",
            info={"store": self},
        )
        self._children: dict[str, Store] = {}
        self.shredding: list[UUID] = parent.shredding if parent else []
        self.auditor: Auditor = parent.auditor if parent else Auditor(self)
        if self.scope.variant.read_scoped or self.scope.variant.write_scoped:
            self._resolve_scope()

    def _resolve_scope(self) -> None:
        actor, scope = self.actor, self.scope
        read, write = actor.reach("contact.read"), actor.reach("contact.change")
        rights = resolve_sets(self.raw_connection(), actor, read, write)
        scope.readable.update(rights.readable)
        scope.writable.update(rights.readable if write is Reach.ALL else rights.writable)

    @property
    def plugin(self) -> str | None:
        """The plugin whose code runs now; the audit names it, through whichever store of the transaction it writes."""
        return self._root._answering[0]

    @plugin.setter
    def plugin(self, name: str | None) -> None:
        self._root._answering = (name, self._root._answering[1])

    @property
    def hook(self) -> str | None:
        """The hook that is being answered now, for the audit."""
        return self._root._answering[1]

    @hook.setter
    def hook(self, name: str | None) -> None:
        self._root._answering = (self._root._answering[0], name)

    @property
    def _root(self) -> Store:
        return self._parent or self

    # ---- rights ----------------------------------------------------------------------------------------------
    @property
    def database_kind(self) -> Kind:
        """Which database this is: ``sqlite`` or ``postgresql``."""
        return self.database.kind

    @property
    def change_set_id(self) -> UUID:
        """The change set that this transaction's audit entries belong to."""
        return self.auditor.change_set_id

    def settings(self, plugin: str) -> Any:
        """Return what is set for `plugin`, typed, with its defaults, by name; raises NotFound if it is off."""
        return self.declared["settings"](self, plugin)

    def may(self, permission: str) -> bool:
        """Say whether the actor holds `permission`, however far it reaches."""
        return self.actor.may(permission) and is_granted(self, permission)

    def require(self, permission: str, *contacts: Any) -> Reach:
        """Return how far `permission` reaches; raises Denied without it, or if one of `contacts` lies beyond."""
        reach = self.actor.reach(permission)
        if reach is Reach.NONE:
            raise Denied(
                f"you lack the permission {permission}", code="permission", extra={"permission": permission}
            )
        check_grant(self, permission)
        if contacts and reach is not Reach.ALL:
            self._require_within(permission, reach, contacts)
        self.watch(permission, *contacts)
        return reach

    def watch(self, deed: str, *subjects: Any) -> None:
        """Let whoever watches over delicate deeds look at this one; raises Denied if proof or a second person lacks.

        `require` does it with every permission. A service names a deed that is finer than its permission, and
        `subjects`, rows or ids, that an approval is bound to.
        """
        watch = self.declared.get("watch")
        if watch is not None:
            watch(self, deed, subjects)

    def _require_within(self, permission: str, reach: Reach, contacts: Sequence[Any]) -> None:
        access_ids = {contact.access_id for contact in contacts}
        statement = readable_sets(self.actor, reach, write=True)
        within = set() if statement is None else set(self.raw_connection().scalars(statement))
        within |= self.scope.writable if permission == "contact.change" else set()
        if access_ids - within - self._made_here:
            words = f"your permission {permission} does not reach this contact"
            raise Denied(words, code="permission", extra={"permission": permission})

    @property
    def _made_here(self) -> set[int]:
        return cast("set[int]", self.session.info.setdefault("made_sets", set()))

    def access_set(self, owner: UUID | None, team: UUID | None, shares: Iterable[Share] = ()) -> int:
        """Return the id of the access set for an owner, a team and shares, made if new."""
        content = set_content(owner, team, shares)
        access_id = ensure_set(self.raw_connection(), content)
        if is_within(content, self.actor, self.actor.reach("contact.read")):
            self.scope.admit(access_id)
            self._made_here.add(access_id)
        return access_id

    def access_content(self, access_id: int) -> dict[str, Any]:
        """Return owner, team and shares of an access set."""
        content = self.raw_connection().scalar(select(AccessSet.content).where(AccessSet.id == access_id))
        return content or set_content(None, None)

    # ---- reading ---------------------------------------------------------------------------------------------
    def find(self, model: type[T], row_id: Any, *, lock: bool = False) -> T | None:
        """Return a row by its id, or None if it does not exist for this actor; `lock` holds it against others."""
        return self.session.get(
            model, row_id, with_for_update=True if lock and self.database_kind == "postgresql" else None
        )

    def get(self, model: type[T], row_id: Any, *, lock: bool = False) -> T:
        """Return a row by its id; raises NotFound if it does not exist, which includes out of scope."""
        row = self.find(model, row_id, lock=lock)
        if row is None:
            raise NotFound(
                f"{getattr(model, '__noun__', model.__name__).replace('_', ' ')} {row_id} does not exist"
            )
        return row

    def scalars(self, statement: Select[Any]) -> list[Any]:
        """Return the first column of each row: entities for ``select(Model)``."""
        return list(self.session.scalars(statement))

    def rows(self, statement: Any, **values: Any) -> Sequence[Any]:
        """Return all rows of a select; `values` are those of its own bound parameters, by name."""
        return self.session.execute(statement, values).all()

    def first(self, statement: Select[Any]) -> Any:
        """Return the first column of the first row, or None."""
        return self.session.scalars(statement).first()

    def scalar(self, statement: Select[Any]) -> Any:
        """Return the one value of a select, or None."""
        return self.session.scalar(statement)

    def count(self, statement: Select[Any], cap: int | None = None) -> int:
        """Return how many rows `statement` gives, counting no further than `cap`."""
        inner = statement.order_by(None).limit(cap)
        return int(self.session.scalar(select(func.count()).select_from(inner.subquery())) or 0)

    def stream(self, statement: Any, size: int = 1000) -> Iterator[Sequence[Row[Any]]]:
        """Yield the rows of a select in lists of `size`, keeping only one list in memory."""
        self.database.hold(self._base)
        options = {"yield_per": size, "stream_results": True}
        with self.session.execute(statement, execution_options=options) as result:  # closed if left half-way
            yield from result.partitions(size)

    # ---- writing ---------------------------------------------------------------------------------------------
    def add(self, *rows: Any) -> None:
        """Add new rows; they are checked, sealed and audited at the next flush."""
        self.session.add_all(rows)

    def remove(self, row: Any) -> None:
        """Delete a row at the next flush; the audit keeps its values."""
        self.session.delete(row)

    def flush(self) -> None:
        """Send pending changes to the database."""
        self.session.flush()

    def change(self, statement: Update | Delete) -> int:
        """Run a set-wise UPDATE or DELETE over a class that is not audited; returns the number of rows."""
        table = statement.table
        model = getattr(table, "info", {}).get("model")
        if model is None or model.__audited__:
            words = (
                f"{getattr(table, 'name', table)} is audited: change its rows one by one or by update_many"
            )
            raise Misconfigured(words)
        self._check_writing()
        self.session.flush()
        done: Any = self.session.execute(statement, execution_options={"synchronize_session": False})
        return int(done.rowcount)

    def insert_many(self, model: type[Any], rows: list[dict[str, Any]]) -> None:
        """Insert many rows set-wise, sealed, scoped and audited; each dict has attribute names."""
        self._check_writing()
        bulk.insert_rows(self, model, rows)

    def update_many(self, model: type[Any], rows: list[dict[str, Any]]) -> int:
        """Update many rows, each dict with the id and the new values; returns how many were found."""
        self._check_writing()
        return bulk.update_rows(self, model, rows)

    def remove_many(self, model: type[Any], ids: Sequence[UUID]) -> int:
        """Delete many rows by id, their values kept in the audit; returns how many were found."""
        self._check_writing()
        return bulk.remove_rows(self, model, ids)

    def _check_writing(self) -> None:
        if self.readonly:
            raise Denied("this transaction only reads")

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside if it raises, and only that."""
        root = self._root
        family = [root, *root._children.values()]
        for store in family:
            store.flush()
        self.database.hold(self._base)
        entries, known = self.auditor.entries, dict(root._children)
        try:
            with contextlib.ExitStack() as stack:
                for store in family:
                    stack.enter_context(store.session.begin_nested())
                    store.session.connection()  # takes the savepoint now, so that they nest as they are left
                yield
                for store in (root, *root._children.values()):
                    store.flush()
        except BaseException:
            self.auditor.entries, root._children = entries, known
            raise

    # ---- after commit, audit ---------------------------------------------------------------------------------
    def later(
        self,
        job: str,
        payload: dict[str, Any],
        *,
        key: str | None = None,
        delay: float = 0.0,
        as_actor: bool = False,
    ) -> Any:
        """Enqueue `job` in this transaction and return its id: it runs after the commit, and is gone with a rollback.

        `payload` holds ids, never personal data; a second enqueue with the same `key` does nothing; `delay` is in
        seconds. With `as_actor` it runs as the person who asks, with the rights they have then; else as the system.
        """
        if self._jobs is None:
            raise Misconfigured("this store has no jobs: open it through the house")
        self.flush()
        actor = self.author if as_actor and self.author.kind in ("person", "token") else None
        return self._jobs.enqueue(self.raw_connection(), job, payload, key=key, delay=delay, actor=actor)

    def deed(self, action: str, label: str = "") -> None:
        """Name this transaction's change set, as people will read it in the list of changes."""
        self.auditor.action, self.auditor.label = action, label

    def join_deed(self, change_set_id: UUID, action: str, label: str = "") -> None:
        """Write into the change set of a deed that spans several transactions, an import's batches for instance."""
        self.auditor.change_set_id, self.auditor.joined = change_set_id, True
        self.auditor.action, self.auditor.label = action, label

    def record(
        self, action: str, *, contact_id: UUID | None = None, detail: dict[str, Any] | None = None
    ) -> None:
        """Write an audit entry of a deed that changes no row; `detail` is stored clear: no personal data in it."""
        self.flush()
        self.auditor.write([Change(action=action, contact_id=contact_id, detail=detail)])

    # ---- sealing ---------------------------------------------------------------------------------------------
    def unseal(self, rows: Iterable[Any]) -> None:
        """Open the sealed values of many rows at once, with one question to the key store."""
        unseal_rows(self, rows)

    def open_sealed(
        self, table: str, rows: Iterable[tuple[UUID, UUID, bytes | None]]
    ) -> list[dict[str, Any]]:
        """Return the sealed values of (row id, subject id, blob) triples read as bare columns."""
        return open_blobs(self, table, rows)

    def blind_token(self, kind: str, text: str) -> bytes:
        """Return the blind-index token of `text`, already normalised, for exact look-ups of a sealed value."""
        return make_token(self.keys.index_key, kind, text)

    # ---- other views of the same transaction -------------------------------------------------------------------
    def system(self, reason: str) -> Store:
        """Return a store of the system in this same transaction: it sees every row, so check rights yourself.

        The audit still names this store's actor. Take ids with you, not objects of the other store.
        """
        return self._child(reason, "legal" if self.is_legal else "system")

    def legal(self, reason: str) -> Store:
        """Return a store of the system that, and whose `system`, sees restricted contacts too: to keep, copy, erase them."""
        return self._child(reason, "legal")

    def raw(self, reason: str) -> Store:
        """Return a store without any row rule, removed contacts included: for storage's own undo and erasure."""
        return self._child(reason, "raw")

    def opener(self, reason: str) -> Callable[[], contextlib.AbstractContextManager[Store]]:
        """Return how to open more transactions as the system, with the hooks and jobs of now: for seconds, not hours."""
        return opener_of(self, self._jobs, Actor.system(reason))

    def _child(self, reason: str, sight: str) -> Store:
        root = self._root
        self.flush()
        if sight not in root._children:
            root._children[sight] = Store(
                self.database, root._base, Actor.system(reason), readonly=self.readonly, hooks=self.hooks,
                jobs=self._jobs, declared=self.declared, parent=root, raw=sight == "raw", legal=sight == "legal",
            )  # fmt: skip
        return root._children[sight]

    def check_visible(self, table: str, ids: set[UUID]) -> None:
        """Raise NotFound unless the actor sees every row of `ids` in `table`."""
        if self.actor.kind != "system":
            check_visible(self, table, ids - self.session.info.get("made_rows", {}).get(table, set()))

    def note_made(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Remember which new rows this actor sees, so that rows pointing at them need not ask."""
        readable = self.scope.readable if self.scope.variant.read_scoped else None
        seen = {row["id"] for row in rows if readable is None or row["access_id"] in readable}
        self.session.info.setdefault("made_rows", {}).setdefault(table, set()).update(seen)

    def raw_connection(self) -> Connection:
        """Return the transaction's connection without rules: for storage, audit and jobs only."""
        return self._base

    def finish(self) -> None:
        """Flush everything and close the change set; the edge calls it before the commit."""
        for store in (*self._children.values(), self):
            store.flush()
        for store in (*self._children.values(), self):
            store.flush()
        self.auditor.close()

    def release(self) -> None:
        """Let go of the rows; the edge calls it last."""
        for store in (*self._children.values(), self):
            store.session.expunge_all()
            store.session.info.clear()
