"""The page "Your first plugin", followed by the letter: every command, in the order in which it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "first-plugin.md"
BLOCK = re.compile(r"(?:^`(surnames/[\w.]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REFUSED = "retinue contacts add --person --given-name Cher"
"""The one command of the page that is to fail: it shows what the plugin does."""


def written(folder: Path) -> str:
    """Put the page's files into `folder`; return its commands as a script that ends at the first that fails."""
    lines = ["set -eux"]
    for name, kind, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if name:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        commands = (
            text
            if kind == "console" or (kind == "text" and re.match(r"python -m |cd |retinue ", text))
            else ""
        )
        for line in (line.removeprefix("$ ") for line in commands.splitlines()):
            lines.append(f'if {line}; then echo "was not refused"; exit 9; fi' if line == REFUSED else line)
    return "\n".join(lines)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_first_plugin_is_followed_to_a_wheel_in_a_fresh_environment(tmp_path: Path) -> None:
    """EX-19: who does what the page says has a plugin that refuses, one that is tested, and a wheel that others install."""
    pytest.importorskip("hatchling")
    core, folder = tmp_path / "core", tmp_path / "page"
    folder.mkdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(core)]
    subprocess.run(build, cwd=ROOT / "core", check=True, capture_output=True)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "http"))}
    env = {**kept, "PIP_FIND_LINKS": str(core), "RETINUE_PASSWORD": "wisteria umbrella quartz"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        ["bash", "-c", written(folder)], cwd=folder, env=env, capture_output=True, text=True, timeout=880
    )
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-4000:]
    assert "family_name" in told
    assert re.search(r"\d+ passed", told)
    assert "unchanged" in told
    assert list((folder / "retinue-points" / "dist").glob("retinue_points-0.1.0-*.whl"))
