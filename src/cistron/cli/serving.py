"""Classifiers for those who have no command line: a page and an API."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cistron.base.errors import InputError

Served = Annotated[
    list[Path], typer.Argument(metavar="RUN [RUN...]", help="Runs whose classifiers are served.")
]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")]
Host = Annotated[
    str, typer.Option(help="Address to listen at; others than this machine need a token.")
]
Data = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder of the queue, the uploads and the results.")
]
Token = Annotated[
    str | None, typer.Option(help="What requests have to show; others on this machine see it.")
]
TokenFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File with nothing but the token.")
]
Devices = Annotated[
    list[str] | None, typer.Option(help="One worker on each: cpu, cuda:0; may be repeated.")
]
Genome = Annotated[Path | None, typer.Option(help="FASTA that variants of a VCF lie in.")]
Annotation = Annotated[Path | None, typer.Option(help="GTF or GFF3 of that genome.")]
Proxy = Annotated[bool, typer.Option("--proxy", help="A proxy on this machine tells who asks.")]
LimitOf = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=NUMBER",
        help="records, letters, longest, megabytes, unpacked, minutes, explanations (of a job), "
        "explained_letters (of a row), waiting (jobs), hours (that results are kept), rate "
        "(computing requests of an address in a minute; 0: any number). May be repeated.",
    ),
]


def serve(
    runs: Served,
    port: Port = 8000,
    host: Host = "127.0.0.1",
    data: Data = Path("cistron-serve"),
    token: Token = None,
    token_file: TokenFile = None,
    device: Devices = None,
    genome: Genome = None,
    annotation: Annotation = None,
    proxy: Proxy = False,
    limit: LimitOf = None,
) -> None:
    """Serve classifiers as a web page and an API, with a queue that survives."""
    missing = [n for n in ("fastapi", "uvicorn", "python_multipart") if find_spec(n) is None]
    if missing:
        raise InputError(f"{missing[0]} is not installed. Run: pip install 'cistron[serve]'")
    from cistron.serve.app import serve as run_server
    from cistron.serve.settings import ServeSettings, name_runs, parse_limits

    if token and token_file:
        raise InputError("--token and --token-file: give one of them.")
    settings = ServeSettings(
        runs=name_runs(runs),
        data=data.expanduser().resolve(),
        host=host,
        port=port,
        token=token if token_file is None else _read_token(token_file),
        devices=tuple(device or ["auto"]),
        genome=genome and genome.expanduser().resolve(),
        annotation=annotation and annotation.expanduser().resolve(),
        proxy=proxy,
        limits=parse_limits(limit or []),
    )
    run_server(settings)


def _read_token(path: Path) -> str:
    """Return the token of a file."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--token-file {path} cannot be read as text.") from error
