"""What samples are samples of, in words and facts: the domain of a payload.

Whoever needs to know asks `payload.domain`, or `DOMAINS[classifier.alphabet_]` of a classifier.
What a room does with a domain stands there in one table, by `Domain.name`: its checks in
`cistron.splits.audit.audit`, its baselines and its novelty in `cistron.evaluation.domains`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Domain:
    """What samples are samples of.

    Parameters
    ----------
    name : str
    content : str
        What the experiment file and saved classifiers call it (`alphabet`).
    noun : str
        What one sample is called.
    unit : str
        What the size of a sample is counted in.
    copied : str
        How two samples are the same, as a sentence begins.
    lengths : bool
        Whether a sample is a row of units that has a length (`payload.lengths`).
    homologs : bool
        Whether related samples can be searched, and have orthologs.
    both_strands : bool
        Whether a sample has a reverse complement.
    """

    name: str
    content: str
    noun: str
    unit: str
    copied: str
    lengths: bool = True
    homologs: bool = True
    both_strands: bool = False

    @property
    def nouns(self) -> str:
        """What several samples are called."""
        return f"{self.noun}s"

    @property
    def units(self) -> str:
        """What several units are called."""
        return f"{self.unit}s"


PROTEINS = Domain("proteins", "protein", "sequence", "residue", "Letter by letter")
PROFILES = replace(PROTEINS, name="profiles")
DNA = Domain("dna", "dna", "sequence", "base", "Letter by letter", both_strands=True)
CELLS = Domain(
    "cells", "genes", "cell", "gene", "Gene by gene the same", lengths=False, homologs=False
)

DOMAINS = {domain.content: domain for domain in (PROTEINS, DNA, CELLS)}
"""By `content`; profiles are read as proteins by whoever knows no more than that."""
