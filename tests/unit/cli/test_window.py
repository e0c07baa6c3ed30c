from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from namdrunner.cli.window import show_window
from namdrunner.errors import UsageError
from namdrunner.paths import Folders

URL = "http://127.0.0.1:1/open?token=x"


class WebViewException(Exception):
    """Named as pywebview's own."""


class FakeWebView(ModuleType):
    """Takes what pywebview would be told; ``error`` is raised when the window should appear."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__("webview")
        self.settings: dict[str, Any] = {}
        self.windows: list[tuple[Any, dict[str, Any]]] = []
        self.started: dict[str, Any] = {}
        self.error = error

    def create_window(self, *arguments: Any, **options: Any) -> None:
        self.windows.append((arguments, options))

    def start(self, **options: Any) -> None:
        self.started = options
        if self.error is not None:
            raise self.error


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders.below(tmp_path)


def test_a_window_shows_the_server_and_keeps_its_storage(monkeypatch: pytest.MonkeyPatch, folders: Folders) -> None:
    fake = FakeWebView()
    monkeypatch.setitem(sys.modules, "webview", fake)
    monkeypatch.setenv("DISPLAY", ":9")
    show_window(URL, folders)
    ((arguments, options),) = fake.windows
    assert arguments == ("NAMDRunner", URL)
    assert options["text_select"] is True
    assert fake.settings["ALLOW_DOWNLOADS"] is True
    assert fake.started["private_mode"] is False
    assert Path(fake.started["storage_path"]).is_dir()


def refusal(folders: Folders) -> UsageError:
    with pytest.raises(UsageError) as error:
        show_window(URL, folders)
    assert "--window" in error.value.remedy
    return error.value


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, folders: Folders) -> None:
    monkeypatch.setitem(sys.modules, "webview", None)
    error = refusal(folders)
    assert (error.code, "namdrunner[window]" in error.remedy) == ("window-missing", True)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="a desktop is always there")
def test_without_a_desktop(monkeypatch: pytest.MonkeyPatch, folders: Folders) -> None:
    monkeypatch.setitem(sys.modules, "webview", FakeWebView())
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert refusal(folders).code == "window-no-display"


@pytest.mark.parametrize("error", [WebViewException("You must have either QT or GTK"), ImportError("no gi")])
def test_without_a_web_view(monkeypatch: pytest.MonkeyPatch, folders: Folders, error: Exception) -> None:
    monkeypatch.setitem(sys.modules, "webview", FakeWebView(error))
    monkeypatch.setenv("DISPLAY", ":9")
    assert refusal(folders).code == "window-no-web-view"


def test_another_failure_is_not_hidden(monkeypatch: pytest.MonkeyPatch, folders: Folders) -> None:
    monkeypatch.setitem(sys.modules, "webview", FakeWebView(ValueError("other")))
    monkeypatch.setenv("DISPLAY", ":9")
    with pytest.raises(ValueError, match="other"):
        show_window(URL, folders)
