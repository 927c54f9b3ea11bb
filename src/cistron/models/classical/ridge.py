"""Linear regression of a number with an L2 penalty (Hoerl & Kennard 1970, doi:10.2307/1267351)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PENALTIES = np.logspace(-1, 6, 15)


class RidgeSettings(ClassicalSettings):
    """Settings of `ridge`, which predicts numbers and tells no classes."""

    predicts: ClassVar[tuple[str, ...]] = ("numbers",)

    kind: Literal["ridge"] = "ridge"
    penalty: Annotated[float, Field(gt=0)] | Literal["auto"] = Field(
        "auto",
        description="strength of the penalty on the squared weights of scaled features; auto: the "
        "best of 0.1 to 1,000,000 by leaving out one training sample at a time",
    )

    def build_regressor(self, seed: int) -> Pipeline:  # noqa: ARG002 (nothing is random)
        """Return the estimator: features scaled, then the regression."""
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        penalties = PENALTIES if self.penalty == "auto" else np.array([self.penalty])
        return make_pipeline(StandardScaler(), RidgeCV(alphas=penalties))
