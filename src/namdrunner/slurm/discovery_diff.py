"""Where a cluster differs from its profile, line by line, and the profile with chosen lines taken over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from namdrunner.errors import InputError
from namdrunner.slurm.discovery import ClusterFacts, FoundPartition, usual_partition
from namdrunner.slurm.discovery_recipes import covers, missing_modules, recipe_for, recipe_name, replacement
from namdrunner.slurm.geometry import uses_gpus
from namdrunner.slurm.profile import BillingRates, ClusterProfile, GpuType, Partition, Qos
from namdrunner.slurm.resources import format_walltime

Kind = Literal["added", "changed", "removed"]
SOURCE = "the cluster itself"


@dataclass(frozen=True)
class Difference:
    """One line: ``key`` names the fact, ``profile`` and ``cluster`` are its two values (JSON), None where absent.

    ``applicable`` is False for what can only be reported.
    """

    key: str
    kind: Kind
    message: str
    profile: Any = None
    cluster: Any = None
    applicable: bool = True


def differences(facts: ClusterFacts, profile: ClusterProfile) -> tuple[Difference, ...]:
    """All lines in which the cluster says something else than, or more than, the profile.

    What the cluster did not answer about is never called a difference.
    """
    found: list[Difference] = []
    if "partitions" in facts.answered:
        found += _partitions(facts, profile)
    if "qos" in facts.answered:
        found += _all_qos(facts, profile)
    if "accounts" in facts.answered:
        found += _account(facts, profile)
    if "modules" in facts.answered:
        found += _recipes(facts, profile)
    return tuple(found)


# Partitions

_FACTS = ("nodes", "cores_per_node", "memory_per_node_bytes", "max_walltime_s", "default_walltime_s",
          "max_nodes_per_job", "qos", "accounts")  # fmt: skip
_WORDS = {
    "nodes": "nodes",
    "cores_per_node": "cores per node",
    "memory_per_node_bytes": "memory per node",
    "max_walltime_s": "longest walltime",
    "default_walltime_s": "default walltime",
    "max_nodes_per_job": "nodes per job",
    "qos": "QoS",
    "accounts": "accounts",
    "gpus": "GPUs",
    "billing": "billing weights",
    "max_jobs_per_user": "running jobs per user",
    "max_submitted_per_user": "submitted jobs per user",
    "max_cores_per_user": "cores per user",
    "max_nodes_per_user": "nodes per user",
    "max_gpus_per_user": "GPUs per user",
    "max_cores_per_job": "cores per job",
    "max_gpus_per_job": "GPUs per job",
    "billing_factor": "billing factor",
}


def _partitions(facts: ClusterFacts, profile: ClusterProfile) -> Iterator[Difference]:
    known = {partition.name: partition for partition in profile.partitions}
    there = {partition.name: partition for partition in facts.partitions}
    for found in facts.partitions:
        usual = usual_partition(found)
        if found.name in known:
            yield from _partition(known[found.name], found, usual, facts)
        elif usual is not None and usable(found, facts):
            usual = usual.model_copy(update={"billing": billing(found, facts), "default": False})
            yield Difference(
                f"partitions.{found.name}", "added", f"The partition '{found.name}' is not in the profile.",
                cluster=_fact_document(usual),
            )  # fmt: skip
    for name in known:
        if name not in there:
            presets = [p.name for p in profile.presets if p.resources.partition == name]
            also = f" Its presets ({', '.join(presets)}) go with it." if presets else ""
            yield Difference(
                f"partitions.{name}", "removed", f"The cluster has no partition '{name}'.{also}",
                profile=_document(known[name]),
            )  # fmt: skip
    default = next((p.name for p in profile.partitions if p.default), None)
    real = next((p.name for p in facts.partitions if p.default), None)
    if real and default != real:
        yield Difference(
            "default_partition", "changed" if default else "added",
            f"The cluster's default partition is '{real}'"
            + (f", the profile's is '{default}'." if default else ", the profile names none."),
            profile=default, cluster=real,
        )  # fmt: skip


def usable(found: FoundPartition, facts: ClusterFacts) -> bool:
    """Whether the person's jobs can run there: it is up, and admits one of their accounts."""
    if found.state.upper() not in ("UP", "DRAIN"):
        return False
    mine = {account.name for account in facts.accounts}
    return not found.accounts or not mine or bool(mine & set(found.accounts))


def _partition(
    known: Partition, found: FoundPartition, usual: Partition | None, facts: ClusterFacts
) -> Iterator[Difference]:
    if found.state.upper() != "UP":
        yield Difference(
            f"partitions.{known.name}.state", "changed",
            f"The partition '{known.name}' is {found.state}: no job starts there now.",
            profile="UP", cluster=found.state, applicable=False,
        )  # fmt: skip
    if usual is None:
        return
    for field in _FACTS:
        ours, theirs = getattr(known, field), getattr(usual, field)
        if theirs in (None, ()) or _agree(field, ours, theirs, found):
            continue
        yield _changed(f"partitions.{known.name}.{field}", known.name, field, ours, theirs)
    if usual.gpus and not _same_gpus(known.gpus, usual.gpus):
        yield _changed(
            f"partitions.{known.name}.gpus", known.name, "gpus", _document(known)["gpus"], _document(usual)["gpus"]
        )
    rates = billing(found, facts)
    if rates is not None and rates != known.billing:
        ours = known.billing.model_dump(mode="json") if known.billing else None
        yield _changed(f"partitions.{known.name}.billing", known.name, "billing", ours, rates.model_dump(mode="json"))


def _agree(field: str, ours: Any, theirs: Any, found: FoundPartition) -> bool:
    if field in ("qos", "accounts"):
        return set(ours) == set(theirs)
    if field in ("cores_per_node", "memory_per_node_bytes") and ours is not None:
        # Where nodes differ, the profile may have chosen any kind of them.
        of = {"cores_per_node": "cores", "memory_per_node_bytes": "memory_bytes"}[field]
        return any(getattr(shape, of) == ours for shape in found.shapes)
    return bool(ours == theirs)


def _same_gpus(ours: tuple[GpuType, ...], theirs: tuple[GpuType, ...]) -> bool:
    mine = {gpu.type: gpu for gpu in ours}
    return set(mine) == {gpu.type for gpu in theirs} and all(
        (mine[gpu.type].per_node, mine[gpu.type].mig) == (gpu.per_node, gpu.mig) for gpu in theirs
    )


def billing(found: FoundPartition, facts: ClusterFacts) -> BillingRates | None:
    """The partition's ``TRESBillingWeights`` as rates; ``None`` where it has none."""
    weights = dict(found.billing_weights)
    if not weights:
        return None
    types = {key.partition(":")[2]: value for key, value in weights.items() if key.startswith("gres/gpu:")}
    return BillingRates(
        core=weights.get("cpu", 0.0),
        gpu=weights.get("gres/gpu", 0.0),
        gpu_types=types,
        memory_gb=weights.get("mem", 0.0),
        largest_only="MAX_TRES" in facts.limits.get("PriorityFlags", "").upper(),
    )


# QoS and accounts


def _all_qos(facts: ClusterFacts, profile: ClusterProfile) -> Iterator[Difference]:
    known = {qos.name: qos for qos in profile.qos}
    there = {qos.limits.name: qos for qos in facts.qos}
    for name, found in there.items():
        if name in known:
            yield from _qos(known[name], found.limits)
        elif found.allowed is not False:
            yield Difference(
                f"qos.{name}", "added", f"The QoS '{name}' is not in the profile.", cluster=_document(found.limits)
            )
    for name, ours in known.items():
        if name not in there:
            yield Difference(f"qos.{name}", "removed", f"The cluster has no QoS '{name}'.", profile=_document(ours))
        elif there[name].allowed is False:
            yield Difference(
                f"qos.{name}.allowed", "changed", f"None of your accounts may use the QoS '{name}'.",
                profile=True, cluster=False, applicable=False,
            )  # fmt: skip


def _qos(ours: Qos, theirs: Qos) -> Iterator[Difference]:
    for field in Qos.model_fields:
        if field in ("name", "min_walltime_s"):  # sacctmgr knows no shortest walltime
            continue
        mine, its = getattr(ours, field), getattr(theirs, field)
        if mine == its or (field == "billing_factor" and (mine or 1.0) == (1.0 if its is None else its)):
            continue
        yield _changed(f"qos.{ours.name}.{field}", ours.name, field, mine, its)


def _account(facts: ClusterFacts, profile: ClusterProfile) -> Iterator[Difference]:
    names = [account.name for account in facts.accounts]
    own = next((account.name for account in facts.accounts if account.default), names[0] if len(names) == 1 else None)
    ours = profile.default_account
    if not names or own is None or ours in names:
        return
    if ours:
        message = f"You have no account '{ours}' on the cluster; yours: {', '.join(names[:20])}."
    else:
        message = f"Your account on the cluster is '{own}'; the profile names none."
    yield Difference("default_account", "changed" if ours else "added", message, profile=ours or None, cluster=own)


# NAMD


def _recipes(facts: ClusterFacts, profile: ClusterProfile) -> Iterator[Difference]:
    taken = []
    for recipe in profile.recipes:
        gone = missing_modules(recipe, facts)
        if not gone:
            continue
        other = replacement(recipe, facts.namd)
        words = f"The cluster does not list {_listed(gone)}, which the launch recipe '{recipe.name}' loads."
        if other is not None:
            taken.append(other)
            words += f" NAMD {other.version} of the same kind is in {' '.join(other.modules)}."
        yield Difference(
            f"recipes.{recipe.name}.modules", "changed", words, profile=list(recipe.modules),
            cluster=list(other.modules) if other else None, applicable=other is not None,
        )  # fmt: skip
    names = {recipe.name for recipe in profile.recipes}
    for build in facts.namd:
        if build in taken or any(covers(recipe, build) for recipe in profile.recipes):
            continue
        recipe_found = recipe_for(build, facts)
        if recipe_found is None or recipe_name(build) in names:
            continue
        names.add(recipe_found.name)
        yield Difference(
            f"recipes.{recipe_found.name}", "added",
            f"NAMD {build.version} ({build.kind}) is there; no launch recipe starts it.",
            cluster=recipe_found.model_dump(mode="json", exclude_defaults=True),
        )  # fmt: skip


# Taking over


def apply_differences(profile: ClusterProfile, chosen: Iterable[Difference], date: str) -> ClusterProfile:
    """The profile with the chosen lines as the cluster has them; ``date`` (ISO 8601) is noted beside them.

    Raises InputError (``difference-not-applicable``, ``profile-invalid``).
    """
    lines = list(chosen)
    document = profile.model_dump(mode="json")
    for line in lines:
        if not line.applicable:
            raise InputError(
                f"'{line.key}' can only be reported, not taken over: {line.message}",
                code="difference-not-applicable",
                remedy="Leave it out.",
                context={"key": line.key},
            )
        _take_over(document, line, profile, date)
    if lines:
        document["checked"] = date
        document["sources"] = list(dict.fromkeys([*document["sources"], SOURCE]))
    try:
        return ClusterProfile.model_validate(document)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(
            f"What the cluster says cannot be kept in a profile: {problem['msg']}.",
            code="profile-invalid",
            remedy="Take over fewer lines.",
            context={"key": ".".join(str(part) for part in problem["loc"])},
        ) from error


def _take_over(document: dict[str, Any], line: Difference, profile: ClusterProfile, date: str) -> None:
    kind, _, rest = line.key.partition(".")
    if kind == "default_account":
        document["default_account"] = line.cluster
        return
    if kind == "default_partition":
        for entry in document["partitions"]:
            entry["default"] = entry["name"] == line.cluster
        return
    entries: list[dict[str, Any]] = document[kind]
    if line.kind == "added" and isinstance(line.cluster, dict) and line.cluster.get("name") == rest:
        entry = dict(line.cluster)
        if kind == "partitions":
            entry |= {"recipe": _recipe_name_for(entry, profile), "source": SOURCE, "checked": date}
        entries.append(entry)
        return
    if line.kind == "removed":
        document[kind] = [entry for entry in entries if entry["name"] != rest]
        if kind == "partitions":
            document["presets"] = [p for p in document["presets"] if p["resources"]["partition"] != rest]
        return
    name, _, field = rest.rpartition(".")
    for entry in entries:
        if entry["name"] == name:
            entry[field] = _gpus(entry, line.cluster) if field == "gpus" else line.cluster
            if kind == "partitions":
                entry |= {"source": SOURCE, "checked": date}


def _gpus(entry: dict[str, Any], found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What only the profile knows of a type (cores per GPU, its memory) is kept."""
    known = {gpu["type"]: gpu for gpu in entry.get("gpus", [])}
    kept = ("max_cores_per_gpu", "memory_bytes")
    return [gpu | {key: known.get(gpu["type"], {}).get(key) for key in kept} for gpu in found]


def _recipe_name_for(partition: dict[str, Any], profile: ClusterProfile) -> str:
    wants_gpus = bool(partition.get("gpus"))
    fitting = [recipe.name for recipe in profile.recipes if uses_gpus(recipe) == wants_gpus]
    return (fitting or [profile.recipes[0].name])[0]


# Words


def _document(model: Partition | Qos) -> dict[str, Any]:
    return model.model_dump(mode="json")


def _fact_document(partition: Partition) -> dict[str, Any]:
    return partition.model_dump(mode="json", exclude={"recipe", "source", "checked"})


def _changed(key: str, name: str, field: str, ours: Any, theirs: Any) -> Difference:
    what = _WORDS.get(field, field.replace("_s", "").replace("_", " "))
    ours = list(ours) if isinstance(ours, tuple) else ours
    theirs = list(theirs) if isinstance(theirs, tuple) else theirs
    if ours in (None, []):
        words, kind = f"'{name}', {what}: {_said(field, theirs)}; the profile does not say.", "added"
    elif theirs is None:
        words, kind = f"'{name}', {what}: the cluster sets no limit; the profile says {_said(field, ours)}.", "changed"
    else:
        words, kind = (
            f"'{name}', {what}: {_said(field, theirs)}; the profile says {_said(field, ours)}.", "changed"
        )  # fmt: skip
    return Difference(key, "added" if kind == "added" else "changed", words, profile=ours, cluster=theirs)


def _said(field: str, value: Any) -> str:
    if field.endswith("walltime_s"):
        return format_walltime(value)
    if field.endswith("_bytes"):
        return f"{value / 1024**3:.6g} GB"
    if field == "gpus":
        return ", ".join(f"{gpu['per_node'] or '?'} {gpu['type'] or 'GPU'}" for gpu in value) or "none"
    if field == "billing":
        return ", ".join(
            f"{k} {v:g}" for k, v in value.items() if isinstance(v, (int, float)) and v and k != "largest_only"
        )
    if isinstance(value, list):
        return ", ".join(str(v) for v in value[:20]) or "all"
    return str(value)


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(f"'{word}'" for word in words)
