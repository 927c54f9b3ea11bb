"""Gradient boosting over binned features (Ke et al. 2017, LightGBM, NeurIPS 30:3146-3154)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor


class GradientBoostingSettings(ClassicalSettings):
    """Settings of `gradient_boosting`."""

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    trees: int = Field(200, ge=1, description="rounds of boosting; each adds one tree a class")
    learning_rate: float = Field(
        0.1, gt=0, le=1, description="share of each tree's correction that is added"
    )
    leaves: int = Field(31, ge=2, description="most leaves of a tree")
    leaf_size: int = Field(20, ge=1, description="least samples in a leaf")
    penalty: float = Field(0.0, ge=0, description="L2 penalty on the leaves' values")

    def build(self, seed: int) -> HistGradientBoostingClassifier:
        """Return the estimator."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(**self._options(seed))

    def build_regressor(self, seed: int) -> HistGradientBoostingRegressor:
        """Return the estimator of a number."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(**self._options(seed))

    def _options(self, seed: int) -> dict[str, float | None]:
        return {
            "max_iter": self.trees,
            "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.leaves,
            "min_samples_leaf": self.leaf_size,
            "l2_regularization": self.penalty,
            # It would hold out samples at random, next to their homologs.
            "early_stopping": False,
            "random_state": seed,
        }
