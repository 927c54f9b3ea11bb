"""Classifiers for those who have no command line: a page and an API."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cistron.base.errors import InputError


def serve(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN [RUN...]", help="Runs whose classifiers are served."),
    ],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine need a token.")
    ] = "127.0.0.1",
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the queue, the uploads and the results.")
    ] = Path("cistron-serve"),
    token: Annotated[
        str | None,
        typer.Option(help="What every request has to show; others on this machine see it."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the token, alone in it.")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="One worker on each: cpu, cuda:0; may be repeated.")
    ] = None,
    genome: Annotated[
        Path | None, typer.Option(help="FASTA that the variants of a VCF lie in.")
    ] = None,
    annotation: Annotated[Path | None, typer.Option(help="GTF or GFF3 of that genome.")] = None,
    proxy: Annotated[
        bool, typer.Option("--proxy", help="A proxy on this machine tells who asks.")
    ] = False,
    records: Annotated[int, typer.Option(help="Records of a job.")] = 100_000,
    letters: Annotated[int, typer.Option(help="Letters of a job.")] = 50_000_000,
    longest: Annotated[int, typer.Option(help="Letters of one record.")] = 100_000,
    megabytes: Annotated[float, typer.Option(help="MB of an upload.")] = 64,
    unpacked: Annotated[float, typer.Option(help="MB of an upload, decompressed.")] = 512,
    minutes: Annotated[float, typer.Option(help="Minutes of a job.")] = 60,
    explanations: Annotated[int, typer.Option(help="Rows of a job that are explained.")] = 200,
    waiting: Annotated[int, typer.Option(help="Jobs in the queue.")] = 1_000,
    hours: Annotated[float, typer.Option(help="Hours that results are kept.")] = 72,
    rate: Annotated[
        int, typer.Option(help="Computing requests of one address in a minute; 0: any number.")
    ] = 300,
) -> None:
    """Serve classifiers as a web page and an API, with a queue that survives."""
    missing = [n for n in ("fastapi", "uvicorn", "python_multipart") if find_spec(n) is None]
    if missing:
        raise InputError(f"{missing[0]} is not installed. Run: pip install 'cistron[serve]'")
    from cistron.serve.app import serve as run_server
    from cistron.serve.settings import Limits, ServeSettings, name_runs

    if token and token_file:
        raise InputError("--token and --token-file: give one of them.")
    if token_file is not None:
        token = _read_token(token_file)
    limits = Limits(
        records=records,
        letters=letters,
        longest=longest,
        megabytes=megabytes,
        unpacked=unpacked,
        minutes=minutes,
        explanations=explanations,
        waiting=waiting,
        hours=hours,
        rate=rate,
    )
    settings = ServeSettings(
        runs=name_runs(runs),
        data=data.expanduser().resolve(),
        host=host,
        port=port,
        token=token,
        devices=tuple(device or ["auto"]),
        genome=genome and genome.expanduser().resolve(),
        annotation=annotation and annotation.expanduser().resolve(),
        proxy=proxy,
        limits=limits,
    )
    run_server(settings)


def _read_token(path: Path) -> str:
    """Return the token of a file."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--token-file {path} cannot be read as text.") from error
