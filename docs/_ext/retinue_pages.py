"""Pages made from the code before each build: configuration, command line, API, hooks.

Each page is a function that returns Markdown, so that tests can look at it without Sphinx.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from retinue.cli import app
from retinue.cli.errors import EXIT_CODES
from retinue.cli.lazy import LazyGroup, common_options
from retinue.config import KEYS, SECTIONS, Config
from retinue.plugins import parse_manifest

METHODS = ("get", "post", "put", "patch", "delete")


def configuration_page() -> str:
    """Return every section and key, from the types that read them."""
    lines: list[str] = []
    for section, cls in SECTIONS.items():
        lines += [f"## {section}", "", cls.__doc__ or "", ""]
        for key in (key for key in KEYS.values() if key.section == section):
            default = "*empty*" if key.default in ("", ()) else f"`{shown(key.default)}`"
            facts = [("Type", key.wanted), ("Default", default), ("Variable", f"`{key.env}`")]
            lines += [f"### {key.section}.{key.name}", "", key.doc, ""]
            lines += [*(f"- {name}: {value}" for name, value in facts), ""]
    return "\n".join(lines)


def shown(value: Any) -> str:
    """Return a default as it would stand in the file."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def command_line_page() -> str:
    """Return every command with its usage, arguments and options, and the exit codes."""
    common = [param.get_help_record(click.Context(app)) for param in common_options()]
    lines = [
        "## Options of every command",
        "",
        *(f"- `{name}`: {text}" for name, text in filter(None, common)),
        "",
    ]
    for path, command, context in walk(app, click.Context(app, info_name="retinue")):
        if isinstance(command, click.Group):
            lines += [f"## {' '.join(path)}", "", command.help or "", ""]
            continue
        level = "###" if len(path) > 2 else "##"
        lines += [
            f"{level} {' '.join(path)}",
            "",
            f"```text\n{command.get_usage(context)}\n```",
            "",
            prose(command),
            "",
        ]
        lines += [*options(command, context), ""]
    lines += ["## Exit codes", "", "| Code | Meaning |", "|---|---|"]
    return "\n".join([*lines, *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()), ""])


def walk(
    group: LazyGroup, context: click.Context
) -> Iterator[tuple[tuple[str, ...], click.Command, click.Context]]:
    """Yield each command below `group` with the words that call it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None:
            continue
        below = click.Context(command, info_name=name, parent=context)
        yield tuple(below.command_path.split()), command, below
        if isinstance(command, LazyGroup):
            yield from walk(command, below)


def prose(command: click.Command) -> str:
    """Return a command's help; what it sets in lines stays in lines."""
    blocks = (command.help or command.short_help or "").strip().split("\n\n")
    return "\n\n".join(f"```text\n{b[1:].strip(chr(10))}\n```" if b.startswith("\b") else b for b in blocks)


def options(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a line for each option of the command's own."""
    common = {name for param in common_options() for name in param.opts}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record and not common.intersection(param.opts) and "--help" not in param.opts:
            yield f"- `{record[0]}`: {record[1]}"


def api_page(document: Mapping[str, Any]) -> str:
    """Return the operations of an OpenAPI document, by tag."""
    by_tag: dict[str, list[str]] = {}
    for path, item in sorted(document.get("paths", {}).items()):
        for method in METHODS:
            if method in item:
                operation = item[method]
                tag = (operation.get("tags") or ["general"])[0]
                by_tag.setdefault(tag, []).extend(operation_lines(method, path, operation))
    lines = [f"## Operations (version {document['info']['version']})", ""]
    for tag, entries in sorted(by_tag.items()):
        lines += [f"### {tag}", "", *entries]
    return "\n".join(lines)


def operation_lines(method: str, path: str, operation: Mapping[str, Any]) -> list[str]:
    """Return one operation: what it does, the permission it needs, parameters and answers."""
    says = operation.get("description") or operation.get("summary") or ""
    lines = [f"#### {method.upper()} {path}", "", says, ""]
    if permission := operation.get("x-permission"):
        lines.append(f"- Permission: `{permission}`")
    names = [f"`{p['name']}` ({p['in']})" for p in operation.get("parameters") or [] if "name" in p]
    if names:
        lines.append(f"- Parameters: {', '.join(names)}")
    answers = [
        f"{status} {answer.get('description', '')}".strip()
        for status, answer in operation["responses"].items()
    ]
    return [*lines, f"- Answers: {'; '.join(answers)}", ""]


def hooks_page(hooks: Iterable[Mapping[str, Any]]) -> str:
    """Return every hook with its exact signature and contract, by mode."""
    by_mode: dict[str, list[str]] = {"declare": [], "ask": [], "tell": []}
    for hook in hooks:
        facts = f"- Phase: {hook['phase']}; on failure: **{hook['on_failure']}**; since {hook['since']}"
        old = "" if hook["deprecated"] == "no" else f"; deprecated: {hook['deprecated']}"
        call = f"```text\n{hook['name']}{hook['signature']}\n```"
        by_mode[hook["mode"]] += [f"### {hook['name']}", "", call, "", hook["meaning"], "", facts + old, ""]
    return "\n".join(
        line for mode, lines in by_mode.items() for line in (f"## {mode.capitalize()}", "", *lines)
    )


def core_hooks() -> list[Mapping[str, Any]]:
    """Return core's hooks as data, in the order of their page."""
    from retinue.plugins import core_specs  # noqa: PLC0415 - the other pages do without the plugin room

    return [spec.as_data() for spec in core_specs().values()]


def core_document() -> Mapping[str, Any]:
    """Return the OpenAPI document of a core without plugins, from a throwaway installation."""
    from retinue.app import open_house  # noqa: PLC0415 - the other pages need no application
    from retinue.app.serving import make_application  # noqa: PLC0415 - as above
    from retinue.storage import MasterKeys  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory() as folder:
        config = Config.for_folder(folder, {"RETINUE_MASTER_KEY": MasterKeys.generate().render()})
        with open_house(config, check=False) as house:
            house.upgrade()
            return make_application(house).document()


def plugin_rules_page() -> str:
    """Return every rule of the check by tier, with its code and what it asks."""
    from retinue.kit import RULES, TIERS  # noqa: PLC0415 - the other pages do without the kit

    lines: list[str] = []
    for tier in TIERS:
        lines += [f"## {tier.capitalize()}", "", "| Code | What holds |", "|---|---|"]
        lines += [f"| {rule.code} | {rule.title} |" for _, rule in sorted(RULES.items()) if rule.tier == tier]
        lines.append("")
    return "\n".join(lines)


def plugin_settings_page() -> str:
    """Return the settings of the plugins in this repository, from their manifests."""
    rows = ["| Plugin | Setting | Kind | Default | Meaning |", "|---|---|---|---|---|"]
    for path in sorted((Path(__file__).parents[2] / "plugins").glob("*/src/*/plugin.toml")):
        manifest = parse_manifest(path.read_text("utf-8"))
        for item in manifest.contributions.get("settings", ()):
            meaning = f"{item.label}. {item.help}".strip()
            default = (
                "*secret*" if item.secret else "" if item.default is None else f"`{shown(item.default)}`"
            )
            rows.append(f"| `{manifest.name}` | `{item.name}` | {item.kind} | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def contributions_page() -> str:
    """Return every kind of contribution with its words, their types and defaults."""
    from dataclasses import MISSING, fields  # noqa: PLC0415 - only this page reads classes

    from retinue.plugins.contributions import KINDS  # noqa: PLC0415 - the other pages do without the plugin room

    lines = ["## The kinds", ""]
    for kind, cls in KINDS.items():
        lines += [f"### {kind}", "", cls.__doc__ or "", "", "| Word | Type | Default |", "|---|---|---|"]
        for word in fields(cls):
            wanted = "reference to code" if word.type == "Code" else str(word.type).replace("|", "or")
            default = "*must be given*"
            if word.default is not MISSING:
                default = "*none*" if word.default in ("", None, ()) else f"`{shown(word.default)}`"
            elif word.default_factory is not MISSING:
                default = "*empty*"
            lines.append(f"| `{word.name}` | {wanted} | {default} |")
        lines.append("")
    return "\n".join(lines)


PAGES: Mapping[str, Callable[[], str]] = {
    "configuration": configuration_page,
    "cli": command_line_page,
    "api": lambda: api_page(core_document()),
    "hooks": lambda: hooks_page(core_hooks()),
    "contributions": contributions_page,
    "plugin-rules": plugin_rules_page,
    "plugin-settings": plugin_settings_page,
}


def write_pages(folder: Path) -> None:
    """Write every generated page into `folder`; those that did not change keep their time stamp."""
    folder.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        file, text = folder / f"{name}.md", make()
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")


def setup(sphinx: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    sphinx.connect("builder-inited", lambda builder: write_pages(Path(builder.srcdir) / "_generated"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
