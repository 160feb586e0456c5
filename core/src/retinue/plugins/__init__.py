"""Plugins: the hooks of core, who answers them, and which plugins are on."""

from retinue.plugins.answers import ContactExport, FieldChange, Refusal
from retinue.plugins.contract import Contract, Removed, Spec, hook, hookimpl
from retinue.plugins.contributions import (
    Command,
    Facet,
    ImportTarget,
    InteractionKind,
    Job,
    Permission,
    Route,
    Schedule,
    Setting,
    WebhookEvent,
)
from retinue.plugins.discovery import Catalogue, Found, discover
from retinue.plugins.facade import NO_HOOKS, Hooks
from retinue.plugins.faults import Fault, HookFailed, PluginRefused
from retinue.plugins.guard import Failure, Timing, Watch
from retinue.plugins.hookspecs import API_VERSION
from retinue.plugins.integrity import Integrity, verify_plugin
from retinue.plugins.loading import core_specs
from retinue.plugins.manifest import Manifest, ManifestError, parse_manifest
from retinue.plugins.models import EPOCH_ID, PluginEpoch, PluginState
from retinue.plugins.ordering import Position
from retinue.plugins.pluginset import Owned, PluginSet, build_plugin_set
from retinue.plugins.probe import probe_faults, refuse_dangerous
from retinue.plugins.service import (
    Epoch,
    PluginInfo,
    disable_plugin,
    enable_plugin,
    list_plugins,
    quarantine_plugin,
    read_enabled,
    read_epoch,
    read_plugin_set,
    remember_faults,
)

__all__ = [
    "API_VERSION",
    "EPOCH_ID",
    "NO_HOOKS",
    "Catalogue",
    "Command",
    "ContactExport",
    "Contract",
    "Epoch",
    "Facet",
    "Failure",
    "Fault",
    "FieldChange",
    "Found",
    "HookFailed",
    "Hooks",
    "ImportTarget",
    "Integrity",
    "InteractionKind",
    "Job",
    "Manifest",
    "ManifestError",
    "Owned",
    "Permission",
    "PluginEpoch",
    "PluginInfo",
    "PluginRefused",
    "PluginSet",
    "PluginState",
    "Position",
    "Refusal",
    "Removed",
    "Route",
    "Schedule",
    "Setting",
    "Spec",
    "Timing",
    "Watch",
    "WebhookEvent",
    "build_plugin_set",
    "core_specs",
    "disable_plugin",
    "discover",
    "enable_plugin",
    "hook",
    "hookimpl",
    "list_plugins",
    "parse_manifest",
    "probe_faults",
    "quarantine_plugin",
    "read_enabled",
    "read_epoch",
    "read_plugin_set",
    "refuse_dangerous",
    "remember_faults",
    "verify_plugin",
]
