from __future__ import annotations

import runpy

from tests.places import ROOT

DOCS = ROOT / "docs"


def test_the_page_of_keys_is_current():
    page = runpy.run_path(str(DOCS / "experiment_keys.py"))["page"]()
    assert (DOCS / "experiment-keys.md").read_text(encoding="utf-8") == page
