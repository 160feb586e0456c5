"""What an administrator sets for a plugin.

A plugin declares its settings once, as data in `plugin.toml`. From that one declaration follow a marshmallow schema and
with it the check, the API, the command, the page's form, the documentation and which values are sealed. Services read
them typed, by ``store.settings("loyalty")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate
from sqlalchemy import Integer, String, select
from sqlalchemy.orm import Mapped

from retinue.errors import Invalid, Misconfigured, NotFound, Problem, Stale
from retinue.plugins.contributions import Setting
from retinue.plugins.faults import Fault, did_you_mean
from retinue.plugins.loading import resolve
from retinue.plugins.manifest import Manifest
from retinue.storage import Access, Base, Sealed, Store, field, json_type, key, sealed

MAX_TEXT: Final = 4000
_SECRET: Final = "secret"  # noqa: S105  # the word of the protection, not a password


class PluginSettings(Sealed, Base):
    """The values set for one plugin, as they go over the wire; secret ones sealed under the system's key."""

    __tablename__ = "plugin_settings"
    __access__ = Access.system()
    __subject__ = None

    id: Mapped[UUID] = key()
    plugin: Mapped[str] = field(String(40), label="Plugin", nullable=False, unique=True)
    shape: Mapped[int] = field(Integer, label="Version of the declaration", nullable=False, default=1)
    version: Mapped[int] = field(Integer, label="Version", nullable=False, derived=True, default=1)
    values: Mapped[dict[str, Any]] = field(json_type(), label="Values", nullable=False, filterable=False)

    secrets = sealed(label="Secret values", kind="json", default={})

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy's own name for mapper settings


@dataclass(frozen=True, slots=True)
class SettingsState:
    """The settings of one plugin as an administrator sees them: no secret is among the values."""

    plugin: str
    title: str
    version: int
    values: Mapping[str, Any]
    secrets: Mapping[str, bool]
    form: tuple[Mapping[str, Any], ...]


# ---- from the declaration ----------------------------------------------------------------------------------------
def _declared(manifest: Manifest) -> tuple[Setting, ...]:
    return manifest.contributions.get("settings", ())


def schema_of(settings: tuple[Setting, ...]) -> Schema:
    """Return the schema that checks and reads these settings; unknown names are refused."""
    return _schema_of(_Same(settings))


class _Same(tuple[Setting, ...]):
    """Settings as a key of a cache: the same declaration, the same schema."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(repr(tuple(self)))


@lru_cache(maxsize=256)
def _schema_of(settings: _Same) -> Schema:
    made = Schema.from_dict({item.name: _field_of(item) for item in settings}, name="PluginSettingsValues")
    return made()


def _field_of(item: Setting) -> fields.Field[Any]:
    checks: list[Any] = []
    if item.least is not None or item.most is not None:
        checks.append(validate.Range(item.least, item.most))
    if item.kind in ("text", "url", "email"):
        checks.append(validate.Length(max=MAX_TEXT))
    if item.kind == "choice":
        checks.append(validate.OneOf(item.choices))
    common: dict[str, Any] = {"validate": checks, "load_default": item.default, "allow_none": True}
    made: dict[str, Any] = {
        "text": fields.String, "choice": fields.String, "url": fields.Url, "email": fields.Email,
        "boolean": fields.Boolean, "date": fields.Date,
    }  # fmt: skip
    if item.kind == "integer":
        return fields.Integer(strict=True, **common)
    if item.kind == "decimal":
        return fields.Decimal(as_string=True, **common)
    return made[item.kind](**common)  # type: ignore[no-any-return]  # one of the classes above


def form_of(settings: tuple[Setting, ...], language: str = "en") -> tuple[Mapping[str, Any], ...]:
    """Return what a page needs to draw the form: one entry per setting, in the order of the declaration."""
    return tuple(
        {
            "name": item.name,
            "label": item.labels.get(language) or item.label,
            "help": item.helps.get(language) or item.help,
            "kind": item.kind,
            "default": None if item.secret else item.default,
            "choices": list(item.choices),
            "least": item.least,
            "most": item.most,
            "secret": item.secret,
        }
        for item in settings
    )


# ---- reading -----------------------------------------------------------------------------------------------------
def read_settings(store: Store, plugin: str) -> Mapping[str, Any]:
    """Return the settings of a plugin that is on, typed, defaults filled in; what services ask for.

    Raises NotFound if the plugin is off or sets nothing, Misconfigured if what is stored fits no more.
    """
    known: dict[str, Mapping[str, Any]] = store.session.info.setdefault("plugin_settings", {})
    if plugin not in known:
        manifest = _manifest(store, plugin)
        row = _row(store, plugin)
        known[plugin] = _typed(manifest, row)
    return known[plugin]


def _manifest(store: Store, plugin: str) -> Manifest:
    plugins = store.declared.get("plugins")
    loaded = plugins.loaded if plugins is not None else {}
    if plugin not in loaded or not _declared(loaded[plugin].manifest):
        names = [name for name, one in loaded.items() if _declared(one.manifest)]
        raise NotFound(f"plugin {plugin} is off or has no settings", remedy=did_you_mean(plugin, names))
    found: Manifest = loaded[plugin].manifest
    return found


def _row(store: Store, plugin: str) -> PluginSettings | None:
    found: PluginSettings | None = store.system("read settings").first(
        select(PluginSettings).where(PluginSettings.plugin == plugin)
    )
    return found


def _stored(manifest: Manifest, row: PluginSettings | None) -> dict[str, Any]:
    """Return what was set, secrets among it, brought to the declaration of now."""
    if row is None:
        return {}
    values = {**row.values, **row.secrets}
    if row.shape != manifest.settings_version and manifest.settings_migration:
        values = resolve(manifest.name, manifest.settings_migration)(dict(values), row.shape)
    return values


def _typed(manifest: Manifest, row: PluginSettings | None) -> Mapping[str, Any]:
    try:
        return schema_of(_declared(manifest)).load(_stored(manifest, row))  # type: ignore[no-any-return]  # a dict
    except ValidationError as fault:
        raise Misconfigured(
            f"the settings of {manifest.name} do not fit its declaration: {'; '.join(_words(fault))}",
            code="settings",
            remedy=f"Set them anew: retinue plugins set {manifest.name} NAME=VALUE",
        ) from fault


def settings_faults(store: Store, manifest: Manifest) -> list[Fault]:
    """Return why the values stored for a plugin do not fit what it declares now; none if they do."""
    settings, row = _declared(manifest), _row(store, manifest.name)
    if row is None or not settings:
        return []
    if row.shape > manifest.settings_version:
        detail = f"its settings were written by declaration {row.shape}, newer than its {manifest.settings_version}."
        return [Fault("SET001", manifest.name, detail, "Install the newer version again.")]
    try:
        schema_of(settings).load(_stored(manifest, row))
    except ValidationError as fault:
        detail = f"what is stored of its settings does not fit: {'; '.join(_words(fault))}."
        remedy = "Raise settings_version and name a settings_migration that brings old values along."
        return [Fault("SET002", manifest.name, detail, remedy)]
    return []


def _messages(fault: ValidationError) -> dict[str, list[str]]:
    found: dict[str, list[str]] = fault.normalized_messages()  # type: ignore[no-untyped-call]  # the library's own
    return found


def _words(fault: ValidationError) -> list[str]:
    return [f"{name}: {' '.join(map(str, texts))}" for name, texts in sorted(_messages(fault).items())]


# ---- showing and changing ----------------------------------------------------------------------------------------
def describe_settings(store: Store, plugin: str, *, language: str = "") -> SettingsState:
    """Return the settings of a plugin for an administrator; of a secret only whether it is set."""
    store.require("plugin.configure")
    manifest = _manifest(store, plugin)
    return _state(store, manifest, _row(store, plugin), language)


def _state(store: Store, manifest: Manifest, row: PluginSettings | None, language: str) -> SettingsState:
    settings, stored = _declared(manifest), _stored(manifest, row)
    typed = schema_of(settings).dump(_typed(manifest, row))
    return SettingsState(
        plugin=manifest.name,
        title=manifest.title or manifest.name,
        version=row.version if row else 0,
        values={item.name: typed.get(item.name) for item in settings if not item.secret},
        secrets={item.name: bool(stored.get(item.name)) for item in settings if item.secret},
        form=form_of(settings, language or store.actor.language),
    )


def change_settings(
    store: Store, plugin: str, changes: Mapping[str, Any], *, version: int | None = None, language: str = ""
) -> SettingsState:
    """Set what `changes` names, nothing else; None takes a value back to its default.

    Raises Invalid with a pointer per setting, Stale if `version` is given and somebody was faster.
    """
    store.require("plugin.configure")
    manifest = _manifest(store, plugin)
    settings, system = _declared(manifest), store.system("change settings")
    row = _row(store, plugin)
    if version is not None and version != (row.version if row else 0):
        raise Stale(
            "the settings were changed by someone else since you read them",
            remedy="Look at the current values and repeat your change.",
            extra={
                "current": _state(store, manifest, row, language),
                "current_version": row.version if row else 0,
            },
        )
    wanted = {**_stored(manifest, row), **changes}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    clean = _checked(settings, wanted)
    hidden = {item.name for item in settings if item.secret}
    if row is None:
        row = PluginSettings(plugin=plugin, values={}, shape=manifest.settings_version)
        system.add(row)
    row.shape = manifest.settings_version
    row.values = {name: value for name, value in clean.items() if name not in hidden}
    secrets = {name: value for name, value in clean.items() if name in hidden}
    if secrets != row.secrets:
        row.secrets = secrets
    store.deed("plugin.configure", f"Settings of {plugin}")
    system.flush()
    store.session.info.pop("plugin_settings", None)
    return _state(store, manifest, row, language)


def _checked(settings: tuple[Setting, ...], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was set, in the form of the wire; raises Invalid naming every setting at fault."""
    schema = schema_of(settings)
    try:
        loaded = schema.load(dict(wanted))
    except ValidationError as fault:
        names = [item.name for item in settings]
        problems = [
            Problem(
                f"/{name}",
                f"{' '.join(map(str, texts))} {'' if name in names else did_you_mean(name, names)}".strip(),
            )
            for name, texts in sorted(_messages(fault).items())
        ]
        raise Invalid("the settings are not valid", problems=problems) from None
    dumped: dict[str, Any] = schema.dump({name: loaded[name] for name in wanted})
    return dumped
