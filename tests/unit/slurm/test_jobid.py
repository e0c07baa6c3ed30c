import pytest

from namdrunner.slurm.jobid import SlurmJobId, parse_job_id, parse_sbatch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234", SlurmJobId("1234")),
        ("1234_5", SlurmJobId("1234", "5")),
        ("46_[1-6%2]", SlurmJobId("46", "[1-6%2]")),
        ("134217731;alpine", SlurmJobId("134217731", "", "alpine")),
        ("12+1", SlurmJobId("12")),
        ("1234.batch", None),
        ("JOBID", None),
        ("", None),
    ],
)
def test_every_form_of_a_job_id(text: str, expected: SlurmJobId | None) -> None:
    assert parse_job_id(text) == expected


def test_the_id_is_found_among_a_sites_own_words() -> None:
    assert parse_sbatch("Checking your quota ... ok\n4711;blanca\n\n") == SlurmJobId("4711", "", "blanca")
    assert parse_sbatch("no id here\n") is None
    assert parse_sbatch("") is None
