"""Profiles as people exchange them: written, read back, refused in words, given to clusters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from namdrunner.errors import ConflictError, InputError, NotFoundError
from namdrunner.paths import Folders
from namdrunner.services.application import Application
from namdrunner.services.clusters import ClusterInput
from namdrunner.slurm.profile_toml import profile_text
from namdrunner.slurm.profiles import list_profiles, load_profile, parse_profile


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    application = await Application.open(Folders.below(tmp_path / "home").ensure())
    application.clusters.add(ClusterInput("hpc", "login.example", user="ada", profile="alpine"))
    yield application
    await application.close()


@pytest.mark.parametrize("name", list_profiles())
def test_every_shipped_profile_reads_back_as_it_was_written(name: str) -> None:
    profile = load_profile(name)
    assert parse_profile(profile_text(profile)) == profile


def test_strange_names_and_values_read_back() -> None:
    text = 'name = "a \\"b\\" \\\\ \\t é"\n[[recipes]]\nname = "x y"\nenvironment = { "A.B" = "1", C = "$HOME" }\n'
    profile = parse_profile(text)
    assert parse_profile(profile_text(profile)) == profile


async def test_single_facts_are_changed_and_the_shipped_profile_is_not(application: Application) -> None:
    profiles = application.profiles
    changes = {
        "purge_days": "60",
        "partitions.aa100.max_walltime_s": "3600",
        "policies.quota_command": "curc-quota",
        "recipes.gpu.binary": "$HOME/namd/namd3",
        "default_account": "",
    }
    after = profiles.change_for_cluster("hpc", changes)
    assert (after["own"], after["profile"]["purge_days"]) == (True, 60)
    own = application.clusters.profile("hpc")
    assert next(p for p in own.partitions if p.name == "aa100").max_walltime_s == 3600
    assert (own.policies.quota_command, own.default_account) == ("curc-quota", "")
    assert application.clusters.get("hpc")["profile"] == "own-hpc"
    assert load_profile("alpine").purge_days == 90


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("nosuch", "1", "profile-key-unknown"),
        ("partitions.nosuch.nodes", "1", "profile-key-unknown"),
        ("partitions.acpu.nosuch", "1", "profile-key-unknown"),
        ("partitions.acpu.nodes.deeper", "1", "profile-key-unknown"),
        ("purge_days", "soon", "profile-invalid"),
        ("purge_days", "-1", "profile-invalid"),
        ("partitions.acpu.recipe", "nosuch", "profile-invalid"),
    ],
)
async def test_changes_that_make_no_sense_are_refused(
    application: Application, key: str, value: str, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        application.profiles.change_for_cluster("hpc", {key: value})
    assert caught.value.code == code
    assert key.split(".")[0] in caught.value.message or code == "profile-invalid"
    assert application.clusters.get("hpc")["profile"] == "alpine"


async def test_a_profile_goes_to_a_colleague_and_back(application: Application) -> None:
    application.profiles.change_for_cluster("hpc", {"purge_days": "60"})
    text = application.profiles.export("hpc")
    assert 'host = "login.example"' in text
    assert "ada" not in text.replace("ucb", "")
    kept = application.profiles.import_text(text, name="from-ada")
    assert (kept["host"], kept["profile"]["purge_days"]) == ("login.example", 60)
    assert "source /etc/profile" in kept["runs"]
    assert {"from-ada", "alpine", "own-hpc"} <= {p["name"] for p in application.profiles.list()}
    with pytest.raises(ConflictError):
        application.profiles.import_text(text, name="from-ada")
    with pytest.raises(ConflictError):
        application.profiles.import_text(text, name="alpine")
    application.clusters.add(ClusterInput("b", "other.example", profile="from-ada"))
    with pytest.raises(ConflictError) as caught:
        application.profiles.remove("from-ada")
    assert caught.value.code == "profile-in-use"
    await application.clusters.remove("b")
    application.profiles.remove("from-ada")
    with pytest.raises(NotFoundError):
        application.profiles.remove("from-ada")
    with pytest.raises(NotFoundError):
        application.profiles.remove("../namdrunner")


async def test_a_duplicate_changes_on_its_own(application: Application) -> None:
    application.profiles.duplicate("hpc", "hpc-two")
    application.profiles.change_for_cluster("hpc-two", {"purge_days": "7"})
    assert (application.clusters.profile("hpc").purge_days, application.clusters.profile("hpc-two").purge_days) == (
        90,
        7,
    )
    assert application.clusters.get("hpc-two")["user"] == "ada"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x = " + "[" * 100_000, "cannot be used"),
        ("x = " + "9" * 10_000, "number"),
        ("[policies]\nforbidden = [{ message = 1 }]", "policies.forbidden.0.message"),
        ("[[partitions]]\nname = \"a\\nb\"\ncores_per_node = 1\nrecipe = 'cpu'", "partitions.0.name"),
        ('[[partitions]]\nname = "a\\u0000"\ncores_per_node = 1', "partitions.0.name"),
        ("[[partitions]]\nname = 'a'\ncores_per_node = 1e400", "cores_per_node"),
        ("[[qos]]\nname = 'q'\nbilling_factor = nan", "billing_factor"),
        ("a" * 2_000_000, "larger than 1 MB"),
        ("name = 'x'\n" + "".join(f"k{n} = 1\n" for n in range(2000)), "k0"),
    ],
)
async def test_hostile_profiles_are_refused_in_words(application: Application, text: str, word: str) -> None:
    with pytest.raises(InputError) as caught:
        application.profiles.import_text(text, name="evil")
    assert caught.value.code == "profile-invalid"
    assert word in caught.value.message
    assert len(caught.value.message) < 4000
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["../x", ".x", "a/b", "x" * 80, "", "a.toml"])
async def test_a_name_cannot_lead_out_of_the_folder(application: Application, name: str) -> None:
    with pytest.raises((InputError, ConflictError)):
        application.profiles.import_text("name = ''", name=name or " ")
    assert not (application.folders.data / "x.toml").exists()
