"""Readers of what module systems and NAMD binaries say: module lists, what has to be loaded first, banners."""

from __future__ import annotations

import re
from collections.abc import Iterable

from namdrunner.slurm.discovery import Module, NamdBuild

MAX_MODULES = 20_000
MAX_NAMD_MODULES = 24
"""More are listed and not looked into: each costs a shell on the login node."""

_MODULE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+@=/-]{0,199}$")
_NAMD = re.compile(r"(?:^|[/_.-])namd(?:$|[/_.\d-])", re.IGNORECASE)
_NOT_NAMD = re.compile(r"(?:^|[/_.-])(?:vmd|namdrunner|namd[-_]?(?:tools|data|energy|scripts))", re.IGNORECASE)
_MPI = re.compile(
    r"^(?:[^/]*/)*(openmpi|mpich|mvapich2?|intel-?mpi|impi|cray-mpich|hpcx|mpt|intel-oneapi-mpi)(?:/|$)", re.I
)
_ORDER_NOISE = re.compile(r"\s*(?:\((?:default|[A-Z](?:,[A-Z])*|[LDS]:?[^)]*)\)|<[^>]*>)\s*", re.IGNORECASE)

_PARENTS_HEAD = re.compile(r"need to load all module\(s\) on any one of the lines below", re.IGNORECASE)
_DIRECT = re.compile(r"This module can be loaded directly", re.IGNORECASE)
_BANNER = re.compile(r"^Info: NAMD (\S+) for (\S+)", re.MULTILINE)
_PLATFORM = re.compile(r"\b((?:Linux|Darwin|Win64)-[A-Za-z0-9_]+(?:-[A-Za-z0-9_.+]+)*)")
_VERSION = re.compile(r"(?:^|[/_-])v?(\d+\.\d+(?:\.\d+)?(?:(?:a|alpha|b|beta|rc)\d*)?)", re.IGNORECASE)


def parse_modules(text: str) -> tuple[Module, ...]:
    """``module -t spider`` or ``avail -t`` of Lmod and environment-modules, in any mixture.

    Folder lines (``/a/b:``), bare names that only head their versions (``gcc/``) and messages are left out.
    """
    found: dict[str, Module] = {}
    for line in text.splitlines()[:MAX_MODULES]:
        is_default = "(default)" in line.lower() or "(d)" in line.lower()
        name = _ORDER_NOISE.sub("", line).strip()
        if not _MODULE.match(name) or name.endswith(("/", ":")) or line.lstrip().startswith(("/", "-")):
            continue
        found.setdefault(name, Module(name, default=is_default))
    # "gcc" beside "gcc/13" is the head of a family, not a module of its own.
    heads = {name.rsplit("/", 1)[0] for name in found if "/" in name}
    return tuple(module for name, module in found.items() if name not in heads)


def namd_modules(modules: Iterable[Module]) -> tuple[str, ...]:
    """Names that look like NAMD's; newest last names first, at most ``MAX_NAMD_MODULES``."""
    names = [m.name for m in modules if _NAMD.search(m.name) and not _NOT_NAMD.search(m.name)]
    return tuple(sorted(names, key=_version_key, reverse=True)[:MAX_NAMD_MODULES])


def mpi_modules(modules: Iterable[Module]) -> tuple[str, ...]:
    return tuple(m.name for m in modules if _MPI.match(m.name))


def _version_key(name: str) -> tuple[list[int], str]:
    match = _VERSION.search(name)
    return ([int(n) for n in re.findall(r"\d+", match.group(1))] if match else [0]), name


def parse_parents(text: str) -> tuple[tuple[str, ...], ...]:
    """The ways to a module in ``module spider NAME/VERSION``: what to load first; none where it needs nothing."""
    ways: list[tuple[str, ...]] = []
    lines = iter(text.splitlines())
    for line in lines:
        if _DIRECT.search(line):
            return ()
        if not _PARENTS_HEAD.search(line):
            continue
        for row in lines:
            words = row.split()
            if words and all(_MODULE.match(word) for word in words) and row.startswith(" "):
                ways.append(tuple(words))
            elif words:
                break
    return tuple(dict.fromkeys(ways))


def parse_banner(text: str) -> tuple[str, str]:
    """Version and platform of NAMD's first lines (``Info: NAMD 3.0.1 for Linux-x86_64-multicore-CUDA``)."""
    match = _BANNER.search(text)
    return (match.group(1)[:40], match.group(2)[:120]) if match else ("", "")


def build_kind(platform: str, libraries: str = "", name: str = "") -> str:
    """The launch recipes' word for a build, from its platform, the libraries it is linked to, or its module's name."""
    words = platform.lower()
    cuda = "cuda" in words or "libcudart" in libraries or "libcuda.so" in libraries or "libcufft" in libraries
    hip = "hip" in words or "rocm" in words or "libamdhip64" in libraries
    smp = "smp" in words
    if "openmm" in words:  # the demonstration's engine, started like a multicore build
        return "multicore"
    if "multicore" in words:
        return "hip" if hip else "multicore-cuda" if cuda else "multicore"
    if "ucx" in words:
        return "ucx-smp" if smp else "ucx"
    if "netlrts" in words:
        return "netlrts"
    if "verbs" in words or "ibverbs" in words:
        return "verbs"
    if "mpi" in words or re.search(r"libmpi\b|libmpi\.|libmpich|libmpi_", libraries):
        if cuda:
            return "mpi-smp-cuda"
        return "mpi-smp" if smp or "smp" in name.lower() else "mpi"
    if hip:
        return "hip"
    if cuda:
        return "multicore-cuda"
    return _kind_of_name(name.lower()) if not platform else ""


def _kind_of_name(name: str) -> str:
    """A module's name says something only where it names the build in so many words."""
    if "multicore" in name:
        return "multicore-cuda" if re.search(r"cuda|gpu", name) else "multicore"
    if re.search(r"hip|rocm", name):
        return "hip"
    if re.search(r"cuda|gpu", name):
        return "multicore-cuda"
    if "ucx" in name:
        return "ucx-smp" if "smp" in name else "ucx"
    if "mpi" in name:
        return "mpi-smp" if "smp" in name else "mpi"
    return ""


def read_probe(modules: tuple[str, ...], text: str) -> NamdBuild:
    """One probe's section: lines ``path=``, ``library=``, ``platform=``, ``problem=`` and what the binary printed.

    The program's own output comes behind a line ``output:``, so that nothing in it can pass for one of ours.
    """
    head, _, output = text.partition("\noutput:\n")
    values: dict[str, str] = {}
    libraries = []
    for line in head.splitlines():
        key, equals, value = line.partition("=")
        if key == "library":
            libraries.append(value)
        elif equals:
            values.setdefault(key, value.strip()[:400])
    path = values.get("path", "")
    module = modules[-1] if modules else ""
    if not path.startswith("/"):
        words = values.get("problem", "") or "neither namd3 nor namd2 is found after loading it"
        return NamdBuild(modules, "", version=_named_version(module), problem=words)
    version, platform = parse_banner(output)
    told = "run" if version else ""
    if not platform:
        match = _PLATFORM.search(values.get("platform", ""))
        platform, told = (match.group(1), "file") if match else ("", "name")
    kind = build_kind(platform, "\n".join(libraries), module)
    return NamdBuild(
        modules=modules,
        binary=path.rsplit("/", 1)[-1],
        path=path,
        version=version or _named_version(module),
        platform=platform,
        kind=kind,
        told_by=told if kind or version else "name",
        problem="" if version else values.get("problem", ""),
    )


def _named_version(name: str) -> str:
    match = _VERSION.search(name)
    return match.group(1) if match else ""
