"""The cluster profiles that come with NAMDRunner, and those that people write."""

from __future__ import annotations

import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from namdrunner.errors import InputError, NotFoundError
from namdrunner.slurm.profile import ClusterProfile

MAX_PROFILE_BYTES = 1024 * 1024


def _shipped() -> dict[str, Traversable]:
    folder = resources.files("namdrunner.slurm").joinpath("profiles")
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda entry: entry.name)
    return {entry.name.removesuffix(".toml"): entry for entry in files}


def list_profiles() -> tuple[str, ...]:
    """Names of the shipped profiles."""
    return tuple(_shipped())


def load_profile(source: str | Path) -> ClusterProfile:
    """A shipped profile by name, or any profile by the path of its TOML file.

    Raises NotFoundError (``profile-unknown``) and InputError (``profile-invalid``).
    """
    shipped = _shipped()
    if str(source) in shipped:
        return parse_profile(shipped[str(source)].read_text(encoding="utf-8"), source=str(source))
    path = Path(source)
    if not path.is_file():
        raise NotFoundError(
            f"There is no cluster profile '{source}'.",
            code="profile-unknown",
            remedy=f"Use one of {', '.join(shipped)}, or the path of a profile file.",
        )
    if path.stat().st_size > MAX_PROFILE_BYTES:
        raise _invalid(str(source), "the file is larger than 1 MB")
    try:
        return parse_profile(path.read_text(encoding="utf-8"), source=str(source))
    except UnicodeDecodeError as error:
        raise _invalid(str(source), "it is not UTF-8 text") from error


def parse_profile(text: str, *, source: str = "") -> ClusterProfile:
    """A profile from TOML text. Raises InputError (``profile-invalid``) naming what is wrong and where."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_PROFILE_BYTES:
        raise _invalid(source, "it is larger than 1 MB")
    try:
        profile = ClusterProfile.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _invalid(source, str(error) or "it is nested too deeply") from error
    except ValidationError as error:
        raise refuse(source, error) from error
    except ValueError as error:  # a number of thousands of digits
        raise _invalid(source, "a number in it is too long") from error
    problem = _contradiction(profile)
    if problem:
        raise _invalid(source, problem)
    return profile


def refuse(source: str, error: ValidationError) -> InputError:
    """The error for facts that do not fit a profile, naming each key."""
    problems = [(".".join(str(part) for part in problem["loc"]), problem["msg"]) for problem in error.errors()[:5]]
    found = _invalid(source, "; ".join(f"{key[:200]}: {message[:300]}" for key, message in problems))
    found.context["keys"] = [key for key, _ in problems]
    return found


def _contradiction(profile: ClusterProfile) -> str:
    recipes = [recipe.name for recipe in profile.recipes]
    if not recipes:
        return "it has no launch recipe"
    for kind, names in (
        ("recipe", recipes),
        ("partition", [partition.name for partition in profile.partitions]),
        ("QoS", [qos.name for qos in profile.qos]),
        ("preset", [preset.name for preset in profile.presets]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            return f"the {kind} '{twice[0]}' is there twice"
    for partition in profile.partitions:
        if partition.recipe not in recipes:
            return f"the partition '{partition.name}' names a recipe '{partition.recipe}' that is not there"
    known_qos = {qos.name for qos in profile.qos}
    for partition in profile.partitions:
        strangers = [name for name in partition.qos if known_qos and name not in known_qos]
        if strangers:
            return f"the partition '{partition.name}' names a QoS '{strangers[0]}' that is not there"
    defaults = [partition.name for partition in profile.partitions if partition.default]
    return f"the partitions {' and '.join(defaults)} are both the default" if len(defaults) > 1 else ""


def _invalid(source: str, reason: str) -> InputError:
    name = f" '{source}'" if source else ""
    return InputError(
        f"The cluster profile{name} cannot be used: {reason}.",
        code="profile-invalid",
        remedy="Correct the file; the shipped profiles show what belongs where.",
        context={"source": source},
    )
