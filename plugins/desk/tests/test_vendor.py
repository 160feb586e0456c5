"""What is vendored is what it says: nobody changed it, and everything it names is there."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path


def _entries(package: Path) -> list[dict[str, str]]:
    listed = tomllib.loads((package / "vendor.toml").read_text("utf-8"))
    return [*listed["files"], listed["icons"]]


def test_vendored_files_have_the_hashes_that_were_noted(package: Path) -> None:
    folder = package / "src" / "retinue_desk" / "static" / "vendor"
    entries = _entries(package)
    assert {entry["target"] for entry in entries} == {file.name for file in folder.iterdir()}
    for entry in entries:
        assert hashlib.sha256((folder / entry["target"]).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["licence"] in ("MIT", "0BSD")


def test_every_icon_that_templates_and_scripts_name_is_in_the_sprite(package: Path) -> None:
    source = package / "src" / "retinue_desk"
    sprite = (source / "static" / "vendor" / "icons.svg").read_text("utf-8")
    known = set(re.findall(r'<symbol id="([a-z0-9-]+)"', sprite))
    named = set()
    for file in [*source.rglob("*.html"), *source.rglob("*.js"), source / "plugin.toml"]:
        text = file.read_text("utf-8")
        named |= set(re.findall(r"""\bicon\(\s*['"]([a-z0-9-]+)['"]""", text))
        named |= set(re.findall(r"""\bicon = "([a-z0-9-]+)\"""", text))
        named |= set(re.findall(r"""ui\.empty\('([a-z0-9-]+)'""", text))
    assert len(named) > 10
    assert not named - known


def test_templates_have_nothing_inline(package: Path) -> None:
    """The policy would block it: no handler, no style, no script with a body that runs."""
    broken = []
    for file in (package / "src" / "retinue_desk" / "templates").rglob("*.html"):
        text = file.read_text("utf-8")
        inline = re.findall(r"""\son[a-z]+=["'][^"']*|\sstyle=["'][^"']*|hx-on[^\s=]*|<style""", text)
        broken += [f"{file.name}: {found}" for found in inline]
        broken += [
            f"{file.name}: {m}" for m in re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", text)
        ]
    assert not broken
