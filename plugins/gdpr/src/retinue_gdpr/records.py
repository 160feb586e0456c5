"""Records of processing (Art. 30) and acts of destruction, both made from what the installation knows of itself."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import select

from retinue import Store
from retinue.contacts import Held, list_held
from retinue.history import read_audit
from retinue.web import sign_bytes
from retinue_gdpr.clock import add_months
from retinue_gdpr.duty_models import Manifest, RecordsVersion, Rule
from retinue_gdpr.erasing import check_manifest, rows_by_plugin
from retinue_gdpr.models import (
    CHANNELS,
    CONSENT,
    CONTRACT,
    INTERESTS,
    LEGAL,
    PUBLIC_TASK,
    VITAL,
    Purpose,
)
from retinue_gdpr.profiles import profile_of
from retinue_gdpr.purposes import read_purposes

SECURITY: Final = (
    "Sealed fields are encrypted with AES-256-GCM under a key of each person; keys stand in a store of their own.",
    "Rows are shown by role, team and share; restricted fields are absent.",
    "Every change, export and erasure stands in a hash-chained audit.",
)


STOPPABLE: Final = (CONSENT, INTERESTS)
"""Bases that the person can end alone, by a withdrawal or an objection."""
_ADDRESSED: Final = ("to know who the contact is", "to reach the contact")
"""What core declares name and addresses to be for."""
_UNTIL: Final = {
    CONSENT: "until the consent is withdrawn or its time is over",
    CONTRACT: "until the contract and claims from it have ended",
    LEGAL: "as long as the law demands",
    VITAL: "until the danger is over",
    PUBLIC_TASK: "until the task has ended",
    INTERESTS: "until an objection, or until the interest has ended",
}


def build_records(store: Store) -> dict[str, Any]:
    """Return the records of processing: the controller, and for each purpose what Art. 30(1)(a) to (g) asks for.

    The same state gives the same document, so that two of them can be compared line by line.
    """
    store.require("ropa.read")
    settings, profile = store.settings("gdpr"), profile_of(store)
    rules, registry = store.scalars(select(Rule).order_by(Rule.key)), list_held(store)
    provided = [held for held in registry if not held.derived]
    controller = {
        "name": settings["controller"], "contact": settings["controller_contact"], "officer": settings["officer"],
        "representative": settings["representative"],
    }  # fmt: skip
    records = []
    for purpose in read_purposes(store):
        said, used = purpose.record, _used(purpose, provided)
        records.append(
            {
                "key": purpose.key, "version": purpose.number, "a_controller": controller,
                "b_purpose": f"{purpose.name}: {purpose.description}", "basis": purpose.basis,
                "c_subjects": said.get("subjects") or ["contacts"],
                "c_categories": said.get("categories") or _categories(used),
                "d_recipients": said.get("recipients") or ["none"],
                "e_transfers": said.get("transfers") or "none",
                "f_time_limits": said.get("retention") or _limits(purpose, used, rules),
                "g_security": said.get("security") or list(SECURITY),
            }
        )  # fmt: skip
    return {
        "schema": "retinue-ropa/1",
        "law": profile.law,
        "controller": controller,
        "records": records,
        "data": _data(registry),
    }


def last_version(store: Store) -> RecordsVersion | None:
    """Return the version of the records that was kept last, None if none was."""
    store.require("ropa.read")
    newest = select(RecordsVersion).order_by(RecordsVersion.number.desc()).limit(1)
    found: RecordsVersion | None = store.first(newest)
    return found


def list_versions(store: Store, *, limit: int = 50) -> list[RecordsVersion]:
    """Return the kept versions of the records, the newest first."""
    store.require("ropa.read")
    return store.scalars(select(RecordsVersion).order_by(RecordsVersion.number.desc()).limit(limit))


def keep_records(store: Store) -> RecordsVersion:
    """Keep the records as they are now; returns the last version instead if nothing has changed since."""
    store.require("ropa.keep")
    document, last = build_records(store), last_version(store)
    digest = hashlib.sha256(_canonical(document)).hexdigest()
    if last is not None and last.digest == digest:
        return last
    plain = msgspec.json.decode(_canonical(document))
    number = last.number + 1 if last else 1
    kept = RecordsVersion(number=number, document=plain, digest=digest, created_at=store.now)
    store.add(kept)
    store.flush()
    return kept


def compare_records(store: Store) -> list[dict[str, Any]]:
    """Return what differs between the version kept last and now, place by place; nothing if none is kept.

    A place is a path such as ``records/newsletter/d_recipients``; `before` or `after` is None for what is new or gone.
    """
    last = last_version(store)
    if last is None:
        return []
    before, after = _places(last.document), _places(msgspec.json.decode(_canonical(build_records(store))))
    return [
        {"place": place, "before": before.get(place), "after": after.get(place)}
        for place in sorted({*before, *after})
        if before.get(place) != after.get(place)
    ]


def _canonical(document: dict[str, Any]) -> bytes:
    return msgspec.json.encode(document, enc_hook=str, order="deterministic")


def _places(value: Any, path: str = "") -> dict[str, str]:
    """Return every leaf of a document by its path; lists of rows are told apart by their keys, not their order."""
    if isinstance(value, dict):
        pairs = [(str(name), inner) for name, inner in value.items()]
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        pairs = [(str(row.get("key") or f"{row.get('plugin')}.{row.get('table')}"), row) for row in value]
    else:
        return {path: "; ".join(map(str, value)) if isinstance(value, list) else str(value)}
    found: dict[str, str] = {}
    for name, inner in pairs:
        found |= _places(inner, f"{path}/{name}" if path else name)
    return found


def _used(purpose: Purpose, registry: Sequence[Held]) -> list[Held]:
    """Return the columns of `registry` that a purpose may use.

    What its record names under ``data``, plugins or tables. Else, for what people may stop (a consent, an interest): who
    they are, how to reach them, what the plugin of the channel keeps, and the proof; for the rest: all but that.
    """
    named = purpose.record.get("data")
    if named:
        return [held for held in registry if {held.table, held.plugin or "core"} & set(named)]
    channels = {*CHANNELS, "gdpr"}
    if purpose.basis in STOPPABLE:
        own = {*purpose.channels, "gdpr"}
        return [h for h in registry if h.plugin in own or (not h.plugin and h.purpose in _ADDRESSED)]
    return [h for h in registry if h.plugin not in channels or h.plugin in purpose.channels]


def _categories(used: Iterable[Held]) -> list[str]:
    """Return categories of data, by what they are declared to be for, with the words the fields have on pages."""
    groups: dict[str, dict[str, None]] = {}
    for held in used:
        groups.setdefault(held.purpose, {})[str(held.label)] = None
    return [f"{', '.join(labels)} ({why})" for why, labels in sorted(groups.items())]


def _limits(purpose: Purpose, used: Iterable[Held], rules: Sequence[Rule]) -> list[str]:
    """Return until when: by the basis, by the rules of retention, and what stays without its person after an erasure."""
    limits = [_UNTIL[purpose.basis]]
    if purpose.basis == CONSENT and purpose.valid_months:
        limits[0] += f", at most {purpose.valid_months} months"
    limits += [f"{rule.name}: {rule.months} months after {rule.anchor}, then {rule.action}" for rule in rules]
    kept = sorted({held.table for held in used if held.erase == "keep"})
    return limits + ([f"kept nameless after an erasure: {', '.join(kept)}"] if kept else [])


def _data(registry: Iterable[Held]) -> list[dict[str, Any]]:
    """Return where personal data are: each table with its columns, from the declarations."""
    tables: dict[tuple[str, str], list[str]] = {}
    for held in registry:
        tables.setdefault((held.plugin or "core", held.table), []).append(held.field)
    return [
        {"plugin": plugin, "table": str(table), "fields": sorted(map(str, fields))}
        for (plugin, table), fields in sorted(tables.items())
    ]


def build_act(store: Store, manifest_id: UUID) -> dict[str, Any]:
    """Return the act of destruction of one erasure with the extract of the log that proves it, signed.

    The contents follow the order of Roskomnadzor No. 179 of 28 October 2022: operator, person, what was destroyed, in which
    system, why, when and how; the extract has the same from the audit. `keep_until` is the day up to which the law wants
    both kept, None where it does not say.
    """
    store.require("request.read")
    manifest = store.get(Manifest, manifest_id)
    settings, profile = store.settings("gdpr"), profile_of(store)
    act = {
        "schema": "retinue-act/1", "law": profile.law, "number": str(manifest.id),
        "operator": {"name": settings["controller"], "contact": settings["controller_contact"], "officer": settings["officer"]},
        "subject": str(manifest.subject_id), "system": "Retinue", "grounds": manifest.grounds,
        "destroyed_at": manifest.at.isoformat(),
        "keep_until": add_months(manifest.at.date(), 12 * profile.act_years).isoformat() if profile.act_years else None,
        "method": "rows deleted or blanked, the person's encryption key destroyed",
        "categories": dict(sorted(rows_by_plugin(manifest.tables).items())),
        "rows": manifest.tables, "kept": manifest.kept, "manifest_holds": check_manifest(store, manifest),
        "log_extract": _extract(store, manifest.change_set_id, manifest.subject_id),
    }  # fmt: skip
    return {**act, "signature": _sign_act(store, act)}


def _sign_act(store: Store, act: dict[str, Any]) -> str:
    return sign_bytes(store, "act of destruction", _canonical(act)).hex()


def check_act(store: Store, document: dict[str, Any]) -> bool:
    """Say whether an act of destruction was made here and no byte of it was changed since."""
    store.require("request.read")
    act = {name: value for name, value in document.items() if name != "signature"}
    return hmac.compare_digest(str(document.get("signature") or ""), _sign_act(store, act))


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
