"""A random forest (Breiman 2001, doi:10.1023/A:1010933404324)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor


class RandomForestSettings(ClassicalSettings):
    """Settings of the `random_forest`."""

    kind: Literal["random_forest"] = "random_forest"
    trees: int = Field(100, ge=1, description="trees of the forest")
    depth: int | None = Field(None, ge=1, description="most levels of a tree; null: no limit")
    leaf_size: int = Field(1, ge=1, description="least samples in a leaf")

    def build(self, seed: int) -> RandomForestClassifier:
        """Return the estimator."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**self._options(seed))

    def build_regressor(self, seed: int) -> RandomForestRegressor:
        """Return the estimator of a number."""
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(**self._options(seed))

    def _options(self, seed: int) -> dict[str, float | None]:
        return {
            "n_estimators": self.trees,
            "max_depth": self.depth,
            "min_samples_leaf": self.leaf_size,
            "random_state": seed,
        }
