"""What the plugin's files say: every rule of the check, translations, permissions by their names."""

from __future__ import annotations

from retinue.access import CORE_PERMISSIONS
from retinue.kit import RULES, Project
from retinue.kit.checking import find_breaks
from retinue.kit.rules.words import catalogues, labels, told
from retinue.plugins.contributions import KINDS


def test_plugin_keeps_the_rule(project: Project, rule: str) -> None:
    """The same rules as `retinue plugins check`, one test for each."""
    found = find_breaks(project, RULES[rule])
    assert not found, "\n".join(map(str, found))


def test_plugin_speaks_the_language(project: Project, language: str) -> None:
    """Every label of the manifest and of the models is in each catalogue."""
    if not labels(project):
        return
    catalogue = next((found for name, _, found in catalogues(project) if name == language), None)
    assert catalogue is not None, f"there is no catalogue for {language}"
    wanted = set(labels(project)) - told(project, language)
    missing = [text for text in sorted(wanted) if not (message := catalogue.get(text)) or not message.string]
    assert not missing


def test_permission_that_the_code_asks_for_is_declared(project: Project, permission: str) -> None:
    """A name nobody declares can be granted to nobody."""
    own = {
        item.name
        for item in (project.manifest.contributions.get("permissions", ()) if project.manifest else ())
    }
    others = {item.name for item in CORE_PERMISSIONS}
    assert permission in own | others or project.manifest is None or project.manifest.requires


def test_kind_of_contribution_is_named_as_the_law_says(project: Project, kind: str) -> None:
    """Names begin with the plugin's own wherever they share a space with others."""
    held = project.manifest.contributions.get(kind, ()) if project.manifest else ()
    assert all(isinstance(item, KINDS[kind]) for item in held)
    if kind in ("jobs", "schedules", "pages", "panels", "widgets", "navigation_items", "palette_items"):
        assert [item.name for item in held if not item.name.startswith(f"{project.name}.")] == []
