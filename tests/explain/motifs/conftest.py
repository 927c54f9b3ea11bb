from __future__ import annotations

import numpy as np
import pytest

from cistron.explain.motifs.analysis import MotifSettings, examine
from cistron.explain.motifs.database import read_database
from cistron.explain.motifs.discover import Discovery
from cistron.explain.motifs.effect import as_codes
from cistron.explain.motifs.explained import Explained, Places
from cistron.explain.motifs.results import document
from cistron.explain.motifs.stability import Signed
from cistron.samples.genome.stretches import Stretch
from tests.explain.motifs.made import planted_pattern, with_patterns


def predict(codes):
    """A classifier that counts CACGTG as two, and the WRKY motif as minus three."""
    found = np.zeros(len(codes))
    for word, weight in (("CACGTG", 2.0), ("TTGACC", -3.0), ("GGTCAA", -3.0)):
        own = as_codes(word)
        windows = np.lib.stride_tricks.sliding_window_view(codes, len(own), axis=1)
        found += weight * (windows == own).all(axis=2).sum(axis=1)
    return found


@pytest.fixture(scope="session")
def examined():
    """Planted patterns, found perfectly and examined: what was explained, what was found."""
    made = with_patterns()
    one_hot, hypothetical, places, _ = made
    codes = one_hot.argmax(axis=2).astype(np.uint8)
    up = (places[0] >= 0) & (places[2] < 0)
    n, length = codes.shape
    starts = 1000 * np.arange(n)
    forward = np.arange(n) % 2 == 0
    explained = Explained(
        np.array([f"gene<{row}>" for row in range(n)], dtype=object),
        codes,
        hypothetical,
        np.where(up, "up", "unchanged").astype(object),
        np.where(up, "up", "").astype(object),
        "up",
        (Stretch("tss", 0, length, 150),),
        Places(
            np.where(np.arange(n) % 5, "Chr1", None).astype(object),
            forward,
            starts[:, None] + 500,
        ),
        facts={
            "method": "deeplift",
            "completeness": {"largest": 2e-6, "tolerance": 1e-3},
            "checks": {"faithfulness": {"better": 0.97, "samples": 64}},
        },
    )
    patterns = [planted_pattern(number, made) for number in range(3)]
    found = Discovery(patterns, {"positive": 160, "negative": 70}, ("Something was <odd>.",))
    other = [Signed("positive 4", 1, patterns[1].trimmed[::-1, ::-1])]
    database = read_database("jaspar:plants")
    settings = MotifSettings(hit_p=1e-3)
    analysis = examine(found, explained, database, settings, predict=predict, others=[other, []])
    facts = {
        "settings": settings.document(),
        "databases": ["jaspar:plants"],
        "motifs": len(database),
        "versions": {},
    }
    return explained, analysis, document(analysis, explained, facts, ["fold 2", "fold 3"]), made
