"""A person's own config becomes a tree of files that works anywhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from namdrunner.errors import InputError
from namdrunner.namd.config import evaluate_config
from namdrunner.namd.references import referenced_files
from namdrunner.services.config_tree import ConfigTree, build_tree


def lay_out(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def tree_of(path: Path) -> ConfigTree:
    return build_tree(evaluate_config(path), path.read_text())


BASICS = """
cutoff 12
exclude scaled1-4
temperature 300
"""


def test_tree_keeps_relative_paths_upwards(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "project/toppar/par.prm": "",
            "project/build/sys.psf": "",
            "project/build/sys.pdb": "",
            "project/step5/run.namd": BASICS
            + "structure ../build/sys.psf\ncoordinates ../build/sys.pdb\nparatypecharmm on\n"
            "parameters ../toppar/par.prm\noutputname out/run1\ndcdfreq 10\nrun 100\n",
            "project/unrelated.dat": "x",
        },
    )
    tree = tree_of(tmp_path / "project/step5/run.namd")
    assert tree.config == "step5/run.namd"
    assert {f.name for f in tree.files} == {"toppar/par.prm", "build/sys.psf", "build/sys.pdb"}
    assert tree.output_dirs == ("step5/out",)
    assert tree.rewritten == {}


def test_config_behind_a_link_is_taken_with_its_real_neighbours(tmp_path: Path) -> None:
    files = {"lab/toppar/par.prm": "", "lab/run/a.psf": "", "lab/run/a.pdb": ""}
    config = "structure a.psf\ncoordinates a.pdb\nparameters ../toppar/par.prm\noutputname out/a\nrun 10\n"
    lay_out(tmp_path, files | {"lab/run/a.namd": BASICS + config})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").symlink_to(tmp_path / "lab" / "run")
    tree = tree_of(tmp_path / "elsewhere" / "mine" / "a.namd")
    assert (tree.config, tree.output_dirs) == ("run/a.namd", ("run/out",))
    assert {f.name for f in tree.files} == {"toppar/par.prm", "run/a.psf", "run/a.pdb"}


def test_config_beside_its_files_stays_at_the_top(tmp_path: Path) -> None:
    lay_out(
        tmp_path / "job",
        {
            "a.psf": "", "a.pdb": "", "p.prm": "",
            "a.namd": BASICS + "structure a.psf\ncoordinates a.pdb\nparameters p.prm\noutputname a\nrun 10\n",
        },
    )  # fmt: skip
    tree = tree_of(tmp_path / "job/a.namd")
    assert (tree.config, tree.output_dirs) == ("a.namd", ())
    assert {f.name for f in tree.files} == {"a.psf", "a.pdb", "p.prm"}


def test_absolute_paths_are_brought_along_and_rewritten(tmp_path: Path) -> None:
    library = tmp_path / "library"
    lay_out(library, {"par.prm": "", "more/par.prm": ""})
    lay_out(
        tmp_path / "job",
        {
            "a.psf": "", "a.pdb": "",
            "a.namd": BASICS + f"structure a.psf\ncoordinates a.pdb\nparameters {library}/par.prm\n"
            f"parameters {library}/more/par.prm\noutputname a\nrun 10\n",
        },
    )  # fmt: skip
    tree = tree_of(tmp_path / "job/a.namd")
    names = {f.name for f in tree.files}
    assert len(names) == 4
    assert str(library) not in tree.text
    for name in names - {"a.psf", "a.pdb"}:
        assert name.startswith("files_from_elsewhere/")
        assert f"parameters {name}\n" in tree.text


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "a.namd": BASICS + "structure no.psf\ncoordinates no.pdb\nparameters p.prm\noutputname a\nrun 10\n",
            "p.prm": "",
        },
    )
    with pytest.raises(InputError) as caught:
        tree_of(tmp_path / "a.namd")
    assert caught.value.code == "file-not-found"
    assert {m["path"] for m in caught.value.context["missing"]} == {"no.psf", "no.pdb"}


def test_absolute_path_that_is_not_here_is_left_to_the_cluster(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "a.psf": "", "a.pdb": "",
            "a.namd": BASICS + "structure a.psf\ncoordinates a.pdb\n"
            "parameters /projects/lab/par.prm\noutputname a\nrun 10\n",
        },
    )  # fmt: skip
    tree = tree_of(tmp_path / "a.namd")
    assert tree.on_cluster == ("/projects/lab/par.prm",)
    assert "parameters /projects/lab/par.prm" in tree.text


def test_computed_absolute_path_is_refused_in_words(tmp_path: Path) -> None:
    library = tmp_path / "library"
    lay_out(library, {"par.prm": ""})
    lay_out(
        tmp_path / "job",
        {
            "a.psf": "", "a.pdb": "",
            "a.namd": BASICS + f"set d {library}\nstructure a.psf\ncoordinates a.pdb\nparameters $d/par.prm\n"
            "outputname a\nrun 10\n",
        },
    )  # fmt: skip
    with pytest.raises(InputError) as caught:
        tree_of(tmp_path / "job/a.namd")
    assert caught.value.code == "path-computed"


def test_absolute_output_is_refused(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {"a.psf": "", "a.namd": BASICS + "structure a.psf\noutputname /scratch/me/out\nrun 10\n"},
    )
    with pytest.raises(InputError) as caught:
        tree_of(tmp_path / "a.namd")
    assert caught.value.code == "output-outside-job"


@pytest.mark.shared_data
def test_valid_configs_of_the_data_move_whole(shared_data: Path, tmp_path: Path) -> None:
    """The tree of each config that real NAMD runs holds exactly what it opened, and works at another place."""
    folder = shared_data / "namd_cases"
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    tried = 0
    for case in cases:
        expected = case["expected_files"]
        if case["label"] not in ("ok", "advice") or expected["inputs_missing"]:
            continue
        path = folder / case["directory"] / case["config"]
        tree = tree_of(path)
        wanted = {(path.parent / name).resolve() for name in expected["inputs"]} - {path.resolve()}
        assert {f.source.resolve() for f in tree.files} == wanted, case["id"]
        moved = tmp_path / case["id"]
        for file in tree.files:
            target = moved / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, target)
        config = moved / tree.config
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(tree.text)
        assert all(r.exists for r in referenced_files(evaluate_config(config, root=moved))), case["id"]
        tried += 1
    assert tried >= 20
