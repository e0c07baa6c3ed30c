"""The UI in a window of its own, drawn by the web view that the system has."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from namdrunner.errors import UsageError
from namdrunner.paths import Folders

WIDTH, HEIGHT = 1280, 800
_SMALLEST = (900, 600)
_LEAVE_OUT = "or leave --window out: the UI then opens in the browser."


def show_window(url: str, folders: Folders) -> None:
    """Blocks until the window is closed; the server goes on.

    Raises UsageError: ``window-missing`` without the extra, ``window-no-display`` without a desktop,
    ``window-no-web-view`` where the system has nothing that shows web pages.
    """
    webview = _load()
    if not _has_display():
        raise UsageError(
            "There is no desktop here to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set.",
            code="window-no-display",
            remedy=f"Log in to a desktop, use ssh -X, {_LEAVE_OUT}",
        )
    # What its back ends miss is said below in one sentence; its own words are for its developers.
    logging.getLogger("pywebview").setLevel(logging.CRITICAL)
    webview.settings["ALLOW_DOWNLOADS"] = True
    webview.create_window(
        "NAMDRunner", url, width=WIDTH, height=HEIGHT, min_size=_SMALLEST, text_select=True, zoomable=True
    )
    try:
        # Kept: the theme and drafts, which live in the page's own storage.
        webview.start(private_mode=False, storage_path=str(_storage(folders)))
    except Exception as error:
        if not _is_about_the_web_view(error):
            raise
        raise UsageError(
            "This system has no web view that a window could be made of.",
            code="window-no-web-view",
            remedy=f"{_REMEDIES.get(sys.platform, _REMEDIES['linux'])}, {_LEAVE_OUT}",
            context={"detail": str(error)},
        ) from error


_REMEDIES = {
    "linux": "Install one with `pip install 'pywebview[qt]'` or, from the distribution, WebKitGTK for Python "
    "(Debian: python3-gi gir1.2-webkit2-4.1)",
    "win32": "Install Microsoft's WebView2 runtime",
    "darwin": "Install pyobjc again with `pip install --force-reinstall 'namdrunner[window]'`",
}


def _load() -> Any:
    try:
        import webview
    except ImportError:
        raise UsageError(
            "Windows of its own need the extra 'window', which is not installed.",
            code="window-missing",
            remedy=f"Install it with `pip install 'namdrunner[window]'`, {_LEAVE_OUT}",
        ) from None
    return webview


def _has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _storage(folders: Folders) -> Path:
    folder = folders.state / "window"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _is_about_the_web_view(error: Exception) -> bool:
    return type(error).__name__ == "WebViewException" or isinstance(error, ImportError)
