"""Settings of the site: `make docs` builds it, and a warning is an error."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cistron import __version__

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
# The tutorials call `cistron` and import the examples' data: both are those of this checkout.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE.parent / "src"), str(HERE / "tutorials"), os.environ.get("PYTHONPATH", "")]
)
os.environ["CISTRON_CACHE"] = str(HERE / "_build" / "cache")
os.environ["COLUMNS"] = "84"  # what fits beside the sidebar

project = "Cistron"
author = "The Cistron developers"
copyright = "The Cistron developers, MIT licence"  # noqa: A001
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "generated_pages",
]
exclude_patterns = ["_build", "**/.ipynb_checkpoints"]
templates_path = []

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_in_temp = True
nb_execution_timeout = 900  # seconds a cell, on a busy machine
nb_output_stderr = "remove"  # progress
nb_merge_streams = True

autodoc_typehints = "none"  # the docstrings say what is meant
autodoc_member_order = "bysource"
napoleon_use_rtype = False
default_role = "code"

html_theme = "furo"
html_title = "Cistron"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
