from pathlib import Path

import pytest
from tests.unit.slurm.samples import read_sample, samples

from namdrunner.slurm.refusals import catalogue, is_ambiguous, refusal

EXPECTED = {
    "sbatch_error_DenyOnLimit_qos_cpu_per_user": "policy-limit",
    "sbatch_error_DenyOnLimit_time_over_qos": "policy-limit",
    "sbatch_error_EnforceNO_too_many_tasks_one_node": "configuration-not-available",
    "sbatch_error_account_not_mine": "account-invalid",
    "sbatch_error_array_too_big": "array-invalid",
    "sbatch_error_begin_bad": "option-invalid",
    "sbatch_error_cluster_unknown": "cluster-unknown",
    "sbatch_error_constraint_unknown": "feature-unknown",
    "sbatch_error_deadline_past": "walltime-too-long",
    "sbatch_error_dependency_bad_syntax": "dependency-invalid",
    "sbatch_error_gres_unknown_name": "gpus-invalid",
    "sbatch_error_gres_too_many": "configuration-not-available",
    "sbatch_error_invalid_partition": "partition-unknown",
    "sbatch_error_invalid_qos": "qos-invalid",
    "sbatch_error_invalid_time_spec": "walltime-too-long",
    "sbatch_error_mem_too_much": "memory-too-much",
    "sbatch_error_no_script": "script-missing",
    "sbatch_error_node_range_bad": "nodes-invalid",
    "sbatch_error_nodelist_unknown": "nodes-not-in-partition",
    "sbatch_error_ntasks_per_node": "cores-too-many",
    "sbatch_error_partition_inactive": "partition-down",
    "sbatch_error_qos_max_submit_2": "policy-limit",
    "sbatch_error_reservation_unknown": "reservation-invalid",
    "sbatch_error_script_dos": "script-invalid",
    "sbatch_error_signal_bad": "option-invalid",
    "sbatch_error_too_many_nodes": "nodes-invalid",
    "sbatch_error_too_many_tasks_total": "cores-too-many",
    "sbatch_error_unknown_option": "option-unknown",
    "down_ctld_sbatch": "controller-down",
    "down_ctld_hung_sbatch": "controller-timeout",
    "down_munge_sbatch": "slurm-authentication",
}


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "code"), EXPECTED.items())
def test_known_texts(shared_data: Path, name: str, code: str) -> None:
    sample = read_sample(shared_data / "slurm_samples" / f"{name}.txt")
    error = refusal(sample.stderr, sample.exit_status)
    assert error.code == code
    assert is_ambiguous(error) == (code == "controller-timeout")


@pytest.mark.shared_data
def test_every_recorded_refusal_has_a_sentence_and_a_remedy(shared_data: Path) -> None:
    refused = [sample for sample in samples(shared_data, "sbatch_error_*.txt") if sample.exit_status]
    assert len(refused) > 45
    for sample in refused:
        error = refusal(sample.stderr, sample.exit_status)
        assert error.code not in {"submission-refused", "submission-unclear"}, sample.name
        assert error.message.endswith("."), sample.name
        assert error.remedy, sample.name
        assert not is_ambiguous(error), sample.name


def test_a_sites_own_refusal_is_passed_on() -> None:
    error = refusal("sbatch: error: Please give --mem on this partition\nsbatch: error: Unspecified error\n", 1)
    assert error.code == "submission-refused"
    assert "Please give --mem on this partition" in error.message
    assert not is_ambiguous(error)


def test_a_killed_sbatch_leaves_it_open() -> None:
    error = refusal("", 143)
    assert error.code == "submission-unclear"
    assert is_ambiguous(error)
    assert error.retryable


def test_limits_are_put_in_words() -> None:
    error = refusal("sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed\n", 1)
    assert "in the queue" in error.message


def test_entries_are_sentences() -> None:
    for entry in catalogue():
        assert entry.message.endswith(".")
        assert entry.remedy.endswith(".")
