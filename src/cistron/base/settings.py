"""The base of every settings class: frozen, and closed to unknown keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo


def _from_experiment_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return Path(folder) / path if folder is not None and str(path) != "-" else path


InputPath = Annotated[Path, AfterValidator(_from_experiment_folder)]
"""A file the user names; relative to the experiment file when it stands in one."""


class Settings(BaseModel):
    """Validated, immutable settings of one section of an experiment.

    Each kind (of samples, split, encoder, model) declares its own settings beside its code,
    with a `kind` literal that tells them apart. Unknown keys are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def document(self) -> dict[str, Any]:
        """Return the settings as plain JSON types, every default written out."""
        return self.model_dump(mode="json", by_alias=True)
