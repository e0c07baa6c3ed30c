"""A job's molecules to look at: the atoms, the frames of its trajectories, and the newest frame of a running job.

Only the bytes of the frames and atoms that are asked for travel; what is asked for is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from namdrunner.errors import InputError, NamdrunnerError, NotFoundError
from namdrunner.services import files
from namdrunner.services.context import Context
from namdrunner.services.job_file import JobFile, open_job_file, read_whole
from namdrunner.services.local_copies import LocalCopies
from namdrunner.services.structure_files import (
    Shown,
    cell_file,
    cell_of_start,
    config_cell_origin,
    dcd_frequency,
    shown_files,
    sources_document,
    structure_file,
)
from namdrunner.store.jobs import StoredJob

if TYPE_CHECKING:
    from namdrunner.namd.dcd import DcdHeader
    from namdrunner.namd.dcd_part import DcdPart
    from namdrunner.namd.molecule import Molecule, Selection

# numpy is imported where it is used: a server nobody asks for pictures does without.

MAX_BYTES = 512 * 1024 * 1024
"""Of one answer."""
MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Of a structure or of the coordinates of one frame, which are read as a whole."""
BATCH_BYTES = 4 * 1024 * 1024
"""Held at a time while frames are cut."""
_HEAD_BYTES = 16 * 1024
_KEPT_MOLECULES = 2


@dataclass(frozen=True)
class Picture:
    """Bytes to be sent, and how many they are."""

    name: str
    size: int
    pieces: AsyncGenerator[bytes]


class Structures:
    """Keeps the atoms of the systems looked at last, so that frames of another trajectory need no second reading."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.copies = LocalCopies(context.folders)
        self._molecules: OrderedDict[str, Molecule] = OrderedDict()
        self._reading = asyncio.Lock()

    async def sources(self, job_id: str) -> dict[str, Any]:
        """What there is to show, from the cluster as it is now when connected, else as last seen."""
        job = await self._job(job_id)
        found = shown_files(job)
        here = {f.name for f in found if await self.copies.find(job, f.name) is not None}
        log = self._context.logs.content(job_id, "namd")[: 1024 * 1024]
        document = sources_document(job, found, here, dcd_frequency(log, self._context.jobs.text(job_id, "config")))
        return document | {"live": self._context.clusters.connected(job.record.cluster)}

    async def describe(self, job_id: str, name: str) -> dict[str, Any]:
        """Atoms, frames and times of one source."""
        job, shown = self._find(job_id, name)
        molecule = await self._molecule(job)
        water, ions = int(molecule.water.sum()), int(molecule.ions.sum())
        document: dict[str, Any] = {"name": name, "kind": shown.kind, "atoms": molecule.natom}
        document |= {"water_atoms": water, "ion_atoms": ions, "timestep_fs": job.record.run.timestep_fs}
        document["cell_origin"] = await self._cell_origin(job, name)
        if shown.kind != "trajectory":
            step = await self._step(job, name)
            return document | {"frames": 1, "first_step": step, "step_interval": 0, "frame_bytes": 12 * molecule.natom}
        header = await self._header(await self._open(job, name))
        _check_atoms(header.natom, molecule.natom, name, structure_file(job))
        return document | {
            "frames": header.frames,
            "first_step": header.first_step,
            "step_interval": header.step_interval,
            "timestep_fs": header.timestep_fs or job.record.run.timestep_fs,
            "frame_bytes": header.frame_bytes,
            "trailing_bytes": header.trailing_bytes,
        }

    async def topology(self, job_id: str, selection: Selection) -> Picture:
        """A structure file of the atoms that are shown, with the names a viewer knows."""
        from namdrunner.namd.molecule import picture_psf

        job = self._context.jobs.get(job_id)
        molecule = await self._molecule(job)
        data = await asyncio.to_thread(lambda: picture_psf(molecule, molecule.kept(selection)))
        return Picture(f"{job_id}.psf", len(data), _once(data))

    async def frames(
        self, job_id: str, name: str, *, first: int, last: int | None, stride: int, selection: Selection
    ) -> Picture:
        """A trajectory of some frames (``first`` to ``last``, counted from 0) and the atoms that are shown.

        Raises InputError (``no-frames``, ``too-many-frames``, ``structure-mismatch``).
        """
        job, shown = self._find(job_id, name)
        molecule = await self._molecule(job)
        target = f"{PurePosixPath(name).stem}-part.dcd"
        if shown.kind != "trajectory":
            data = await self._single(job, name, molecule, selection)
            return Picture(target, len(data), _once(data))
        file = await self._open(job, name)
        header = await self._header(file)
        _check_atoms(header.natom, molecule.natom, name, structure_file(job))
        part = _part(header, molecule, name, first, last, stride, selection)
        return Picture(target, part.size, await _begun(_cut(file, part)))

    async def _job(self, job_id: str) -> StoredJob:
        job = self._context.jobs.get(job_id)
        if self._context.clusters.connected(job.record.cluster):
            # Not connected after all, or no folder there: what was last seen is still worth showing.
            with contextlib.suppress(NamdrunnerError):
                return await files.refresh_outputs(self._context, job)
        return job

    def _find(self, job_id: str, name: str) -> tuple[StoredJob, Shown]:
        job = self._context.jobs.get(job_id)
        found = next((f for f in shown_files(job) if f.name == name), None)
        if found is None:
            raise NotFoundError(
                f"The job has no coordinates '{name}'.",
                code="no-such-output",
                remedy="Reload the page: the list of what can be shown has changed.",
            )
        return job, found

    async def _open(self, job: StoredJob, name: str) -> JobFile:
        return await open_job_file(self._context, self.copies, job, name)

    async def _whole(self, job: StoredJob, name: str) -> tuple[bytes, JobFile]:
        file = await self._open(job, name)
        if file.size > MAX_FILE_BYTES:
            raise InputError(
                f"{file.name} is too large to be shown ({file.size / 1e9:.1f} GB).",
                code="structure-too-large",
                remedy="Download it and look at it with VMD.",
            )
        return await read_whole(file), file

    async def _molecule(self, job: StoredJob) -> Molecule:
        name = structure_file(job)
        if name is None:
            raise NotFoundError(
                "None of the job's inputs names its atoms.",
                code="no-structure",
                remedy="A structure file (PSF or AMBER parm) or a PDB file among the inputs is needed to show it.",
            )
        key = _identity(job, name)
        async with self._reading:
            molecule = self._molecules.get(key)
            if molecule is None:
                from namdrunner.namd.structure_reader import read_molecule

                data, file = await self._whole(job, name)
                molecule = await asyncio.to_thread(read_molecule, data, file.name)
            self._molecules[key] = molecule
            self._molecules.move_to_end(key)
            while len(self._molecules) > _KEPT_MOLECULES:
                self._molecules.popitem(last=False)
        return molecule

    async def _header(self, file: JobFile) -> DcdHeader:
        """As the file is now: the size decides how many frames there are."""
        from namdrunner.namd.dcd import read_dcd_header

        header = read_dcd_header(await read_whole(file, 0, _HEAD_BYTES), name=file.name)
        frames, rest = divmod(max(file.size - header.header_bytes, 0), header.frame_bytes)
        return replace(header, frames=frames, trailing_bytes=rest)

    async def _single(self, job: StoredJob, name: str, molecule: Molecule, selection: Selection) -> bytes:
        from namdrunner.namd.dcd_part import one_frame
        from namdrunner.namd.structure_reader import read_coordinates

        data, file = await self._whole(job, name)
        coordinates, cell = await asyncio.to_thread(read_coordinates, data, file.name)
        _check_atoms(len(coordinates), molecule.natom, name, structure_file(job))
        system = await self._cell(job, name)
        if system is not None and system.periodic:
            cell = system.matrix
        timestep, step = job.record.run.timestep_fs, system.step if system else 0
        return one_frame(coordinates, molecule.kept(selection), step=step, timestep_fs=timestep, cell=cell)

    async def _cell(self, job: StoredJob, name: str) -> Any:
        beside = cell_file(job, name)
        return await self._read_cell(job, beside) if beside is not None else None

    async def _read_cell(self, job: StoredJob, beside: str) -> Any:
        from namdrunner.namd.xsc import read_xsc

        try:
            data, file = await self._whole(job, beside)
            return read_xsc(data, name=file.name)
        except NamdrunnerError:
            return None  # being written just now, or out of reach; the frame can be shown without

    async def _cell_origin(self, job: StoredJob, name: str) -> list[float]:
        """The cell's centre in Angstrom: beside the frame, else of the run's begin; NAMD's own default is 0 0 0."""
        start = cell_of_start(job)
        system = await self._cell(job, name) or (await self._read_cell(job, start) if start else None)
        if system is not None:
            return [float(x) for x in system.origin]
        return config_cell_origin(self._context.jobs.text(job.id, "config"))

    async def _step(self, job: StoredJob, name: str) -> int:
        if name.startswith("input_files/"):
            return job.record.run.first_step
        system = await self._cell(job, name)
        return system.step if system else job.status.progress.step or 0


def _identity(job: StoredJob, name: str) -> str:
    """By content: jobs made from the same structure share it."""
    return next((i.sha256 for i in job.record.inputs if f"input_files/{i.name}" == name), f"{job.id}:{name}")


def _check_atoms(found: int, wanted: int, name: str, structure: str | None) -> None:
    if found != wanted:
        shown = PurePosixPath(structure or "").name
        raise InputError(
            f"{PurePosixPath(name).name} has {found} atoms, but {shown} has {wanted}: they do not belong together.",
            code="structure-mismatch",
            remedy="Show another file, or look at both with the structure they were made from.",
            context={"file": name, "atoms": found, "structure": structure, "structure_atoms": wanted},
        )


def _part(
    header: DcdHeader, molecule: Molecule, name: str, first: int, last: int | None, stride: int, selection: Selection
) -> DcdPart:
    from namdrunner.namd.dcd_part import DcdPart, Frames

    end = header.frames if last is None else min(last + 1, header.frames)
    if first >= end:
        raise InputError(
            f"{PurePosixPath(name).name} has {header.frames} frames; the first that was asked for is {first + 1}.",
            code="no-frames",
            remedy="Ask for frames it has, or wait until NAMD has written more.",
            context={"frames": header.frames},
        )
    part = DcdPart(header, Frames(first, end, stride), molecule.kept(selection))
    if part.size > MAX_BYTES:
        most = max(1, (MAX_BYTES - len(part.head())) // part.frame_bytes)
        fitting = max(-(-(end - first) // most), stride + 1)
        raise InputError(
            f"These {len(part.frames)} frames have {part.size / 1e6:.0f} MB, which is too much to show at once.",
            code="too-many-frames",
            remedy=f"Take every {fitting}th frame, fewer frames, or leave the water out.",
            context={"bytes": part.size, "stride": fitting},
        )
    return part


async def _begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """With the first frames read: what is wrong with the file is said before an answer has begun."""
    begin = [piece async for piece in _first_of(pieces, 2)]

    async def again() -> AsyncGenerator[bytes]:
        async with contextlib.aclosing(pieces):
            for piece in begin:
                yield piece
            async for piece in pieces:
                yield piece

    return again()


async def _first_of(pieces: AsyncGenerator[bytes], count: int) -> AsyncGenerator[bytes]:
    while count:
        try:
            yield await anext(pieces)
        except StopAsyncIteration:
            return
        count -= 1


async def _once(data: bytes) -> AsyncGenerator[bytes]:
    for begin in range(0, len(data), 1024 * 1024):
        yield data[begin : begin + 1024 * 1024]


async def _cut(file: JobFile, part: DcdPart) -> AsyncGenerator[bytes]:
    """Header and frames; read with one command as the reader takes them, cut frame by frame."""
    yield part.head()
    numbers = list(part.frames)
    wanted = sum(count for _, count in part.ranges())
    buffer = bytearray()
    done = 0
    pieces = file.read_ranges(part.file_ranges(numbers))
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            buffer += piece
            ready = len(buffer) // wanted
            if not ready or (len(buffer) < BATCH_BYTES and done + ready < len(numbers)):
                continue
            chunk = bytes(buffer[: ready * wanted])
            del buffer[: ready * wanted]
            yield await asyncio.to_thread(_cut_all, part, chunk, wanted, numbers[done : done + ready], file.name)
            done += ready


def _cut_all(part: DcdPart, chunk: bytes, wanted: int, numbers: list[int], name: str) -> bytes:
    view = memoryview(chunk)
    cut = [part.frame(view[i * wanted : (i + 1) * wanted], number, name) for i, number in enumerate(numbers)]
    return b"".join(cut)
