"""Static: what the source must not use, what importing must not do, and a list of what is shipped (E10)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions, requires
from pathlib import Path

import pytest
from goal_kit import Goal

pytestmark = pytest.mark.goal("static")
ROOT = Path(__file__).parents[2]
CALLS = {
    "eval": "runs text as code",
    "exec": "runs text as code",
    "os.system": "a shell",
    "os.popen": "a shell",
    "tempfile.mktemp": "a name somebody else can take first",
    "yaml.load": "makes objects of text",
    "hashlib.md5": "broken",
    "hashlib.sha1": "broken",
    "ssl._create_unverified_context": "trusts anybody",
}
MODULES = {
    "pickle": "makes objects of bytes",
    "marshal": "makes code of bytes",
    "shelve": "is pickle",
    "random": "can be guessed: use secrets",
    "requests": "calls past the outbound client",
    "urllib.request": "calls past the outbound client",
    "http.client": "calls past the outbound client",
    "ftplib": "calls past the outbound client",
    "telnetlib": "in clear",
    "httpx": "calls past the outbound client",
    "httpcore": "calls past the outbound client",
    "socket": "calls past the outbound client",
    "subprocess": "starts a program",
    "xml.etree": "reads entities: use defusedxml",
    "xml.sax": "reads entities: use defusedxml",
    "lxml": "reads entities: use defusedxml",
}
ALLOWED = {
    ("core/src/retinue/app/checkpoints.py", "socket"): "a checkpoint goes to a syslog",
    ("core/src/retinue/cli/demo_data.py", "random"): "invented people, the same at each run",
    ("core/src/retinue/cli/plugin_bisect.py", "subprocess"): "the command that the person typed",
    ("core/src/retinue/cli/server.py", "socket"): "the port that the server listens on",
    ("core/src/retinue/cli/upgrade.py", "subprocess"): "our own interpreter and its pip",
    ("core/src/retinue/jobs/runner.py", "random"): "spreads retries in time",
    ("core/src/retinue/jobs/places.py", "socket"): "the machine's own name",
    ("core/src/retinue/plugins/contract.py", "eval"): "an annotation of code that was just imported",
    ("core/src/retinue/plugins/probe.py", "subprocess"): "a plugin is tried in a process of its own",
    ("core/src/retinue/testing/postgres.py", "subprocess"): "the database of the tests",
    ("core/src/retinue/web/outbound.py", "httpcore"): "is the outbound client",
    ("core/src/retinue/web/outbound.py", "httpx"): "is the outbound client",
    ("core/src/retinue/web/outbound.py", "socket"): "is the outbound client",
    ("core/src/retinue/web/outbound_wire.py", "httpx"): "is the outbound client",
    ("core/src/retinue/web/outbound_wire.py", "httpcore"): "is the outbound client",
    ("core/src/retinue/web/outbound_wire.py", "socket"): "is the outbound client",
    ("plugins/email/src/retinue_email/sending.py", "random"): "spreads attempts in time",
    (
        "plugins/email/src/retinue_email/transport.py",
        "socket",
    ): "one option of a connection that smtplib made",
    ("plugins/webhooks/src/retinue_webhooks/delivery.py", "random"): "spreads retries in time",
}
"""(file, name) → why it may."""


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in (ROOT / "core" / "src", *sorted((ROOT / "plugins").glob("*/src"))):
        for path in sorted(folder.rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def _used(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield what a file imports and calls, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
        elif isinstance(node, ast.Call):
            yield f"{ast.unparse(node.func)}()", node.lineno
            for keyword in node.keywords:
                value = keyword.value
                if isinstance(value, ast.Constant) and (keyword.arg, value.value) in (
                    ("shell", True),
                    ("verify", False),
                ):
                    yield f"{keyword.arg}={value.value}()", node.lineno


def _forbidden(name: str) -> str | None:
    if name.endswith("()"):
        bare = name[:-2]
        return bare if bare in {*CALLS, "shell=True", "verify=False"} else None
    return next((module for module in MODULES if name == module or name.startswith(f"{module}.")), None)


def test_source_uses_nothing_dangerous(goal: Goal) -> None:
    """E10: no eval, pickle, shell, weak hash, guessable random or call past the outbound client without a reason."""
    found, files = [], 0
    for file, tree in _sources():
        files += 1
        for name, line in _used(tree):
            what = _forbidden(name)
            if what and (file, what) not in ALLOWED:
                found.append(f"{file}:{line}: {what}: {CALLS.get(what) or MODULES.get(what)}")
    goal.at_least("files read", files, 200)
    goal.none_of("uses without a reason", found)


def test_templates_switch_escaping_off_nowhere(goal: Goal) -> None:
    """E10: neither ``|safe`` nor ``autoescape false`` in a template."""
    pages = [p for p in ROOT.glob("*/**/templates/**/*") if p.is_file() and ".venv" not in p.parts]
    signs = ("|safe", "| safe", "autoescape false")
    texts = {str(page.relative_to(ROOT)): page.read_text("utf-8", "ignore") for page in pages}
    loud = [name for name, text in texts.items() if any(sign in text for sign in signs)]
    goal.none_of(f"templates that do, of {len(pages)}", loud)


IMPORT_ALL = """
import pkgutil, importlib, socket, sys
from importlib.metadata import entry_points
def refuse(*_a, **_k):
    raise SystemExit("a module called the network while it was imported")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
names = ["retinue", *(e.module for e in entry_points(group="retinue.plugins"))]
count = 0
for name in names:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        if "__main__" in found.name or ".migrations" in found.name or ".testing" in found.name or ".tests" in found.name:
            continue
        importlib.import_module(found.name)
        count += 1
print(count)
"""


@pytest.mark.slow
def test_importing_calls_no_network(goal: Goal) -> None:
    """E10: every module of core and plugins, imported where connecting and looking up names is refused."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    goal.at_least("modules imported without a call", int(done.stdout.split()[-1]), 200)


@pytest.mark.slow
def test_what_is_shipped_is_listed_with_its_licence(goal: Goal, tmp_path: Path) -> None:
    """E10: the list of components (CycloneDX) follows from the installed metadata; each has a version and a licence."""
    import json

    wanted, seen = ["retinue"], {}
    known = {d.metadata["Name"].lower().replace("_", "-"): d for d in distributions()}
    while wanted:
        name = wanted.pop().lower().replace("_", "-")
        if name in seen or name not in known:
            continue
        meta = known[name].metadata
        licence = meta.get("License-Expression") or meta.get("License") or " ".join(
            c for c in meta.get_all("Classifier") or () if c.startswith("License")
        )  # fmt: skip
        seen[name] = {
            "type": "library",
            "name": name,
            "version": known[name].version,
            "licenses": [licence[:80]],
        }
        for text in requires(name) or ():
            if "extra ==" not in text:
                wanted.append(re.split(r"[\s;\[<>=!~(]", text)[0])
    (tmp_path / "sbom.json").write_text(
        json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": list(seen.values())})
    )
    goal.at_least("components of core", len(seen), 20)
    goal.none_of("components without a licence", [n for n, c in seen.items() if not c["licenses"][0].strip()])
