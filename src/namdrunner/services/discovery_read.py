"""From the sections of a discovery's replies to facts; whatever did not answer becomes a note in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from namdrunner.jobs.frames import sections
from namdrunner.slurm import discovery_files as files
from namdrunner.slurm import discovery_modules as modules
from namdrunner.slurm import discovery_slurm as slurm
from namdrunner.slurm.discovery import ClusterFacts, FileSystem, FoundPartition, Module, NamdBuild

_CUT = "141"
"""Exit status of a program whose output was cut off (SIGPIPE)."""


class Sections:
    """The sections of one reply by their words; a status of ``-1`` where none was told."""

    def __init__(self, reply: bytes, nonce: str) -> None:
        self.texts: dict[tuple[str, ...], str] = {}
        self.lists: dict[str, list[tuple[str, str]]] = {}
        self.statuses: dict[str, str] = {}
        self.complete = False
        for words, body in sections(reply, nonce):
            text = body.decode("utf-8", "replace")
            if words[0] == "status" and len(words) == 3:
                self.statuses[words[1]] = words[2]
            elif words == ["end"]:
                self.complete = True
            else:
                self.texts.setdefault(tuple(words), text)
                self.lists.setdefault(words[0], []).append((" ".join(words[1:]), text))

    def text(self, name: str) -> str:
        return self.texts.get((name,), "")

    def status(self, name: str) -> str:
        return self.statuses.get(name, "-1")

    def trouble(self, name: str, what: str) -> str:
        """A sentence where the question was not answered, else nothing."""
        status = self.status(name)
        if status == "0":
            return ""
        if status == "127":
            return f"{what} could not be asked for: the command is not there."
        if status == "124":
            return f"{what} could not be asked for: the cluster did not answer in time."
        if status == _CUT:
            return f"{what}: the answer was too long and was cut off."
        lines = [line.strip() for line in self.text(name).splitlines() if line.strip()]
        return f"{what} could not be asked for{': ' + lines[-1][:200] if lines else '.'}"


def read_facts(reply: bytes, nonce: str) -> ClusterFacts:
    """The first command's reply."""
    found = Sections(reply, nonce)
    limits, cluster = slurm.parse_settings(found.text("config"))
    partitions, notes = _partitions(found)
    answered = {"partitions"} if partitions else set()
    associations = found.text("associations") if found.status("associations") == "0" else ""
    default = (
        slurm.parse_default_account(found.text("default-account")) if found.status("default-account") == "0" else ""
    )
    accounts = slurm.parse_accounts(associations, found.text("shares"), cluster=cluster, default=default)
    allowed = frozenset(q for account in accounts for q in account.qos) if associations else frozenset()
    qos = slurm.parse_qos(found.text("qos"), allowed or None) if found.status("qos") in ("0", _CUT) else ()
    answered |= {"accounts"} if accounts and associations else set()
    answered |= {"qos"} if qos and found.status("qos") == "0" else set()
    notes += [
        found.trouble("qos", "The limits of the QoS"),
        found.trouble("associations", "Your accounts and their limits"),
        "" if partitions else found.trouble("partitions", "The partitions") or "The cluster listed no partition.",
    ]
    facts = ClusterFacts(
        slurm_version=slurm.parse_version(found.text("version")),
        cluster_name=cluster,
        partitions=partitions,
        qos=qos,
        accounts=accounts,
        limits=limits,
        answered=frozenset(answered),
    )
    if ("module-system",) in found.texts or "modules" in found.statuses:
        facts, more = _more(facts, found)
        notes += more
    if not found.complete:
        notes.append("The cluster's answer was cut off: some facts are missing.")
    return facts.with_note(*dict.fromkeys(note for note in notes if note))


def _partitions(found: Sections) -> tuple[tuple[FoundPartition, ...], list[str]]:
    """From scontrol, and from sinfo where scontrol is silent; nodes likewise."""
    by_sinfo, shapes_by_sinfo = slurm.parse_sinfo(found.text("sinfo") if found.status("sinfo") in ("0", _CUT) else "")
    told = slurm.parse_partitions(found.text("partitions") if found.status("partitions") in ("0", _CUT) else "")
    shapes = slurm.parse_node_counts(found.text("nodes"))
    notes = []
    if not told and by_sinfo:
        notes.append("scontrol does not show the partitions: which QoS and accounts they admit is not known.")
    if not shapes and shapes_by_sinfo:
        notes.append("scontrol does not show the nodes: cores are those that sinfo counts.")
    partitions = told or by_sinfo
    return tuple(
        replace(p, shapes=shapes.get(name) or shapes_by_sinfo.get(name, ())) for name, p in partitions.items()
    ), notes


def _more(facts: ClusterFacts, found: Sections) -> tuple[ClusterFacts, list[str]]:
    system = next((line.strip() for line in found.text("module-system").splitlines() if line.strip()), "")
    listed = list(modules.parse_modules(found.text("modules")))
    parents = {name: modules.parse_parents(text) for name, text in found.lists.get("spider", [])}
    listed = [replace(m, parents=parents.get(m.name, ())) for m in listed]
    quotas = [files.parse_quota(text) for _, text in found.lists.get("quota", [])]
    systems = [s for path, text in found.lists.get("df", []) if (s := files.parse_df(path, text)) is not None]
    merged: dict[str, FileSystem] = {}
    for quota in quotas:
        merged |= quota
    notes = [
        "" if system else "No module system was found in a login shell.",
        "The modules were not all listed: it took too long." if found.status("modules") == "124" else "",
        found.trouble("shares", "Fair share") if found.status("shares") != "127" else "",
        found.trouble("reservations", "Reservations"),
    ]
    answered = set(facts.answered) | ({"modules"} if listed and found.status("modules") == "0" else set())
    return replace(
        facts,
        module_system=system[:80],
        reservations=slurm.parse_reservations(found.text("reservations"))
        if found.status("reservations") == "0"
        else (),
        file_systems=files.with_quotas(systems, merged),
        quota_text=found.text("quota-text").strip()[:20_000],
        modules=tuple(listed),
        mpi=modules.mpi_modules(listed),
        mpi_plugins=slurm.parse_mpi_plugins(found.text("mpi")),
        answered=frozenset(answered),
    ), notes


def candidates(facts: ClusterFacts, own: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Sets of modules to look into: nothing at all, those of the profile's recipes, every module named for NAMD."""
    there = {module.name: module for module in facts.modules}
    found: list[tuple[str, ...]] = [()]
    found += [modules_ for modules_ in own if modules_ and all(name in there for name in modules_)]
    for name in modules.namd_modules(facts.modules):
        ways = _ways(there[name])
        if not any(known and known[-1] == name for known in found):
            found.append(ways)
    return list(dict.fromkeys(found))[: modules.MAX_NAMD_MODULES + 1]


def _ways(module: Module) -> tuple[str, ...]:
    """The last of several ways, which names the newest parents."""
    return (*module.parents[-1], module.name) if module.parents else (module.name,)


def read_probes(reply: bytes, nonce: str, asked: Sequence[tuple[str, ...]]) -> tuple[NamdBuild, ...]:
    """The second command's reply: a build for each set of modules, nothing for a PATH without NAMD."""
    builds = []
    for number, text in Sections(reply, nonce).lists.get("probe", []):
        if not number.isdigit() or int(number) >= len(asked):
            continue
        build = modules.read_probe(asked[int(number)], text)
        if build.modules or build.path:
            builds.append(build)
    return tuple(builds)
