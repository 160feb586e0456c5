"""Files of a plugin against the hashes of its wheel: one flipped byte is found, and keeps the plugin out."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from retinue.actor import Actor
from retinue.cli import app
from retinue.cli.errors import run
from retinue.plugins import PluginRefused, build_plugin_set, discover, verify_plugin

if TYPE_CHECKING:
    from conftest import Site

BODY = "from retinue import hookimpl\n\n@hookimpl\ndef contact_errors(contacts):\n    return []\n"


def seal(site: Site, name: str, version: str = "1.0") -> None:
    """Write the RECORD of an installed plugin, as installing a wheel does."""
    info = site.folder / f"retinue_{name}-{version}.dist-info"
    files = [
        p
        for p in site.folder.rglob("*")
        if p.is_file() and p.name != "RECORD" and f"retinue_{name}" in str(p)
    ]
    lines = []
    for path in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        lines.append(f"{path.relative_to(site.folder)},sha256={digest},{path.stat().st_size}")
    (info / "RECORD").write_text("\n".join([*lines, f"{info.name}/RECORD,,", ""]))


@pytest.fixture
def installed(site: Site) -> Site:
    site.install("points", {"service.py": "TEXT = 'points'\n"}, toml='hooks = ["contact_errors"]', body=BODY)
    seal(site, "points")
    return site


def verdict(name: str = "points") -> str:
    return verify_plugin(discover()[name]).verdict


def flip(path: Path) -> None:
    """Change one bit of a file, its size and time as they were."""
    import os

    data, stat = bytearray(path.read_bytes()), path.stat()
    data[-2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_untouched_plugin_is_unchanged(installed: Site) -> None:
    """EX-19."""
    assert verify_plugin(discover()["points"]).files == 5
    assert verdict() == "unchanged"


@pytest.mark.parametrize(
    "path", ["retinue_points/__init__.py", "retinue_points/service.py", "retinue_points/plugin.toml"]
)
def test_flipped_bit_is_found_even_with_size_and_time_kept(installed: Site, path: str) -> None:
    """EX-19: one flipped byte in an installed file."""
    flip(installed.folder / path)
    result = verify_plugin(discover()["points"])
    assert (result.verdict, result.changed) == ("changed", (path,))


def test_file_that_is_gone_or_was_added_is_found(installed: Site) -> None:
    (installed.folder / "retinue_points/service.py").unlink()
    (installed.folder / "retinue_points/sitecustom.py").write_text("x = 1\n")
    assert verify_plugin(discover()["points"]).changed == (
        "retinue_points/service.py",
        "retinue_points/sitecustom.py",
    )


def test_editable_and_unrecorded_plugins_are_said_to_be_unverifiable(installed: Site) -> None:
    """EX-19: what may change cannot be verified."""
    info = installed.folder / "retinue_points-1.0.dist-info"
    (info / "direct_url.json").write_text(json.dumps({"url": "file:///x", "dir_info": {"editable": True}}))
    assert "editing" in verify_plugin(discover()["points"]).reason
    installed.install("bare", body=BODY)
    assert (verdict(), verdict("bare")) == ("unverifiable", "unverifiable")


def test_command_leaves_with_one_and_names_the_file(
    installed: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """EX-19: `retinue plugins verify` exits 1."""
    assert run(app, ["plugins", "verify"]) == 0
    flip(installed.folder / "retinue_points/service.py")
    assert run(app, ["plugins", "verify", "points", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out.partition("unchanged")[2].partition("\n")[2])
    assert row["changed"] == ["retinue_points/service.py"]
    assert run(app, ["plugins", "verify", "pionts"]) == 66


def test_changed_plugin_is_set_aside_and_others_go_on(installed: Site) -> None:
    """EX-19: changed on disk, the site stays up."""
    installed.install("fine", body=BODY)
    (installed.folder / "retinue_points/service.py").write_text("import os\n")
    plugins = build_plugin_set(discover(), ["points", "fine"])
    assert list(plugins.loaded) == ["fine"]
    assert [f.code for f in plugins.set_aside["points"]] == ["PLG013"]
    assert "retinue_points/service.py is not as installed" in plugins.set_aside["points"][0].detail


@pytest.mark.parametrize("config", ["sqlite"], indirect=True)
def test_changed_plugin_cannot_be_enabled(installed: Site, house: Any) -> None:
    """EX-19: enable is refused."""
    flip(installed.folder / "retinue_points/__init__.py")
    with pytest.raises(PluginRefused) as refused:
        house.enable(Actor.system("test"), "points")
    assert [fault.code for fault in refused.value.faults] == ["PLG013"]
