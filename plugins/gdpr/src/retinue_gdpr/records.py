"""Records of processing (Art. 30) and acts of destruction, both made from what the installation knows of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from retinue import Store
from retinue.contacts import personal_registry
from retinue.history import read_audit
from retinue.web import sign_bytes
from retinue_gdpr.duty_models import Manifest, Rule
from retinue_gdpr.erasing import check_manifest, rows_by_plugin
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import read_purposes

SECURITY: Final = (
    "Sealed fields are encrypted with AES-256-GCM under a key of each person; keys stand in a store of their own.",
    "Rows are shown by role, team and share; restricted fields are absent.",
    "Every change, export and erasure stands in a hash-chained audit.",
)


def build_records(store: Store) -> dict[str, Any]:
    """Return the records of processing: the controller, and for each purpose what Art. 30(1)(a) to (g) asks for.

    The same state gives the same document, so that two of them can be compared line by line.
    """
    store.require("ropa.read")
    settings, profile = store.settings("gdpr"), profile_of(store)
    rules = store.scalars(select(Rule).order_by(Rule.key))
    limits = [f"{rule.name}: {rule.months} months after {rule.anchor}, then {rule.action}" for rule in rules]
    controller = {
        "name": settings["controller"], "contact": settings["controller_contact"], "officer": settings["officer"],
        "representative": settings["representative"],
    }  # fmt: skip
    records = []
    for purpose in read_purposes(store):
        said = purpose.record
        records.append(
            {
                "key": purpose.key, "version": purpose.number, "a_controller": controller,
                "b_purpose": f"{purpose.name}: {purpose.description}", "basis": purpose.basis,
                "c_subjects": said.get("subjects") or ["contacts"],
                "c_categories": said.get("categories") or _categories(),
                "d_recipients": said.get("recipients") or ["none"],
                "e_transfers": said.get("transfers") or "none",
                "f_time_limits": said.get("retention") or limits or ["until the purpose ends"],
                "g_security": said.get("security") or list(SECURITY),
            }
        )  # fmt: skip
    return {
        "schema": "retinue-ropa/1",
        "law": profile.law,
        "controller": controller,
        "records": records,
        "data": _data(),
    }


def _categories() -> list[str]:
    return sorted({held.purpose for held in personal_registry() if held.purpose})


def _data() -> list[dict[str, Any]]:
    """Return where personal data are: each table with its columns, from the declarations."""
    tables: dict[tuple[str, str], list[str]] = {}
    for held in personal_registry():
        tables.setdefault((held.plugin or "core", held.table), []).append(held.field)
    return [
        {"plugin": plugin, "table": str(table), "fields": sorted(map(str, fields))}
        for (plugin, table), fields in sorted(tables.items())
    ]


def build_act(store: Store, manifest_id: UUID) -> dict[str, Any]:
    """Return the act of destruction of one erasure with the extract of the log that proves it, signed.

    The contents follow the order of Roskomnadzor No. 179 of 28 October 2022: operator, person, what was destroyed, in which
    system, why, when and how; the extract has the same from the audit.
    """
    store.require("request.read")
    manifest = store.get(Manifest, manifest_id)
    settings = store.settings("gdpr")
    act = {
        "schema": "retinue-act/1", "law": profile_of(store).law, "number": str(manifest.id),
        "operator": {"name": settings["controller"], "contact": settings["controller_contact"], "officer": settings["officer"]},
        "subject": str(manifest.subject_id), "system": "Retinue", "grounds": manifest.grounds,
        "destroyed_at": manifest.at.isoformat(),
        "method": "rows deleted or blanked, the person's encryption key destroyed",
        "categories": dict(sorted(rows_by_plugin(manifest.tables).items())),
        "rows": manifest.tables, "kept": manifest.kept, "manifest_holds": check_manifest(store, manifest),
        "log_extract": _extract(store, manifest.change_set_id, manifest.subject_id),
    }  # fmt: skip
    data = msgspec.json.encode(act, enc_hook=str, order="deterministic")
    return {**act, "signature": sign_bytes(store, "act of destruction", data).hex()}


def _extract(store: Store, change_set_id: UUID, subject_id: UUID) -> list[dict[str, Any]]:
    """Return what the audit says of an erasure: who did what when, without a value."""
    entries = read_audit(store.legal("extract the log"), change_set_id=change_set_id, limit=200)
    return [
        {
            "id": str(entry["id"]), "at": _iso(entry["at"]), "action": entry["action"], "actor": entry["actor_name"],
            "plugin": entry["plugin"] or "core", "table": entry["table"] or "", "subject": str(entry["contact_id"]),
        }
        for entry in reversed(entries)
        if entry["action"].startswith("contact.erase") or entry["contact_id"] == subject_id
    ]  # fmt: skip


def _iso(value: datetime) -> str:
    return value.isoformat()
