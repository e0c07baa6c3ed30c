import pytest
from hypothesis import given
from hypothesis import strategies as st

from namdrunner.errors import InputError
from namdrunner.slurm.expressions import evaluate
from namdrunner.slurm.geometry import Geometry, choose_partition, choose_recipe, geometry
from namdrunner.slurm.profile import ClusterProfile, GpuType, LaunchRecipe, Partition
from namdrunner.slurm.resources import GpuRequest, Resources

CPU = Partition(name="cpu", cores_per_node=64, nodes=10)
GPU = Partition(name="gpu", cores_per_node=64, gpus=(GpuType(type="a100", per_node=4),), recipe="gpu")
MULTICORE = LaunchRecipe(name="cpu")
MPI = LaunchRecipe(name="mpi", build="mpi", launcher="srun", pe_flag="", tasks_per_node="cores")
SMP = LaunchRecipe(
    name="smp", build="mpi-smp", launcher="srun", pe_flag="+ppn", pe="c-1", tasks_per_node="cores/16"
)  # fmt: skip
CUDA = LaunchRecipe(name="gpu", build="multicore-cuda", devices="list")


@pytest.mark.parametrize(
    ("cores", "recipe", "expected"),
    [
        (8, MULTICORE, Geometry(1, 1, 8, 8)),
        (64, MULTICORE, Geometry(1, 1, 64, 64)),
        (64, MPI, Geometry(1, 64, 1, 1)),
        (128, MPI, Geometry(2, 64, 1, 1)),
        (65, MPI, Geometry(2, 33, 1, 1)),
        (128, SMP, Geometry(2, 4, 16, 15)),
    ],
)
def test_nodes_tasks_and_cores(cores: int, recipe: LaunchRecipe, expected: Geometry) -> None:
    assert geometry(Resources(cores=cores), CPU, recipe) == expected


@pytest.mark.parametrize(
    ("resources", "partition", "recipe", "code"),
    [
        (Resources(cores=65), CPU, MULTICORE, "cores-too-many"),
        (Resources(cores=8, nodes=2), CPU, MULTICORE, "nodes-too-many"),
        (Resources(cores=200, nodes=2), CPU, MPI, "cores-too-many"),
        (Resources(cores=2, nodes=4), CPU, MPI, "cores-too-few"),
        (Resources(cores=8), GPU, CUDA, "gpus-missing"),
        (Resources(cores=8, gpus=GpuRequest(count=1)), CPU, CUDA, "gpus-absent"),
        (Resources(cores=1), CPU, SMP, "recipe-invalid"),
        (Resources(cores=128, nodes=2, gpus=GpuRequest(count=3)), GPU, SMP, "gpus-uneven"),
    ],
)
def test_what_does_not_fit_is_said(resources: Resources, partition: Partition, recipe: LaunchRecipe, code: str) -> None:
    with pytest.raises(InputError) as caught:
        geometry(resources, partition, recipe)
    assert caught.value.code == code
    assert caught.value.remedy


def test_the_only_gpu_type_is_named() -> None:
    layout = geometry(Resources(cores=8, gpus=GpuRequest(count=2)), GPU, CUDA)
    assert (layout.gpus_per_node, layout.gpu_type) == (2, "a100")


@given(
    cores=st.integers(1, 5000),
    nodes=st.none() | st.integers(1, 50),
    per_node=st.integers(1, 256),
    recipe=st.sampled_from([MULTICORE, MPI, SMP]),
)
def test_a_layout_holds_what_was_asked_for(cores: int, nodes: int | None, per_node: int, recipe: LaunchRecipe) -> None:
    partition = Partition(name="p", cores_per_node=per_node)
    try:
        layout = geometry(Resources(cores=cores, nodes=nodes), partition, recipe)
    except InputError:
        return
    assert layout.cores >= cores
    assert nodes is None or layout.nodes == nodes
    assert layout.tasks_per_node >= 1
    assert layout.pe >= 1
    if recipe is not SMP:
        assert layout.cores_per_node <= per_node


def test_choices_by_name_and_default() -> None:
    profile = ClusterProfile(partitions=(CPU, GPU.model_copy(update={"default": True})), recipes=(MULTICORE, CUDA))
    assert choose_partition(Resources(), profile) is profile.partitions[1]
    assert choose_recipe(profile, profile.partitions[1]).name == "gpu"
    with pytest.raises(InputError) as caught:
        choose_partition(Resources(partition="amilan"), profile)
    assert "cpu, gpu" in caught.value.remedy
    with pytest.raises(InputError):
        choose_recipe(profile, None, "nosuch")


def test_a_profile_without_partitions_takes_any() -> None:
    assert choose_partition(Resources(partition="whatever"), ClusterProfile()) is None


@pytest.mark.parametrize("text", ["__import__('os')", "c**9", "c/0", "(", "x", "1.5", "c if c else 1", "9" * 200])
def test_recipes_are_arithmetic_only(text: str) -> None:
    with pytest.raises(InputError):
        evaluate(text, {"c": 8})
