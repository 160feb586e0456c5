"""Translations: what people read is there in five languages, with all plural forms."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from retinue.kit.findings import Hit, rule
from retinue.kit.names import keyword, text_of
from retinue.kit.rules.models import mapped
from retinue.kit.source import Project

LANGUAGES = {"cs": 3, "de": 2, "ru": 3, "tr": 2}
"""The languages beside English, in which labels are written, and how many plural forms each has."""

_IN_TEMPLATE = re.compile(r"""\b_\((["'])(.+?)\1""")
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|{\w+}|%[sd]")


def catalogue_path(project: Project, language: str) -> Path:
    """Return where the catalogue of a language stands: ``locale/cs/LC_MESSAGES/points.po`` in the package."""
    assert project.folder is not None
    return project.folder / "locale" / language / "LC_MESSAGES" / f"{project.name}.po"


def labels(project: Project) -> dict[str, tuple[str, int]]:
    """Return the English words that people read, each with its place: of manifest, templates and models."""
    found: dict[str, tuple[str, int]] = {}
    manifest = project.manifest
    if manifest is None:
        return found
    items: list[Any] = [manifest, *(item for items in manifest.contributions.values() for item in items)]
    for item in items:
        for word in ("title", "summary", "label", "help"):
            if text := getattr(item, word, ""):
                found.setdefault(text, (project.manifest_name, project.manifest_line(text[:40])))
    for path in sorted((project.folder / "templates").rglob("*.html")) if project.folder else ():
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for _, text in _IN_TEMPLATE.findall(line):
                found.setdefault(text, (project.show(path), number))
    for model in mapped(project):
        for value in model.values.values():
            if text := text_of(keyword(value, "label") if hasattr(value, "keywords") else None):  # type: ignore[arg-type]  # a call
                found.setdefault(text, (model.source.name, value.lineno))
    return found


def told(project: Project, language: str) -> set[str]:
    """Return the English words whose translation stands in plugin.toml itself, beside a setting."""
    held = project.manifest.contributions.get("settings", ()) if project.manifest else ()
    pairs = [pair for item in held for pair in ((item.label, item.labels), (item.help, item.helps))]
    return {text for text, translations in pairs if translations.get(language)}


def catalogues(project: Project) -> Iterator[tuple[str, str, Catalog]]:
    """Yield (language, path as shown, catalogue) of every language that is there and can be read."""
    for language in LANGUAGES if project.folder else ():
        path = catalogue_path(project, language)
        if path.is_file():
            yield language, project.show(path), _read(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


@rule(
    "I18N001", "silver", "There is a catalogue for each language: ru, tr, cs, de; English stands in the code."
)
def missing_language(project: Project) -> Iterator[Hit]:
    """A page in two languages at once is a page in none."""
    if not labels(project):
        return
    for language in LANGUAGES:
        path = catalogue_path(project, language)
        if not path.is_file():
            yield Hit(
                project.show(path), 1, f"{language} is missing.", "Write it; `pybabel init` makes the file."
            )


@rule("I18N002", "silver", "Every label is translated.")
def untranslated(project: Project) -> Iterator[Hit]:
    """Labels of permissions, settings, jobs and fields are what people decide by."""
    wanted = labels(project)
    for language, shown, catalogue in catalogues(project):
        for text, (where, line) in wanted.items():
            if text in told(project, language):
                continue
            message = catalogue.get(text)
            if message is None or not any(_strings(message)):
                yield Hit(where, line, f"{text!r} is not in {shown}.", f"Translate it to {language}.")
            elif message.fuzzy:
                yield Hit(shown, message.lineno or 1, f"{text!r} is marked fuzzy.", "Look it through.")


def _strings(message: Message) -> list[str]:
    found = message.string
    return list(found) if isinstance(found, (tuple, list)) else [str(found or "")]


@rule("I18N003", "silver", "Every plural has all forms of its language.")
def plural_forms(project: Project) -> Iterator[Hit]:
    """Czech and Russian count 1, 2 and 5 differently."""
    for language, shown, catalogue in catalogues(project):
        for message in catalogue:
            forms = [text for text in _strings(message) if text]
            if isinstance(message.id, (tuple, list)) and len(forms) < LANGUAGES[language]:
                detail = f"{message.id[0]!r} has {len(forms)} forms, {language} has {LANGUAGES[language]}."
                yield Hit(shown, message.lineno or 1, detail, "Give each, and nplurals in the head.")


@rule("I18N004", "silver", "A translation has the placeholders of its original.")
def placeholders(project: Project) -> Iterator[Hit]:
    """A placeholder that is lost takes the number or the name with it."""
    for _, shown, catalogue in catalogues(project):
        for message in catalogue:
            if not message.id or isinstance(message.id, (tuple, list)):
                continue
            wanted = sorted(_PLACEHOLDER.findall(str(message.id)))
            for text in filter(None, _strings(message)):
                if sorted(_PLACEHOLDER.findall(text)) != wanted:
                    detail = f"the translation of {message.id!r} has other placeholders."
                    yield Hit(shown, message.lineno or 1, detail, f"Keep {', '.join(wanted) or 'none'}.")
