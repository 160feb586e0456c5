"""The check: every rule asked about one plugin, and what its author has allowed with a reason left out."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from retinue.errors import NotFound
from retinue.kit import rules
from retinue.kit.findings import RULES, TIERS, Finding, Rule, Tier
from retinue.kit.source import Project
from retinue.plugins import Catalogue, build_plugin_set, discover
from retinue.plugins.faults import did_you_mean
from retinue.plugins.probe import probe_import

_ALLOWED = re.compile(r"#\s*retinue: allow ([A-Z0-9, ]+?) because \w+")
assert rules  # importing them registers every rule


@dataclass(frozen=True, slots=True)
class Grade:
    """How far a plugin has come: its tier, empty below bronze, and what stands before each next one."""

    tier: Tier | None
    findings: dict[Tier, tuple[Finding, ...]]

    def as_data(self) -> dict[str, Any]:
        """Return the grade for ``--json``."""
        return {
            "grade": self.tier or "none",
            "rules": {tier: sum(r.tier == tier for r in RULES.values()) for tier in TIERS},
            "findings": {tier: [f._asdict() for f in found] for tier, found in self.findings.items()},
        }


def check_project(project: Project, tiers: Collection[Tier] = ("bronze", "silver")) -> list[Finding]:
    """Return what breaks a rule of `tiers`, in the order of files and lines; nothing of the plugin is run.

    A line that ends in ``# retinue: allow CODE because …`` may break the rule CODE.
    """
    return sorted({f for rule in RULES.values() if rule.tier in tiers for f in find_breaks(project, rule)})


def find_breaks(project: Project, rule: Rule) -> list[Finding]:
    """Return where a plugin breaks one rule."""
    found = {
        Finding(hit.path, hit.line, rule.code, hit.detail, hit.remedy)
        for check in rule.checks
        for hit in check(project)
    }
    if not found:
        return []
    lines = {s.name: s.text.splitlines() for s in (*project.sources, *project.migrations, *project.tests)}
    return sorted(finding for finding in found if not _allowed(finding, lines.get(finding.path, [])))


def _allowed(finding: Finding, lines: list[str]) -> bool:
    line = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    match = _ALLOWED.search(line)
    return match is not None and finding.code in match[1].replace(",", " ").split()


def run_plugin(name: str) -> list[Finding]:
    """Return what an installed plugin is refused for when it is really imported, first in a process of its own.

    Raises NotFound for a plugin that is not installed.
    """
    catalogue = discover()
    if name not in catalogue:
        remedy = did_you_mean(name, catalogue, "Install it first: python -m pip install -e PATH.")
        raise NotFound(f"No plugin {name} is installed, so it cannot be run.", remedy=remedy)
    faults = list(probe_import(catalogue[name]))
    if not faults:
        plugins = build_plugin_set(catalogue, _with_required(name, catalogue))
        faults = [fault for found in plugins.set_aside.values() for fault in found]
    place = catalogue[name].manifest.module
    return [Finding(place, 1, fault.code, fault.detail, fault.remedy) for fault in faults]


def _with_required(name: str, catalogue: Catalogue) -> set[str]:
    found, waiting = set[str](), [name]
    while waiting:
        current = waiting.pop()
        if current in catalogue and current not in found:
            found.add(current)
            waiting += catalogue[current].manifest.requires
    return found


def grade_project(project: Project) -> Grade:
    """Return the highest tier whose rules, and those of the tiers below it, are all kept."""
    findings = {tier: tuple(check_project(project, (tier,))) for tier in TIERS}
    reached: Tier | None = None
    for tier in TIERS:
        if findings[tier]:
            break
        reached = tier
    return Grade(reached, findings)
