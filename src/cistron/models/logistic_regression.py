"""Logistic regression with an L2 penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class LogisticRegressionSettings(ClassicalSettings):
    """Settings of `logistic_regression`."""

    predicts: ClassVar[tuple[str, ...]] = ("classes",)

    kind: Literal["logistic_regression"] = "logistic_regression"
    c: float = Field(1.0, gt=0, description="inverse strength of the penalty")
    iterations: int = Field(1000, ge=1, description="most steps of the solver")

    def build(self, seed: int) -> Pipeline:
        """Return the estimator: features scaled, then the regression."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        regression = LogisticRegression(C=self.c, max_iter=self.iterations, random_state=seed)
        return make_pipeline(StandardScaler(), regression)
