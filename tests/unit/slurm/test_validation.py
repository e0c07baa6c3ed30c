import pytest

from namdrunner.slurm.profiles import load_profile
from namdrunner.slurm.resources import GpuRequest, Resources
from namdrunner.slurm.validation import validate_resources

ALPINE = load_profile("alpine")
GOOD = Resources(cores=32, walltime_s=3600, partition="acpu", qos="cpu-normal")


def codes(resources: Resources) -> list[str]:
    return [finding.code for finding in validate_resources(resources, ALPINE)]


def test_nothing_to_say_about_a_good_request() -> None:
    assert validate_resources(GOOD, ALPINE) == ()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"partition": "amilan"}, "partition-unknown"),
        ({"qos": "gpu-normal"}, "qos-not-allowed"),
        ({"walltime_s": 90000}, "walltime-over-qos"),
        ({"walltime_s": 8 * 86400, "qos": None}, "walltime-too-long"),
        ({"memory_bytes": 10**12}, "memory-too-much"),
        ({"walltime_s": None}, "walltime-missing"),
        ({"cores": 65}, "cores-rounded"),
        ({"cores": 64 * 129}, "nodes-over-qos"),
        ({"gpus": GpuRequest(type="h200", count=1)}, "gpus-absent"),
    ],
)
def test_each_limit_has_a_finding(change: dict[str, object], code: str) -> None:
    assert code in codes(GOOD.model_copy(update=change))


@pytest.mark.parametrize(
    ("gpus", "cores", "code"),
    [
        (GpuRequest(type="a100", count=1), 8, "gpu-type-unknown"),
        (GpuRequest(count=1), 8, "gpu-type-missing"),
        (GpuRequest(type="a100-40gb", count=4), 8, "gpus-too-many"),
        (GpuRequest(type="a100-40gb", count=1), 22, "cores-per-gpu"),
    ],
)
def test_gpus_are_typed_and_counted(gpus: GpuRequest, cores: int, code: str) -> None:
    assert code in codes(Resources(cores=cores, walltime_s=3600, partition="aa100", qos="gpu-normal", gpus=gpus))


def test_errors_come_first_and_speak() -> None:
    findings = validate_resources(GOOD.model_copy(update={"walltime_s": None, "qos": "nope"}), ALPINE)
    assert [finding.severity for finding in findings] == ["error", "error"]
    assert all(finding.message.endswith(".") and finding.remedy and finding.field for finding in findings)


def test_absurd_amounts_of_memory_are_written_out() -> None:
    """100 TB were '1.024e+05 GB'."""
    (finding,) = (
        f
        for f in validate_resources(GOOD.model_copy(update={"memory_bytes": 100 * 2**40}), ALPINE)
        if f.code == "memory-too-much"
    )
    assert "102,400 GB" in finding.message
