"""Every format of cells gives the same cells."""

from __future__ import annotations

import gzip
from pathlib import Path

import anndata
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import io, sparse

from cistron.base.errors import InputError
from cistron.samples.cells import count_tables
from cistron.samples.cells.cell_file import CellFile, CellFormat, which_are_genes
from cistron.samples.cells.cell_formats import cell_format, holds_cells, read_cell_file
from tests.samples.cells.cells_made import (
    CELLS,
    barcodes,
    ensembl,
    gene_names,
    made_anndata,
    made_counts,
    usual_obs,
    write_10x,
    write_10x_h5,
    write_text,
    write_zarr,
)

COUNTS = made_counts()
HOW = CellFormat()


def numbers(file: CellFile) -> np.ndarray:
    return file.matrix.read(np.arange(file.matrix.shape[0])).toarray()


def write(kind: str, folder: Path) -> Path:
    rows, columns = barcodes(), gene_names()
    if kind in ("csr", "csc", "dense", "zarr"):
        stored = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix}.get(kind, np.asarray)
        path = folder / (f"{kind}.zarr" if kind == "zarr" else f"{kind}.h5ad")
        data = made_anndata(stored(COUNTS))
        write_zarr(data, path) if kind == "zarr" else data.write_h5ad(path)
        return path
    if kind == "10x":
        return write_10x(folder / "run", COUNTS)
    if kind == "old 10x":
        return write_10x(folder / "run", COUNTS, genes="genes")
    if kind == "GEO":
        return write_10x(folder / "run", COUNTS, "GSM1_") / "GSM1_matrix.mtx.gz"
    if kind == "10x h5":
        return write_10x_h5(folder / "a.h5", COUNTS)
    if kind == "old 10x h5":
        return write_10x_h5(folder / "a.h5", COUNTS, old=True)
    if kind == "genes.tsv":
        return write_text(folder / "a.tsv", COUNTS.T, columns, rows, "GENE")
    if kind == "genes.csv.gz":
        return write_text(folder / "a.csv.gz", COUNTS.T, columns, rows)
    return write_text(folder / "a.txt", COUNTS, rows, columns)


KINDS = ["csr", "csc", "dense", "zarr", "10x", "old 10x", "GEO", "10x h5", "old 10x h5"]
TEXT = ["genes.tsv", "genes.csv.gz", "cells.txt"]


@pytest.mark.parametrize("backed", [False, None])
@pytest.mark.parametrize("kind", KINDS + TEXT)
def test_all_formats_hold_the_same_cells(kind: str, backed: bool | None, tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    file = read_cell_file(path, CellFormat(backed=backed), limit=0)
    assert np.array_equal(numbers(file), COUNTS)
    assert file.barcodes.tolist() == barcodes()
    assert file.genes.tolist() == gene_names()
    assert holds_cells(path)
    if kind not in TEXT:
        assert file.names["ensembl"].tolist() == ensembl()
        ids = read_cell_file(path, CellFormat(gene_names="ensembl"))
        assert ids.genes.tolist() == ensembl()
        assert ids.names["symbol"].tolist() == gene_names()


def test_agrees_with_anndata_on_layers_and_raw(tmp_path: Path) -> None:
    path = tmp_path / "a.h5ad"
    data = made_anndata(sparse.csr_matrix(COUNTS), **usual_obs())
    data.layers["log"] = np.log1p(COUNTS)
    data.raw = data.copy()
    data[:, :5].copy().write_h5ad(path)
    whole = anndata.read_h5ad(path)
    assert np.array_equal(numbers(read_cell_file(path, HOW)), whole.X.toarray())
    layer = read_cell_file(path, CellFormat(layer="log"))
    assert np.array_equal(numbers(layer), whole.layers["log"])
    raw = read_cell_file(path, CellFormat(raw=True), ["kind", "day", "share", "absent"])
    assert np.array_equal(numbers(raw), whole.raw.X.toarray())
    assert raw.genes.tolist() == whole.raw.var_names.tolist()
    assert raw.columns == tuple(whole.obs.columns)
    assert raw.frame["kind"].tolist() == whole.obs["kind"].tolist()
    assert raw.frame["day"].tolist() == [str(day) for day in whole.obs["day"]]
    assert "absent" not in raw.frame
    with pytest.raises(InputError, match=r"no layer 'lag'.*log.*Did you mean 'log'"):
        read_cell_file(path, CellFormat(layer="lag"))


def test_antibodies_are_no_genes(tmp_path: Path) -> None:
    file = read_cell_file(write_10x_h5(tmp_path / "a.h5", COUNTS, antibodies=2), HOW)
    assert np.array_equal(numbers(file), COUNTS[:, :-2])
    assert file.genes.tolist() == gene_names()[:-2]
    assert "2 features are no genes" in file.notes[0]


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(
        st.lists(
            st.one_of(
                st.integers(0, 10**6), st.floats(-1e6, 1e6, width=32), st.just(0), st.just(np.nan)
            ),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=9,
    ),
    size=st.integers(1, 200),
    ending=st.sampled_from(["\n", "\r\n", ""]),
)
def test_text_is_parsed_as_it_stands(
    tmp_path_factory: pytest.TempPathFactory, values: list, size: int, ending: str
) -> None:
    path = tmp_path_factory.mktemp("text") / "a.tsv"
    texts = [[f"{v!r}" if v == v else "NA" for v in row] for row in values]
    lines = ["gene\tc1\tc2\tc3"] + ["\t".join([f"g{i}", *row]) for i, row in enumerate(texts)]
    end = ending or "\n"
    path.write_bytes((end.join(lines) + ending).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(count_tables, "READ", size)
        with count_tables.open_input(path) as source:
            header = count_tables.read_header(source)
            found = list(count_tables.iter_table(source, header, size))
    names = [name for some, _ in found for name in some]
    dense = sparse.vstack([block for _, block in found]).toarray()
    assert names == [f"g{i}" for i in range(len(values))]
    assert np.array_equal(dense, np.array(values, dtype=np.float32), equal_nan=True)


def test_what_r_writes(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"  # write.table: the header is one field short, names are quoted
    path.write_text('"cell1" "cell2"\n"ACTB" 1 2.5\n"GAPDH" 0 NA\n"B2M" 1e3 7\n')
    file = read_cell_file(path, HOW)
    assert file.genes.tolist() == ["ACTB", "GAPDH", "B2M"]
    assert file.barcodes.tolist() == ["cell1", "cell2"]
    assert np.array_equal(numbers(file), [[1, 0, 1000], [2.5, np.nan, 7]], equal_nan=True)


def table(folder: Path, rows: list[str], columns: list[str], corner: str = "") -> Path:
    values = np.ones((len(rows), len(columns)))
    return write_text(folder / "a.csv", values, rows, columns, corner)


@pytest.mark.parametrize(
    ("rows", "columns", "corner", "known", "way"),
    [
        (["x", "y"], ["s1", "s2"], "", ["s2"], "genes"),
        (["s1", "s2"], ["x", "y"], "", ["s2"], "cells"),
        (["x", "y"], ["s1", "s2"], "gene_name", [], "genes"),
        (["s1", "s2"], ["x", "y"], "Barcode", [], "cells"),
        (["ENSG00000000001.2", "ENSMUSG00000000002"], ["s1", "s2"], "", [], "genes"),
        (["x", "y"], ["ACGTACGTAC-1", "run_TTGTACGTAC-1"], "", [], "genes"),
        (["s1", "s2"], ["actb", "gapdh", "malat1"], "", [], "cells"),
    ],
)
def test_orientation_is_proven_by_names(
    rows: list[str], columns: list[str], corner: str, known: list[str], way: str, tmp_path: Path
) -> None:
    path = table(tmp_path, rows, columns, corner)
    file = read_cell_file(path, HOW, known=known)
    assert file.genes.tolist() == (rows if way == "genes" else columns)
    assert f"{way} in rows, because" in file.notes[0]


def test_orientation_by_genes_of_training(tmp_path: Path) -> None:
    file = read_cell_file(table(tmp_path, ["x", "y"], ["u", "v"]), HOW, genes=["v", "w"])
    assert file.genes.tolist() == ["u", "v"]


def test_orientation_is_asked_for_and_never_guessed(tmp_path: Path) -> None:
    path = table(tmp_path, ["x", "y"], ["s1", "s2"])
    with pytest.raises(InputError, match=r"nothing tells for certain.*x, y.*s1, s2.*orientation"):
        read_cell_file(path, HOW)
    file = read_cell_file(path, CellFormat(orientation="cells_in_rows"))
    assert file.genes.tolist() == ["s1", "s2"]
    path = table(tmp_path, ["ACGTACGTAA", "ACGTACGTAC"], ["s1", "s2"], "gene")
    with pytest.raises(InputError, match="called 'gene'; but|is a barcode"):
        read_cell_file(path, HOW)


def test_names_that_say_nothing() -> None:
    names = np.array(["a", "b"], dtype=object)
    assert which_are_genes(names, names) == ("", "")


@pytest.mark.parametrize("turned", [False, True])
def test_matrix_market_of_either_orientation(turned: bool, tmp_path: Path) -> None:
    folder = write_10x(tmp_path / "run", COUNTS)
    if turned:
        text = tmp_path / "run" / "matrix.mtx"
        io.mmwrite(text, sparse.coo_matrix(COUNTS.astype(int)))
        (folder / "matrix.mtx.gz").write_bytes(gzip.compress(text.read_bytes()))
        text.unlink()
    file = read_cell_file(folder / "matrix.mtx.gz", HOW)
    assert np.array_equal(numbers(file), COUNTS)
    assert len(file.barcodes) == CELLS


def test_a_square_matrix_needs_to_be_told(tmp_path: Path) -> None:
    square = COUNTS[:12]
    folder = write_10x(tmp_path / "run", square)
    with pytest.raises(InputError, match="as many genes as cells"):
        read_cell_file(folder / "matrix.mtx.gz", HOW)
    assert np.array_equal(numbers(read_cell_file(folder, HOW)), square)  # of 10x: genes in rows
    how = CellFormat(orientation="cells_in_rows")
    assert np.array_equal(numbers(read_cell_file(folder / "matrix.mtx.gz", how)), square.T)


def test_formats_are_told_by_content(tmp_path: Path) -> None:
    (tmp_path / "a.fasta").write_text(">a\nMKV\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.csv").write_text("id,sequence\na,MKV\n")
    (tmp_path / "b.csv").write_text("id,sequence\n")
    assert not holds_cells(tmp_path / "a.csv")
    assert not holds_cells(tmp_path / "b.csv")
    assert not holds_cells("-")
    assert not holds_cells(tmp_path / "a.fasta")
    assert not holds_cells(tmp_path / "empty")
    assert not holds_cells(tmp_path / "absent")
    assert cell_format(write("csr", tmp_path)) == "anndata"
    with pytest.raises(InputError, match="looks like FASTA"):
        cell_format(tmp_path / "a.fasta")
    with pytest.raises(InputError, match=r"samples.backed: .* is text"):
        read_cell_file(write("genes.tsv", tmp_path), CellFormat(backed=True))
    with pytest.raises(InputError, match=r"samples.layer: .* is no AnnData"):
        read_cell_file(write("10x", tmp_path), CellFormat(layer="a"))
