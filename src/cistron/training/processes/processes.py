"""One training by many processes, each with a device of its own.

The main process (rank 0) runs a command as if it were alone: only it reads, splits, writes and
speaks. The others wait until it trains a network. They are then given all that it trains with,
and every process takes its share of the rows of every batch, until the training is over.

Hugging Face accelerate finds the devices and joins the processes, however they were launched
(`accelerate launch`, `torchrun`). It is imported there alone.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, TypeVar

import numpy as np
import torch
import torch.distributed as dist

from cistron.base.errors import InputError
from cistron.training.processes.collectives import SharedError, add_gradients, unbroken
from cistron.training.processes.shared_batch_norm import SharedStatistics
from cistron.training.settings import TrainingSettings

WAITING = timedelta(days=30)  # what the main process does before and after training may take long
SPEAKS_FIRST = 5  # seconds that the main process has to say what is wrong with all of them
T = TypeVar("T")
Task = tuple[Callable[..., object], tuple[object, ...]]


class DivergedError(SharedError):
    """The loss is not a number, in all processes alike."""


@dataclass(eq=False)
class Processes:
    """The processes of one training, as one of them sees them.

    Parameters
    ----------
    rank : int
        Of this process; 0 is the main one.
    count : int
    device : device, optional
        Where this process computes; None where it is alone.
    mixed_precision : str
        What the launcher was told: no, bf16, …
    objects : process group, optional
        By which Python objects are sent.
    trainings : int
        How many were shared so far, in the main process.
    """

    rank: int = 0
    count: int = 1
    device: torch.device | None = None
    mixed_precision: str = "no"
    objects: dist.ProcessGroup | None = None
    trainings: int = 0

    @property
    def main(self) -> bool:
        """Whether this process reads, writes and speaks."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """Return which of so many rows of a batch are those of this process.

        Batches are sorted by length, so every process takes rows from end to end of it. A process
        for which there is none computes the first row, and has to make it count for nothing.
        """
        return slice(self.rank, None, self.count) if self.counts(rows) else slice(0, 1)

    def counts(self, rows: int) -> bool:
        """Say whether this process has a share of so many rows."""
        return self.rank < rows

    def own(self, weights: torch.Tensor, rows: int) -> torch.Tensor:
        """Return the weights of this process in a batch of so many rows, or twice the rows."""
        share = weights.unflatten(0, (-1, rows))[:, self.share(rows)].flatten(0, 1)
        return share * self.counts(rows)

    def same(self, thing: T) -> T:
        """Return what the main process has, in every process; tensors arrive on the CPU."""
        if self.count == 1:
            return thing
        buffer = io.BytesIO()
        if self.main:
            torch.save(thing, buffer, pickle_protocol=5)
            buffer.seek(0)
        packed = [buffer]
        with unbroken():
            dist.broadcast_object_list(packed, src=0, group=self.objects)
        if self.main:
            return thing
        # It comes from a process of the same command, and from nobody else.
        received: T = torch.load(packed[0], map_location="cpu", weights_only=False)
        return received

    def gathered(self, thing: T) -> list[T]:
        """Return what each process has, in the order of their ranks."""
        things = [thing] * self.count
        if self.count > 1:
            with unbroken():
                dist.all_gather_object(things, thing, group=self.objects)
        return things

    def add_gradients(self, network: torch.nn.Module) -> None:
        """Replace every gradient by its sum over the processes."""
        if self.count > 1:
            add_gradients(network)

    def statistics(self, rows: int) -> AbstractContextManager[object]:
        """Return the context in which batch normalisation sees a whole batch of so many rows."""
        return nullcontext() if self.count == 1 else SharedStatistics(rows, self.counts(rows))

    def generator(self, rng: np.random.Generator, *seed: int) -> np.random.Generator:
        """Return what this process draws noise from: in the main one, the given generator."""
        return rng if self.main else np.random.default_rng((*seed, self.rank))

    def require(self, settings: TrainingSettings) -> None:
        """Refuse a device or a precision that is not the one of the launcher.

        Raises
        ------
        InputError
        """
        if self.device is None:
            return
        if settings.device not in ("auto", self.device.type):
            raise InputError(
                f"training.device: {settings.device!r} cannot be had by {self.count} processes "
                f"that were launched for {self.device.type!r}, each with a device of its own. Use "
                "auto, and choose the devices where the processes are launched "
                "(CUDA_VISIBLE_DEVICES, accelerate launch --cpu)."
            )
        wanted, given = settings.precision, self.mixed_precision
        if given not in ("no", wanted) and (wanted, given) != ("auto", "bf16"):
            raise InputError(
                f"training.precision is {wanted!r}, and the processes were launched with mixed "
                f"precision {given!r}. Cistron computes in the precision of the experiment: launch "
                "with --mixed_precision no."
            )

    def ask(self, train: Callable[..., object], *arguments: object) -> None:
        """Let the other processes call `train(*arguments)`, as the main one is about to do.

        They are given copies. In the other processes nothing happens.
        """
        if self.main and self.count > 1:
            self.trainings += 1
            self.same((train, arguments))

    def help(self) -> None:
        """Take part in every training of the main process, until it dismisses this one.

        Raises
        ------
        SharedError
            If it ended before its time.
        """
        nothing: Task | None = None
        while (task := self.same(nothing)) is not None:
            train, arguments = task
            try:
                train(*arguments)
            except DivergedError:
                continue  # the main process knows it too, and decides what follows


ALONE = Processes()
_current: ContextVar[Processes] = ContextVar("processes", default=ALONE)


def current() -> Processes:
    """Return the processes that train together; one alone where no more were launched."""
    return _current.get()


def together(command: Callable[[], object]) -> None:
    """Run a command in the main process, and let the others help wherever it trains a network.

    Every process calls this once, with the same command. One that was not launched as one of
    several simply runs it. Where the main process ends before its time and says why, the others
    end without a word.

    Raises
    ------
    InputError
        If accelerate is missing, or was told to do what Cistron cannot.
    """
    if "RANK" not in os.environ or os.environ.get("WORLD_SIZE", "1") in ("", "0", "1"):
        command()
        return
    main = os.environ["RANK"] == "0"
    if not main:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process answers it, and all end
    try:
        processes = _join()
        _current.set(processes)
        if main:
            _lead(processes, command)
        else:
            processes.help()
    except SharedError:
        if not main:
            _leave()
        if dist.is_initialized():
            dist.destroy_process_group()
        raise
    finally:
        _current.set(ALONE)
    dist.destroy_process_group()


def require_alone(what: str) -> None:
    """Refuse what several processes cannot do together.

    Raises
    ------
    InputError
    """
    if current().count > 1:
        raise InputError(
            f"{what} cannot be run by {current().count} processes that train one network together. "
            "Run it without the launcher; --workers N trains several networks at the same time."
        )


def _lead(processes: Processes, command: Callable[[], object]) -> None:
    """Run the command, then dismiss the others.

    They are told only if it went well. If not, they may be in the middle of a step: they end when
    they find this process gone.
    """
    try:
        command()
    except SystemExit as ended:  # how a command line ends, well or not
        if ended.code:
            raise
    if not processes.trainings:
        sys.stderr.write(
            f"{processes.count - 1} of {processes.count} processes had nothing to do: only the "
            "training of networks is shared.\n"
        )
    processes.same(None)


def _leave() -> NoReturn:
    """End this process, after the main one: launchers end all as soon as the first has failed.

    What is left of broken connections must not be taken down in order: that aborts.
    """
    time.sleep(SPEAKS_FIRST)
    os._exit(2)


def _join() -> Processes:
    """Join the processes that were launched."""
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise SharedError(
            "Training by several processes needs accelerate: pip install 'cistron[cluster]'."
        ) from error
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    kind = accelerator.distributed_type.value
    if kind not in ("MULTI_CPU", "MULTI_GPU"):
        raise SharedError(
            f"The processes were launched for {kind}. Cistron shares the rows of each batch among "
            "CPU processes or CUDA devices: answer `accelerate config` with multi-CPU or multi-GPU "
            "and no to DeepSpeed, FSDP and the like."
        )
    return Processes(
        accelerator.process_index,
        accelerator.num_processes,
        accelerator.device,
        accelerator.mixed_precision,
        dist.new_group(backend="gloo", timeout=WAITING),
    )
