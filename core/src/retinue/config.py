"""The configuration: `retinue.toml` below `RETINUE_<SECTION>_<KEY>`; every key typed, bounded, documented."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from retinue.errors import Misconfigured
from retinue.sections import (
    SECTIONS,
    Api,
    Audit,
    Check,
    Database,
    Defaults,
    Jobs,
    Keys,
    Logging,
    Outbound,
    Plugins,
    Security,
    Server,
)

FILE_NAME = "retinue.toml"
SAFE_MODE = "RETINUE_SAFE_MODE"
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:)(.+)")
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
Values = dict[str, dict[str, Any]]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One documented key: what the reference page, the written file and the environment are made from."""

    section: str
    name: str
    type: Any
    default: Any
    kind: str
    unit: str
    range: str
    doc: str
    check: Check | None

    @property
    def env(self) -> str:
        """Return the environment variable that overrides the file."""
        return "RETINUE_MASTER_KEY" if self.secret else f"RETINUE_{self.section}_{self.name}".upper()

    @property
    def secret(self) -> bool:
        """Say whether the key may only come from the environment."""
        return (self.section, self.name) == ("keys", "master_key")

    def read(self, value: Any, source: str, *, text: bool = False) -> Any:
        """Return `value` as this key's type, or say what is wrong at `source`; `text`: as the environment."""
        if text and self.kind == "list of text":
            value = [part.strip() for part in value.split(",") if part.strip()]
        try:
            result = msgspec.convert(value, self.type, strict=not text)
            for part in (result if isinstance(result, tuple) else (result,)) if self.check else ():
                self.check(part)  # type: ignore[misc]  # the line above asked
        except (msgspec.ValidationError, ValueError, zoneinfo.ZoneInfoNotFoundError, OSError) as wrong:
            raise Misconfigured(
                f"{source}: {self.section}.{self.name} is not valid: {str(wrong).split(' - at')[0]}.",
                remedy=f"Give {self.wanted}. {self.doc}",
            ) from wrong
        return result

    @property
    def wanted(self) -> str:
        """Return type, unit and range as words."""
        return " ".join(part for part in (self.kind, self.range, self.unit and f"({self.unit})") if part)


def _describe() -> Iterator[Key]:
    """Read every key off the sections' types."""
    for section, cls in SECTIONS.items():
        hints = get_type_hints(cls, include_extras=True)
        for name, default in zip(cls.__struct_fields__, cls.__struct_defaults__, strict=True):
            base, meta = get_args(hints[name])
            bounds = f"from {meta.ge} to {meta.le}" if meta.ge is not None else ""
            words: dict[str, Any] = {
                "kind": "list of text" if get_origin(base) is tuple else _WORDS.get(base, "one of"),
                "range": ", ".join(get_args(base)) if get_origin(base) is Literal else bounds,
            }
            rest = {"default": default, "doc": meta.description, **meta.extra}
            yield Key(section=section, name=name, type=hints[name], **words, **rest)


KEYS: Mapping[tuple[str, str], Key] = {(key.section, key.name): key for key in _describe()}


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration. `folder` is the installation's folder, `path` the file it was read from."""

    folder: Path
    path: Path | None = None
    database: Database = Database()
    keys: Keys = Keys()
    audit: Audit = Audit()
    server: Server = Server()
    security: Security = Security()
    jobs: Jobs = Jobs()
    api: Api = Api()
    outbound: Outbound = Outbound()
    defaults: Defaults = Defaults()
    logging: Logging = Logging()
    plugins: Plugins = Plugins()

    safe_mode = property(lambda self: bool(self.plugins.safe_mode), doc="Whether plugins stay off.")

    @property
    def base_url(self) -> str:
        """Return the address people type, without a final slash."""
        return self.server.base_url.rstrip("/") or f"http://{self.server.host}:{self.server.port}"

    @property
    def master_key_path(self) -> Path:
        """Return the absolute path of the master key's file."""
        return self.folder / Path(self.keys.master_key_file).expanduser()

    @classmethod
    def load(cls, path: str | Path | None = None, env: Mapping[str, str] | None = None) -> Config:
        """Read the file at `path`, at RETINUE_CONFIG, or the nearest one upwards from here; then `env`."""
        env = os.environ if env is None else env
        found = _locate(path, env)
        if found is None and not any(key.env in env for key in KEYS.values()):
            raise Misconfigured(
                f"No {FILE_NAME} in this folder or above it.",
                remedy="Make one with `retinue init DIR`, or name one with --config or RETINUE_CONFIG.",
            )
        return cls._assemble(found.parent if found else Path.cwd(), found, env)

    @classmethod
    def for_folder(cls, folder: str | Path, env: Mapping[str, str] | None = None, **sections: Any) -> Config:
        """Return the configuration of `folder`: its file if there is one, then `env`, then `sections` on top.

        The process' own environment is not looked at: this is for tests and `init`.
        ``Config.for_folder(tmp_path, server={"port": 9000})``
        """
        folder = Path(folder).absolute()
        file = folder / FILE_NAME
        return cls._assemble(folder, file if file.is_file() else None, env or {}, sections)

    @classmethod
    def _assemble(
        cls, folder: Path, file: Path | None, env: Mapping[str, str], top: Mapping[str, Any] | None = None
    ) -> Config:
        values: Values = {name: {} for name in SECTIONS}
        if file is not None:
            _read_tables(_parse(file), values, lambda section, name: f"{file}, {_line(file, section, name)}")
        _read_env(env, values)
        _read_tables(top or {}, values, lambda _section, _name: "given in code")
        for section in ("database", "keys"):
            values[section]["url"] = _anchor(values[section].get("url", KEYS[section, "url"].default), folder)
        parts: dict[str, Any] = {name: SECTIONS[name](**given) for name, given in values.items()}
        return _check(cls(folder=folder, path=file, **parts))

    def to_toml(self) -> str:
        """Return the file: every key with its documentation, those at their default commented out."""
        lines = ["# Configuration of this Retinue installation. A line that starts with # shows the default."]
        section = ""
        for key in KEYS.values():
            if key.secret:
                continue
            if key.section != section:
                section = key.section
                lines += ["", f"# {SECTIONS[section].__doc__}", f"[{section}]"]
            value = getattr(getattr(self, section), key.name)
            if key.name == "url":
                value = value.replace(f":///{self.folder.as_posix()}/", ":///", 1)
            text = json.dumps(value, ensure_ascii=False)  # of these types, JSON is TOML too
            lines.append(f"# {key.doc} [{key.wanted}]")
            lines.append(f"{'# ' * (value == key.default)}{key.name} = {text}")
        return "\n".join([*lines, ""])


def _locate(path: str | Path | None, env: Mapping[str, str]) -> Path | None:
    """Return the file to read; a file that was named and is not there is an error."""
    named = path or env.get("RETINUE_CONFIG")
    if named:
        file = Path(named).expanduser().absolute()
        file = file / FILE_NAME if file.is_dir() else file
        if not file.is_file():
            raise Misconfigured(f"There is no file {file}.", remedy="Make one with `retinue init DIR`.")
        return file
    here = Path.cwd() / FILE_NAME
    return next((file for file in (here, *(up / FILE_NAME for up in here.parents)) if file.is_file()), None)


def _parse(file: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as wrong:
        raise Misconfigured(f"{file} is not TOML: {wrong}.", remedy="Text stands in quotes.") from wrong
    except (OSError, UnicodeDecodeError) as wrong:
        raise Misconfigured(f"{file} cannot be read: {wrong}.", remedy="It must be UTF-8 text.") from wrong
    if isinstance(tables.get("keys"), dict) and tables["keys"].get("master_key"):
        raise Misconfigured(
            f"{file}, {_line(file, 'keys', 'master_key')}: the master key must not stand in this file.",
            remedy="Put it into keys.master_key_file or the environment variable RETINUE_MASTER_KEY.",
        )
    return tables


def _read_tables(tables: Mapping[str, Any], into: Values, where: Callable[[str, str], str]) -> None:
    """Check the tables of a file (or of code) key by key and put the values into `into`."""
    for section, table in tables.items():
        if section not in SECTIONS or not isinstance(table, Mapping):
            raise _unknown(where(section, ""), f"section [{section}]", section, list(SECTIONS))
        for name, value in table.items():
            key = KEYS.get((section, name))
            if key is None:
                names = [other for table_name, other in KEYS if table_name == section]
                raise _unknown(where(section, name), f"key {section}.{name}", name, names)
            into[section][name] = key.read(value, where(section, name))


def _read_env(env: Mapping[str, str], into: Values) -> None:
    """Take the overrides from the environment; a name of one of our sections that is no key is an error."""
    known = {key.env: key for key in KEYS.values()}
    for name, value in env.items():
        if key := known.get(name):
            into[key.section][key.name] = key.read(value, name, text=True)
        elif name.startswith(tuple(f"RETINUE_{section.upper()}_" for section in SECTIONS)):
            raise _unknown("environment", f"variable {name}", name, list(known))
    if SAFE_MODE in env:  # the short name that people find in an emergency
        into["plugins"]["safe_mode"] = KEYS["plugins", "safe_mode"].read(env[SAFE_MODE], SAFE_MODE, text=True)


def _unknown(source: str, what: str, name: str, known: list[str]) -> Misconfigured:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}."
    return Misconfigured(f"{source}: unknown {what}.", remedy=hint)


def _line(file: Path, section: str, name: str) -> str:
    """Return ``line 12`` for a key of a section, as good as reading lines can find it."""
    inside = False
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        text = line.strip()
        if header := re.match(r"\[\s*([^\]]+?)\s*\]", text):
            inside = header[1] == section
            if inside and not name:
                return f"line {number}"
        elif re.match(rf"({re.escape(name) if inside else re.escape(section)}|{section}\.{name})\s*=", text):
            return f"line {number}"
    return "somewhere"


def _anchor(url: str, folder: Path) -> str:
    """Return `url` with a relative SQLite path made absolute."""
    match = _SQLITE.match(url)
    return f"{match[1]}{(folder / match[2]).as_posix()}" if match else url


def _check(config: Config) -> Config:
    """Refuse what each key allows alone and the whole does not."""
    if config.keys.url == config.database.url:
        raise Misconfigured(
            "keys.url is the database itself.",
            remedy="Give the key store its own file or database: a backup that holds both protects nothing.",
        )
    if config.server.workers > 1 and config.database.url.startswith("sqlite"):
        raise Misconfigured("server.workers is above 1 on SQLite.", remedy="Use PostgreSQL, or one worker.")
    return config
