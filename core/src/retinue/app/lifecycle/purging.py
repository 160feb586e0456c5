"""Taking a plugin away: export, purge and proof in one transaction, in which nobody else writes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from retinue.app.lifecycle import proof
from retinue.app.lifecycle.archive import VALUES, Part, Writer
from retinue.app.lifecycle.facts import Census, Known, read_known
from retinue.app.lifecycle.planning import make_plan
from retinue.app.lifecycle.plans import LifePlan, differences
from retinue.contacts.belonging import read_plugin_values, take_plugin_values
from retinue.errors import Conflict
from retinue.interactions.service import refresh_contacts
from retinue.plugins import forget_plugin, migrations
from retinue.storage.sealing import seal_row
from retinue.storage.tables import delete_rows_of, drop_tables, read_rows_of

if TYPE_CHECKING:
    from retinue.actor import Actor
    from retinue.app.house import House
    from retinue.storage import Store


@dataclass(slots=True)
class Purged:
    """What an uninstall did: the plan as it was carried out, the archive, and how much was proven to stay."""

    plan: LifePlan
    export: str = ""
    sha256: str = ""
    proven_tables: int = 0
    proven_rows: int = 0
    exported: dict[str, int] = field(default_factory=dict)


def uninstall(house: House, actor: Actor, plan: LifePlan, export: Path | None) -> Purged:
    """Carry out an uninstall whose plan still holds; with `export` its rows are in that file before they go.

    Raises Conflict if the plan no longer holds, or if anything else would be touched; then nothing was changed and
    no file is left.
    """
    writer = Writer(export, house.secret("plugin archive")) if export else None
    try:
        with house.store(actor) as store:
            done = _purge(house, store, plan, writer)
    except BaseException:
        if writer:
            writer.abandon()
        raise
    return done


def _purge(house: House, store: Store, plan: LifePlan, writer: Writer | None) -> Purged:
    census = Census(store, read_known(store, house.catalogue))
    proof.hold(census, plan.plugins)
    census = Census(store, read_known(store, house.catalogue))
    check_still(house, store, plan)
    going = {name: _rows_to_go(census, census.known[name]) for name in plan.plugins}
    leave_out = {
        table: set().union(*(rows.get(table, set()) for rows in going.values()))
        for table in {table for rows in going.values() for table in rows}
    }
    before = proof.take_picture(census.connection, proof.staying(census, plan.plugins), leave_out)
    done = Purged(plan)
    if writer:
        parts = [_export(census, census.known[name], writer) for name in plan.plugins]
        done.sha256 = writer.finish(made_at=store.now.isoformat(), plugin=plan.plugin)
        done.export, done.exported = (
            str(writer.path),
            {k: n for part in parts for k, n in part.rows().items()},
        )
    gone = [table for name in plan.plugins for table in _take_away(census, census.known[name])]
    detail = {
        "plugins": list(plan.plugins),
        "rows": plan.total("drop") + plan.total("delete"),
        "export": done.sha256,
    }
    store.deed("plugin.uninstall", f"Uninstall plugin {', '.join(plan.plugins)}")
    store.record("plugin.uninstall", detail=detail)
    after = proof.prove(census.connection, before, gone, leave_out)
    done.proven_tables, done.proven_rows = len(after.rows), after.total
    return done


def check_still(house: House, store: Store, plan: LifePlan) -> LifePlan:
    """Return the plan made anew; raises Conflict naming the differences if it is no longer the same."""
    options = {"cascade": len(plan.plugins) > 1, "from_ledger": plan.from_ledger}
    fresh = make_plan(house, store, plan.action, plan.plugin, **options)
    if fresh.fingerprint != plan.fingerprint:
        raise Conflict(
            "the installation has changed since the plan was made: "
            + ("; ".join(differences(plan, fresh)[:5]) or "the plugin's code is another"),
            code="plan-outdated",
            remedy="Make a new plan and read it. Nothing was changed.",
        )
    fresh.check()
    return fresh


def _rows_to_go(census: Census, known: Known) -> dict[str, set[str]]:
    """Return the keys of the rows in core's tables that belong to the plugin."""
    rows: dict[str, set[str]] = {}
    for table in census.rows_in_core(known.name):
        rows[table] = {str(row["id"]) for row in read_rows_of(census.connection, table, plugin=known.name)}
    rows["job_schedule"] = set(census.schedules(known.name))
    rows["interaction"] = {str(row["id"]) for row in _own_interactions(census, known)}
    rows["plugin_state"] = {
        str(row["id"]) for row in read_rows_of(census.connection, "plugin_state", name=known.name)
    }
    rows["contact"] = {row[0].hex for row in read_plugin_values(census.store, known.name)}
    return {table: keys for table, keys in rows.items() if keys}


def _own_interactions(census: Census, known: Known) -> Iterator[dict[str, Any]]:
    if kinds := list(census.own_interactions(known)):
        yield from read_rows_of(census.connection, "interaction", plugin=known.name, kind=kinds)


def _export(census: Census, known: Known, writer: Writer) -> Part:
    """Write everything of one plugin into the archive, as it stands in the database."""
    connection, name = census.connection, known.name
    revision = migrations.version_tables(connection).get(name)
    manifest = (known.recorded or known.manifest).as_data()
    part = Part(name, known.version, revision, manifest, census.owned_tables(name))
    writer.parts.append(part)
    for table in part.tables:
        writer.write(part, f"tables/{table}", read_rows_of(connection, table))
    for table in census.rows_in_core(name):
        writer.write(part, f"core/{table}", read_rows_of(connection, table, plugin=name))
    if planned := census.schedules(name):
        writer.write(part, "core/job_schedule", read_rows_of(connection, "job_schedule", name=planned))
    writer.write(part, "core/interaction", _own_interactions(census, known))
    if "custom_field" in census.rows_in_core(name):
        writer.write(part, "values/custom", _sealed_values(census.store, name))
    writer.write(part, "state", read_rows_of(connection, "plugin_state", name=name))
    writer.write(part, "grants/role", _grants(census.roles(known), "permissions"))
    writer.write(part, "grants/account_token", _grants(census.tokens(known), "scopes"))
    return part


def _sealed_values(store: Store, plugin: str) -> Iterator[dict[str, str]]:
    """Yield the values of the plugin's custom fields, each sealed under its contact's key."""
    for contact_id, key, value in read_plugin_values(store, plugin):
        cipher = store.keys.cipher(contact_id)
        blob = seal_row(cipher, {"value": value}, VALUES, (contact_id, contact_id))
        yield {"contact_id": contact_id.hex, "key": key, "sealed": base64.b64encode(blob).decode()}


def _grants(held: list[tuple[Any, list[str]]], attribute: str) -> Iterator[dict[str, str]]:
    for row, permissions in held:
        for permission in permissions:
            reach = getattr(row, attribute)[permission]
            yield {"id": row.id.hex, "permission": permission, "reach": reach}


def _take_away(census: Census, known: Known) -> list[str]:
    """Remove everything of one plugin and return the tables that are gone."""
    connection, name, system = census.connection, known.name, census.system()
    contacts = {UUID(row["contact_id"]) for row in _own_interactions(census, known)}
    for kind in census.own_interactions(known):
        delete_rows_of(connection, "interaction", plugin=name, kind=kind)
    if contacts:
        refresh_contacts(system, contacts)
    take_plugin_values(census.store, name)
    for table in (*census.rows_in_core(name), *census.figures()):
        delete_rows_of(connection, table, plugin=name)
    if planned := census.schedules(name):
        delete_rows_of(connection, "job_schedule", name=planned)
    for held, attribute in ((census.roles(known), "permissions"), (census.tokens(known), "scopes")):
        for row, permissions in held:
            kept = {word: reach for word, reach in getattr(row, attribute).items() if word not in permissions}
            setattr(row, attribute, kept)
    system.flush()
    forget_plugin(census.store, name)
    tables = census.owned_tables(name)
    version = [table for table in (f"alembic_{name}",) if table in census.tables]
    drop_tables(connection, [*tables, *version])
    return [*tables, *version]
