from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from namdrunner.errors import InputError, NamdrunnerError, NotConnectedError, NotFoundError
from namdrunner.jobs.folders import job_folder, new_job_id
from namdrunner.jobs.record import InputFile, JobRecord, JobStatus, OutputFile, RunPlan
from namdrunner.jobs.state import JobState
from namdrunner.namd.dcd import DcdReader, DcdWriter
from namdrunner.namd.namdbin import write_namdbin
from namdrunner.namd.xsc import ExtendedSystem, write_xsc
from namdrunner.paths import Folders
from namdrunner.remote.values import CommandResult, TransferredFile
from namdrunner.services import structure as structure_module
from namdrunner.services.application import Application
from namdrunner.services.structure import Picture, Structures
from namdrunner.services.structure_files import config_cell_origin, dcd_frequency
from namdrunner.slurm.resources import Resources
from namdrunner.store.clusters import StoredCluster
from namdrunner.store.jobs import StoredJob

PROTEIN, WATERS = 6, 5
NATOM = PROTEIN + 3 * WATERS
FRAMES = 9


class LocalCluster:
    """Runs what the cluster would run on this computer, and keeps what was asked for."""

    def __init__(self) -> None:
        self.streams: list[bytes] = []

    async def run(self, command: str, *, stdin: bytes = b"", **_: Any) -> CommandResult:
        return CommandResult(command, 0, await self._output(["bash", "-s"], stdin), b"", 0.0)

    async def stream(self, script: str, *arguments: str, stdin: bytes = b"", label: str = "") -> AsyncGenerator[bytes]:
        self.streams.append(stdin)
        output = await self._output(["bash", "-c", script, "bash", *arguments], stdin)
        for begin in range(0, len(output), 100):
            yield output[begin : begin + 100]

    @staticmethod
    async def _output(command: list[str], stdin: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        return (await process.communicate(stdin))[0]


def psf_text() -> bytes:
    atoms = [f"{i + 1} P {i // 3 + 1} ALA C{i} C 0 12 0" for i in range(PROTEIN)]
    for water in range(WATERS):
        for name in ("OH2", "H1", "H2"):
            atoms.append(f"{len(atoms) + 1} W {water + 1} TIP3 {name} H 0 1 0")
    sections = "".join(f"\n0 !{s}\n" for s in ("NTHETA", "NPHI", "NIMPHI", "NDON", "NACC", "NNB"))
    return (f"PSF\n\n1 !NTITLE\n x\n\n{NATOM} !NATOM\n" + "\n".join(atoms) + "\n\n1 !NBOND\n1 2\n" + sections).encode()


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    opened = await Application.open(Folders.below(tmp_path / "home"))
    yield opened
    await opened.close()


@pytest.fixture
def cluster(application: Application, monkeypatch: pytest.MonkeyPatch) -> LocalCluster:
    session = LocalCluster()
    monkeypatch.setattr(application.clusters, "session", lambda name: session)
    return session


@pytest.fixture
def coordinates() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 9, (FRAMES, NATOM, 3)).astype("f4")


@pytest.fixture
def job(application: Application, tmp_path: Path, coordinates: np.ndarray) -> StoredJob:
    """A finished job whose project folder is on this computer."""
    created = datetime.now(UTC)
    job_id = new_job_id("wet", created)
    project = Path(job_folder(str(tmp_path / "projects"), job_id))
    for folder in ("outputs", "input_files"):
        (project / folder).mkdir(parents=True)
    (project / "input_files/wet.psf").write_bytes(psf_text())
    with DcdWriter(project / "outputs/wet.dcd", NATOM, first_step=100, step_interval=100, timestep_fs=2.0) as writer:
        for frame in coordinates:
            writer.write(frame, np.diag([20.0, 20.0, 20.0]))
    write_namdbin(project / "outputs/wet.restart.coor", coordinates[4])
    vectors = ((20.0, 0.0, 0.0), (0.0, 20.0, 0.0), (0.0, 0.0, 20.0))
    write_xsc(project / "outputs/wet.restart.xsc", ExtendedSystem(500, vectors, (1.0, 2.0, 3.0)))
    text = psf_text()
    record = JobRecord(
        id=job_id,
        name="wet",
        cluster="here",
        created_at=created,
        resources=Resources(cores=1, walltime_s=60),
        inputs=(InputFile(name="wet.psf", bytes=len(text), sha256=sha256(text).hexdigest(), role="structure"),),
        run=RunPlan(timestep_fs=2.0),
        project_dir=str(project),
        scratch_dir=str(tmp_path / "scratch"),
    )
    outputs = tuple(
        OutputFile(name=str(p.relative_to(project)), bytes=p.stat().st_size, modified_at=created)
        for p in sorted((project / "outputs").iterdir())
    )
    application.clusters._repository.add(StoredCluster("here", "localhost", user="x"))
    stored = StoredJob(record, JobStatus(state=JobState.COMPLETED, outputs=outputs))
    application.context.jobs.add(stored, texts={"config": "dcdFreq 100\n"})
    return stored


async def whole(picture: Picture) -> bytes:
    data = b"".join([piece async for piece in picture.pieces])
    assert len(data) == picture.size
    return data


@pytest.fixture
def structures(application: Application) -> Structures:
    return application.jobs.structures


async def test_what_there_is_to_show(structures: Structures, job: StoredJob) -> None:
    document = await structures.sources(job.id)
    assert [(s["name"], s["kind"]) for s in document["sources"]] == [
        ("outputs/wet.dcd", "trajectory"),
        ("outputs/wet.restart.coor", "snapshot"),
    ]
    assert (document["structure"], document["dcd_frequency"], document["live"]) == ("input_files/wet.psf", 100, False)


async def test_facts_of_a_trajectory(structures: Structures, job: StoredJob, cluster: LocalCluster) -> None:
    facts = await structures.describe(job.id, "outputs/wet.dcd")
    assert (facts["atoms"], facts["water_atoms"], facts["frames"]) == (NATOM, 3 * WATERS, FRAMES)
    assert (facts["first_step"], facts["step_interval"], round(facts["timestep_fs"], 4)) == (100, 100, 2.0)


@pytest.mark.parametrize("selection", ["no_water", "all"])
async def test_frames_from_the_cluster_by_one_command(
    structures: Structures, job: StoredJob, cluster: LocalCluster, coordinates: np.ndarray, selection: Any
) -> None:
    await structures.describe(job.id, "outputs/wet.dcd")
    cluster.streams.clear()
    picture = await structures.frames(job.id, "outputs/wet.dcd", first=1, last=7, stride=3, selection=selection)
    kept = PROTEIN if selection == "no_water" else NATOM
    with DcdReader(await whole(picture)) as reader:
        assert [reader.frame(i).step for i in range(len(reader))] == [200, 500, 800]
        for index, number in enumerate((1, 4, 7)):
            np.testing.assert_array_equal(reader.frame(index).coordinates, coordinates[number][:kept])
    assert len(cluster.streams) == 2  # the head, and the frames
    asked = sum(int(line.split()[1]) for line in cluster.streams[-1].splitlines())
    assert asked <= 3 * (12 * NATOM + 24 + 56)  # three frames of nine


async def test_the_newest_frame_has_its_step_and_cell(
    structures: Structures, job: StoredJob, cluster: LocalCluster, coordinates: np.ndarray
) -> None:
    facts = await structures.describe(job.id, "outputs/wet.restart.coor")
    assert (facts["frames"], facts["first_step"], facts["cell_origin"]) == (1, 500, [1.0, 2.0, 3.0])
    picture = await structures.frames(
        job.id, "outputs/wet.restart.coor", first=0, last=None, stride=1, selection="no_water"
    )
    with DcdReader(await whole(picture)) as reader:
        frame = reader.frame(0)
        np.testing.assert_allclose(frame.coordinates, coordinates[4][:PROTEIN], rtol=1e-6)
        assert (frame.step, frame.cell and frame.cell.a) == (500, 20.0)


async def test_a_frame_half_written_says_so(structures: Structures, job: StoredJob, cluster: LocalCluster) -> None:
    path = Path(job.record.project_dir, "outputs/wet.restart.coor")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError) as error:
        await structures.frames(job.id, "outputs/wet.restart.coor", first=0, last=None, stride=1, selection="all")
    assert error.value.code == "namdbin-size"


async def test_atoms_and_frames_that_do_not_belong_together(
    structures: Structures, job: StoredJob, cluster: LocalCluster
) -> None:
    path = Path(job.record.project_dir, "outputs/wet.dcd")
    with DcdWriter(path, 4, first_step=0, step_interval=1, timestep_fs=1.0) as writer:
        writer.write(np.zeros((4, 3)))
    for asked in (structures.describe(job.id, "outputs/wet.dcd"), frames(structures, job)):
        with pytest.raises(InputError) as error:
            await asked
        assert error.value.code == "structure-mismatch"


async def frames(structures: Structures, job: StoredJob, **changes: Any) -> Picture:
    asked = {"first": 0, "last": None, "stride": 1, "selection": "all"} | changes
    return await structures.frames(job.id, "outputs/wet.dcd", **asked)


async def test_a_damaged_frame_is_an_error_and_not_half_an_answer(
    structures: Structures, job: StoredJob, cluster: LocalCluster
) -> None:
    path = Path(job.record.project_dir, "outputs/wet.dcd")
    data = bytearray(path.read_bytes())
    data[276:280] = b"\0\0\0\0"
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        await frames(structures, job)
    assert error.value.code == "dcd-damaged-frame"


async def test_frames_that_are_not_there(structures: Structures, job: StoredJob, cluster: LocalCluster) -> None:
    with pytest.raises(InputError) as error:
        await frames(structures, job, first=FRAMES)
    assert error.value.code == "no-frames"
    with pytest.raises(NotFoundError):
        await structures.describe(job.id, "outputs/other.dcd")


async def test_an_answer_is_bounded_and_says_which_stride_fits(
    structures: Structures, job: StoredJob, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure_module, "MAX_BYTES", 1500)
    with pytest.raises(InputError) as error:
        await frames(structures, job)
    assert error.value.code == "too-many-frames"
    picture = await frames(structures, job, stride=error.value.context["stride"])
    assert len(await whole(picture)) <= 1500


async def test_what_is_here_needs_no_connection(
    structures: Structures, job: StoredJob, application: Application, coordinates: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(NamdrunnerError) as error:
        await structures.describe(job.id, "outputs/wet.dcd")
    assert isinstance(error.value, NotConnectedError)

    project = Path(job.record.project_dir)
    source = tmp_path / "my.psf"
    source.write_bytes(psf_text())
    inputs = (job.record.inputs[0].model_copy(update={"source": str(source)}),)
    application.context.jobs.save(replace(job, record=job.record.model_copy(update={"inputs": inputs})))
    copy = tmp_path / "wet.dcd"
    copy.write_bytes((project / "outputs/wet.dcd").read_bytes())
    arrived = TransferredFile("x", str(copy), copy.stat().st_size, "0" * 64)
    structures.copies.remember(job.id, {"outputs/wet.dcd": arrived})
    with DcdReader(await whole(await frames(structures, job, selection="no_water"))) as reader:
        np.testing.assert_array_equal(reader.frame(8).coordinates, coordinates[8][:PROTEIN])
    assert (await structures.sources(job.id))["sources"][0]["here"] is True

    copy.write_bytes(b"changed")  # by somebody: it is not the result any more
    with pytest.raises(NotConnectedError):
        await frames(structures, job)


@pytest.mark.parametrize(
    ("log", "config", "expected"),
    [
        (b"Info: DCD FREQUENCY        250\n", "dcdfreq 10", 250),
        (b"", "  DCDfreq\t5000 ;# often enough\n", 5000),
        (b"", "# dcdfreq 10\n", None),
        (b"", "dcdfreq 0\n", None),
        (b"", "dcdfreq $n\n", None),
    ],
)
def test_how_often_frames_are_written(log: bytes, config: str, expected: int | None) -> None:
    assert dcd_frequency(log, config) == expected


def test_where_the_cell_lies() -> None:
    assert config_cell_origin("cellOrigin 1.5 -2 3e1\n") == [1.5, -2.0, 30.0]
    assert config_cell_origin("cellOrigin $x 0 0\n") == [0.0, 0.0, 0.0]
