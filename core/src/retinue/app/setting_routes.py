"""The API of plugins' settings: the form with its values, and changing them."""

from __future__ import annotations

from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from marshmallow import Schema, fields

from retinue.plugins import SettingsState, change_settings, describe_settings
from retinue.storage import Store
from retinue.web import get, patch


class SettingFieldSchema(Schema):
    """One setting, as a form shows it."""

    name = fields.String()
    label = fields.String()
    help = fields.String()
    kind = fields.String()
    default = fields.Raw(allow_none=True)
    choices = fields.List(fields.String())
    least = fields.Float(allow_none=True)
    most = fields.Float(allow_none=True)
    secret = fields.Boolean()


class SettingsSchema(Schema):
    """The settings of a plugin; a secret is never shown, only whether it is set."""

    plugin = fields.String()
    title = fields.String()
    version = fields.Integer()
    values = fields.Dict(keys=fields.String())
    secrets = fields.Dict(keys=fields.String(), values=fields.Boolean())
    form = fields.List(fields.Nested(SettingFieldSchema))


class SettingsChangeSchema(Schema):
    """The settings to change; null takes one back to its default."""

    values = fields.Dict(keys=fields.String(), required=True)


_SETTINGS: Final = SettingsSchema()
_CHANGE: Final = SettingsChangeSchema()


@get("/plugins/{name:str}/settings", permission="plugin.configure", gives=_SETTINGS)
def get_plugin_settings(store: Store, name: str, language: str = "") -> SettingsState:
    """Return a plugin's settings with the form to change them, in the reader's language or the one asked for."""
    return describe_settings(store, name, language=language)


@patch("/plugins/{name:str}/settings", permission="plugin.configure", takes=_CHANGE, gives=_SETTINGS)
def change_plugin_settings(
    store: Store, name: str, data: dict[str, Any], version: int | None
) -> SettingsState:
    """Change some settings of a plugin."""
    return change_settings(store, name, data["values"], version=version)


SETTING_ROUTES: Final[list[HTTPRouteHandler]] = [get_plugin_settings, change_plugin_settings]
