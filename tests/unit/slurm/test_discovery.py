"""What Slurm, module systems and NAMD say of a cluster, read from recorded and from bad answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.slurm.samples import read_sample

from namdrunner.slurm import discovery_files as files
from namdrunner.slurm import discovery_modules as modules
from namdrunner.slurm import discovery_slurm as slurm
from namdrunner.slurm.discovery import Gres


def sample(shared_data: Path, name: str) -> str:
    return read_sample(shared_data / "slurm_samples" / f"{name}.txt").stdout


@pytest.mark.shared_data
def test_partitions_and_their_limits(shared_data: Path) -> None:
    found = slurm.parse_partitions(sample(shared_data, "scontrol_o_show_partition"))
    assert [*found] == ["amilan", "atesting", "aa100", "amem", "aclosed", "adown", "ainactive"]
    assert found["amilan"].qos == ("normal", "long", "low", "lowcancel", "tiny")
    assert (found["amilan"].default, found["amilan"].max_walltime_s) == (True, 7 * 86400)
    assert found["atesting"].max_nodes_per_job == 2
    assert found["aclosed"].accounts == ("other-group",)
    assert (found["adown"].state, found["ainactive"].state) == ("DOWN", "INACTIVE")
    by_sinfo, shapes = slurm.parse_sinfo(
        "amilan|up|7-00:00:00|1-00:00:00|3|8|1:8:1|65536|(null)|idle\n"
        "amilan|up|7-00:00:00|1-00:00:00|1|8|1:8:1|65536|(null)|drained*\n"
        "aa100|up|7-00:00:00|1-00:00:00|2|8+|1:8:1|65536+|gpu:a100:3(S:0)|mixed\nnot a row\n"
    )
    assert [*by_sinfo] == ["amilan", "aa100"]
    assert [(s.nodes, s.cores, s.idle, s.down) for s in shapes["amilan"]] == [(4, 8, 3, 1)]
    assert shapes["aa100"][0].gres == (Gres("gpu", "a100", 3),)


@pytest.mark.shared_data
def test_qos_accounts_and_reservations(shared_data: Path) -> None:
    accounts = slurm.parse_accounts(sample(shared_data, "sacctmgr_show_assoc_header"), sample(shared_data, "sshare_P"))
    assert [(a.name, a.default, a.default_qos, a.fair_share) for a in accounts] == [
        ("ucb-general", True, "normal", 0.5)
    ]
    qos = {q.limits.name: q for q in slurm.parse_qos(sample(shared_data, "sacctmgr_show_qos"), frozenset({"normal"}))}
    assert [*qos] == ["normal", "long", "mem", "testing", "low", "lowcancel", "tiny"]
    assert (qos["normal"].allowed, qos["long"].allowed) == (True, False)
    tiny = qos["tiny"].limits
    assert (tiny.max_walltime_s, tiny.max_cores_per_user, tiny.max_cores_per_job) == (600, 4, 2)
    assert (tiny.max_jobs_per_user, tiny.max_submitted_per_user) == (1, 3)
    (reserved,) = slurm.parse_reservations(sample(shared_data, "scontrol_show_res").replace("\n   ", " "))
    assert (reserved.name, reserved.maintenance, reserved.node_count) == ("maint", True, 7)
    limits, cluster = slurm.parse_settings(sample(shared_data, "scontrol_show_config"))
    assert (limits["MaxArraySize"], cluster) == ("1001", "alpine")


def test_only_the_association_with_this_cluster_counts() -> None:
    table = "Cluster|Account|User|Partition|QOS|Def QOS\none|a|me||x|x\ntwo|b|me||y|y\n"
    assert [a.name for a in slurm.parse_accounts(table, cluster="two")] == ["b"]
    assert [a.name for a in slurm.parse_accounts(table, cluster="unheard-of")] == ["a", "b"]
    shares = "Account|User|FairShare|LevelFS\nlab|me|0.25|0.5\n"
    assert [(a.name, a.fair_share) for a in slurm.parse_accounts("", shares)] == [("lab", 0.25)]


@pytest.mark.parametrize(
    ("text", "gres"),
    [
        ("gpu:a100:4(S:0-1)", [("a100", 4, False)]),
        ("gpu:a100-40gb:3,gpu:a100_3g.20gb:2", [("a100-40gb", 3, False), ("a100_3g.20gb", 2, True)]),
        ("gpu:nvidia_h100_hbm3_1g.10gb:7(S:0),gpu:h100:1", [("nvidia_h100_hbm3_1g.10gb", 7, True), ("h100", 1, False)]),
        ("gpu:8", [("", 8, False)]),
        ("gpu:mi250:8(S:0-7),shard:16", [("mi250", 8, False)]),
        ("(null)", []),
        ("gpu:rtx_pro_6000_1g.24gb:4,craynetwork:4", [("rtx_pro_6000_1g.24gb", 4, True)]),
    ],
)  # fmt: skip
def test_gpus_are_told_from_their_slices(text: str, gres: list[tuple[str, int, bool]]) -> None:
    found = [(g.type, g.count, g.mig) for g in slurm.parse_gres(text) if g.name == "gpu"]
    assert found == gres


def test_nodes_of_a_partition_that_differ() -> None:
    shapes = slurm.parse_node_counts(
        "200|cpu,all|128|128|2|64|1|257000||(null)|IDLE|milan\n"
        "40|cpu|64|64|1|64|1|257000|1000|(null)|MIXED+DRAIN|rome\n"
        "8|all|112|128|2|32|2|500000||gpu:mi250:8|ALLOCATED|(null)\n"
        "7|all|x|y|z\n"
    )
    assert [(s.nodes, s.cores, s.idle, s.down, s.features) for s in shapes["cpu"]] == [
        (200, 128, 200, 0, ("milan",)),
        (40, 64, 0, 40, ("rome",)),
    ]
    assert shapes["cpu"][1].memory_bytes == 256_000 * 1024**2
    # Slurm counts 128 threads on 64 cores, and keeps eight cores for itself.
    assert [s.cores for s in shapes["all"]] == [128, 56]


@pytest.mark.shared_data
def test_modules_of_three_kinds_of_lists(shared_data: Path) -> None:
    spider = modules.parse_modules(sample(shared_data, "module_redirect_t_spider_lmod"))
    assert [m.name for m in spider] == [
        "Core/lmod", "Core/settarg", "anaconda/2023.09", "fftw/3.3.10", "gcc/11.2.0", "gcc/14.2.0", "namd/3.0.1_cpu",
        "namd/3.0.1_gpu", "openmpi/5.0.6",
    ]  # fmt: skip
    avail = modules.parse_modules(sample(shared_data, "module_envmod_5.2__t_avail"))
    assert [m.name for m in avail] == ["gcc/14.2.0", "namd/3.0.1_cpu", "openmpi/5.0.6"]
    old = modules.parse_modules("/opt/mf:\nnamd/2.14(default)\nopenmpi/4.1(default:L)\nuse.own\nERROR: no such thing\n")
    assert [(m.name, m.default) for m in old] == [("namd/2.14", True), ("openmpi/4.1", False), ("use.own", False)]
    detail = sample(shared_data, "module_spider_namd_version_lmod")
    assert modules.parse_parents(detail) == (("gcc/14.2.0", "openmpi/5.0.6"),)
    assert modules.parse_parents("  namd: namd/3\n    This module can be loaded directly: module load namd/3\n") == ()


@pytest.mark.parametrize(
    ("platform", "libraries", "name", "kind"),
    [
        ("Linux-x86_64-multicore", "", "namd/3.0", "multicore"),
        ("Linux-x86_64-multicore-CUDA", "", "namd/3.0", "multicore-cuda"),
        ("Linux-x86_64-mpi", "", "namd/3.0", "mpi"),
        ("Linux-x86_64-mpi-smp", "", "namd/3.0", "mpi-smp"),
        ("Linux-x86_64-mpi-smp-CUDA", "", "namd/3.0", "mpi-smp-cuda"),
        ("Linux-x86_64-ucx-smp", "", "namd/3.0", "ucx-smp"),
        ("Linux-x86_64-multicore-HIP", "", "namd/3.0", "hip"),
        ("Linux-x86_64-g++", "libmpi.so.40", "namd/3.0", "mpi"),
        ("", "libcudart.so.12", "namd/3.0", "multicore-cuda"),
        ("", "", "namd-multicore/3.0.1", "multicore"),
        ("", "", "namd/3.0.1_cpu", ""),
    ],
)
def test_the_kind_of_a_build(platform: str, libraries: str, name: str, kind: str) -> None:
    assert modules.build_kind(platform, libraries, name) == kind


def test_a_probe_is_read_and_what_the_program_prints_cannot_pass_for_it() -> None:
    text = (
        "path=/opt/namd/namd3\nlibrary=libmpi.so.40\nplatform=Linux-x86_64-mpi-smp\noutput:\n"
        "path=/etc/evil\nInfo: NAMD 3.0.1 for Linux-x86_64-mpi-smp\nFATAL ERROR: No simulation config file\n"
    )
    build = modules.read_probe(("gcc/13", "namd/3.0.1"), text)
    assert (build.path, build.version, build.kind, build.told_by) == ("/opt/namd/namd3", "3.0.1", "mpi-smp", "run")
    silent = modules.read_probe(
        ("namd/3.0.2-gpu",), "path=/opt/n/namd3\nplatform=Linux-x86_64-multicore-CUDA\nproblem=no\n"
    )
    assert (silent.version, silent.kind, silent.told_by, silent.problem) == ("3.0.2", "multicore-cuda", "file", "no")
    gone = modules.read_probe(("namd/9",), "problem=namd/9 cannot be loaded\n")
    assert (gone.path, gone.problem) == ("", "namd/9 cannot be loaded")


def test_names_that_are_not_namd_are_not_looked_into() -> None:
    names = ["namd/2.14", "chem/NAMD/3.0.1-cuda", "vmd/1.9", "namdrunner/1", "openmpi/5", "namd-tools/1", "dynamd/1"]
    found = modules.namd_modules(modules.parse_modules("\n".join(names)))
    assert found == ("chem/NAMD/3.0.1-cuda", "namd/2.14")


def test_quotas_of_three_tools() -> None:
    df = files.parse_df(
        "/home/me", "Filesystem Type 1024-blocks Used Available Capacity Mounted on\nnas:/h nfs4 100 40 60 40% /home\n"
    )
    assert df is not None
    assert (df.filesystem, df.type, df.bytes, df.free_bytes, df.mounted_on) == (
        "nas:/h",
        "nfs4",
        102400,
        61440,
        "/home",
    )
    quota = files.parse_quota(
        "Disk quotas for user me (uid 7):\n     Filesystem  blocks   quota   limit   grace   files   quota   limit\n"
        "nas:/h 20971520* 10485760 20971520  6days    120    1000    2000\n"
    )
    (home,) = files.with_quotas([df], quota)
    assert (home.quota_used_bytes, home.quota_bytes) == (20 * 1024**3, 10 * 1024**3)
    assert (home.quota_files_used, home.quota_files) == (120, 1000)
    lustre = files.parse_quota(
        "Disk quotas for usr me (uid 7):\n      Filesystem  kbytes   quota   limit   grace   files   quota   limit\n"
        "/scratch/very/long/name/of/a/file/system\n                 1048576  0 2097152  -  10  0  100  -\n"
    )  # fmt: skip
    found = lustre["/scratch/very/long/name/of/a/file/system"]
    assert (found.quota_used_bytes, found.quota_bytes, found.quota_files) == (1024**3, 2 * 1024**3, 100)


GARBAGE = st.one_of(
    st.text(max_size=400),
    st.text(alphabet="PartitionName=|/:,()\n 0123456789agpuMAX.$`;-", max_size=400),
)


@given(GARBAGE)
def test_garbage_is_read_as_nothing_or_little_and_never_fails(text: str) -> None:
    slurm.parse_partitions(text)
    slurm.parse_node_counts(text)
    slurm.parse_sinfo(text)
    slurm.parse_qos(text)
    slurm.parse_accounts(text, text)
    slurm.parse_reservations(text)
    slurm.parse_settings(text)
    slurm.parse_gres(text)
    slurm.parse_mpi_plugins(text)
    for module in modules.parse_modules(text):
        assert not set(module.name) & set("$`;|&<>(){}'\"\\ \n")
    modules.parse_parents(text)
    modules.read_probe(("namd/3",), text)
    files.parse_df("/", text)
    files.parse_quota(text)


def test_names_with_shell_in_them_are_left_out() -> None:
    assert slurm.parse_partitions("PartitionName=$(id) State=UP\nPartitionName=a;b State=UP") == {}
    assert modules.parse_modules("namd/$(reboot)\nnamd/`id`\nnamd/3;id\n--help\n") == ()
    assert slurm.parse_qos("Name|MaxWall\n$(id)|1:00\nok|99999999999999999999-00:00:00\n")[0].limits.name == "ok"


def test_a_hundred_thousand_lines_are_read_in_moderate_time() -> None:
    text = "".join(f"PartitionName=p{n} State=UP MaxTime=1-00:00:00 Nodes=n[{n}]\n" for n in range(100_000))
    assert len(slurm.parse_partitions(text)) == slurm.MAX_ROWS
