"""Bagged decision trees (Breiman 1996, doi:10.1007/BF00058655)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from cistron.models.families import ClassicalSettings

if TYPE_CHECKING:
    from sklearn.ensemble import BaggingClassifier, BaggingRegressor


class BaggingSettings(ClassicalSettings):
    """Settings of `bagging`: every tree sees all features and a resample of the samples."""

    kind: Literal["bagging"] = "bagging"
    trees: int = Field(50, ge=1, description="bagged trees")
    depth: int | None = Field(None, ge=1, description="most levels of a tree; null: no limit")
    leaf_size: int = Field(1, ge=1, description="least samples in a leaf")

    def build(self, seed: int) -> BaggingClassifier:
        """Return the estimator."""
        from sklearn.ensemble import BaggingClassifier
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=self.depth, min_samples_leaf=self.leaf_size)
        return BaggingClassifier(tree, n_estimators=self.trees, random_state=seed)

    def build_regressor(self, seed: int) -> BaggingRegressor:
        """Return the estimator of a number."""
        from sklearn.ensemble import BaggingRegressor
        from sklearn.tree import DecisionTreeRegressor

        tree = DecisionTreeRegressor(max_depth=self.depth, min_samples_leaf=self.leaf_size)
        return BaggingRegressor(tree, n_estimators=self.trees, random_state=seed)
