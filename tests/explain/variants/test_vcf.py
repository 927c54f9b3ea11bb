"""VCF files as they are, and as they should not be."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.base.errors import InputError
from cistron.explain.variants.vcf import Variant, read_variants

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
BASES = st.text("ACGT", min_size=1, max_size=6)


def write(path, *lines, header=HEADER):
    path.write_text(header + "".join(f"{line}\n" for line in lines))
    return path


def test_lines_of_several_alleles_are_split(tmp_path):
    path = write(tmp_path / "a.vcf", "chr1\t10\trs1\tA\tg,TT\t.\tPASS\tx=1", "2\t1\t.\tC\tT")
    found = list(read_variants(path))
    assert [(v.line, v.chromosome, v.position, v.name) for v in found] == [
        (3, "chr1", 9, "rs1"),
        (3, "chr1", 9, "rs1"),
        (4, "2", 0, "."),
    ]
    assert [(v.reference, v.alternative) for v in found] == [("A", "G"), ("A", "TT"), ("C", "T")]
    packed = tmp_path / "a.vcf.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(read_variants(packed)) == found


@pytest.mark.parametrize(
    ("reference", "alternative", "reason"),
    [
        ("A", "<DEL>", "symbolic"),
        ("A", "*", "deleted by another"),
        ("A", ".", "no alternative"),
        ("A", "A]chr2:5]", "breakend"),
        ("A", "a", "same as REF"),
        ("A", "A" * 12, "more than 10 bases"),
        ("A-", "C", "REF is no sequence"),
        ("A", "C?", "ALT is no sequence"),
    ],
)
def test_what_is_no_sequence_is_skipped_with_its_reason(tmp_path, reference, alternative, reason):
    path = write(tmp_path / "a.vcf", f"1\t5\t.\t{reference}\t{alternative}")
    (found,) = read_variants(path, longest=10)
    assert reason in found.skipped


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr1\t5\t.\tA\tC\n", "line 1 stands before any header"),
        ("#nothing\n", "no header"),
        (HEADER + "chr1 5 . A C\n", "line 3: a variant has CHROM"),
        (HEADER + "chr1\tfive\t.\tA\tC\n", "line 3: POS is 'five'"),
        (HEADER + f"chr1\t{'5' * 23}\t.\tA\tC\n", "line 3: POS is '5{23}' .* below"),
        ("{}", "looks like a JSON file"),
    ],
)
def test_damage_is_told_with_its_line(tmp_path, text, message):
    (tmp_path / "a.vcf").write_text(text)
    with pytest.raises(InputError, match=message):
        list(read_variants(tmp_path / "a.vcf"))


def test_bytes_that_are_no_utf_8(tmp_path):
    (tmp_path / "a.vcf").write_bytes(HEADER.encode() + b"chr\xe9\t5\t.\tA\tC\n")
    with pytest.raises(InputError, match=r"a.vcf, line 3: the byte 0xe9 is not UTF-8"):
        list(read_variants(tmp_path / "a.vcf"))


@given(BASES, BASES, st.text("ACGT", min_size=8, max_size=20), st.integers(0, 7))
def test_trimmed_alleles_make_the_same_sequence(reference, alternative, text, place):
    text = text[:place] + reference + text[place:]
    start, end, new = Variant(1, "1", place, reference, alternative).trimmed
    whole = text[:place] + alternative + text[place + len(reference) :]
    assert text[:start] + new + text[end:] == whole
    old = text[start:end]
    if reference != alternative:
        assert not (old and new and (old[0] == new[0] or old[-1] == new[-1]))
