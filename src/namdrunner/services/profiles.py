"""Cluster profiles as texts that people exchange: read, checked, kept, changed, given away."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from typing import Any

from pydantic import ValidationError

from namdrunner.errors import ConflictError, InputError, NotFoundError
from namdrunner.paths import Folders
from namdrunner.services.clusters import ClusterService
from namdrunner.slurm.profile import ClusterProfile
from namdrunner.slurm.profile_toml import profile_text
from namdrunner.slurm.profiles import list_profiles, load_profile, parse_profile, refuse


class ProfileService:
    """Those that come with NAMDRunner, and the person's own below the data folder."""

    def __init__(self, folders: Folders, clusters: ClusterService) -> None:
        self._folder = folders.profiles
        self._clusters = clusters

    def list(self) -> list[dict[str, Any]]:
        """All that a cluster can use; one of the person's own that cannot be read says so in ``problem``."""
        own = {path.stem: path for path in sorted(self._folder.glob("*.toml")) if not path.name.startswith(".")}
        found = []
        for name in [*own, *(shipped for shipped in list_profiles() if shipped not in own)]:
            entry: dict[str, Any] = {"name": name, "own": name in own, "problem": ""}
            try:
                profile = load_profile(own.get(name, name))
            except InputError as error:
                found.append(entry | {"description": "", "checked": "", "sources": [], "problem": error.message})
                continue
            about = {"description": profile.description, "checked": profile.checked, "sources": [*profile.sources]}
            found.append(entry | about)
        return sorted(found, key=lambda entry: str(entry["name"]))

    def of_cluster(self, name: str) -> dict[str, Any]:
        """The profile a cluster uses: as values, and as TOML text to edit."""
        profile = self._clusters.profile(name)
        reference = self._clusters.stored(name).profile
        return _document(reference, profile) | {"own": reference == f"own-{name}"}

    def save_for_cluster(self, name: str, text: str) -> dict[str, Any]:
        """Give a cluster this text as a profile of its own. Raises InputError (``profile-invalid``)."""
        self._clusters.stored(name)
        self._clusters.save_own_profile(name, parse_profile(text, source=f"own-{name}"))
        return self.of_cluster(name)

    def change_for_cluster(self, name: str, changes: dict[str, str]) -> dict[str, Any]:
        """Set single facts: ``purge_days``, ``partitions.gpu.max_walltime_s``, ``policies.quota_command`` ...

        Values are TOML (``7``, ``true``, ``["a"]``); what is no TOML is taken as text; empty goes back to the default.
        Raises InputError (``profile-key-unknown``, ``profile-invalid``).
        """
        document = self._clusters.profile(name).model_dump(mode="json")
        for key, value in changes.items():
            _set(document, key, _value(value))
        try:
            profile = ClusterProfile.model_validate(document)
        except ValidationError as error:
            raise refuse(f"own-{name}", error) from error
        self._clusters.save_own_profile(name, parse_profile(profile_text(profile), source=f"own-{name}"))
        return self.of_cluster(name)

    def export(self, name: str) -> str:
        """The TOML text of a cluster's profile with how it is reached; nothing in it is secret."""
        cluster, profile = self._clusters.stored(name), self._clusters.profile(name)
        update: dict[str, Any] = {"host": cluster.host, "port": cluster.port, "name": _public_name(name, profile)}
        if cluster.project_root:
            update["project_root"] = cluster.project_root
        if cluster.scratch_root:
            update["scratch_root"] = cluster.scratch_root
        return profile_text(profile.model_copy(update=update))

    def import_text(self, text: str, *, name: str | None = None, replace: bool = False) -> dict[str, Any]:
        """Check a profile and keep it under its name (or the one given): ``{name, host, runs, ...}``.

        ``runs`` are lines of it that jobs or discovery run on the cluster: what to read before trusting a stranger's
        file. Nothing is run now. Raises InputError, ConflictError (``profile-exists``).
        """
        profile = parse_profile(text, source=name or "")
        kept = name or profile.name
        if not replace and ((self._folder / f"{kept}.toml").exists() or kept in list_profiles()):
            raise ConflictError(
                f"There is a profile '{kept}' already.",
                code="profile-exists",
                remedy="Import it under another name with --name.",
            )
        self._clusters.write_profile(kept, profile.model_copy(update={"name": kept}))
        document = _document(kept, load_profile(self._folder / f"{kept}.toml"))
        return document | {"own": True, "host": profile.host, "port": profile.port, "runs": lines_run(profile)}

    def remove(self, name: str) -> None:
        """Delete one of the person's own. Raises NotFoundError, ConflictError (``profile-in-use``)."""
        path = self._folder / f"{name}.toml"
        if "/" in name or name.startswith(".") or not path.is_file():
            raise NotFoundError(
                f"You have no profile '{name}' of your own.", code="profile-unknown", remedy="See the list of profiles."
            )
        users = [c["name"] for c in self._clusters.list() if c["profile"] == name]
        if users:
            raise ConflictError(
                f"The profile '{name}' is used by {', '.join(users)}.",
                code="profile-in-use",
                remedy="Give those clusters another profile first.",
            )
        path.unlink()

    def duplicate(self, name: str, new: str) -> dict[str, Any]:
        """Another cluster like this one, reached in the same way, with a copy of its profile of its own."""
        cluster, profile = self._clusters.stored(name), self._clusters.profile(name)
        self._clusters.add_stored(dataclasses.replace(cluster, name=new, resolved={}))
        return self._clusters.save_own_profile(new, profile)


def lines_run(profile: ClusterProfile) -> list[str]:
    """Shell text in a profile: set-up lines, wrappers, the quota command."""
    found = [line for recipe in profile.recipes for line in (*recipe.setup, recipe.wrapper) if line.strip()]
    return list(dict.fromkeys([*found, *([profile.policies.quota_command] if profile.policies.quota_command else [])]))


def _public_name(cluster: str, profile: ClusterProfile) -> str:
    return cluster if profile.name == f"own-{cluster}" else profile.name


def _document(name: str, profile: ClusterProfile) -> dict[str, Any]:
    return {
        "name": name,
        "profile": profile.model_dump(mode="json"),
        "text": profile_text(profile),
        "checked": profile.checked,
        "sources": list(profile.sources),
    }


def _value(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(json.dumps(tomllib.loads(f"value = {text}")["value"], default=str))
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _set(document: dict[str, Any], key: str, value: Any) -> None:
    """Follow the words of a key through tables, and through lists by the name of their entries."""
    *path, last = _words(key, document)
    place: Any = document
    for word in path:
        place = next((e for e in place if e.get("name") == word), None) if isinstance(place, list) else place.get(word)
        if not isinstance(place, (dict, list)):
            raise _no_such(key)
    if not isinstance(place, dict) or (last not in place and place is not document):
        raise _no_such(key)
    if last not in place:
        raise _no_such(key)
    if value is None:
        place.pop(last)
    else:
        place[last] = value


def _words(key: str, document: dict[str, Any]) -> list[str]:
    """Names of entries may hold dots themselves: ``recipes.namd-3.0.1.binary``."""
    first, _, rest = key.partition(".")
    entries = document.get(first)
    if isinstance(entries, list) and rest:
        name, dot, field = rest.rpartition(".")
        return [first, name, field] if dot else [first, rest]
    return key.split(".")


def _no_such(key: str) -> InputError:
    return InputError(
        f"A profile has no '{key}'.",
        code="profile-key-unknown",
        remedy="Write it as in 'namdrunner cluster export': purge_days, partitions.NAME.max_walltime_s, ...",
        context={"key": key},
    )
