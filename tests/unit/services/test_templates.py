"""The person's own templates: kept, compared, restored, imported, guarded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from namdrunner.errors import ConflictError, InputError, NamdrunnerError, NotFoundError, TemplateError
from namdrunner.paths import Folders
from namdrunner.services.template_store import MAX_VERSIONS
from namdrunner.services.templates import STARTER, TemplateService

EQUILIBRATION = """\
structure          step3_input.psf
coordinates        step3_input.pdb
set temp           303.15;
outputName         step4_equilibration; # base name for output from this run
firsttimestep      0;
restartfreq        500;
dcdfreq            1000;
paraTypeCharmm     on;
parameters         toppar/par_all36m_prot.prm
parameters         toppar/toppar_water_ions_namd.str
exec tr "\\[:upper:\\]" "\\[:lower:\\]" < ../step3_input.str | sed -e "s/ =//g" > step3_input.str
source             step3_input.str
temperature        $temp;
exclude            scaled1-4
cutoff             12.0;
cellBasisVector1   $a   0.0   0.0;
cellBasisVector2   0.0   $b   0.0;
cellBasisVector3   0.0   0.0   $c;
cellOrigin         0.0   0.0   $zcen;
constraints        on
consref            restraints/prot_posres.ref
conskfile          restraints/prot_posres.ref
langevin           on
langevinTemp       $temp
minimize           10000
numsteps           90000000
run                125000
"""


@pytest.fixture
def service(tmp_path: Path) -> TemplateService:
    return TemplateService(Folders.below(tmp_path).ensure(), uses=lambda ident: 2 if ident == "used" else 0)


@pytest.fixture
def charmm_gui(tmp_path: Path) -> Path:
    """A folder as CHARMM-GUI packs it."""
    root = tmp_path / "charmm-gui"
    namd = root / "namd"
    (namd / "restraints").mkdir(parents=True)
    (namd / "toppar").mkdir()
    (namd / "step4_equilibration.inp").write_text(EQUILIBRATION)
    (namd / "restraints" / "prot_posres.ref").write_text("ATOM\n")
    for name in ("step3_input.psf", "step3_input.pdb", "toppar/par_all36m_prot.prm"):
        (namd / name).write_text("x\n")
    (namd / "toppar" / "toppar_water_ions_namd.str").write_text("* toppar\nATOMS\n")
    (root / "step3_input.str").write_text(
        " SET BOXTYPE  = RECT\n SET A = 62\n SET B = 62\n SET C = 70\n SET ZCEN = 0.5\n"
    )
    atom = "ATOM      1  N   ALA A   1       1.000   2.000   3.000  1.00  0.00      PROA N"
    (namd / "step3_input.pdb").write_text(atom + "\nEND\n")
    (root / "step3_input.crd").write_text("x\n")
    return root


def test_every_text_is_kept_and_comes_back(service: TemplateService) -> None:
    service.save(STARTER)
    service.save(STARTER.replace("cutoff              12", "cutoff              10"), replace=True)
    assert [v["number"] for v in service.history("my_template")["versions"]] == [2, 1]
    changed = service.diff("my_template")
    assert (changed["from"], changed["to"]) == (1, 2)
    assert "-cutoff              12\n+cutoff              10" in changed["diff"]
    service.restore("my_template", 1)
    assert service.text("my_template") == STARTER
    assert [v["number"] for v in service.history("my_template")["versions"] if v["current"]] == [3]
    assert service.diff("my_template", 1, 3)["diff"] == ""
    with pytest.raises(NotFoundError):
        service.restore("my_template", 9)


def test_an_edit_made_elsewhere_becomes_a_version(service: TemplateService, tmp_path: Path) -> None:
    source = Path(service.save(STARTER)["source"])
    source.write_text(STARTER.replace("1 ns", "2 ns"))
    assert len(service.history("my_template")["versions"]) == 2
    assert service.version("my_template", 1) == STARTER


def test_what_is_deleted_can_be_brought_back(service: TemplateService) -> None:
    service.save(STARTER)
    service.delete("my_template")
    with pytest.raises(NotFoundError):
        service.get("my_template")
    assert service.restore("my_template")["id"] == "my_template"
    assert service.text("my_template") == STARTER


def test_what_jobs_were_made_with_is_not_deleted_by_accident(service: TemplateService) -> None:
    service.new("used")
    with pytest.raises(ConflictError) as caught:
        service.delete("used")
    assert (caught.value.code, caught.value.context["uses"]) == ("template-in-use", 2)
    service.delete("used", force=True)
    with pytest.raises(ConflictError) as caught:
        service.delete("npt_production")
    assert caught.value.code == "template-built-in"


def test_two_who_edit_at_once_do_not_overwrite_each_other(service: TemplateService) -> None:
    service.save(STARTER)
    service.save(STARTER.replace("1 ns", "2 ns"), replace=True, base=1)
    with pytest.raises(ConflictError) as caught:
        service.save(STARTER.replace("1 ns", "3 ns"), replace=True, base=1)
    assert caught.value.code == "template-changed"


def test_copies_and_their_ids(service: TemplateService) -> None:
    assert service.duplicate("npt_production")["id"] == "npt_production_copy"
    assert service.duplicate("npt_production")["id"] == "npt_production_copy_2"
    with pytest.raises(ConflictError):
        service.new("NPT_Production_Copy")
    for bad in ("", "a b", "../x", "x" * 65, "a\nb"):
        with pytest.raises(TemplateError):
            service.new(bad)


def test_a_damaged_file_hides_no_other(service: TemplateService, tmp_path: Path) -> None:
    folder = Folders.below(tmp_path).templates
    folder.mkdir()
    (folder / "broken.namd").write_text("#@ var x")
    (folder / "binary.namd").write_bytes(b"\xff\xfe\x00")
    (folder / "huge.namd").write_text("x" * 2_000_000)
    service.save(STARTER)
    listed = {t["id"]: t for t in service.list()}
    assert {"my_template", "npt_production"} <= set(listed)
    assert all(listed[ident]["problem"] for ident in ("broken", "binary", "huge"))
    assert service.text("broken") == "#@ var x"


def test_old_versions_are_dropped(service: TemplateService) -> None:
    for number in range(MAX_VERSIONS + 5):
        service.save(STARTER.replace("1 ns", f"{number + 1} ns"), replace=True)
    numbers = [v["number"] for v in service.history("my_template")["versions"]]
    assert (len(numbers), numbers[0], numbers[-1]) == (MAX_VERSIONS, MAX_VERSIONS + 5, 6)


def test_a_charmm_gui_folder_becomes_a_template_in_one_step(service: TemplateService, charmm_gui: Path) -> None:
    result = service.import_folder(str(charmm_gui))
    assert result["skipped"] == []
    (one,) = result["imported"]
    assert one["template"]["id"] == "step4_equilibration"
    assert one["notes"] == []
    namd = charmm_gui / "namd"
    assert one["files"]["structure_file"] == [str(namd / "step3_input.psf")]
    assert one["files"]["parameter_files"] == [
        str(namd / "toppar" / "par_all36m_prot.prm"),
        str(namd / "toppar" / "toppar_water_ions_namd.str"),
    ]
    assert one["files"]["restraint_constants_file"] == [str(namd / "restraints" / "prot_posres.ref")]
    text = service.render("step4_equilibration", {}, one["files"])["text"]
    for line in (
        "cellBasisVector3   0 0 70;",
        "set temp           303.15;",
        "run                125000",
        "minimize           10000",
    ):
        assert line in text


def test_files_a_config_names_elsewhere_are_not_given_away(service: TemplateService, tmp_path: Path) -> None:
    folder = tmp_path / "import"
    folder.mkdir()
    secret = tmp_path / "secret.psf"
    secret.write_text("x")
    (folder / "linked.psf").symlink_to(secret)
    for name in ("../secret.psf", str(secret), "linked.psf"):
        (folder / "run.namd").write_text(f"structure {name}\ncoordinates a.pdb\nrun 20\n")
        result = service.import_folder(str(folder), replace=True)
        assert result["imported"][0]["files"] == {}


def test_every_format_is_known_by_its_content(service: TemplateService) -> None:
    original = {
        "id": "lab",
        "name": "Lab",
        "namd_config_template": "run {{n}}\n",
        "variables": {"n": {"var_type": {"Number": {"default": 20}}}},
    }
    result = service.import_files(
        {"a.namd": STARTER, "b.json": json.dumps(original), "c.conf": "structure x.psf\ncoordinates x.pdb\nrun 20\n"}
    )
    assert [one["template"]["id"] for one in result["imported"]] == ["my_template", "lab", "c"]
    with pytest.raises(ConflictError):
        service.import_files({"a.namd": STARTER})
    assert service.import_files({"b.json": json.dumps(original)})["imported"][0]["template"]["id"] == "lab_2"


@pytest.mark.parametrize(
    "files",
    [{}, {"a.txt": "hello"}, {"a": "\x00"}, {"a.json": "{" * 100_000}, {"a.namd": "#@ template x\n{% for a in b %}"}],
)
def test_what_is_no_template_is_refused(service: TemplateService, files: dict[str, str]) -> None:
    with pytest.raises(NamdrunnerError) as caught:
        service.import_files(files)
    assert isinstance(caught.value, InputError)
    assert service.history  # nothing was kept
    assert not Folders.below(Path(service.get("npt_production")["source"])).templates.exists()


def test_a_folder_of_everything_is_not_read(service: TemplateService, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(201):
        (folder / f"{number}.namd").write_text("structure a\ncoordinates b\nrun 20\n")
    with pytest.raises(InputError) as caught:
        service.import_folder(str(folder))
    assert caught.value.code == "folder-too-large"
    with pytest.raises(InputError):
        service.import_folder("relative")
