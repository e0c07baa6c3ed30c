"""From what a person asks for to everything that would be sent: the plan of a job. Nothing leaves the machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from namdrunner import __version__
from namdrunner.errors import ConfigError, InputError, NamdrunnerError, NotFoundError, UsageError
from namdrunner.jobs.folders import check_name, job_folder, new_job_id
from namdrunner.jobs.record import InputFile, JobRecord, RunPlan, TemplateRef
from namdrunner.namd.config import NamdConfig, evaluate_tolerantly, read_config_text
from namdrunner.namd.references import output_paths, referenced_files
from namdrunner.services.clean_stop import with_clean_stop
from namdrunner.services.config_tree import build_tree
from namdrunner.services.job_request import JobPlan, JobRequest, PlannedFile, resolve_resources
from namdrunner.services.preflight import findings_of
from namdrunner.services.script_spec import script_spec
from namdrunner.services.templates import TemplateService
from namdrunner.slurm.geometry import choose_partition, choose_recipe
from namdrunner.slurm.profile import ClusterProfile, LaunchRecipe
from namdrunner.slurm.resources import Resources
from namdrunner.slurm.script import build_job_script
from namdrunner.slurm.validation import validate_resources

UNRESOLVED = ("/project_root", "/scratch_root")
"""Stand-ins for the roots in a dry run before the cluster was ever connected."""


LINKED_BYTES = 1024 * 1024


def plan_job(
    request: JobRequest,
    profile: ClusterProfile,
    roots: tuple[str, str] | None,
    templates: TemplateService,
    now: datetime,
) -> JobPlan:
    """Evaluate, check and lay out a job; reads files, writes nothing but a temporary folder.

    Raises UsageError, NotFoundError, InputError, ConfigError or TemplateError for what cannot be planned at all; what
    merely looks wrong is a finding.
    """
    if (request.template is None) == (request.config is None):
        raise UsageError(
            "A job is made either from a template or from a config.",
            code="job-source-missing",
            remedy="Give --template ID or --config FILE, not both.",
        )
    name = check_name(request.name)
    resources = resolve_resources(request, profile)
    job_id = new_job_id(name, now)
    project, scratch = roots or UNRESOLVED
    base = {
        "id": job_id,
        "name": name,
        "cluster": request.cluster,
        "created_at": now,
        "resources": resources,
        "recipe": _recipe(request, resources, profile),
        "project_dir": job_folder(project, job_id),
        "scratch_dir": job_folder(scratch, job_id),
        "parent": request.parent,
        "namdrunner": __version__,
    }
    if request.config is not None:
        planned = _from_config(Path(request.config), base, profile)
    else:
        planned = _from_template(request, base, profile, templates)
    return with_clean_stop(planned, request, profile)


def _recipe(request: JobRequest, resources: Resources, profile: ClusterProfile) -> str:
    return choose_recipe(profile, choose_partition(resources, profile), request.resources.recipe).name


def _recipe_named(profile: ClusterProfile, name: str) -> LaunchRecipe:
    return next(r for r in profile.recipes if r.name == name)


def _from_config(path: Path, base: dict[str, Any], profile: ClusterProfile) -> JobPlan:
    path = path.expanduser().absolute()
    _check_encodable(path)
    if not path.is_file():
        raise NotFoundError(
            f"There is no config file {path}.",
            code="config-not-found",
            remedy="Check the path.",
            context={"file": str(path)},
        )
    text = _exact_text(path)
    config = evaluate_tolerantly(path)
    if config.failure is not None and not config.failure.after_startup:
        _raise_syntax(config)
    tree = build_tree(config, text)
    files = tuple(_planned(f.source, f.name, f.role, f.text) for f in tree.files)
    findings, summary = findings_of(config, _recipe_named(profile, base["recipe"]))
    run = _run_plan(config, summary, inputs_dir=".", config_path=tree.config, output_dirs=tree.output_dirs)
    record = JobRecord(**base, inputs=_inputs(files), run=run)
    return _plan(record, tree.text, files, findings, summary, profile, tree.on_cluster)


def _from_template(
    request: JobRequest, base: dict[str, Any], profile: ClusterProfile, templates: TemplateService
) -> JobPlan:
    rendered = templates.render_job(request.template or "", request.values, request.files)
    files = tuple(_planned(source, name, role, None) for source, name, role in rendered.files)
    with _run_folder(rendered.text, files) as folder:
        path = folder / "config.namd"
        config = evaluate_tolerantly(path, root=folder)
        if config.failure is not None:
            _raise_syntax(config)
        found, about = findings_of(config, _recipe_named(profile, base["recipe"]))
        findings, summary = _without(found, folder), _without(about, folder)
        outputs = {os.path.relpath(o.path.parent, folder) for o in output_paths(config)} - {"."}
        dirs = tuple(sorted({o.replace(os.sep, "/") for o in outputs} | {"outputs"}))
        run = _run_plan(config, summary, inputs_dir="input_files", config_path="config.namd", output_dirs=dirs)
        roles = {r.path.name: r.keyword for r in referenced_files(config)}
    inputs = tuple(i.model_copy(update={"role": roles.get(i.name, i.role)}) for i in _inputs(files))
    record = JobRecord(
        **base,
        template=TemplateRef(id=rendered.template_id, version=rendered.template_version),
        values=rendered.values,
        inputs=inputs,
        run=run,
    )
    return _plan(record, rendered.text, files, findings, summary, profile, ())


@contextlib.contextmanager
def _run_folder(text: str, files: tuple[PlannedFile, ...]) -> Iterator[Path]:
    """The run folder as it will be on the cluster, made of links, so that the config can be evaluated in place."""
    with tempfile.TemporaryDirectory(prefix="namdrunner-plan-") as name:
        folder = Path(name).resolve()
        (folder / "input_files").mkdir()
        (folder / "outputs").mkdir()
        (folder / "config.namd").write_text(text, encoding="utf-8")
        for file in files:
            _place(file, folder / "input_files" / file.name)
        yield folder


def _without(value: Any, folder: Path) -> Any:
    """The same document with paths in the temporary folder written as they will be on the cluster."""
    if isinstance(value, str):
        return value.replace(f"{folder}{os.sep}", "")
    if isinstance(value, list):
        return [_without(item, folder) for item in value]
    if isinstance(value, dict):
        return {key: _without(item, folder) for key, item in value.items()}
    return value


def _place(file: PlannedFile, target: Path) -> None:
    """Small files are copied: a config may only read what really lies in its folder. Large ones are linked."""
    if file.bytes > LINKED_BYTES:
        with contextlib.suppress(OSError):
            target.symlink_to(file.source)
            return
    shutil.copyfile(file.source, target)


def _plan(
    record: JobRecord,
    config: str,
    files: tuple[PlannedFile, ...],
    findings: list[dict[str, Any]],
    summary: dict[str, Any],
    profile: ClusterProfile,
    on_cluster: tuple[str, ...],
) -> JobPlan:
    remarks = [resource_finding(f) for f in validate_resources(record.resources, profile, recipe=record.recipe)]
    script = build_job_script(script_spec(record, profile))
    return JobPlan(record, config, script, files, tuple(remarks + findings), summary, on_cluster)


def resource_finding(finding: Any) -> dict[str, Any]:
    """A remark on the resources as a finding of the check; ``keyword`` is the field of the request."""
    values = asdict(finding)
    values["keyword"] = values.pop("field")
    return values | {"file": None, "line": None, "about": "resources"}


def _exact_text(path: Path) -> str:
    """The config's text with bytes that are not UTF-8 kept, so that it is sent exactly as it is."""
    read_config_text(path)  # refuses what is too large to be a config
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _run_plan(
    config: NamdConfig, summary: dict[str, Any], *, inputs_dir: str, config_path: str, output_dirs: tuple[str, ...]
) -> RunPlan:
    open_ended = config.endless or config.failure is not None
    return RunPlan(
        inputs_dir=inputs_dir,
        config=config_path,
        output_dirs=output_dirs,
        output_names=config.output_names,
        first_step=config.first_step,
        target_step=None if open_ended else config.target_step,
        timestep_fs=config.timestep_fs,
        atoms=summary.get("atoms"),
    )


def _inputs(files: tuple[PlannedFile, ...]) -> tuple[InputFile, ...]:
    return tuple(
        InputFile(name=f.name, bytes=f.bytes, sha256=f.sha256, role=f.role, source=str(f.source)) for f in files
    )


def _check_encodable(path: Path) -> None:
    """The record of a job is UTF-8, and so are the names in it. Raises InputError (``file-name-invalid``)."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise InputError(
            f"The name of {shown} is not UTF-8.",
            code="file-name-invalid",
            remedy="Rename the file (or its folder), and what refers to it.",
            context={"file": shown},
        ) from None


def _planned(source: Path, name: str, role: str, text: str | None) -> PlannedFile:
    _check_encodable(source)
    if text is not None:
        data = text.encode("utf-8", "surrogateescape")
        return PlannedFile(source, name, role, len(data), hashlib.sha256(data).hexdigest(), text)
    try:
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            size = stream.tell()
    except OSError as error:
        raise InputError(
            f"The file {source} cannot be read: {error.strerror}.",
            code="file-unreadable",
            remedy="Check that it exists and that you may read it.",
            context={"file": str(source)},
        ) from error
    return PlannedFile(source, name, role, size, digest)


def _raise_syntax(config: NamdConfig) -> None:
    failure = config.failure
    if failure is None:
        return
    where = f"{failure.file.name}, line {failure.line}" if failure.line else failure.file.name
    raise ConfigError(
        f"The config stops with an error in {where}: {failure.message}",
        code="config-syntax",
        remedy="Put that file beside the config or into a folder near it; other folders are not read."
        if "outside the folder" in failure.message
        else "Correct that line; NAMD would stop there too.",
        context={"file": str(failure.file), "line": failure.line},
    )


def error_findings(plan: JobPlan) -> NamdrunnerError:
    """The error for a job whose checks found errors, when the person has not said to go on all the same."""
    errors = plan.errors
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return InputError(
        f"{errors[0]['message']}{more}",
        code="preflight-failed",
        remedy=f"{errors[0]['remedy']} To send it all the same, use --force.".strip(),
        context={"findings": errors[:50]},
    )
