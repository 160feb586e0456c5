"""How the documentation is built: MyST pages, and pages generated from the code before each build."""

import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "core" / "src")]

project = "Retinue"
author = "The Retinue developers"
project_copyright = "The Retinue developers, Apache-2.0"
try:
    release = metadata.version("retinue")
except metadata.PackageNotFoundError:  # built from the tree without installing
    release = "development"

extensions = ["myst_parser", "retinue_pages"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_generated", "_ext"]
html_theme = "furo" if find_spec("furo") else "alabaster"
html_title = f"Retinue {release}"
html_show_sphinx = False
nitpicky = True
linkcheck_ignore = [r"http://127\.0\.0\.1.*"]
