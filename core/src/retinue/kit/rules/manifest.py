"""What the plugin says about itself, compared with its code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from retinue.kit.findings import Hit, rule, rules_of
from retinue.kit.names import Source
from retinue.kit.source import Project
from retinue.plugins.checks import manifest_faults
from retinue.plugins.contributions import KINDS, code_fields
from retinue.plugins.discovery import RESERVED
from retinue.plugins.faults import did_you_mean
from retinue.plugins.manifest import NAME


def _unreadable(code: str, project: Project) -> Iterator[Hit]:
    for finding in project.unreadable:
        if finding.code == code and "/migrations/versions/" not in finding.path:  # MIG007 says so
            yield Hit(finding.path, finding.line, finding.detail, finding.remedy)


rules_of(
    {
        "PLG002": "The name is one a plugin can have, and plugin.toml can be read.",
        "PLG006": "Every file is Python.",
    },
    "bronze",
    _unreadable,
)


@rule("PLG002", "bronze", "The name is one a plugin can have, and plugin.toml can be read.")
def wrong_name(project: Project) -> Iterator[Hit]:
    """The name stands in tables, jobs and addresses."""
    line = 1
    if not NAME.fullmatch(project.name) or project.name in RESERVED:
        detail = f"{project.name} cannot be the name of a plugin."
        yield Hit("pyproject.toml", line, detail, "Take 2 to 40 of a-z, 0-9 and _, beginning with a letter.")
    if project.manifest and project.manifest.name != project.name:
        detail = f"name is {project.manifest.name}, the entry point says {project.name}."
        yield Hit(project.manifest_name, project.manifest_line("name"), detail, "Write the same in both.")


def _by_itself(code: str, project: Project) -> Iterator[Hit]:
    if project.manifest is None:
        return
    for fault in manifest_faults(replace(project.manifest, name=project.name)):
        if fault.code == code:
            words = [word.strip(",.") for word in fault.detail.split() if word != project.name]
            line = next((n for n in (project.manifest_line(f'"{word}"') for word in words) if n > 1), 1)
            remedy = fault.remedy or "Correct plugin.toml."
            yield Hit(project.manifest_name, line, fault.detail, remedy)


rules_of(
    {
        "PLG003": "The plugin is written for hooks that this core has.",
        "PLG009": "No name is given twice.",
        "PLG010": "What plugin.toml refers to exists.",
        "PLG011": "Names keep the naming law.",
    },
    "bronze",
    _by_itself,
)


@rule("PLG010", "bronze", "What plugin.toml refers to exists.")
def dead_reference(project: Project) -> Iterator[Hit]:
    """A reference that leads nowhere refuses the plugin at enable."""
    for kind in KINDS if project.manifest else ():
        for item in (project.manifest.contributions if project.manifest else {}).get(kind, ()):
            for word in code_fields(item):
                reference = str(getattr(item, word))
                module, _, attribute = reference.partition(":")
                source = project.module(module)
                if module.partition(".")[0] != project.package.partition(".")[0]:
                    continue
                names = _top_names(source) if source else set()
                if attribute not in names:
                    hint = did_you_mean(attribute, names, "Correct plugin.toml.")
                    line = project.manifest_line(reference)
                    yield Hit(project.manifest_name, line, f"{reference} does not exist.", hint)


@rule("PLG016", "bronze", "Every template that plugin.toml names is there.")
def missing_template(project: Project) -> Iterator[Hit]:
    """A card without its template shows an error to everybody."""
    held = project.manifest.contributions if project.manifest and project.folder else {}
    for item in (item for items in held.values() for item in items):
        name = getattr(item, "template", "")
        if name and project.folder and not (project.folder / "templates" / name).is_file():
            line = project.manifest_line(f'"{name}"')
            yield Hit(project.manifest_name, line, f"there is no template {name}.", "Put it into templates.")


def _top_names(source: Source) -> set[str]:
    found = set(source.aliases)
    for node in source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found.update(t.id for t in targets if isinstance(t, ast.Name))
    return found
