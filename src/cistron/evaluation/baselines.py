"""What simple rules score on the same samples: a model that beats none of them learned little.

Every rule is fitted on training samples only and gives probabilities of shape (n_test, classes).
Where a sample may have several classes, `score_set_baselines` also says which are named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cistron.base.domains import DNA
from cistron.base.errors import InputError
from cistron.evaluation.settings import ONLY_DNA
from cistron.models.classical.logistic_regression import LogisticRegressionSettings
from cistron.samples.samples import Samples, Sequences
from cistron.samples.sequences.composition import (
    both_strand_shares,
    gc_features,
    kmer_counts,
    length_features,
)
from cistron.samples.sequences.composition import composition as letter_shares
from cistron.targets.calls import Calls, call, choose_thresholds

Floats = NDArray[np.float64]
Nearest = tuple[NDArray[np.int64], Floats]
"""For each test sample: the row (in all samples) of the most similar training sample, -1 where
none is similar, and its identity from 0 to 1."""

HOMOLOG = "homolog"
MAJORITY = "majority"
KMERS = "kmers"
K = 5  # letters of a word


class Fitted(Protocol):
    """A regression that was fitted."""

    def predict_proba(self, X: Floats) -> Floats:
        """Return probabilities, shape (n, classes)."""


def majority(train: Samples, test: Samples) -> Floats:
    """Return the class frequencies of the training samples, whatever the test sample."""
    return np.tile(_frequencies(train), (len(test), 1))


def length(train: Samples, test: Samples) -> Floats:
    """Return logistic regression on the logarithm of the length and its square."""
    return _logistic(train, test, length_features)


def composition(train: Samples, test: Samples) -> Floats:
    """Return logistic regression on the shares of letters, for DNA of 3-mers as well."""
    return _logistic(train, test, _composition_features)


def gc(train: Samples, test: Samples) -> Floats:
    """Return logistic regression on the share of G and C, its square, and the log of the length."""
    require_dna("gc", train)
    return _logistic(train, test, gc_features)


def kmers(train: Samples, test: Samples) -> Floats:
    """Return logistic regression on shares of words of 5 bases, both strands counted as one.

    The penalty is chosen by a cross-validation within the training samples, whose folds divide no
    group (of the group column with most values).
    """
    require_dna("kmers", train)
    groups = _finest_groups(train)
    return _logistic(train, test, FEATURES[KMERS], lambda X, y: _penalised(X, y, groups))


def homolog(train: Samples, labels: NDArray[np.int64], identity: Floats) -> Floats:
    """Return the label of the nearest training sample, believed as far as the two are identical.

    The probabilities are those of the training frequencies, moved towards the label by the share
    of identical letters, so that predictions can be ranked.

    Parameters
    ----------
    train : Samples
    labels : ndarray of int, shape (n_test,)
        Class of each test sample's nearest training sample; -1 where none is similar.
    identity : ndarray of float, shape (n_test,)
        From 0 to 1; not read where there is none.
    """
    prior = _frequencies(train)
    weight = np.where(labels >= 0, identity, 0.0)[:, None]
    return prior + weight * (np.eye(len(prior))[labels] - prior)


FEATURES: dict[str, Callable[[Sequences], Floats]] = {
    "length": length_features,
    "gc": gc_features,
    "composition": lambda sequences: _composition_features(sequences),
    KMERS: lambda sequences: both_strand_shares(sequences, K).astype(np.float64),
}
RULES: dict[str, Callable[[Samples, Samples], Floats]] = {
    MAJORITY: majority,
    "length": length,
    "gc": gc,
    "composition": composition,
    KMERS: kmers,
}


def require_dna(name: str, samples: Samples) -> None:
    """Refuse a baseline that reads bases, of sequences that are none.

    Raises
    ------
    InputError
    """
    domain = samples.payload.domain
    if name in ONLY_DNA and domain is not DNA:
        raise InputError(
            f"evaluation.baselines: {name!r} reads DNA, and these are {domain.content} "
            "sequences. Leave it out."
        )


def score_baselines(
    samples: Samples,
    train_rows: NDArray[np.int64],
    test_rows: NDArray[np.int64],
    which: Sequence[str],
    nearest: Nearest | None = None,
    note: Callable[[str], None] = lambda sentence: None,  # noqa: ARG005
) -> dict[str, Floats]:
    """Return what each baseline predicts of the test samples.

    Parameters
    ----------
    samples : Samples
        Labelled.
    train_rows, test_rows : ndarray of int
        Rows of `samples`.
    which : sequence of str
        Out of "majority", "length", "gc", "composition", "kmers" and "homolog".
    nearest : Nearest, optional
        Without it "homolog" is left out.
    note : callable, optional
        Is told what was left out, in a sentence.

    Returns
    -------
    dict of str to ndarray, shape (test samples, classes)
        In the order of `which`.
    """
    train, test = samples.take(train_rows), samples.take(test_rows)
    predictions: dict[str, Floats] = {}
    for name in which:
        if name != HOMOLOG:
            predictions[name] = RULES[name](train, test)
        elif nearest is None:
            note("The nearest-homolog baseline is left out: no homology search was made.")
        else:
            row, identity = nearest
            labels = np.where(row >= 0, samples.targets[row], -1)
            predictions[name] = homolog(train, labels, identity)
    return predictions


def score_set_baselines(
    samples: Samples,
    rows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    which: Sequence[str],
    nearest: Nearest | None,
    rule: str,
) -> dict[str, Calls]:
    """Return what each baseline predicts of test samples that may have several classes.

    The regressions (`length`, `gc`, `composition`, `kmers`: one for each class) get their
    thresholds on the validation samples by the same rule as the model. `majority` names the
    classes that most training samples have, else the most common one; `homolog` names the set of
    the nearest training sample, and where none is similar what `majority` names.

    Parameters
    ----------
    samples : Samples
        Labelled.
    rows : tuple of ndarray of int
        Rows of the training, validation and test samples.
    which, nearest
        As in `score_baselines`.
    rule : {"f1", "mcc", "none"}
        See `cistron.targets.set_metrics.choose_thresholds`.
    """
    train, validation, test = (samples.take(part) for part in rows)
    predictions: dict[str, Calls] = {}
    for name in which:
        if name == HOMOLOG and nearest is not None:
            predictions[name] = _copied_sets(train, samples.memberships, nearest)
        elif name == MAJORITY:
            probabilities = majority(train, test)
            predictions[name] = Calls(probabilities, call(probabilities))
        elif name != HOMOLOG:
            both = RULES[name](train, samples.take(np.concatenate(rows[1:])))
            known, probabilities = both[: len(validation)], both[len(validation) :]
            thresholds = choose_thresholds(validation.memberships, known, rule)
            predictions[name] = Calls(probabilities, call(probabilities, thresholds))
    return predictions


def _copied_sets(train: Samples, memberships: NDArray[np.bool_], nearest: Nearest) -> Calls:
    row, identity = nearest
    prior = np.tile(_frequencies(train), (len(row), 1))
    hit, sets = (row >= 0)[:, None], memberships[row]
    weight = np.where(hit, identity[:, None], 0.0)
    return Calls(prior + weight * (sets - prior), np.where(hit, sets, call(prior)))


def _frequencies(train: Samples) -> Floats:
    if train.separator:
        return train.memberships.mean(axis=0)
    counts = np.bincount(train.targets, minlength=len(train.classes))
    return counts / counts.sum()


def _composition_features(sequences: Sequences) -> Floats:
    shares = letter_shares(sequences)
    if sequences.domain is not DNA:
        return shares
    words = kmer_counts(sequences, 3).astype(np.float64)
    return np.hstack([shares, words / np.maximum(words.sum(axis=1, keepdims=True), 1)])


def _logistic(
    train: Samples,
    test: Samples,
    features: Callable[[Sequences], Floats],
    fit: Callable[[Floats, NDArray[np.int64]], Fitted] | None = None,
) -> Floats:
    """Return what logistic regression on standardised features predicts of the test samples.

    Where a sample may have several classes it is one regression for each class.
    """
    fit = fit or _plain
    probabilities = majority(train, test)
    if len(test) == 0:
        return probabilities
    known, new = features(train.sequences), features(test.sequences)
    if train.separator:
        members = train.memberships
        for c in np.flatnonzero(members.any(axis=0) & ~members.all(axis=0)):
            model = fit(known, members[:, c].astype(np.int64))
            probabilities[:, c] = model.predict_proba(new)[:, 1]
        return probabilities
    there, targets = np.unique(train.targets, return_inverse=True)
    if len(there) > 1:
        probabilities[:] = 0
        probabilities[:, there] = fit(known, targets).predict_proba(new)
    return probabilities


def _plain(features: Floats, targets: NDArray[np.int64]) -> Fitted:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(features, targets)


def _finest_groups(samples: Samples) -> NDArray[np.int64] | None:
    each = [samples.group([column]) for column in samples.groups]
    return max(each, key=lambda group: len(np.unique(group)), default=None)


def _penalised(
    features: Floats, targets: NDArray[np.int64], groups: NDArray[np.int64] | None
) -> Fitted:
    known, alike, seed = features.astype(np.float32), np.ones(len(targets)), 0
    settings = LogisticRegressionSettings(c="auto")
    settings = settings.settled(known, targets, alike, seed, groups)
    return settings.build(seed).fit(known, targets)
