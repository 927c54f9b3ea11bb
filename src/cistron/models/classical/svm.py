"""A support vector machine with Gaussian kernel (Cortes & Vapnik 1995, doi:10.1007/BF00994018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CACHE = 1000  # MB of the kernel that are kept: all of it up to 16,000 samples


class SVMSettings(ClassicalSettings):
    """Settings of the `svm`; its time grows with the square of the number of samples."""

    kind: Literal["svm"] = "svm"
    c: float = Field(1.0, gt=0, description="inverse strength of the penalty")
    gamma: Annotated[float, Field(gt=0)] | Literal["scale"] = Field(
        "scale", description="inverse squared width of the kernel; scale: 1 / features"
    )
    folds: int = Field(
        3, ge=2, description="parts of the training samples that probabilities are fitted on"
    )

    def build(self, seed: int) -> Pipeline:
        """Return the estimator: features scaled, decision values turned into probabilities.

        A sigmoid for each class (Platt 1999) is fitted on decision values found by
        cross-validation inside the training samples.
        """
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.model_selection import StratifiedKFold
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        parts = StratifiedKFold(self.folds, shuffle=True, random_state=seed)
        machine = SVC(C=self.c, gamma=self.gamma, cache_size=CACHE)
        return make_pipeline(
            StandardScaler(), CalibratedClassifierCV(machine, cv=parts, ensemble=False)
        )

    def build_regressor(self, seed: int) -> Pipeline:  # noqa: ARG002 (nothing is random)
        """Return the estimator of a number; nothing is fitted in `folds`."""
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVR

        return make_pipeline(StandardScaler(), SVR(C=self.c, gamma=self.gamma, cache_size=CACHE))
