"""The kit for plugin authors: check, grade, scaffold. It reads a plugin's files and never runs them."""

from retinue.kit.checking import Grade, check_project, grade_project, run_plugin
from retinue.kit.findings import RULES, TIERS, Finding, Rule
from retinue.kit.source import Project, find_project, read_project

__all__ = [
    "RULES",
    "TIERS",
    "Finding",
    "Grade",
    "Project",
    "Rule",
    "check_project",
    "find_project",
    "grade_project",
    "read_project",
    "run_plugin",
]
