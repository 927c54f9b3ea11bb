"""Where tests find what is not beside them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
REAL_DATA = ROOT.parent / "shared" / "data"
