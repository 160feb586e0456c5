"""Core's own work by the clock: seal the audit, forget what has expired, finish shredding."""

from __future__ import annotations

from typing import Any

from retinue.access import AccessRules, forget_expired, issue_asked_resets
from retinue.app.bulk import JOB, ChangeContacts
from retinue.app.checkpoints import newest_checkpoint, note_checkpoint, places_of
from retinue.app.rotating import JOB as WRAP
from retinue.app.rotating import WrapKeys
from retinue.contacts.erasing import erase_again
from retinue.jobs import JobSpec, Schedule
from retinue.plugins import forget_watched
from retinue.storage import Store, carry_out_orders, forget_reads, seal_audit
from retinue.web import purge_idempotency_keys


def seal_entries(store: Store, _payload: dict[str, Any]) -> None:
    """Seal the audit entries written since the last seal; once they are, their checkpoint is noted elsewhere."""
    if seal_audit(store) and places_of(store.declared["config"]):
        store.later("retinue.note_checkpoint", {})


def note(store: Store, _payload: dict[str, Any]) -> None:
    """Note the newest checkpoint in the configured places."""
    checkpoint = newest_checkpoint(store)
    if checkpoint:
        note_checkpoint(store.declared["config"], checkpoint)


def forget(store: Store, _payload: dict[str, Any]) -> None:
    """Remove expired sessions, tokens, kept answers, old looks, and what was measured of plugins a week ago."""
    forget_expired(store, AccessRules.from_config(store.declared["config"]))
    purge_idempotency_keys(store)
    forget_watched(store)
    forget_reads(store, store.declared["config"].audit.reads_days)


def issue_resets(store: Store, _payload: dict[str, Any]) -> None:
    """Make the links by which people who asked set a new password, and let a plugin deliver them."""
    issue_asked_resets(store, guard=store.declared["watch"].guard)


def shred(store: Store, _payload: dict[str, Any]) -> None:
    """Drop the keys of persons whose erasure was cut off after its commit, and forget whom a restored backup knows."""
    carry_out_orders(store.database, store)
    erase_again(store)


def core_jobs() -> list[JobSpec]:
    """Return core's own jobs."""
    return [
        JobSpec(name="retinue.seal_audit", handler=seal_entries, plugin="retinue"),
        JobSpec(name="retinue.note_checkpoint", handler=note, plugin="retinue"),
        JobSpec(name="retinue.forget_expired", handler=forget, plugin="retinue"),
        JobSpec(name="retinue.issue_resets", handler=issue_resets, plugin="retinue"),
        JobSpec(name="retinue.shred_keys", handler=shred, plugin="retinue"),
        JobSpec(name=JOB, handler=ChangeContacts(), plugin="retinue"),
        JobSpec(name=WRAP, handler=WrapKeys(), plugin="retinue"),
    ]


def core_schedules() -> list[Schedule]:
    """Return when core's own jobs run."""
    return [
        Schedule(name="retinue.seal_audit", job="retinue.seal_audit", cron="* * * * *"),
        Schedule(name="retinue.forget_expired", job="retinue.forget_expired", cron="17 * * * *"),
        Schedule(name="retinue.issue_resets", job="retinue.issue_resets", cron="* * * * *"),
        Schedule(name="retinue.shred_keys", job="retinue.shred_keys", cron="*/5 * * * *"),
    ]
