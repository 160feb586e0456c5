"""Retinue's door: what plugins and integrations import.

The names below, and what the public modules `errors`, `web`, `jobs`, `cli`, `ui`, `contacts`, `interactions`, `relations`,
`lists`, `access` and `history` list in their ``__all__``. Everything else is free to change. Names are loaded at their first
use, so that ``import retinue`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retinue.actor import Actor, Reach
    from retinue.errors import Problem
    from retinue.plugins.answers import ContactExport, FieldChange, Promise, Refusal
    from retinue.plugins.contract import hook, hookimpl
    from retinue.plugins.contributions import WebhookEvent
    from retinue.storage.declare import (
        NOT_PERSONAL,
        Access,
        Sealed,
        contact_ref,
        field,
        key,
        personal,
        plugin_base,
        ref,
    )
    from retinue.storage.folding import fold
    from retinue.storage.ids import new_id
    from retinue.storage.sealing import sealed
    from retinue.storage.store import Store
    from retinue.storage.types import UtcDateTime, json_type

_HOMES = {
    "Actor": "actor",
    "Reach": "actor",
    "Problem": "errors",
    "ContactExport": "plugins.answers",
    "FieldChange": "plugins.answers",
    "Promise": "plugins.answers",
    "Refusal": "plugins.answers",
    "hook": "plugins.contract",
    "hookimpl": "plugins.contract",
    "WebhookEvent": "plugins.contributions",
    "NOT_PERSONAL": "storage.declare",
    "Access": "storage.declare",
    "Sealed": "storage.declare",
    "contact_ref": "storage.declare",
    "field": "storage.declare",
    "key": "storage.declare",
    "personal": "storage.declare",
    "plugin_base": "storage.declare",
    "ref": "storage.declare",
    "fold": "storage.folding",
    "new_id": "storage.ids",
    "sealed": "storage.sealing",
    "Store": "storage.store",
    "UtcDateTime": "storage.types",
    "json_type": "storage.types",
}

__all__ = [
    "NOT_PERSONAL",
    "Access",
    "Actor",
    "ContactExport",
    "FieldChange",
    "Problem",
    "Promise",
    "Reach",
    "Refusal",
    "Sealed",
    "Store",
    "UtcDateTime",
    "WebhookEvent",
    "contact_ref",
    "field",
    "fold",
    "hook",
    "hookimpl",
    "json_type",
    "key",
    "new_id",
    "personal",
    "plugin_base",
    "ref",
    "sealed",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retinue' has no attribute {name!r}")
    value = getattr(import_module(f"retinue.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
