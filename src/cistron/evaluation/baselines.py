"""What simple rules score on the same samples: a model that beats none of them learned little.

Every rule is fitted on training samples only. A rule is a few features, of which a regression of
the target's form is made, or none: `majority` looks at no sample, `homolog` copies the most
similar training sample. The target says what that comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from cistron.base.domains import DNA
from cistron.base.errors import InputError
from cistron.evaluation.settings import ONLY_DNA
from cistron.models.classical.logistic_regression import LogisticRegressionSettings
from cistron.models.classical.ridge import RidgeSettings
from cistron.samples.samples import Samples, Sequences
from cistron.samples.sequences.composition import (
    both_strand_shares,
    gc_features,
    kmer_counts,
    length_features,
)
from cistron.samples.sequences.composition import composition as letter_shares
from cistron.targets.truth import Form, Predictions, Truth

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Matrix: TypeAlias = NDArray[np.floating] | csr_matrix
Parts = tuple[Integers, Integers, Integers]
"""Rows of the training, validation and test samples."""
Nearest = tuple[Integers, Floats]
"""For each test sample: the row (in all samples) of the most similar training sample, -1 where
none is similar, and its identity from 0 to 1."""

HOMOLOG = "homolog"
MAJORITY = "majority"
KMERS = "kmers"
K = 5  # letters of a word


class Fitted(Protocol):
    """A regression that was fitted."""

    def predict_proba(self, X: Matrix) -> Floats:
        """Return probabilities of classes, shape (n, classes)."""

    def predict(self, X: Matrix) -> Floats:
        """Return numbers, shape (n,)."""


@dataclass(frozen=True)
class Rule:
    """A regression on features.

    Parameters
    ----------
    features : callable
        Training samples, others → the features of both, shape (n, features).
    penalty : float or "auto"
        On squared weights. "auto", where features are more than samples can fix: chosen by a
        cross-validation within the training samples, whose folds divide no group (of the group
        column with most values); of a number by leaving out one sample at a time.
    """

    features: Callable[[Samples, Samples], tuple[Matrix, Matrix]]
    penalty: float | Literal["auto"] = 1.0


def of_sequences(features: Callable[[Sequences], Floats]) -> Callable[..., tuple[Floats, Floats]]:
    """Return features of training samples and others, from what each sequence has."""
    return lambda train, others: (features(train.payload), features(others.payload))


def _composition(sequences: Sequences) -> Floats:
    shares = letter_shares(sequences)
    if sequences.domain is not DNA:
        return shares
    words = kmer_counts(sequences, 3).astype(np.float64)
    return np.hstack([shares, words / np.maximum(words.sum(axis=1, keepdims=True), 1)])


def _words(sequences: Sequences) -> Floats:
    return both_strand_shares(sequences, K).astype(np.float64)


RULES = {
    "length": Rule(of_sequences(length_features)),
    "gc": Rule(of_sequences(gc_features)),
    "composition": Rule(of_sequences(_composition)),
    KMERS: Rule(of_sequences(_words), penalty="auto"),
}
"""Of sequences: the logarithm of the length and its square; the share of G and C, its square and
the log of the length; the shares of letters, for DNA of 3-mers as well; shares of words of 5 bases,
both strands counted as one."""


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
    parts: Parts,
    which: Sequence[str],
    nearest: Nearest | None = None,
    *,
    rules: Mapping[str, Rule] = RULES,
    thresholds: str = "f1",
    note: Callable[[str], None] = lambda sentence: None,  # noqa: ARG005
) -> dict[str, Predictions]:
    """Return what each baseline predicts of the test samples.

    Parameters
    ----------
    samples : Samples
        Labelled.
    parts : tuple of ndarray of int
        Rows of the training, validation and test samples. Validation samples are read where the
        target has thresholds: a regression gets its own, by the same rule as the model.
    which : sequence of str
        "majority", "homolog" and names of rules.
    nearest : Nearest, optional
        Without it "homolog" is left out.
    rules : mapping of str to Rule
    thresholds : {"f1", "mcc", "none"}
        See `cistron.targets.calls.choose_thresholds`.
    note : callable, optional
        Is told what was left out, in a sentence.

    Returns
    -------
    dict of str to Predictions
        In the order of `which`; "majority" by the target's word for it.
    """
    target = samples.target
    train, test = samples.take(parts[0]), samples.take(parts[2])
    tuning = parts[1] if target.needs_outputs(temperature=False) else parts[1][:0]
    known, asked = samples.take(tuning), samples.take(np.concatenate([tuning, parts[2]]))
    prior = target.prior(train.truth)
    predictions: dict[str, Predictions] = {}
    for name in which:
        if name == MAJORITY:
            answers = np.tile(prior, (len(test), 1))
            predictions[target.usual_baseline] = target.of_answers(answers)
        elif name != HOMOLOG:
            require_dna(name, train)
            answers = _regression(rules[name], train, asked)
            tuned = target.tuned(known.truth, answers[: len(known)], thresholds)
            predictions[name] = tuned.of_answers(answers[len(known) :])
        elif nearest is None:
            note("The nearest-homolog baseline is left out: no homology search was made.")
        else:
            row, identity = nearest
            identity = np.where(row >= 0, identity, np.nan)
            predictions[name] = target.copied(prior, samples.truth[row], identity)
    return predictions


def _regression(rule: Rule, train: Samples, asked: Samples) -> Floats:
    """Return the answers of a regression on standardised features, shape (asked, answers)."""
    target, truth = train.target, train.truth
    prior = np.tile(target.prior(truth), (len(asked), 1))
    if len(asked) == 0:
        return prior
    known, new = rule.features(train, asked)
    groups = _finest_groups(train) if rule.penalty == "auto" else None
    return REGRESSIONS[target.form](truth, known, new, prior, Fit(rule.penalty, groups))


@dataclass(frozen=True, eq=False)
class Fit:
    """How regressions are fitted.

    Parameters
    ----------
    penalty : float or "auto"
    groups : ndarray of int, shape (n,), optional
        What folds do not divide where the penalty of a logistic regression is chosen.
    """

    penalty: float | Literal["auto"]
    groups: Integers | None

    def logistic(self, features: Matrix, targets: Integers) -> Fitted:
        """Return a logistic regression of classes, 0 up."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if self.penalty == "auto":
            features, alike, seed = features.astype(np.float32), np.ones(len(targets)), 0
            settings = LogisticRegressionSettings(c="auto")
            settings = settings.settled(features, targets, alike, seed, self.groups)
            return settings.build(seed).fit(features, targets)
        # What cells share is a constant, which the intercept holds: sparse rows stay sparse.
        scaler = StandardScaler(with_mean=not issparse(features))
        model = make_pipeline(scaler, LogisticRegression(C=1 / self.penalty, max_iter=1000))
        return model.fit(features, targets)

    def ridge(self, features: Matrix, numbers: Floats) -> Fitted:
        """Return a ridge regression of numbers."""
        model = RidgeSettings(penalty=self.penalty).build_regressor(0)
        model.set_params(standardscaler__with_mean=not issparse(features))
        return model.fit(features, numbers)


def _one_class(truth: Truth, known: Matrix, new: Matrix, prior: Floats, fit: Fit) -> Floats:
    there, classes = np.unique(truth, return_inverse=True)
    if len(there) < 2:
        return prior
    answers = np.zeros_like(prior)
    answers[:, there] = fit.logistic(known, classes).predict_proba(new)
    return answers


def _several_classes(truth: Truth, known: Matrix, new: Matrix, prior: Floats, fit: Fit) -> Floats:
    answers = prior.copy()
    for c in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
        model = fit.logistic(known, truth[:, c].astype(np.int64))
        answers[:, c] = model.predict_proba(new)[:, 1]
    return answers


def _number(truth: Truth, known: Matrix, new: Matrix, prior: Floats, fit: Fit) -> Floats:  # noqa: ARG001
    return fit.ridge(known, truth).predict(new)[:, None]


REGRESSIONS: dict[Form, Callable[[Truth, Matrix, Matrix, Floats, Fit], Floats]] = {
    "softmax": _one_class,
    "sigmoid": _several_classes,
    "number": _number,
}
"""One logistic regression; one for each class; ridge regression."""


def _finest_groups(samples: Samples) -> Integers | None:
    each = [samples.group([column]) for column in samples.groups]
    return max(each, key=lambda group: len(np.unique(group)), default=None)
