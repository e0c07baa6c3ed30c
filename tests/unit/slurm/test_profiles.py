from pathlib import Path

import pytest

from namdrunner.errors import InputError, NotFoundError
from namdrunner.slurm.geometry import choose_recipe
from namdrunner.slurm.profiles import list_profiles, load_profile, parse_profile
from namdrunner.slurm.validation import validate_resources


@pytest.mark.parametrize("name", list_profiles())
def test_shipped_profiles_are_whole_dated_and_sourced(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.checked.startswith("20")
    assert profile.sources
    assert profile.description
    for partition in profile.partitions:
        assert choose_recipe(profile, partition).name == partition.recipe
    for preset in profile.presets:
        findings = validate_resources(preset.resources, profile)
        assert [finding for finding in findings if finding.severity == "error"] == [], preset.name


def test_the_demo_cluster_has_four_slots() -> None:
    demo = load_profile("demo")
    (partition,) = demo.partitions
    assert (partition.name, partition.default, partition.cores_per_node) == ("cpu", True, 4)
    assert demo.recipes[0].modules == ("namd/3.0-demo",)


def test_a_profile_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('version = 1\nname = "mine"\n', encoding="utf-8")
    assert load_profile(file).name == "mine"
    with pytest.raises(NotFoundError):
        load_profile("no such profile")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("name = ?", "line 1"),
        ("nmae = 'x'", "nmae"),
        ("version = 2", "version"),
        ("[[partitions]]\nname='a'\ncores_per_node=0", "cores_per_node"),
        ("[[partitions]]\nname='a'\ncores_per_node=4\nrecipe='nosuch'", "nosuch"),
        ("recipes = []", "no launch recipe"),
        ("[[recipes]]\nname='a'\n[[recipes]]\nname='a'", "twice"),
        ("a = " + "[" * 5000, "cannot be used"),
    ],
)
def test_bad_profiles_are_refused_in_words(text: str, word: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_profile(text, source="x.toml")
    assert word in caught.value.message
    assert caught.value.code == "profile-invalid"
