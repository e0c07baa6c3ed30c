"""Showing the UI: in the browser, or in a window of its own."""

from __future__ import annotations

import os
import sys

from namdrunner.cli.output import say, write_json, write_text
from namdrunner.cli.session import open_client
from namdrunner.paths import Folders


def open_ui(*, window: bool, as_json: bool) -> int:
    """Start the server where none runs and show the UI; always prints its address, which works once."""
    with open_client() as client:
        url = client.open_ticket()["url"]
    if window:
        from namdrunner.cli.window import show_window

        show_window(url, Folders.default())
        return 0
    opened = open_browser(url)
    if as_json:
        write_json({"url": url, "opened": opened})
    elif opened:
        say("NAMDRunner is open in the browser. End its server with `namdrunner stop`.")
    else:
        say("Open this address in a browser (it works once, within ten minutes):")
        write_text(url + "\n")
    return 0


def open_browser(url: str) -> bool:
    """False where there is no desktop: a text browser in the terminal would only be in the way."""
    desktop = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if not desktop:
        return False
    import webbrowser

    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
