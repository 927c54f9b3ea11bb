"""Made sequences of known relation."""

from __future__ import annotations

import numpy as np

from cistron.samples.samples import Samples, Sequences, make_samples

RESIDUES = np.array(list("ARNDCQEGHILKMFPSTWYV"))
BASES = np.array(list("ACGT"))
# About those of real proteins: uniform ones look related to MMseqs2 fifty times too often.
FREQUENCIES = np.array(
    [8, 5.5, 4, 5.5, 1.5, 4, 6.5, 7, 2.5, 6, 9.5, 6, 2.5, 4, 4.5, 7, 5.5, 1, 3, 7]
)


def random_text(rng: np.random.Generator, length: int, letters: np.ndarray = RESIDUES) -> str:
    shares = FREQUENCIES / FREQUENCIES.sum() if letters is RESIDUES else None
    return "".join(rng.choice(letters, length, p=shares))


def mutated(
    text: str, identity: float, rng: np.random.Generator, letters: np.ndarray = RESIDUES
) -> str:
    """Return the text with exactly the share of its letters replaced by others."""
    places = rng.choice(len(text), round((1 - identity) * len(text)), replace=False)
    changed = list(text)
    for place in places:
        changed[place] = rng.choice(letters[letters != text[place]])
    return "".join(changed)


def reverse_complement(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def families(
    identities: list[float], members: int = 3, length: int = 150, seed: int = 0
) -> Samples:
    """Return one family for each identity: an ancestor and what was mutated from it.

    Two thirds of a family carry one label, the rest the other, so that no family tells it.
    """
    rng = np.random.default_rng(seed)
    texts, names = [], []
    for number, identity in enumerate(identities):
        ancestor = random_text(rng, length)
        texts += [ancestor, *(mutated(ancestor, identity, rng) for _ in range(members - 1))]
        names += [f"family_{number}"] * members
    labels = ["a" if (i + i // members) % 2 else "b" for i in range(len(texts))]
    return make_samples(
        Sequences.from_text(texts), labels=labels, groups={"family": names}, classes=["a", "b"]
    )


def divided(numbers: np.ndarray, part: np.ndarray) -> int:
    """Return how many numbers stand in more than one part."""
    return sum(len(set(part[numbers == number])) > 1 for number in np.unique(numbers))
