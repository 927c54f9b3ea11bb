"""The class whose mean is nearest (Tibshirani et al. 2002, doi:10.1073/pnas.082099299)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from cistron.models.classical.centroids import NearestCentroid
from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class NearestCentroidSettings(ClassicalSettings):
    """Settings of `nearest_centroid`; there is nothing to choose, and nothing is shrunken."""

    predicts: ClassVar[tuple[str, ...]] = ("classes",)

    kind: Literal["nearest_centroid"] = "nearest_centroid"

    def build(self, seed: int) -> Pipeline:  # noqa: ARG002 (nothing is random)
        """Return the estimator: features scaled, then the centroids."""
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), NearestCentroid())
