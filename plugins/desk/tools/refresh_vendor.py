"""Fetch what `vendor.toml` names with `npm pack`, write it into the package, and note the hashes. For maintainers."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
PLACE = HERE / "src" / "retinue_desk" / "static" / "vendor"
LIST = HERE / "vendor.toml"


def main() -> int:
    """Fetch, write, and put the new hashes into `vendor.toml`."""
    wanted = tomllib.loads(LIST.read_text("utf-8"))
    PLACE.mkdir(parents=True, exist_ok=True)
    hashes: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for entry in wanted["files"]:
            data = packed(Path(folder), entry, entry["source"])
            # the map is not shipped, so a browser need not ask for it
            data = re.sub(rb"\s*(/\*|//)# sourceMappingURL=.*", b"", data).rstrip() + b"\n"
            hashes[entry["target"]] = write(entry["target"], data)
        icons = wanted["icons"]
        hashes[icons["target"]] = write(icons["target"], sprite(Path(folder), icons).encode())
    text = LIST.read_text("utf-8")
    for target, digest in hashes.items():
        text = re.sub(rf'(target = "{re.escape(target)}"\nsha256 = ")[0-9a-f]*', rf"\g<1>{digest}", text)
    LIST.write_text(text, "utf-8")
    return 0


def packed(folder: Path, entry: dict[str, Any], source: str) -> bytes:
    """Return one file of a package, fetched once."""
    name = f"{entry['name']}@{entry['version']}"
    place = folder / re.sub(r"\W", "_", name)
    if not place.exists():
        place.mkdir()
        command = ["npm", "pack", "--silent", name]  # from this file's own list
        subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # as above
        (archive,) = place.glob("*.tgz")
        with tarfile.open(archive) as tar:
            tar.extractall(place, filter="data")
    return (place / "package" / source).read_bytes()


def sprite(folder: Path, icons: dict[str, Any]) -> str:
    """Return one SVG with a symbol per icon."""
    symbols = []
    for name in sorted(icons["symbols"]):
        svg = packed(folder, icons, f"icons/outline/{name}.svg").decode()
        body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
        body = re.sub(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>', "", body)
        body = re.sub(r">\s+<", "><", body.strip())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>\n"


def write(target: str, data: bytes) -> str:
    """Write a file and return its hash."""
    (PLACE / target).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
