"""A goal without an environment is a wish: each mark has one, and each environment has its tests."""

from __future__ import annotations

import re

from house_source import ROOT


def test_each_goal_has_a_tox_environment_with_a_description() -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "tests" / "goals").glob("test_*.py")))
    marked = set(re.findall(r'mark\.goal\("([\w-]+)"\)', text))
    tox = (ROOT / "tox.ini").read_text("utf-8")
    section = re.search(r"\[testenv:\{([\w,\s-]+)\}\]\ndescription =\n((?: {4}.+\n)+)", tox)
    assert section, "the section of the goals is gone"
    environments = {name.strip() for name in section[1].split(",")}
    described = set(re.findall(r"^ {4}([\w-]+): .{20}", section[2], re.MULTILINE))
    assert marked == environments == described
