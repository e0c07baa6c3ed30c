"""How a request is laid out on nodes: nodes, tasks, cores per task, GPUs per node."""

from __future__ import annotations

from dataclasses import dataclass

from namdrunner.errors import InputError
from namdrunner.slurm.expressions import evaluate
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe, Partition
from namdrunner.slurm.resources import Resources

_SINGLE_NODE = frozenset({"multicore", "multicore-cuda", "hip"})
_GPU = frozenset({"multicore-cuda", "mpi-smp-cuda", "hip"})


@dataclass(frozen=True)
class Geometry:
    """What the job script asks for. ``pe`` is the number of NAMD worker threads of one task."""

    nodes: int
    tasks_per_node: int
    cpus_per_task: int
    pe: int
    gpus_per_node: int = 0
    gpu_type: str = ""

    @property
    def tasks(self) -> int:
        return self.nodes * self.tasks_per_node

    @property
    def cores_per_node(self) -> int:
        return self.tasks_per_node * self.cpus_per_task

    @property
    def cores(self) -> int:
        """All cores asked for; may be a few more than wanted, so that every node has the same number."""
        return self.nodes * self.cores_per_node


def runs_on_one_node_only(recipe: LaunchRecipe) -> bool:
    return recipe.build in _SINGLE_NODE


def uses_gpus(recipe: LaunchRecipe) -> bool:
    return recipe.build in _GPU


def choose_partition(resources: Resources, profile: ClusterProfile) -> Partition | None:
    """The partition asked for, else the profile's default; ``None`` where the profile lists no partitions.

    Raises InputError (``partition-unknown``).
    """
    if resources.partition is None:
        return next((p for p in profile.partitions if p.default), None)
    found = next((p for p in profile.partitions if p.name == resources.partition), None)
    if found is None and profile.partitions:
        names = ", ".join(p.name for p in profile.partitions)
        raise InputError(
            f"The cluster has no partition '{resources.partition}'.",
            code="partition-unknown",
            remedy=f"Choose one of: {names}.",
            context={"field": "partition"},
        )
    return found


def choose_recipe(profile: ClusterProfile, partition: Partition | None, name: str | None = None) -> LaunchRecipe:
    """The recipe of that name, else the partition's, else the first. Raises InputError (``recipe-unknown``)."""
    wanted = name or (partition.recipe if partition else None)
    if wanted is None:
        return profile.recipes[0]
    found = next((r for r in profile.recipes if r.name == wanted), None)
    if found is None:
        raise InputError(
            f"The cluster profile '{profile.name}' has no launch recipe '{wanted}'.",
            code="recipe-unknown",
            remedy=f"Choose one of: {', '.join(r.name for r in profile.recipes)}.",
            context={"field": "recipe"},
        )
    return found


def geometry(resources: Resources, partition: Partition | None, recipe: LaunchRecipe) -> Geometry:
    """Nodes from the partition's cores per node; tasks and cores per task from the recipe.

    Without a partition's facts the job gets the nodes it asks for, or one. Raises InputError: ``cores-too-many``,
    ``nodes-too-many`` (a build for one node), ``gpus-absent``, ``gpus-missing``, ``gpus-uneven``, ``recipe-invalid``.
    """
    nodes = _nodes(resources, partition, recipe)
    cores_per_node = -(-resources.cores // nodes)
    tasks = evaluate(recipe.tasks_per_node, {"cores": cores_per_node})
    if not 1 <= tasks <= cores_per_node:
        raise InputError(
            f"The launch recipe '{recipe.name}' starts {tasks} tasks on {cores_per_node} cores of a node.",
            code="cores-too-few" if tasks > cores_per_node else "recipe-invalid",
            remedy=f"Ask for at least {tasks} cores per node, or correct the recipe.",
            context={"field": "cores"},
        )
    cpus = -(-cores_per_node // tasks)
    pe = evaluate(recipe.pe, {"c": cpus}) if recipe.pe_flag else cpus
    if pe < 1:
        raise InputError(
            f"The launch recipe '{recipe.name}' leaves NAMD no core ({recipe.pe} with {cpus} cores per task).",
            code="cores-too-few",
            remedy="Ask for more cores.",
            context={"field": "cores"},
        )
    gpus = _gpus_per_node(resources, partition, recipe, nodes)
    kind = resources.gpus.type if resources.gpus else ""
    return Geometry(nodes, tasks, cpus, pe, gpus, _gpu_type(kind, partition))


def _nodes(resources: Resources, partition: Partition | None, recipe: LaunchRecipe) -> int:
    per_node = partition.cores_per_node if partition else None
    least = -(-resources.cores // per_node) if per_node else 1
    nodes = resources.nodes or least
    where = f"'{partition.name}'" if partition else "the partition"
    if runs_on_one_node_only(recipe) and nodes > 1:
        if resources.nodes is None:
            raise InputError(
                f"{resources.cores} cores are more than one node of {where} has ({per_node}), and this build of NAMD "
                f"({recipe.build}) runs on one node only.",
                code="cores-too-many",
                remedy=f"Ask for at most {per_node} cores, or choose a launch recipe for several nodes.",
                context={"field": "cores"},
            )
        raise InputError(
            f"This build of NAMD ({recipe.build}) runs on one node only, and {nodes} nodes are asked for.",
            code="nodes-too-many",
            remedy="Ask for one node, or choose a launch recipe for several nodes.",
            context={"field": "nodes"},
        )
    if per_node and nodes < least:
        raise InputError(
            f"{resources.cores} cores do not fit on {nodes} node{'s' if nodes > 1 else ''} of {where} "
            f"({per_node} cores each).",
            code="cores-too-many",
            remedy=f"Ask for at most {nodes * per_node} cores, or for at least {least} nodes.",
            context={"field": "cores"},
        )
    if nodes > resources.cores:
        raise InputError(
            f"{nodes} nodes are asked for, but only {resources.cores} cores.",
            code="cores-too-few",
            remedy="Ask for at least one core per node, or for fewer nodes.",
            context={"field": "cores"},
        )
    return nodes


def _gpus_per_node(resources: Resources, partition: Partition | None, recipe: LaunchRecipe, nodes: int) -> int:
    if resources.gpus is None:
        if uses_gpus(recipe):
            raise InputError(
                f"The launch recipe '{recipe.name}' runs NAMD on GPUs, and the job asks for none.",
                code="gpus-missing",
                remedy="Ask for GPUs as TYPE:N, or choose a launch recipe for CPUs.",
                context={"field": "gpus"},
            )
        return 0
    if partition is not None and not partition.gpus:
        raise InputError(
            f"The partition '{partition.name}' has no GPUs.",
            code="gpus-absent",
            remedy="Choose a partition with GPUs, or ask for none.",
            context={"field": "gpus"},
        )
    if resources.gpus.count % nodes:
        raise InputError(
            f"{resources.gpus.count} GPUs cannot be shared evenly by {nodes} nodes.",
            code="gpus-uneven",
            remedy="Ask for a multiple of the number of nodes.",
            context={"field": "gpus"},
        )
    return resources.gpus.count // nodes


def _gpu_type(kind: str, partition: Partition | None) -> str:
    """Some sites hand out their smallest GPU when no type is named, so the only type there is gets written."""
    if not kind and partition is not None and len(partition.gpus) == 1:
        return partition.gpus[0].type
    return kind
