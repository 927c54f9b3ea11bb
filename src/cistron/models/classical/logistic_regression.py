"""Logistic regression with an L2 or L1 penalty, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cistron.models.classical.l1_regression import L1LogisticRegression
from cistron.models.classical.sparse_input import to_fit
from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FOLDS = 5
STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


class LogisticRegressionSettings(ClassicalSettings):
    """Settings of `logistic_regression`."""

    predicts: ClassVar[tuple[str, ...]] = ("classes",)

    kind: Literal["logistic_regression"] = "logistic_regression"
    c: Annotated[float, Field(gt=0)] | Literal["auto"] = Field(
        1.0,
        description="inverse strength of the penalty; auto: the best by the log loss of a "
        "cross-validation within the training samples, for more features than samples can fix",
    )
    penalty: Literal["l2", "l1", "elastic_net"] = Field(
        "l2", description="penalty on the coefficients; l1 leaves few that are not zero"
    )
    l1_share: float = Field(0.5, ge=0, le=1, description="share of elastic_net that is l1")
    tolerance: float = Field(1e-4, gt=0, description="gradient at which the solver stops")
    iterations: int = Field(1000, ge=1, description="most steps of the solver")

    def settled(
        self,
        X: NDArray[np.float32],
        y: NDArray[np.int64],
        weights: NDArray[np.floating],
        seed: int,
        groups: NDArray[np.int64] | None = None,
    ) -> Self:
        """Return the settings with the strength of the penalty chosen.

        From the strongest penalty on, until two in a row have been worse than the best: weak ones
        take the solver longest. Where a class has a single sample, `c` is 1. Samples of one group
        are never divided: with relatives on both sides, weak penalties would look better than they
        are.
        """
        from sklearn.metrics import log_loss

        if self.c != "auto":
            return self
        parts = _folds(y, seed, groups)
        if not parts:
            return self.model_copy(update={"c": 1.0})
        best, least, worse = STRENGTHS[0], np.inf, 0
        for c in STRENGTHS:
            chosen = self.model_copy(update={"c": c})
            loss = 0.0
            for train, test in parts:
                given = {f"{step}__sample_weight": weights[train] for step in _STEPS}
                model = chosen.build(seed)
                model.fit(to_fit(model, X[train]), y[train], **given)
                shares = model.predict_proba(X[test])
                known = np.arange(shares.shape[1])
                loss += log_loss(
                    y[test], shares, sample_weight=weights[test], labels=known, normalize=False
                )
            if loss < least:
                best, least, worse = c, loss, 0
            else:
                worse += 1
                if worse == 2:
                    break
        return self.model_copy(update={"c": best})

    def build(self, seed: int) -> Pipeline:
        """Return the estimator: features scaled, then the regression."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        shared = {"C": self.c, "max_iter": self.iterations, "tol": self.tolerance}
        if self.penalty == "l2":
            regression = LogisticRegression(random_state=seed, **shared)
        else:
            share = 1.0 if self.penalty == "l1" else self.l1_share
            regression = L1LogisticRegression(l1_ratio=share, **shared)
        return Pipeline(list(zip(_STEPS, (StandardScaler(), regression), strict=True)))


_STEPS = ("standardscaler", "logisticregression")


def _folds(
    y: NDArray[np.int64], seed: int, groups: NDArray[np.int64] | None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return training and test rows of each fold; none where a class has a single sample.

    Folds of whole groups are used if they leave every class something to train on.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    counts = np.bincount(y)
    number = min(FOLDS, int(counts.min()))
    if number < 2:
        return []
    if groups is not None and len(np.unique(groups)) >= number:
        apart = StratifiedGroupKFold(number, shuffle=True, random_state=seed).split(y, y, groups)
        parts = [part for part in apart if len(np.unique(y[part[0]])) == len(counts)]
        if parts:
            return parts
    return list(StratifiedKFold(number, shuffle=True, random_state=seed).split(y, y))
