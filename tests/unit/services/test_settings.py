"""Settings: one file, read live, acting; carried to another computer without secrets."""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import REPOSITORY

from namdrunner.errors import InputError
from namdrunner.paths import Folders
from namdrunner.remote.limits import Limits, RequestLimiter, SessionGate
from namdrunner.services.application import Application
from namdrunner.services.clusters import ClusterInput
from namdrunner.services.settings import Settings, SettingsService, parse_settings, settings_text
from namdrunner.services.settings_bundle import parse_bundle
from namdrunner.services.settings_schema import BY_KEY, SECTIONS, SETTINGS, Setting, checked
from namdrunner.services.templates import STARTER
from namdrunner.slurm.profile import ClusterProfile


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders.below(tmp_path).ensure()


@pytest.fixture
def service(folders: Folders) -> SettingsService:
    return SettingsService(folders)


def test_every_setting_is_described_and_its_default_is_allowed() -> None:
    for setting in SETTINGS:
        assert setting.section in SECTIONS
        assert setting.label
        assert setting.help
        if setting.default is not None:
            assert checked(setting, setting.default) == setting.default


def test_what_is_set_is_in_the_file_and_comes_back(service: SettingsService, folders: Folders) -> None:
    service.change({"downloads.folder": "~/results", "limits.burst": "5", "notifications.desktop": "on"})
    assert tomllib.loads(folders.settings.read_text()) == {
        "downloads": {"folder": "~/results"},
        "limits": {"burst": 5},
        "notifications": {"desktop": True},
    }
    assert SettingsService(folders).current().get("limits.burst") == 5
    service.change({"limits.burst": None})
    assert service.current().get("limits.burst") == 10
    assert folders.settings.stat().st_mode & 0o777 == 0o600


def test_an_edit_by_hand_is_seen_and_told(service: SettingsService, folders: Folders) -> None:
    told: list[Settings] = []
    service.on_change = told.append
    folders.settings.write_text("[limits]\nsessions = 4\n")
    assert service.current().limits().sessions == 4
    assert service.current().limits().sessions == 4
    assert len(told) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("limits.sessions", 999),
        ("limits.sessions", 1.5),
        ("limits.sessions", True),
        ("limits.requests_per_s", "nan"),
        ("limits.requests_per_s", "inf"),
        ("polling.floor_s", 0),
        ("appearance.theme", "pink"),
        ("downloads.folder", "relative/folder"),
        ("downloads.folder", "/x\n[limits]"),
        ("defaults.memory", "lots"),
        ("defaults.walltime", "soon"),
        ("defaults.partition", "x" * 501),
        ("notifications.desktop", "perhaps"),
        ("nothing.here", 1),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_changed(
    service: SettingsService, folders: Folders, key: str, value: Any
) -> None:
    with pytest.raises(InputError) as caught:
        service.change({"limits.burst": 5, key: value})
    assert caught.value.code in {"setting-invalid", "setting-unknown"}
    assert caught.value.remedy
    assert not folders.settings.exists()


def test_the_pauses_have_to_agree(service: SettingsService) -> None:
    with pytest.raises(InputError):
        service.change({"polling.floor_s": 300, "polling.ceiling_s": 100})


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"[limits\n", b"x = " + b"[" * 5000, b"a" * 300_000, b"limits = 3", b"[limits]\nburst = 'x'\n"],
)
def test_a_damaged_file_is_told_kept_and_does_no_harm(
    service: SettingsService, folders: Folders, content: bytes
) -> None:
    folders.settings.write_bytes(content)
    assert service.current().get("limits.burst") == 10
    assert service.describe()["problems"]
    service.change({"limits.burst": 7})
    assert service.describe()["problems"] == []
    assert folders.settings.with_suffix(".toml.before").read_bytes() == content


@given(st.dictionaries(st.sampled_from(sorted(BY_KEY)), st.text() | st.integers() | st.floats() | st.booleans()))
def test_whatever_is_accepted_is_read_as_it_was(values: dict[str, Any]) -> None:
    accepted = {}
    for key, value in values.items():
        try:
            accepted[key] = checked(BY_KEY[key], value)
        except InputError:
            continue
    read = parse_settings(tomllib.loads(settings_text(accepted)))
    assert (read.values, read.problems) == (accepted, ())


def test_pauses_are_never_shorter_than_the_sites() -> None:
    profile = ClusterProfile(polling_floor_s=60, polling_ceiling_s=600)
    quick = Settings({"polling.floor_s": 10, "polling.ceiling_s": 30}).paced(profile)
    assert (quick.polling_floor_s, quick.polling_ceiling_s) == (60, 60)
    slow = Settings({"polling.floor_s": 900}).paced(profile)
    assert (slow.polling_floor_s, slow.polling_ceiling_s) == (900, 900)
    assert Settings().paced(profile) == profile


def test_default_resources_are_for_the_default_cluster() -> None:
    settings = Settings({"defaults.cluster": "alpine", "defaults.partition": "acpu", "defaults.cores": 8})
    assert settings.resources_for("alpine") == {"partition": "acpu", "cores": 8}
    assert settings.resources_for("other") == {}
    assert Settings({"defaults.cores": 8}).resources_for("other") == {"cores": 8}


async def test_limits_change_while_they_are_used() -> None:
    limiter, gate = RequestLimiter(Limits()), SessionGate(Limits())
    limiter.use(Limits(requests_per_s=1, burst=2))
    assert (limiter.document()["requests_per_s"], limiter.document()["available"]) == (1, 2)
    gate.use(Limits(sessions=3))
    async with gate.session():
        assert gate.document()["sessions_allowed"] == 3
        gate.refused()
    gate.use(Limits(sessions=12))
    # What the server refused is not tried again before the next login.
    assert gate.document()["sessions_allowed"] == 2


async def test_settings_act_in_the_server(folders: Folders) -> None:
    application = await Application.open(folders)
    try:
        application.clusters.add(ClusterInput("alpine", "login.example"))
        floor = application.clusters.pace("alpine").polling_floor_s
        folders.settings.write_text(f"[polling]\nfloor_s = {floor + 100}\n[limits]\nsessions = 5\n")
        assert application.clusters.pace("alpine").polling_floor_s == floor + 100
        assert application.connections._limits.sessions == 5
    finally:
        await application.close()


async def test_everything_is_carried_to_another_computer(tmp_path: Path) -> None:
    first = await Application.open(Folders.below(tmp_path / "a").ensure())
    second = await Application.open(Folders.below(tmp_path / "b").ensure())
    try:
        first.settings.change({"limits.burst": 5})
        first.clusters.add(ClusterInput("alpine", "login.example", user="ralphie"))
        stored = first.clusters.stored("alpine")
        first.clusters._repository.save(dataclasses.replace(stored, identity_file="/home/r/.ssh/id"))
        first.templates.save(STARTER)
        text = json.dumps(first.bundles.export())
        assert "password" not in text
        assert "resolved" not in text
        report = second.bundles.import_(parse_bundle(text))
        assert report["problems"] == ["cluster alpine: the key file /home/r/.ssh/id is not on this computer."]
        assert set(report["added"]) == {"cluster alpine", "template my_template"}
        assert second.bundles.export()["templates"] == first.bundles.export()["templates"]
        assert second.clusters.get("alpine")["user"] == "ralphie"
        assert second.settings.current().get("limits.burst") == 5
        again = second.bundles.import_(parse_bundle(text))
        assert set(again["kept"]) == {"cluster alpine", "template my_template"}
        replaced = second.bundles.import_(parse_bundle(text), replace=True)
        assert {"cluster alpine", "template my_template"} <= set(replaced["replaced"])
    finally:
        await first.close()
        await second.close()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"format": 99},
        {"format": 1, "settings": []},
        {"format": 1, "clusters": [5]},
        {"format": 1, "clusters": {"a": 1}},
        {"format": 1, "templates": {"../../x": STARTER}},
        {"format": 1, "templates": {"x": "#@ template x v1 'x'\n{{ ''.__class__ }}"}},
        {"format": 1, "templates": {"x": 5}},
        {"format": 1, "profiles": {"x": None}},
    ],
)
async def test_hostile_imports_change_nothing(folders: Folders, document: dict[str, Any]) -> None:
    application = await Application.open(folders)
    try:
        with pytest.raises(InputError) as caught:
            application.bundles.import_(parse_bundle(json.dumps(document)))
        assert caught.value.code == "settings-import-invalid"
        assert not folders.templates.exists()
    finally:
        await application.close()


async def test_parts_that_cannot_be_taken_are_told(folders: Folders) -> None:
    application = await Application.open(folders)
    try:
        document = {
            "format": 1,
            "settings": {"limits.burst": 1e9, "nothing": 1},
            "clusters": [{"name": "a b", "host": "x"}, {"name": "ok", "host": "h", "port": "many"}, {"name": "c"}],
            "profiles": {"../../evil": "name = 'x'", "bad": "["},
        }
        report = application.bundles.import_(document)
        assert len(report["problems"]) == 7
        assert report["added"] == []
        assert application.clusters.list() == []
    finally:
        await application.close()


@pytest.mark.parametrize("text", ["", "[1]", "{" * 100_000, "[" * 100_000, '{"a": ' * 50_000])
def test_what_is_no_export_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_bundle(text)


def test_the_documentation_lists_every_setting() -> None:
    page = REPOSITORY / "docs" / "using" / "settings.md"
    begin, end = "<!-- settings: written by a test -->\n", "<!-- end -->\n"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    rows = "".join(_row(setting) for setting in SETTINGS)
    wanted = f"{before}{begin}| setting | values | default | meaning |\n| --- | --- | --- | --- |\n{rows}{end}"
    wanted += rest.split(end)[1]
    if text != wanted and "NAMDRUNNER_UPDATE_GOLDEN" in os.environ:
        page.write_text(wanted, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == wanted


def _row(setting: Setting) -> str:
    values = ", ".join(f"`{choice}`" for choice in setting.choices) or {"boolean": "`on`, `off`"}.get(setting.type, "")
    if setting.minimum is not None and setting.maximum is not None:
        values = f"{setting.minimum:g} to {setting.maximum:,.10g}{f' {setting.unit}' if setting.unit else ''}"
    default = {True: "on", False: "off", None: ""}.get(setting.default, setting.default)  # type: ignore[arg-type]
    default = f"{default:g}" if isinstance(default, int | float) else default
    return f"| `{setting.key}` | {values or 'text'} | {default} | {setting.label}. {setting.help} |\n"
