"""Everything a person set up, in one file to carry to another computer: settings, clusters, profiles, templates.

There are no secrets in it: passwords and keys are kept nowhere, and of an identity file only its path is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from namdrunner import __version__
from namdrunner.errors import InputError, NamdrunnerError
from namdrunner.paths import Folders
from namdrunner.services.clusters import ClusterInput, ClusterService
from namdrunner.services.settings import SettingsService
from namdrunner.services.template_store import TemplateStore
from namdrunner.services.templates import TemplateService
from namdrunner.slurm.profiles import parse_profile
from namdrunner.templates.parser import parse_template

FORMAT = 1
MAX_BYTES = 7 * 1024 * 1024
_FIELDS = ("host", "port", "user", "identity_file", "profile", "project_root", "scratch_root")


class BundleService:
    def __init__(
        self, folders: Folders, settings: SettingsService, clusters: ClusterService, templates: TemplateService
    ) -> None:
        self._folders = folders
        self._settings = settings
        self._clusters = clusters
        self._templates = templates

    def export(self) -> dict[str, Any]:
        store = TemplateStore(self._folders.templates)
        return {
            "namdrunner": __version__,
            "format": FORMAT,
            "settings": dict(self._settings.current().values),
            "clusters": [
                {"name": cluster["name"], **{f: cluster[f] for f in _FIELDS if cluster.get(f) not in (None, "")}}
                for cluster in (asdict(self._clusters.stored(c["name"])) for c in self._clusters.list())
            ],
            "profiles": self._profiles(),
            "templates": {ident: store.read(ident) for ident in store.ids()},
        }

    def _profiles(self) -> dict[str, str]:
        folder = self._folders.profiles
        found = sorted(folder.glob("*.toml")) if folder.is_dir() else []
        return {path.stem: path.read_text(encoding="utf-8", errors="replace") for path in found}

    def import_(self, document: Mapping[str, Any], *, replace: bool = False) -> dict[str, Any]:
        """Take over what is there. All of it is checked before anything is changed.

        What is here already stays as it is unless ``replace``. Answers what was done with each part.
        Raises InputError (``settings-import-invalid``).
        """
        parts = _checked(document)
        report: dict[str, list[str]] = {"added": [], "replaced": [], "kept": [], "problems": []}
        self._take_settings(parts["settings"], report)
        for name, text in parts["profiles"].items():
            here = (self._folders.profiles / f"{name}.toml").is_file()
            _take(report, f"profile {name}", here, replace, partial(self._write_profile, name, text))
        for entry in parts["clusters"]:
            self._take_cluster(entry, replace, report)
        known = set(TemplateStore(self._folders.templates).ids())
        for ident, text in parts["templates"].items():
            save = partial(self._templates.save, text, replace=True)
            _take(report, f"template {ident}", ident in known, replace, save)
        return report

    def _take_settings(self, values: Mapping[str, Any], report: dict[str, list[str]]) -> None:
        for key, value in values.items():
            try:
                self._settings.change({key: value})
                report["replaced"].append(f"setting {key}")
            except InputError as error:
                report["problems"].append(f"{error.message} {error.remedy}")

    def _write_profile(self, name: str, text: str) -> None:
        self._clusters.write_profile(name, parse_profile(text, source=name))

    def _take_cluster(self, entry: Mapping[str, Any], replace: bool, report: dict[str, list[str]]) -> None:
        name = str(entry["name"])
        here = any(cluster["name"] == name for cluster in self._clusters.list())
        fields = {key: value for key, value in entry.items() if key in _FIELDS}
        key_file = fields.get("identity_file")
        if isinstance(key_file, str) and not Path(key_file).expanduser().is_file():
            # The key itself is never carried along: without it the usual ones are tried.
            del fields["identity_file"]
            report["problems"].append(f"cluster {name}: the key file {key_file[:200]} is not on this computer.")
        if here:
            _take(report, f"cluster {name}", True, replace, lambda: self._clusters.edit(name, fields))
        else:
            _take(report, f"cluster {name}", False, replace, lambda: self._clusters.add(ClusterInput(name, **fields)))


def _take(report: dict[str, list[str]], what: str, here: bool, replace: bool, work: Callable[[], object]) -> None:
    if here and not replace:
        report["kept"].append(what)
        return
    try:
        work()
        report["replaced" if here else "added"].append(what)
    except (NamdrunnerError, TypeError, OSError) as error:
        words = f"{error.message} {error.remedy}" if isinstance(error, NamdrunnerError) else str(error)
        report["problems"].append(f"{what}: {words}".strip())


def parse_bundle(text: str) -> dict[str, Any]:
    """The document of an exported file. Raises InputError (``settings-import-invalid``)."""
    if len(text) > MAX_BYTES:
        raise _invalid("it is larger than 7 MB")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"it is not JSON ({str(error)[:100]})") from error
    if not isinstance(document, dict):
        raise _invalid("it holds no settings")
    return document


def _checked(document: Mapping[str, Any]) -> dict[str, Any]:
    version = document.get("format")
    if version != FORMAT:
        raise _invalid(f"its format is {str(version)[:20]}, and this version reads format {FORMAT}")
    settings, clusters = document.get("settings", {}), document.get("clusters", [])
    profiles, templates = document.get("profiles", {}), document.get("templates", {})
    if not isinstance(settings, dict) or not isinstance(profiles, dict) or not isinstance(templates, dict):
        raise _invalid("settings, profiles and templates have to be objects")
    if not isinstance(clusters, list) or not all(
        isinstance(c, dict) and isinstance(c.get("name"), str) for c in clusters
    ):
        raise _invalid("clusters has to be a list of objects with a name")
    if len(clusters) > 200 or len(profiles) > 200 or len(templates) > 1000:
        raise _invalid("it holds too much")
    for name, text in [*profiles.items(), *templates.items()]:
        if not isinstance(text, str):
            raise _invalid(f"'{name[:80]}' is no text")
    for ident, text in templates.items():
        try:
            found = parse_template(text)
        except NamdrunnerError as error:
            raise _invalid(f"the template '{ident[:80]}' cannot be used: {error.message}") from error
        if found.id != ident:
            raise _invalid(f"the template '{ident[:80]}' calls itself '{found.id}'")
    return {"settings": settings, "clusters": clusters, "profiles": profiles, "templates": templates}


def _invalid(reason: str) -> InputError:
    return InputError(
        f"The file cannot be imported: {reason}.",
        code="settings-import-invalid",
        remedy="Choose a file that `namdrunner settings export` has written.",
    )
