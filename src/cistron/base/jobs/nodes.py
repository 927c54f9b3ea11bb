"""The machines of a Ray cluster: what they have, and whether they fit together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from cistron.base.errors import InputError
from cistron.base.progress import Reporter
from cistron.base.version import __version__

ANSWERING = 120  # seconds in which a node must have started a process


@dataclass(frozen=True)
class Node:
    """A machine of a cluster.

    Parameters
    ----------
    id : str
    name : str
        What `ray start` called it; without a name its address.
    size : (int, int)
        Its CPUs, and how many jobs its GPUs allow at once.
    """

    id: str
    name: str
    size: tuple[int, int]


def nodes_of(gpus: int, cpus: int = 1) -> list[Node]:
    """Return the nodes that can do jobs of so many GPUs and CPUs each.

    Raises
    ------
    InputError
        If there is none.
    """
    import ray

    nodes = []
    for node in ray.nodes():
        has = node["Resources"] if node["Alive"] else {}
        size = int(has.get("CPU", 0)), int(has.get("GPU", 0)) // gpus if gpus else 1 << 30
        if fit(size, cpus):
            nodes.append(Node(node["NodeID"], node["NodeName"], size))
    if not nodes:
        what = f"{cpus} CPU{'s' if cpus > 1 else ''}{' and a GPU' if gpus else ''}"
        raise InputError(
            f"--cluster: no node of the cluster has {what}. Start some with "
            "`ray start --address=HEAD:6379`, and continue with --resume what was interrupted."
        )
    return nodes


def fit(size: tuple[int, int], cpus: int) -> int:
    """Return how many jobs of so many CPUs each a node does at once."""
    return min(size[0] // cpus, size[1])


def cpus_each(sizes: Sequence[tuple[int, int]], workers: int | None) -> int:
    """Return how many CPUs each job takes: the largest share by which so many work at once.

    Never more than OMP_NUM_THREADS, where that is set.

    Parameters
    ----------
    sizes : sequence of (int, int)
        Of each node: its CPUs, and how many jobs may be on it for other reasons.
    workers : int, optional
        As many as there is room for, if not said.
    """
    room = sum(fit(size, 1) for size in sizes)
    wanted = min(workers or room, room)
    most = max(cpus for cpus, _ in sizes)
    limit = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if limit.isdigit():
        most = min(most, max(1, int(limit)))
    return max(n for n in range(1, most + 1) if sum(fit(size, n) for size in sizes) >= wanted)


def require_same(nodes: Sequence[Node], place: Path, reporter: Reporter) -> None:
    """Refuse nodes that do not see the folders of the run, or have another version of Cistron.

    Parameters
    ----------
    nodes : sequence of Node
    place : Path
        A folder that was made just now, in the run or where that will be.
    reporter : Reporter

    Raises
    ------
    InputError
    """
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    look = ray.remote(_look)
    asked = {}
    for node in nodes:
        strategy = NodeAffinitySchedulingStrategy(node.id, soft=False)
        options = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": strategy}
        asked[look.options(**options).remote(place / node.id, Path.cwd())] = node
    silent = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWERING)[1]
    if silent:
        names = ", ".join(asked[task].name for task in silent)
        raise InputError(f"--cluster: no process started within {ANSWERING} seconds on {names}.")
    for task, node in asked.items():
        try:
            unseen, theirs = ray.get(task)
        except RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise InputError(
                f"--cluster: node {node.name} cannot run Cistron: {reason}. Install cistron "
                f"{versions()['cistron']} there, in the Python that Ray was started by."
            ) from error
        _require_version(node, theirs, reporter)
        if unseen or not (place / node.id).is_file():
            raise InputError(
                f"--cluster: node {node.name} does not see {unseen or place.parent}. The run, and "
                "the folder in which the command is given, must be on a file system that all "
                "nodes share, under the same path."
            )


def _require_version(node: Node, theirs: dict[str, str], reporter: Reporter) -> None:
    here = versions()
    if theirs["cistron"] != here["cistron"]:
        raise InputError(
            f"--cluster: node {node.name} has cistron {theirs['cistron']}, and this command is of "
            f"cistron {here['cistron']}. Install the same version on every node."
        )
    others = [
        f"{name} {theirs[name]}, not {mine}" for name, mine in here.items() if theirs[name] != mine
    ]
    if others:
        reporter.say(f"Results may differ a little: node {node.name} has {'; '.join(others)}.")


def _look(answer: Path, folder: Path) -> tuple[str, dict[str, str]]:
    """Leave an answer where the driver looks for it; return what this node does not see."""
    if not folder.is_dir():
        return str(folder), versions()
    if not answer.parent.is_dir():
        return str(answer.parent.parent), versions()
    answer.touch()
    return "", versions()


def versions() -> dict[str, str]:
    """Return the versions on which the numbers of a result depend."""
    return {"cistron": __version__, **{name: version(name) for name in ("torch", "numpy")}}


def this_node() -> str:
    """Return the name of the node on which this process works."""
    import ray

    this = ray.get_runtime_context().get_node_id()
    return str(next(node["NodeName"] for node in ray.nodes() if node["NodeID"] == this))
