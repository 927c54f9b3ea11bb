"""Windows of genes: a genome, its annotation, and a table of numbers become labelled samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from cistron.base.errors import InputError
from cistron.base.files import checksums
from cistron.base.settings import InputPath, Settings
from cistron.samples.alphabet import DNA
from cistron.samples.frames import read_frame
from cistron.samples.genome.expression_labels import (
    LabelSettings,
    Matching,
    PercentileLabels,
    ResponseLabels,
    match_unresponsive,
)
from cistron.samples.genome.gene_filters import GeneFilters
from cistron.samples.genome.gene_ids import FEWEST, match_overlap
from cistron.samples.genome.gene_windows import Genome, read_windows
from cistron.samples.genome.numbers import GeneValues, NumberLabels, NumberTable
from cistron.samples.genome.regions import Masked, Part, Preset
from cistron.samples.genome.windows import Windows, make_windows
from cistron.samples.keys import GroupName
from cistron.samples.samples import COORDINATES, UNLABELLED, Samples, Sequences
from cistron.samples.sequences.shuffle import shuffle_windows
from cistron.samples.settings import SamplesSettings
from cistron.targets.number import Number
from cistron.targets.quantities import require_spread
from cistron.targets.target import Target

GENES, SPECIES = "chromosome", "species"


class GroupTable(Settings):
    """A table that says the group of each gene."""

    table: InputPath = Field(description="CSV, TSV or parquet, plain or gzip")
    id: str = Field("gene_id", description="column with the gene's id")
    column: str = Field(description="column with the group")


class Species(Genome):
    """One of several species."""

    numbers: NumberTable | None = Field(None, description="the table that labels come from")


class GenomeSamples(GeneFilters, SamplesSettings):
    """Settings of the `genome` source: one genome, or several `species`."""

    contents: ClassVar[frozenset[str]] = frozenset({"dna"})
    windows_of_genomes: ClassVar[bool] = True

    kind: Literal["genome"] = "genome"
    alphabet: Literal["dna"] = Field("dna", description="letters of the sequences: genomes are DNA")
    genome: InputPath | None = Field(None, description="FASTA, plain, gzip or bgzip")
    annotation: InputPath | None = Field(None, description="GTF or GFF3, plain or gzip")
    numbers: NumberTable | None = Field(None, description="the table that labels come from")
    aliases: dict[str, str] = Field(
        default_factory=dict, description="chromosome in the genome: its name in the annotation"
    )
    id_attribute: str | None = Field(
        None,
        description="attribute of a gene's id, or data base of its Dbxref (GeneID); by default "
        "gene_id, ID, Name: what is there",
    )
    species: dict[str, Species] | None = Field(
        None,
        min_length=2,
        description="several species, by name, each with genome, annotation and numbers",
    )
    label: LabelSettings | None = Field(
        PercentileLabels(),
        description="rule that gives the classes; number: the number itself is predicted; null: "
        "unlabelled, for prediction",
    )
    regions: Preset | tuple[Part, ...] = Field(
        "lcre", description="lcre, deepcre, deepdife, or a list of regions and spacers"
    )
    mask: tuple[Masked, ...] | Literal["preset"] | None = Field(
        "preset",
        description="regions, start_codon, stop_codon or stretches that become N; preset: the "
        "columns that the publication of the preset hides; null: what runs of before hid (nothing "
        "of lcre; of deepcre the codons in both copies of a short gene); []: nothing",
    )
    ablate: tuple[str, ...] = Field(
        (), description="regions that become N, to measure what they contribute"
    )
    groups: dict[GroupName, GroupTable] = Field(
        default_factory=dict, description="further columns of genes that belong together: family"
    )
    shuffle: Literal["none", "mononucleotide", "dinucleotide"] = Field(
        "none",
        description="how the bases of each region are shuffled, as a control; the counts of "
        "bases, or of pairs of bases, stay",
    )
    seed: int = Field(1, ge=0, description="seed of the random numbers by which bases are shuffled")

    @field_validator("ablate", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_or_several_genomes(self) -> Self:
        single = self.genome, self.annotation, self.numbers
        if self.species is None and not (self.genome and self.annotation):
            raise ValueError("give genome, annotation and numbers, or several `species`")
        if self.species is not None and (any(single) or self.aliases or self.id_attribute):
            raise ValueError("with `species`, genome, annotation and numbers stand in each of them")
        without = [n for n, s in (self.species or {}).items() if s.numbers is None]
        without += ["samples"] if self.species is None and self.numbers is None else []
        if self.label is not None and without:
            raise ValueError(
                f"{without[0]} has no `numbers`, and labels come from them; for genes without "
                "labels set label: null"
            )
        taken = [name for name in self.groups if name in (GENES, SPECIES, *COORDINATES)]
        if taken:
            raise ValueError(f"a group cannot be called {taken[0]!r}: genes have that already")
        return self

    @property
    def asks(self) -> Target:
        """What is asked of each gene: its number, or a class."""
        return Number(self.label.name) if isinstance(self.label, NumberLabels) else UNLABELLED

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the group columns, those of every gene included."""
        several = (SPECIES,) if self.species else ()
        return (*several, GENES, *self.groups)

    def windows(self) -> Windows:
        """Return the windows to cut.

        Raises
        ------
        InputError
            If `mask` or `ablate` names a region that is not there.
        """
        return make_windows(self.regions, self.mask, self.ablate, self.short_genes == "split")

    def read(self) -> Samples:
        """Read genome, annotation and numbers.

        Raises
        ------
        InputError
            If a file cannot be read, files do not belong together, or too little is left.
        """
        windows = self.windows()
        single = {name: getattr(self, name) for name in Species.model_fields}
        genomes = self.species or {"": Species.model_construct(**single)}
        parts = [
            read_windows(name, genome, self._values(genome.numbers), windows, self)
            for name, genome in genomes.items()
        ]
        table = pd.concat([part.table for part in parts], ignore_index=True)
        codes = np.concatenate([part.windows for part in parts])
        notes = [note for part in parts for note in part.notes]
        paths = [path for part in parts for path in part.paths]
        groups = self._groups(table, notes, paths)
        if isinstance(self.label, ResponseLabels) and self.label.match:
            notes.append(_match(table, codes, self.label.match))
        classes, rule = self._labelled(table)
        used = (table["reason"] == "").to_numpy()
        codes = codes[used[table["window"] >= 0]]
        if self.shuffle != "none":
            codes = shuffle_windows(codes, self.shuffle, [*windows.columns.values()], self.seed)
            notes.append(f"Bases were shuffled within each region ({self.shuffle} counts kept).")
        columns = ["id", "label", "weight", *groups, *COORDINATES, "source", "record"]
        unused = pd.concat([table.loc[~used], *[part.unmatched for part in parts]])
        return Samples(
            table=table.loc[used, columns].reset_index(drop=True),
            payload=Sequences(
                codes.reshape(-1), np.arange(len(codes) + 1) * windows.length, alphabet=DNA
            ),
            target=self.asks.with_classes(classes),
            groups=groups,
            dropped=unused[["id", "source", "record", "reason"]].reset_index(drop=True),
            notes=tuple(notes),
            sources=checksums(list(dict.fromkeys(paths))),
            rule=rule,
        )

    def _values(self, numbers: NumberTable | None) -> GeneValues | None:
        """Return what the table of numbers says; None where there is none."""
        if numbers is None:
            return None
        return numbers.read() if self.label is None else self.label.values(numbers)

    def _groups(self, table: pd.DataFrame, notes: list[str], paths: list[Path]) -> tuple[str, ...]:
        """Add the group columns; a gene that a table does not know is a group of its own."""
        used = (table["reason"] == "").to_numpy()
        for name, group in self.groups.items():
            frame = read_frame(group.table, [group.id, group.column])
            frame = frame[frame[group.id].notna() & frame[group.column].notna()].drop_duplicates()
            twice = frame[group.id].duplicated()
            if twice.any():
                gene = frame[group.id][twice].iloc[0]
                raise InputError(
                    f"samples.groups.{name}: {group.table} gives {gene!r} two values. Leave one "
                    "row a gene."
                )
            where = f"samples.groups.{name}: {group.table}"
            value = _looked_up(table, used, frame, where, notes)
            alone = used & value.isna().to_numpy()
            if alone.sum() == used.sum():
                raise InputError(
                    f"{where} knows none of the {used.sum():,} genes. Its column {group.id!r} "
                    f"holds {frame[group.id].iloc[0]!r}; genes are called "
                    f"{table['id'][used].iloc[0]!r}."
                )
            if alone.any():
                notes.append(
                    f"Genes that {group.table} does not know, each alone: {alone.sum():,} of "
                    f"{used.sum():,}."
                )
            table[name] = value.where(value.notna(), table["id"])
            paths.append(group.table)
        if self.species and table["id"][used].duplicated().any():
            table["id"] = table[SPECIES] + ":" + table["id"]
            notes.append("Species have ids in common: the species stands before each id.")
        return self.group_names

    def _labelled(self, table: pd.DataFrame) -> tuple[tuple[str, ...], PercentileLabels | None]:
        """Return the classes, and the rule where it is still to be fitted."""
        if self.label is None:
            _require_classes(table, (), fewest=1)
            return (), None
        used = (table["reason"] == "").to_numpy()
        if isinstance(self.label, NumberLabels):
            _require_classes(table, ())
            require_spread(table["number"].to_numpy(np.float64)[used], "samples.numbers")
            table["label"] = table["number"]
            return (), None
        if isinstance(self.label, PercentileLabels):
            _require_classes(table, ())
            strata = SPECIES if self.species else None
            label = np.full(len(table), None, dtype=object)
            given = table[used].reset_index(drop=True)
            label[used] = self.label.assign(given, np.ones(len(given), bool), strata).label
            table["label"] = pd.Series(label, dtype=object)
            return self.label.classes, self.label
        there = sorted(set(table["label"][used]))
        classes = tuple(getattr(self.label, "classes", ()) or there)
        _require_classes(table, classes)
        return classes, None


def read_genome(
    genome: str | Path,
    annotation: str | Path,
    numbers: str | Path | Mapping[str, object] | None = None,
    **settings: object,
) -> Samples:
    """Read windows of genes, labelled by a table of numbers.

    Parameters
    ----------
    genome : path
        FASTA, plain, gzip or bgzip.
    annotation : path
        GTF or GFF3, plain or gzip.
    numbers : path or dict, optional
        A table with an id and one number a gene, or the keys of `NumberTable`; without it the
        samples are unlabelled.
    **settings
        Further keys of `GenomeSamples`: label, regions, mask, ablate, groups, …

    Returns
    -------
    Samples
        In the order of the annotation. Genes that were not used are in `dropped`.

    Raises
    ------
    InputError
        See `GenomeSamples.read`.
    """
    table = {"table": numbers} if isinstance(numbers, str | Path) else numbers
    keys = {"genome": genome, "annotation": annotation, "numbers": table, **settings}
    if table is None:
        keys.setdefault("label", None)
    return GenomeSamples.model_validate(keys).read()


def _looked_up(
    table: pd.DataFrame, used: NDArray[np.bool_], frame: pd.DataFrame, where: str, notes: list[str]
) -> pd.Series:
    """Return what a table of ids and values says of each gene; None where it says nothing."""
    ids, values = (frame.iloc[:, k].to_numpy(dtype=object) for k in (0, 1))
    genes = table["id"].drop_duplicates()
    needed = genes.isin(table["id"][used]).to_numpy()
    rows, told = match_overlap(genes.tolist(), ids.tolist(), where, needed=needed, fewest=FEWEST)
    notes += told
    known = rows >= 0
    value_of = pd.Series(values[rows[known]], index=genes[known], dtype=object)
    return table["id"].map(value_of).astype(object)


def _match(table: pd.DataFrame, codes: NDArray[np.uint8], match: Matching) -> str:
    """Leave out the unresponsive genes that no responsive gene was matched with."""
    used = np.flatnonzero((table["reason"] == "").to_numpy())
    unresponsive = (table["label"].iloc[used] == "unresponsive").to_numpy()
    if unresponsive.all() or not unresponsive.any():
        return "No genes were matched: there is only one class."
    features = []
    if match.level:
        level = table["level"].to_numpy(dtype=np.float64)[used]
        features.append(np.nan_to_num(np.sign(level) * np.log1p(np.abs(level))))
    if match.gc:
        windows = codes[table["window"].to_numpy()[used]]
        gc = ((windows == 1) | (windows == 2)).sum(axis=1)
        features.append(gc / np.maximum((windows < DNA.standard).sum(axis=1), 1))
    kept, note = match_unresponsive(
        np.stack(features, axis=1), unresponsive, match.ratio, match.seed
    )
    table.loc[used[~kept], "reason"] = "unresponsive, and matched with no responsive gene"
    return note


def _require_classes(table: pd.DataFrame, classes: tuple[str, ...], fewest: int = 4) -> None:
    """Refuse genes of which too few, or only one class, are left."""
    used = table["reason"] == ""
    counts = {name: int((table["label"][used] == name).sum()) for name in classes}
    enough = all(count >= 2 for count in counts.values()) and len(counts) != 1
    if used.sum() >= fewest and enough:
        return
    reasons = table["reason"][~used].map(lambda text: text.split(" (")[0]).value_counts()
    lost = "; ".join(f"{count:,}: {reason}" for reason, count in reasons.items())
    sizes = ", ".join(f"{name} ({count:,} genes)" for name, count in counts.items())
    what = f"at least {fewest} are needed"
    if counts:
        what = f"two classes of at least two genes are needed: {sizes}"
    raise InputError(
        f"samples: {used.sum():,} genes are left to learn from, and {what}. Not used were "
        f"{(~used).sum():,} of {len(table):,} genes ({lost or 'none'})."
    )
