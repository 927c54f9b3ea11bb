"""The base of every settings class, and of those that are one kind of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    SerializationInfo,
    ValidationInfo,
    field_validator,
)
from pydantic_core import CoreSchema, core_schema

from cistron.base.document import Document

LARGEST = 2**53
LARGEST_SEED = 2**32 - 1  # of NumPy's older generators, which scikit-learn uses


def _from_experiment_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return Path(folder) / path if folder is not None and str(path) != "-" else path


def absolute_path(path: Path) -> Path:
    """Return a path that means the same file from every folder; a link keeps its own name."""
    return path if str(path) == "-" else path.parent.resolve() / path.name


def _written(path: Path, info: SerializationInfo) -> str:
    return str(absolute_path(path) if (info.context or {}).get("absolute") else path)


InputPath = Annotated[
    Path,
    AfterValidator(_from_experiment_folder),
    PlainSerializer(_written, return_type=str, when_used="json"),
]
"""A file the user names; relative to the experiment file when it stands in one."""


class Settings(BaseModel):
    """Validated, immutable settings of one section of an experiment; unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False
    )

    @field_validator("*")
    @classmethod
    def _countable(cls, value: object, info: ValidationInfo) -> object:
        """Refuse whole numbers that no array, and seeds that no library, can count to."""
        most = LARGEST_SEED if info.field_name == "seed" else LARGEST
        if isinstance(value, int) and abs(value) > most:
            raise ValueError(f"input should be at most {most:,}")
        return value

    def document(self, *, absolute: bool = False) -> Document:
        """Return the settings as plain JSON types, every default written out.

        Parameters
        ----------
        absolute : bool
            Files by their absolute paths, so that they are found from every folder.
        """
        return self.model_dump(mode="json", by_alias=True, context={"absolute": absolute})


class Kind(Settings):
    """Settings of one kind of several (of samples, split, encoder, model, augmentation).

    Each kind stands in a file of its own beside its code, has the key `kind`, a literal that tells
    it apart, and is one line in `kinds.py` of its room. Class variables and properties of its base
    class say what it reads and gives, which `cistron.experiment.checks` compares.
    """

    if TYPE_CHECKING:  # each kind has the key itself, and so chooses its place among the keys
        kind: str


@dataclass(frozen=True)
class OneOf:
    """Annotates a key whose settings are of one of several kinds, told apart by `kind`.

    Parameters
    ----------
    kinds : list of classes
        Read whenever a schema is built, so a kind that is appended counts from the next
        `model_rebuild(force=True)` on.
    """

    kinds: Sequence[type[Kind]]

    def __get_pydantic_core_schema__(
        self, source: type[Kind], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the schema of the union of all kinds."""
        choices = {name_of(kind): handler.generate_schema(kind) for kind in self.kinds}
        return core_schema.tagged_union_schema(choices, discriminator="kind")


def name_of(kind: type[Kind]) -> str:
    """Return what the key `kind` says of a kind."""
    return kind.model_fields["kind"].default


def kinds_in(annotation: Any, metadata: Sequence[Any] = ()) -> list[type[Settings]]:
    """Return the settings classes that may stand in a key: one, or each of its kinds.

    Parameters
    ----------
    annotation : type
        Of the key; the elements of a list count.
    metadata : sequence
        What a field keeps apart of its annotation.
    """
    for note in (*metadata, *getattr(annotation, "__metadata__", ())):
        if isinstance(note, OneOf):
            return list(note.kinds)
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [settings for part in get_args(annotation) for settings in kinds_in(part)]
