"""The documentation: its examples run, its generated pages hold everything, its links lead somewhere."""

import importlib
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from retinue.cli import app
from retinue.cli.errors import EXIT_CODES, run
from retinue.cli.table import COMMANDS, Branch
from retinue.config import KEYS, SECTIONS, Config

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if not {"_build", "_generated"} & set(page.parts))
ALL = [*PAGES, *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "core/README.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(
    not DOCS.exists(), reason="the documentation is not part of an installed package"
)


def blocks(kind):
    for page in ALL:
        for number, (found, text) in enumerate(BLOCK.findall(page.read_text("utf-8"))):
            if found == kind:
                yield pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")


@pytest.mark.parametrize("text", list(blocks("toml")))
def test_toml_example_is_toml_and_a_configuration_is_accepted(text, tmp_path):
    tables = tomllib.loads(text)
    if set(tables) <= set(SECTIONS):
        (tmp_path / "retinue.toml").write_text(text, "utf-8")
        assert Config.load(tmp_path, env={}).path == tmp_path / "retinue.toml"


@pytest.mark.parametrize("text", list(blocks("toml")))
def test_toml_example_of_a_manifest_is_accepted(text):
    from retinue.plugins import parse_manifest

    if "api" in tomllib.loads(text) and "name" in tomllib.loads(text):
        assert parse_manifest(text).complete


@pytest.mark.parametrize("text", list(blocks("json")))
def test_json_example_is_json(text):
    assert json.loads(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_python_examples_of_a_page_run_in_order(page, tmp_path):
    """In a process of its own: what a page shows must not depend on what tests have imported."""
    code = "\n".join(text for kind, text in BLOCK.findall(page.read_text("utf-8")) if kind == "python")
    if not code:
        return
    paths = os.pathsep.join(path for path in sys.path if path)
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_console_examples_of_a_page_run_in_order(page, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETINUE_PASSWORD", "wisteria umbrella quartz")
    for kind, text in BLOCK.findall(page.read_text("utf-8")):
        for line in text.splitlines() if kind == "console" else ():
            words = shlex.split(line.removeprefix("$ "))
            if words[0] == "cd":
                monkeypatch.chdir(words[1])
                continue
            assert words[0] == "retinue", line
            code = run(app, words[1:])
            assert code == 0, f"{line}\n{capfd.readouterr().err}"


def commands(table=COMMANDS, path=()):
    for name, entry in table.items():
        yield (*path, name)
        if isinstance(entry, Branch):
            yield from commands(entry.commands, (*path, name))


def plugin_commands():
    """Yield the commands of the plugins beside core, with the subcommands of a group."""
    for path in (ROOT / "plugins").glob("*/src/*/plugin.toml"):
        for item in tomllib.loads(path.read_text("utf-8")).get("commands", ()):
            module, _, name = item["run"].partition(":")
            group = getattr(importlib.import_module(module), name)
            yield item["name"]
            yield from (f"{item['name']} {sub}" for sub in getattr(group, "commands", ()))


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_named_on_a_page_exist(page):
    """Each `retinue …` in text or code names a command of the table, or one of a plugin here."""
    known = {" ".join(path) for path in commands()} | {*plugin_commands()}
    text = page.read_text("utf-8")
    named = re.findall(
        r"(?:`|^\$? ?|&& |/|=1 )retinue ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text, re.MULTILINE
    )
    wrong = [
        " ".join(words).strip()
        for words in named
        if " ".join(words).strip() not in known and not (words[0] in known and not is_branch(words[0]))
    ]
    assert wrong == []


def is_branch(name):
    return isinstance(COMMANDS.get(name), Branch)


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_a_file(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    missing = [link for link in links if not link.startswith("http") and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_configuration_keys_named_on_a_page_exist(page):
    named = re.findall(rf"`({'|'.join(SECTIONS)})\.([a-z0-9_]+)`", page.read_text("utf-8"))
    assert [pair for pair in named if pair not in KEYS and pair[1] not in ("toml", "db")] == []


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_permissions_named_on_a_page_exist(page):
    from retinue.access import CORE_PERMISSIONS

    known = {permission.name for permission in CORE_PERMISSIONS}
    named = re.findall(
        r"\b((?:contact|interaction|view|role|account|team|token|audit)\.[a-z_]+)=", page.read_text("utf-8")
    )
    assert [name for name in named if name not in known] == []


@pytest.fixture(scope="module")
def pages():
    """The generator, as Sphinx imports it."""
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import retinue_pages
    finally:
        sys.path.remove(str(DOCS / "_ext"))
    return retinue_pages


def test_configuration_page_documents_every_key(pages):
    text = pages.configuration_page()
    for key in KEYS.values():
        assert f"### {key.section}.{key.name}\n\n{key.doc}\n" in text
        assert f"`{key.env}`" in text


def test_command_line_page_documents_every_command_and_exit_code(pages):
    text = pages.command_line_page()
    for path in commands():
        assert re.search(rf"^##+ retinue {' '.join(path)}$", text, re.MULTILINE), path
    for code in EXIT_CODES:
        assert f"| {code} | " in text


def test_hooks_page_documents_every_hook_with_its_exact_signature(pages):
    hooks = pages.core_hooks()
    text = pages.hooks_page(hooks)
    assert len(hooks) > 15
    for hook in hooks:
        assert f"### {hook['name']}\n" in text
        assert f"{hook['name']}{hook['signature']}" in text
        assert hook["meaning"] in text


def test_contributions_page_documents_every_kind_and_shows_an_example(pages):
    """EX-6"""
    from dataclasses import fields

    from retinue.plugins import parse_manifest
    from retinue.plugins.contributions import KINDS

    text = pages.contributions_page()
    shown = set()
    for kind, example in BLOCK.findall((DOCS / "contributions.md").read_text("utf-8")):
        shown |= set(parse_manifest(example).contributions) if kind == "toml" else set()
    assert shown == set(KINDS)
    for kind, cls in KINDS.items():
        section = text.partition(f"### {kind}\n")[2].partition("\n### ")[0]
        assert [word.name for word in fields(cls) if f"| `{word.name}` |" not in section] == []


def test_plugin_rules_page_documents_every_rule(pages):
    from retinue.kit import RULES

    text = pages.plugin_rules_page()
    assert [code for code, rule in RULES.items() if f"| {code} | {rule.title} |\n" not in text] == []


def test_api_page_documents_every_operation(pages):
    document = pages.core_document()
    text = pages.api_page(document)
    operations = [
        (method, path)
        for path, item in document["paths"].items()
        for method in item
        if method in pages.METHODS
    ]
    assert len(operations) > 20
    for method, path in operations:
        assert f"#### {method.upper()} {path}\n" in text
