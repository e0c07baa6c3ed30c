"""Headless Chromium, driven over its debugging pipe: open a page, wait for what a person would see, click, look."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--no-sandbox",  # the tests run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Without these it looks for updates and its maker's hosts.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--window-size=1280,900",
)


def find_chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


SHOWN = "document.body ? document.body.innerText : ''"

PASSING = ("context was destroyed", "Cannot find", "navigated or closed")
"""What the browser says to a script that came between one page and the next."""


class PageError(AssertionError):
    """The page did not show in time what it should, or a script of the test failed in it."""


class Chromium:
    """One browser with one page. ``profile`` is an empty folder for its cookies and caches."""

    def __init__(self, program: str, profile: Path, options: Sequence[str] = ()) -> None:
        # The pipe's ends have to be descriptors 3 (commands) and 4 (answers) of the browser.
        commands_out, commands_in = os.pipe()
        answers_out, answers_in = os.pipe()
        shell = f'exec 3<&{commands_out} 4>&{answers_in}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", program, *OPTIONS, *options, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(commands_out, answers_in),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands_out)
        os.close(answers_in)
        self._commands = os.fdopen(commands_in, "wb", buffering=0)
        self._answers = os.fdopen(answers_out, "rb", buffering=0)
        self._unread = bytearray()
        self._last_id = 0
        self._session = ""
        self.console: list[str] = []
        """Errors that the page's scripts reported."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._commands.close()
        self._answers.close()

    def new_tab(self) -> str:
        """Open another tab and go on in it; returns what ``to_tab`` takes to come back to the one before."""
        before = self._session
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self.to_tab(self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        return before

    def to_tab(self, tab: str) -> str:
        """Go on in this tab; returns the one before."""
        before, self._session = self._session, tab
        return before

    def reload(self) -> None:
        """Load the page anew, and wait until the new one is there."""
        self.evaluate("window.beforeReload = true; null")
        self._call("Page.reload")
        self.wait_for("!window.beforeReload && document.readyState === 'complete'", 30)

    def open(self, url: str) -> None:
        answer = self._call("Page.navigate", url=url)
        if answer.get("errorText"):
            raise PageError(f"{url}: {answer['errorText']}")

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page; promises are awaited."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise PageError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def text(self) -> str:
        """What the page shows, hidden parts left out."""
        return str(self._evaluate_between_pages("document.body ? document.body.innerText : ''") or "")

    def wait_for_text(self, wanted: str, timeout_s: float = 15.0) -> str:
        """Wait until the page shows ``wanted``, and return all it shows."""
        deadline = time.monotonic() + timeout_s
        while True:
            shown = str(self._evaluate_between_pages(SHOWN) or "")
            if wanted in shown:
                return shown
            if time.monotonic() > deadline:
                raise PageError(f"{wanted!r} did not appear within {timeout_s:.0f} s; the page shows:\n{shown}")
            time.sleep(0.1)

    def click(self, selector: str) -> None:
        """Click the first element that the CSS selector matches, as a person would: where it is, with the mouse."""
        found = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); if (!e) return null;"
            " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        if found is None:
            raise PageError(f"nothing matches {selector!r}")
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=found[0], y=found[1], button="left", clickCount=1)

    def wait_for(self, script: str, timeout_s: float = 15.0) -> Any:
        """Wait until a JavaScript expression is true, and return its value."""
        deadline = time.monotonic() + timeout_s
        while not (value := self._evaluate_between_pages(script)):
            if time.monotonic() > deadline:
                raise PageError(f"{script} did not hold within {timeout_s:.0f} s; the page shows:\n{self.text()}")
            time.sleep(0.1)
        return value

    def _evaluate_between_pages(self, script: str) -> Any:
        """None while one page goes and the next one comes."""
        try:
            return self.evaluate(script)
        except PageError as error:
            if any(words in str(error) for words in ("context was destroyed", "Cannot find", "navigated or closed")):
                return None
            raise

    def press_button(self, name: str, timeout_s: float = 15.0) -> None:
        """Click the button or link with this text or label, as soon as it is there and enabled."""
        find = (
            "[...document.querySelectorAll('button, a, [role=menuitem], [role=option]')].find(e => !e.disabled &&"
            f" e.checkVisibility() && (e.getAttribute('aria-label') ?? e.innerText).trim() === {json.dumps(name)})"
        )
        clean = "document.querySelectorAll('[data-t]').forEach(o => o.removeAttribute('data-t'))"
        marked = f"(e => e && ({clean}, e.setAttribute('data-t', ''), true))({find})"
        self.wait_for(marked, timeout_s)
        self.click("[data-t]")

    def fill(self, label: str, text: str, timeout_s: float = 15.0) -> None:
        """Type into the field with this label, in place of what is in it."""
        find = (
            "[...document.querySelectorAll('input, textarea')].find(e => e.checkVisibility() &&"
            f" [e.getAttribute('aria-label'), ...[...(e.labels ?? [])].map(l => l.innerText.trim())]"
            f".includes({json.dumps(label)}))"
        )
        self.wait_for(f"(e => e && (e.focus(), e.select(), true))({find})", timeout_s)
        self._call("Input.insertText", text=text)

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self._call("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release one key, such as ``Enter`` (13)."""
        fields = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", **fields, **({"text": text} if text else {}))
        self._call("Input.dispatchKeyEvent", type="keyUp", **fields)

    def emulate(self, width: int, height: int, theme: str = "light") -> None:
        """Size of the page, and the theme the system prefers."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def downloads_to(self, folder: Path) -> None:
        """Where files go that the page downloads."""
        self._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self, target: Path, quality: int = 80) -> None:
        """What is in view, as PNG, or as WebP of that quality where the name ends so."""
        lossy = {"format": "webp", "quality": quality} if target.suffix == ".webp" else {"format": "png"}
        target.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", **lossy)["data"]))

    def clear_cache(self) -> None:
        """Forget what was downloaded; cookies stay."""
        self._call("Network.enable")
        self._call("Network.clearBrowserCache")

    def offline(self, *, offline: bool = True) -> None:
        """Cut the page off the server, requests under way included, or let it go on."""
        self._call("Network.enable")
        limits = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self._call("Network.emulateNetworkConditions", offline=offline, **limits)

    def upload_speed(self, bytes_per_s: float) -> None:
        """How quickly the page can send."""
        self._call("Network.enable")
        speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s}
        self._call("Network.emulateNetworkConditions", offline=False, **speed)

    def choose_files(self, selector: str, files: list[Path]) -> None:
        """Choose files in a file input, as in its dialog; their contents stay on the disk until they are sent."""
        found = self._call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        handle = found["result"].get("objectId")
        if handle is None:
            raise PageError(f"nothing matches {selector!r}")
        self._call("DOM.setFileInputFiles", files=[str(file) for file in files], objectId=handle)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last_id += 1
        message: dict[str, Any] = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == self._last_id:
                if "error" in answer:
                    raise PageError(f"{method}: {answer['error'].get('message')}")
                return dict(answer["result"])
            self._note(answer)

    def _read(self) -> bytes:
        """One message; they end with a zero byte."""
        searched = 0
        while (end := self._unread.find(b"\0", searched)) < 0:
            searched = len(self._unread)
            piece = self._answers.read(1 << 16)
            if not piece:
                raise PageError("the browser ended")
            self._unread += piece
        message = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return message

    def _note(self, event: dict[str, Any]) -> None:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.console.append(json.dumps(parameters["exceptionDetails"])[:1000])
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.console.append(parameters["entry"]["text"])
