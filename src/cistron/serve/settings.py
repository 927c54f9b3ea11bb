"""What a server is told: where it listens, what it may hold, how much it takes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from cistron.base.device import require_known
from cistron.base.document import Document
from cistron.base.errors import InputError, nearest

LOCAL = ("127.0.0.1", "localhost", "::1")
SMALL = 10  # records that are answered at once
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Limits:
    """How much is taken of one address, one job, and all jobs.

    Parameters
    ----------
    megabytes : float
        MB of an upload as it is sent.
    unpacked : float
        MB of an upload once it is decompressed.
    records : int
        Records of a job; of VCF lines.
    letters : int
        Letters of a job.
    longest : int
        Letters of one record.
    minutes : float
        Minutes that a job may take.
    explanations : int
        Rows of a job that are explained.
    explained_letters : int
        Letters of a sequence that is explained.
    waiting : int
        Jobs in the queue.
    hours : float
        Hours that results are kept.
    rate : int
        Requests that compute something, of one address in a minute; 0: any number.
    """

    megabytes: float = 64.0
    unpacked: float = 512.0
    records: int = 100_000
    letters: int = 50_000_000
    longest: int = 100_000
    minutes: float = 60.0
    explanations: int = 200
    explained_letters: int = 2_000
    waiting: int = 1_000
    hours: float = 72.0
    rate: int = 300

    def document(self) -> Document:
        """Return the limits as the API and the pages state them."""
        return {**vars(self), "small": SMALL}


@dataclass(frozen=True)
class ServeSettings:
    """How classifiers are served.

    Parameters
    ----------
    runs : mapping of str to Path
        Name of a model → its run.
    data : Path
        Folder of the journal, the uploads and the results.
    host, port : str, int
    token : str, optional
        What every request has to show; needed for a host that others reach.
    devices : tuple of str
        One worker process each.
    genome, annotation : Path, optional
        Of classifiers of DNA: what the variants of a VCF lie in.
    proxy : bool
        Whether a proxy on this machine tells the addresses of clients.
    limits : Limits
    """

    runs: dict[str, Path]
    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    devices: tuple[str, ...] = ("auto",)
    genome: Path | None = None
    annotation: Path | None = None
    proxy: bool = False
    limits: Limits = field(default_factory=Limits)

    def require(self) -> None:
        """Refuse what is not safe, or not possible.

        Raises
        ------
        InputError
        """
        if self.host not in LOCAL and self.token is None:
            raise InputError(
                f"--host {self.host} can be reached by others, and they could do all that you can. "
                "Give a token that every request has to show: --token-file FILE."
            )
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise InputError(
                f"The token has {len(self.token)} letters, and is easily guessed. Give at least "
                f"{SHORTEST_TOKEN}: python -c 'import secrets; print(secrets.token_urlsafe())'"
            )
        for device in self.devices:
            require_known(device)


def parse_limits(words: list[str]) -> Limits:
    """Return the limits with those changed that are written as NAME=NUMBER.

    Raises
    ------
    InputError
    """
    known = vars(Limits())
    changes: dict[str, float] = {}
    for word in words:
        name, _, number = word.partition("=")
        if name not in known:
            raise InputError(
                f"--limit {word}: there is no limit {name!r}.{nearest(name, known)} There are: "
                f"{', '.join(known)}."
            )
        whole = isinstance(known[name], int)
        least = 0 if name in ("rate", "explanations") else 1 if whole else 1e-6
        try:
            changes[name] = int(number) if whole else float(number)
        except ValueError:
            changes[name] = -1
        if not least <= changes[name] < 1e12:
            kind = "a whole number" if whole else "a number"
            raise InputError(f"--limit {word}: give {kind} of at least {least:g}.")
    return replace(Limits(), **changes)  # type: ignore[arg-type]


def name_runs(runs: list[Path]) -> dict[str, Path]:
    """Return a name for each run, which is good for a URL: that of its folder, made unique."""
    named: dict[str, Path] = {}
    for run in runs:
        path = run.expanduser().resolve()
        plain = "".join(
            c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in path.name
        )
        plain = plain.strip(".-") or "model"
        name, number = plain, 1
        while name in named:
            number += 1
            name = f"{plain}-{number}"
        named[name] = path
    return named
