"""From an explanation to named patterns: found, merged, matched, located, tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.base.motif import Motif
from cistron.base.progress import SILENT, Reporter
from cistron.explain.motifs.discover import Discovery, DiscoverySettings, discover
from cistron.explain.motifs.effect import (
    Effect,
    Predict,
    as_codes,
    marginal_effects,
    shuffled_backgrounds,
)
from cistron.explain.motifs.enrichment import Enrichment, enrichment
from cistron.explain.motifs.explained import Explained
from cistron.explain.motifs.match import Match, match, q_values, require_enough
from cistron.explain.motifs.merge import merge_same
from cistron.explain.motifs.patterns import Pattern
from cistron.explain.motifs.positions import histogram, preferred, unevenness
from cistron.explain.motifs.scan import Hits, composition, scan
from cistron.explain.motifs.stability import Signed, found_again


class MotifSettings(DiscoverySettings):
    """Settings of `cistron motifs`: those of TF-MoDISco, and of what is done with its patterns."""

    threshold: float = Field(0.05, gt=0, le=1, description="largest q-value of a match")
    hit_p: float = Field(1e-4, gt=0, lt=1, description="largest p-value of a hit")
    backgrounds: int = Field(100, ge=2, description="shuffled sequences of the marginal effect")
    seed: int = Field(1, description="seed of the shuffled sequences")


@dataclass(frozen=True, eq=False)
class Located:
    """Where a pattern stands.

    Parameters
    ----------
    hits : Hits
        Of its core, in all explained sequences.
    contributions : ndarray of float64, shape (hits,)
        Summed contribution of the bases of each hit.
    bounds : ndarray of int64, shape (bins, 2)
        0-based half-open columns of the bins of the histogram.
    of_hits, of_seqlets : ndarray of int64, shape (bins,)
        Middles of hits, and of the cores of seqlets, in each bin.
    uneven_hits, uneven_seqlets : float
        p-values of their being spread evenly.
    preferred : int or None
        Column around which most seqlets lie.
    """

    hits: Hits
    contributions: NDArray[np.float64]
    bounds: NDArray[np.int64]
    of_hits: NDArray[np.int64]
    of_seqlets: NDArray[np.int64]
    uneven_hits: float
    uneven_seqlets: float
    preferred: int | None


@dataclass(frozen=True, eq=False)
class Enriched:
    """The enrichment of hits in a class.

    Parameters
    ----------
    by : str
        "predicted" or "true": whose class it is.
    class_ : str
    found : Enrichment
    q : float
        q-value of Fisher's test among all patterns.
    """

    by: str
    class_: str
    found: Enrichment
    q: float


@dataclass(frozen=True, eq=False)
class Entry:
    """A pattern and all that is known of it.

    Parameters
    ----------
    pattern : Pattern
    matches : list of Match
    located : Located
    enriched : list of Enriched
    effects : list of Effect
        Empty without a classifier.
    again : list of (str or None)
        What it is called in each other explanation; None where it is not found.
    """

    pattern: Pattern
    matches: list[Match]
    located: Located
    enriched: list[Enriched]
    effects: list[Effect]
    again: list[str | None]


@dataclass(frozen=True, eq=False)
class Analysis:
    """The patterns of an explanation.

    Parameters
    ----------
    entries : list of Entry
        Positive patterns first, each sign by the number of seqlets.
    discovery : Discovery
        What TF-MoDISco found, before merging.
    """

    entries: list[Entry]
    discovery: Discovery


def analyse(
    explained: Explained,
    database: Sequence[Motif],
    settings: MotifSettings,
    *,
    predict: Predict | None = None,
    others: Sequence[Sequence[Signed]] = (),
    keep: Path | None = None,
    reporter: Reporter = SILENT,
) -> Analysis:
    """Find, merge, match, locate and test the patterns of an explanation.

    Parameters
    ----------
    explanation : Explained
    database : sequence of Motif
    settings : MotifSettings
    predict : callable, optional
        From codes, shape (n, length), to the logit explained; without it there are no effects.
    others : sequence of sequence of Signed
        Patterns of other folds or seeds.
    keep : Path, optional
        Where modisco-lite's HDF5 file is kept.
    reporter : Reporter, optional

    Raises
    ------
    InputError
        See `discover` and `match`.
    """
    require_enough(len(database))
    discovery = discover(
        explained.one_hot, explained.hypothetical, settings, keep=keep, reporter=reporter
    )
    return examine(
        discovery, explained, database, settings, predict=predict, others=others, reporter=reporter
    )


def examine(
    found: Discovery,
    explained: Explained,
    database: Sequence[Motif],
    settings: MotifSettings,
    *,
    predict: Predict | None = None,
    others: Sequence[Sequence[Signed]] = (),
    reporter: Reporter = SILENT,
) -> Analysis:
    """Merge, match, locate and test patterns that were found; see `analyse`."""
    one_hot = explained.one_hot
    patterns = merge_same(found.patterns, one_hot, explained.hypothetical)
    cores = [pattern.trimmed for pattern in patterns]
    matches = match(cores, database, settings.threshold, reporter=reporter)
    own = [Signed(p.name, p.sign, p.trimmed) for p in patterns]
    again = found_again(own, others, database, settings.threshold)
    located = locate(patterns, explained, settings.hit_p, reporter)
    enriched = enrich([place.hits for place in located], explained)
    effects: list[list[Effect]] = [[] for _ in patterns]
    if predict is not None and patterns:
        effects = _effects(patterns, located, explained, settings, predict, reporter)
    entries = [
        Entry(*parts)
        for parts in zip(patterns, matches, located, enriched, effects, again, strict=True)
    ]
    return Analysis(entries, found)


def locate(
    patterns: Sequence[Pattern],
    explained: Explained,
    p: float,
    reporter: Reporter = SILENT,
) -> list[Located]:
    """Return where each pattern stands in the explained sequences."""
    codes = explained.codes
    background = composition(codes)
    before = np.pad(np.cumsum(explained.contributions, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    found = []
    with reporter.bar(len(patterns), "Scanning") as advance:
        for pattern in patterns:
            hits = scan(codes, pattern.trimmed, background, sites=len(pattern.seqlets), p=p)
            middles = (hits.start + hits.end) // 2
            cores = np.clip(core_middles(pattern), 0, explained.length - 1)
            width = len(pattern.trimmed)
            bounds, of_hits = histogram(middles, explained.counted)
            found.append(
                Located(
                    hits,
                    before[hits.row, hits.end] - before[hits.row, hits.start],
                    bounds,
                    of_hits,
                    histogram(cores, explained.counted)[1],
                    unevenness(middles, codes, width),
                    unevenness(cores, codes, width),
                    preferred(cores, explained.length),
                )
            )
            advance()
    return found


def core_middles(pattern: Pattern) -> NDArray[np.int64]:
    """Return the middle column of the core of every seqlet, shape (seqlets,)."""
    core, own = pattern.core, pattern.seqlets
    forward = (2 * own.start + core.start + core.stop) // 2
    turned = (2 * own.end - core.start - core.stop) // 2
    return np.where(own.reverse, turned, forward)


def enrich(hits: Sequence[Hits], explained: Explained) -> list[list[Enriched]]:
    """Return the enrichment of hits in the classes, by predicted and by true class.

    Of two classes, in the one that is explained (else the second one in alphabetical order); the
    other one has the reciprocal odds ratio.
    """
    n = len(explained)
    has = np.zeros((len(hits), n), dtype=bool)
    for number, own in enumerate(hits):
        has[number, own.row] = True
    found: list[list[Enriched]] = [[] for _ in hits]
    for by, called in (("predicted", explained.predicted), ("true", explained.truth)):
        if called is None:
            continue
        known = np.array([bool(name) for name in called])
        for class_ in _tested(called[known], explained.explained):
            member = (called == class_)[known]
            tests = [enrichment(row[known], member) for row in has]
            made = [(i, test) for i, test in enumerate(tests) if test is not None]
            q = q_values(np.array([test.p for _, test in made]))
            for (i, test), value in zip(made, q.tolist(), strict=True):
                found[i].append(Enriched(by, class_, test, value))
    return found


def _tested(called: NDArray[np.object_], explained: str) -> list[str]:
    names = sorted(set(called.tolist()))
    if len(names) != 2:
        return names
    return [explained if explained in names else names[1]]


def _effects(
    patterns: Sequence[Pattern],
    located: Sequence[Located],
    explained: Explained,
    settings: MotifSettings,
    predict: Predict,
    reporter: Reporter,
) -> list[list[Effect]]:
    backgrounds = shuffled_backgrounds(explained.codes, settings.backgrounds, settings.seed)
    before = predict(backgrounds)
    found = []
    with reporter.bar(len(patterns), "Inserting into shuffled sequences") as advance:
        for pattern, place in zip(patterns, located, strict=True):
            inserted = as_codes(pattern.consensus)
            found.append(marginal_effects(inserted, place.preferred, backgrounds, before, predict))
            advance()
    return found
