"""The command line: parse, call, print; one thin function a command, in the files here."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated

import typer

from cistron.base.errors import InputError
from cistron.cli import explaining, serving, start, training, using

NO_COLOR = "--no-color"

app = typer.Typer(
    name="cistron",
    help="From biological sequences to classifiers a scientist can trust.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Public data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")


class Interrupted(BaseException):
    """Ctrl-C; Typer would answer KeyboardInterrupt itself, without a word of how to go on."""


def _interrupt(number: int, frame: object) -> None:  # noqa: ARG001
    raise Interrupted


def main() -> None:
    """Run the command line; mistakes of the user end in one sentence and exit code 2."""
    # Threads that wait by spinning halve the speed of training on a machine with other work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _open_streams()
    if NO_COLOR in sys.argv:  # before or after the name of the command
        os.environ["NO_COLOR"] = "1"
        sys.argv = [word for word in sys.argv if word != NO_COLOR]
    signal.signal(signal.SIGINT, _interrupt)
    try:
        _run()
    except InputError as error:
        _stop(str(error), 2)
    except Interrupted:
        _stop("Interrupted. What was finished is kept; continue with --resume.", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}. Mend this and continue with --resume.", 2)


def _open_streams() -> None:
    """Open the streams that are closed, and print what a terminal has no letters for as escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # a file opened later would take its place
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run() -> None:
    if os.environ.get("WORLD_SIZE", "1") == "1":
        app()
        return
    # Launched as one of several processes that train a network together.
    from cistron.training.processes.processes import together

    together(app)


def _stop(message: str, code: int) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
    # Worker processes of a cross-validation must not keep an interrupted command alive.
    if code == 130:
        os._exit(code)
    sys.exit(code)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    no_color: Annotated[  # noqa: ARG001 (see `main`)
        bool, typer.Option(NO_COLOR, help="No colours, as with NO_COLOR=1; of every command.")
    ] = False,
) -> None:
    """From biological sequences to classifiers a scientist can trust."""
    if show:
        from cistron.base.version import __version__

        typer.echo(f"cistron {__version__}")
        raise typer.Exit


for command in (
    start.demo,
    start.new,
    start.schema,
    start.families,
    start.windows,
    training.check,
    training.fit,
    training.crossval,
    training.tune,
    using.ensemble,
    using.predict,
    explaining.explain,
    explaining.motifs,
    explaining.variants,
    explaining.mutate,
    training.report,
    training.compare,
    training.track,
    using.embed,
    serving.serve,
):
    app.command(cls=explaining.WithMethods if command is explaining.explain else None)(command)
app.command("import")(using.import_)
data_app.command("list")(start.data_list)
data_app.command("get")(start.data_get)
